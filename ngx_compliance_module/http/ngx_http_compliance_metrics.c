/*
 * Two content handlers for monitoring: compliance_metrics answers with all
 * counters in Prometheus' text format, compliance_status with the sums and the
 * state of the workers as JSON.  Both read the shared zone alone and ask
 * nobody; who may read them is for allow, deny or auth_basic to say.
 */
#include "ngx_http_compliance.h"

#include "../runtime/ngx_compliance_metrics.h"

#include <jansson.h>


typedef struct {
    ngx_http_handler_pt  handler;   /* NULL: neither is here */
} ngx_http_compliance_metrics_conf_t;

typedef ngx_int_t (*ngx_http_compliance_metrics_body_pt)(
    ngx_http_request_t *r, ngx_str_t *body);


static ngx_int_t ngx_http_compliance_metrics_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_compliance_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_compliance_metrics_answer(ngx_http_request_t *r,
    const char *type, ngx_http_compliance_metrics_body_pt make);
static ngx_int_t ngx_http_compliance_metrics_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_compliance_status_body(ngx_http_request_t *r,
    ngx_str_t *body);
static json_t *ngx_http_compliance_status_json(ngx_compliance_conf_t *ccf,
    ngx_compliance_metrics_t *zone);
static json_t *ngx_http_compliance_status_verdicts(
    ngx_compliance_metrics_t *zone);
static json_t *ngx_http_compliance_status_workers(
    ngx_compliance_metrics_t *zone);
static char *ngx_http_compliance_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_compliance_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_compliance_metrics_set(ngx_conf_t *cf,
    ngx_http_compliance_metrics_conf_t *mcf, ngx_http_handler_pt handler);
static void *ngx_http_compliance_metrics_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_compliance_metrics_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


static ngx_command_t  ngx_http_compliance_metrics_commands[] = {

    { ngx_string("compliance_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_compliance_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("compliance_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_compliance_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_compliance_metrics_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_compliance_metrics_create_loc_conf,
                                           /* create location configuration */
    ngx_http_compliance_metrics_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_compliance_metrics_module = {
    NGX_MODULE_V1,
    &ngx_http_compliance_metrics_module_ctx,  /* module context */
    ngx_http_compliance_metrics_commands,  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_compliance_metrics_handler(ngx_http_request_t *r)
{
    return ngx_http_compliance_metrics_answer(r,
               "text/plain; version=0.0.4; charset=utf-8",
               ngx_http_compliance_metrics_body);
}


static ngx_int_t
ngx_http_compliance_status_handler(ngx_http_request_t *r)
{
    return ngx_http_compliance_metrics_answer(r, "application/json",
               ngx_http_compliance_status_body);
}


static ngx_int_t
ngx_http_compliance_metrics_answer(ngx_http_request_t *r, const char *type,
    ngx_http_compliance_metrics_body_pt make)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (make(r, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_compliance_begin(r, NGX_HTTP_OK, type) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_compliance_send(r, &body);
}


static ngx_int_t
ngx_http_compliance_metrics_body(ngx_http_request_t *r, ngx_str_t *body)
{
    return ngx_compliance_metrics_text(r->pool, body);
}


static ngx_int_t
ngx_http_compliance_status_body(ngx_http_request_t *r, ngx_str_t *body)
{
    char                      *text;
    json_t                    *status;
    ngx_int_t                  rc;
    ngx_compliance_conf_t     *ccf;
    ngx_compliance_metrics_t  *zone;

    ccf = ngx_compliance_get_conf((ngx_cycle_t *) ngx_cycle);
    zone = ngx_compliance_metrics();

    if (zone == NULL) {
        return NGX_ERROR;
    }

    status = ngx_http_compliance_status_json(ccf, zone);
    text = status ? json_dumps(status, JSON_INDENT(2)) : NULL;

    json_decref(status);

    if (text == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    body->len = ngx_strlen(text) + 1;
    body->data = ngx_pnalloc(r->pool, body->len);

    if (body->data != NULL) {
        *ngx_cpymem(body->data, text, body->len - 1) = '\n';
        rc = NGX_OK;
    }

    free(text);

    return rc;
}


/* NULL: no memory.  json_pack frees what it was handed in any case. */

static json_t *
ngx_http_compliance_status_json(ngx_compliance_conf_t *ccf,
    ngx_compliance_metrics_t *zone)
{
    json_t             *verdicts, *workers;
    ngx_uint_t          i;
    ngx_atomic_uint_t   tempfails;

    tempfails = 0;

    for (i = 0; i <= NGX_COMPLIANCE_ERRORS; i++) {
        tempfails += zone->tempfails[i];
    }

    verdicts = ngx_http_compliance_status_verdicts(zone);
    workers = ngx_http_compliance_status_workers(zone);

#define count(name)                                                           \
    (json_int_t) zone->totals[NGX_COMPLIANCE_METRIC_##name]

    return json_pack("{s:s%, s:I, s:o, s:I, s:I, s:I, s:I, s:{s:I, s:I},"
                     " s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:o}",
                     "node", (char *) ccf->node.data, ccf->node.len,
                     "since", (json_int_t) zone->since,
                     "decisions", verdicts,
                     "temporary_failures", (json_int_t) tempfails,
                     "break_glass", count(BREAK_GLASS),
                     "lookups", count(LOOKUPS),
                     "redis_reconnects", count(RECONNECTS),
                     "audit", "sent", count(AUDIT_SENT),
                              "dropped", count(AUDIT_DROPPED),
                     "seen_dropped", count(SEEN_DROPPED),
                     "cache", "hits", count(CACHE_HITS),
                              "misses", count(CACHE_MISSES),
                              "stale", count(CACHE_STALE),
                     "sessions_cut", count(SESSIONS_CUT),
                     "invalidations", count(INVALIDATIONS),
                     "workers", workers);

#undef count
}


static json_t *
ngx_http_compliance_status_verdicts(ngx_compliance_metrics_t *zone)
{
    json_t             *object;
    ngx_uint_t          verdict, mode, reason, protocol;
    ngx_atomic_uint_t   n[NGX_COMPLIANCE_VERDICTS], would_block;

    ngx_memzero(n, sizeof(n));
    would_block = 0;

    for (verdict = 0; verdict < NGX_COMPLIANCE_VERDICTS; verdict++) {
        for (reason = 0; reason < COMPLIANCE_REASONS; reason++) {
            for (protocol = 0; protocol < COMPLIANCE_PROTOCOLS; protocol++) {

                for (mode = 0; mode < NGX_COMPLIANCE_MODES; mode++) {
                    n[verdict] +=
                            zone->decisions[mode][verdict][reason][protocol];
                }

                would_block += zone->decisions[1][verdict][reason][protocol];
            }
        }
    }

    object = json_object();

    for (verdict = COMPLIANCE_ALLOW; verdict < NGX_COMPLIANCE_VERDICTS;
         verdict++)
    {
        if (json_object_set_new(object,
                compliance_verdict_name((compliance_verdict_t) verdict),
                json_integer((json_int_t) n[verdict]))
            != 0)
        {
            json_decref(object);
            return NULL;
        }
    }

    if (json_object_set_new(object, "would_block",
                            json_integer((json_int_t) would_block))
        != 0)
    {
        json_decref(object);
        return NULL;
    }

    return object;
}


static json_t *
ngx_http_compliance_status_workers(ngx_compliance_metrics_t *zone)
{
    json_t                          *array, *one;
    ngx_uint_t                       i;
    ngx_compliance_metric_worker_t  *worker;

#define gauge(name)                                                           \
    (json_int_t) (worker->gauges[NGX_COMPLIANCE_GAUGE_##name]                 \
                  ? worker->gauges[NGX_COMPLIANCE_GAUGE_##name] - 1 : 0)

    array = json_array();

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        worker = &zone->workers[i];

        if (!ngx_compliance_metrics_lives(worker)) {
            continue;
        }

        one = json_pack("{s:I, s:b, s:I, s:I}",
                        "pid", (json_int_t) worker->pid,
                        "redis_connected", (int) gauge(REDIS),
                        "audit_queue", gauge(AUDIT_QUEUE),
                        "sessions_live", gauge(SESSIONS));

        if (json_array_append_new(array, one) != 0) {
            json_decref(array);
            return NULL;
        }
    }

#undef gauge

    return array;
}


static char *
ngx_http_compliance_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_compliance_metrics_set(cf, conf,
                                        ngx_http_compliance_metrics_handler);
}


static char *
ngx_http_compliance_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_compliance_metrics_set(cf, conf,
                                        ngx_http_compliance_status_handler);
}


static char *
ngx_http_compliance_metrics_set(ngx_conf_t *cf,
    ngx_http_compliance_metrics_conf_t *mcf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (mcf->handler == handler) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "shares its location with another content handler";
    }

    mcf->handler = handler;
    clcf->handler = handler;

    ngx_compliance_get_conf(cf->cycle)->monitored = 1;

    return NGX_CONF_OK;
}


static void *
ngx_http_compliance_metrics_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_compliance_metrics_conf_t));
}


/* Never inherited; what it cannot share a location with is refused here, when
 * the whole location was read. */
static char *
ngx_http_compliance_metrics_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_compliance_metrics_conf_t *conf = child;

    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_compliance_loc_conf_t  *gate;

    if (conf->handler == NULL) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != conf->handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"compliance_metrics\" or \"compliance_status\" and "
                      "another content handler in location \"%V\"",
                      &clcf->name);
        return NGX_CONF_ERROR;
    }

    gate = ngx_http_conf_get_module_loc_conf(cf, ngx_http_compliance_module);

    if (gate->enable) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "location \"%V\" is gated, and a monitoring system is "
                      "no device: set \"compliance off\" there, and say who "
                      "may read it with \"allow\" and \"deny\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
