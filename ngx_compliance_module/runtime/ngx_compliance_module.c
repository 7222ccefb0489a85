/*
 * The core-type module: main-context directives, and the life of the runtime
 * in each worker.  Nothing connects in the master, under `nginx -t`, or in a
 * cache helper.  In a static build this module stands in the HTTP list, for
 * its init_process needs the event loop.
 */
#include "ngx_compliance_internal.h"


static void *ngx_compliance_create_conf(ngx_cycle_t *cycle);
static char *ngx_compliance_init_conf(ngx_cycle_t *cycle, void *conf);
static char *ngx_compliance_add_zones(ngx_cycle_t *cycle,
    ngx_compliance_conf_t *ccf);
static ngx_int_t ngx_compliance_init_process(ngx_cycle_t *cycle);
static void ngx_compliance_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_compliance_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_compliance_commands[] = {

    { ngx_string("compliance_redis"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_compliance_conf_redis,
      0,
      0,
      NULL },

    { ngx_string("compliance_prefix"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_prefix,
      0,
      0,
      NULL },

    { ngx_string("compliance_node"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_node,
      0,
      0,
      NULL },

    { ngx_string("compliance_zone"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE2,
      ngx_compliance_conf_zone,
      0,
      0,
      NULL },

    { ngx_string("compliance_secret_file"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_secret_file,
      0,
      0,
      NULL },

    { ngx_string("compliance_portal_url"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_portal_url,
      0,
      0,
      NULL },

    { ngx_string("compliance_audit_queue"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_number,
      0,
      offsetof(ngx_compliance_conf_t, audit_queue),
      NULL },

    { ngx_string("compliance_audit_maxlen"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_number,
      0,
      offsetof(ngx_compliance_conf_t, audit_maxlen),
      NULL },

    { ngx_string("compliance_seen_interval"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_interval,
      0,
      0,
      NULL },

    { ngx_string("compliance_seen_table"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_number,
      0,
      offsetof(ngx_compliance_conf_t, seen_table),
      NULL },

    { ngx_string("compliance_seen_days"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_compliance_conf_number,
      0,
      offsetof(ngx_compliance_conf_t, seen_days),
      NULL },

    { ngx_string("compliance_log_level"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_compliance_conf_t, log_level),
      ngx_compliance_log_levels },

      ngx_null_command
};


static ngx_core_module_t  ngx_compliance_module_ctx = {
    ngx_string("compliance"),
    ngx_compliance_create_conf,
    ngx_compliance_init_conf
};


ngx_module_t  ngx_compliance_module = {
    NGX_MODULE_V1,
    &ngx_compliance_module_ctx,            /* module context */
    ngx_compliance_commands,               /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_compliance_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_compliance_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_compliance_worker_t  ngx_compliance_worker;


ngx_compliance_conf_t *
ngx_compliance_get_conf(ngx_cycle_t *cycle)
{
    return (ngx_compliance_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                                  ngx_compliance_module);
}


static void *
ngx_compliance_create_conf(ngx_cycle_t *cycle)
{
    ngx_compliance_conf_t  *ccf;

    /* what is not set here is zero: no Redis, nothing gated, no keys */

    ccf = ngx_pcalloc(cycle->pool, sizeof(ngx_compliance_conf_t));
    if (ccf == NULL) {
        return NULL;
    }

    ccf->audit_queue = NGX_CONF_UNSET_UINT;
    ccf->audit_maxlen = NGX_CONF_UNSET_UINT;
    ccf->log_level = NGX_CONF_UNSET_UINT;
    ccf->seen_interval = NGX_CONF_UNSET_MSEC;
    ccf->seen_table = NGX_CONF_UNSET_UINT;
    ccf->seen_days = NGX_CONF_UNSET_UINT;

    return ccf;
}


static char *
ngx_compliance_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_compliance_conf_t *ccf = conf;

    ngx_conf_init_uint_value(ccf->audit_queue, 10000);
    ngx_conf_init_uint_value(ccf->audit_maxlen, 1000000);
    ngx_conf_init_uint_value(ccf->log_level, NGX_LOG_NOTICE);
    ngx_conf_init_msec_value(ccf->seen_interval, 10000);
    ngx_conf_init_uint_value(ccf->seen_table, 16384);
    ngx_conf_init_uint_value(ccf->seen_days, 30);

    if (ccf->prefix.data == NULL) {
        ngx_str_set(&ccf->prefix, COMPLIANCE_PREFIX_DEFAULT);
    }

    if (ccf->node.data == NULL
        && ngx_compliance_conf_default_node(cycle, &ccf->node) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ccf->configured && (ccf->gated || ccf->portal)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "something is gated by \"compliance on\" or served by "
                      "\"compliance_portal\", and there is no "
                      "\"compliance_redis\" at the top of the configuration");
        return NGX_CONF_ERROR;
    }

    if (!ccf->configured && ccf->monitored) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"compliance_metrics\" or \"compliance_status\" is "
                      "served, and there is no \"compliance_redis\" at the "
                      "top of the configuration: nothing is counted");
        return NGX_CONF_ERROR;
    }

    if (ccf->portal && ccf->keys == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"compliance_portal\" needs a "
                      "\"compliance_secret_file\" at the top of the "
                      "configuration: its links are sealed with those keys");
        return NGX_CONF_ERROR;
    }

    if (ccf->portal_url.len && ccf->keys == NULL) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "\"compliance_portal_url\" without "
                      "\"compliance_secret_file\": no link can be sealed, so "
                      "blocked clients are told none");
    }

    return ngx_compliance_add_zones(cycle, ccf);
}


/* A cycle is all that ngx_shared_memory_add() wants of its ngx_conf_t. */

static char *
ngx_compliance_add_zones(ngx_cycle_t *cycle, ngx_compliance_conf_t *ccf)
{
    ngx_str_t   name;
    ngx_conf_t  cf;

    if (!ccf->configured) {
        return NGX_CONF_OK;
    }

    ngx_memzero(&cf, sizeof(ngx_conf_t));

    cf.cycle = cycle;
    cf.pool = cycle->pool;
    cf.log = cycle->log;

    ccf->metrics = ngx_compliance_metrics_add_zone(&cf);
    if (ccf->metrics == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ccf->zone != NULL) {
        return NGX_CONF_OK;
    }

    ngx_str_set(&name, "compliance");

    ccf->zone_size = NGX_COMPLIANCE_ZONE_SIZE;
    ccf->zone = ngx_compliance_zone_add(&cf, &name, ccf->zone_size);

    return ccf->zone ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_compliance_init_process(ngx_cycle_t *cycle)
{
    ngx_compliance_conf_t  *ccf;

    ccf = ngx_compliance_get_conf(cycle);

    ngx_compliance_worker.conf = ccf;
    ngx_compliance_worker.prefix.data = (char *) ccf->prefix.data;
    ngx_compliance_worker.prefix.len = ccf->prefix.len;

    if (!ccf->configured
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_compliance_metrics_start(ccf->metrics);

    if (ngx_compliance_check_start() != NGX_OK
        || ngx_compliance_details_start() != NGX_OK
        || ngx_compliance_snapshot_start(cycle) != NGX_OK
        || ngx_compliance_audit_start(cycle) != NGX_OK
        || ngx_compliance_seen_start(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the audit's connection has a copy without it */

    ccf->redis.notify = ngx_compliance_metric_redis;

    ngx_compliance_worker.redis = ngx_redis_create(&ccf->redis, cycle->pool,
                                                   cycle->log);

    return ngx_compliance_worker.redis ? NGX_OK : NGX_ERROR;
}


static void
ngx_compliance_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_compliance_worker.redis == NULL) {
        return;
    }

    ngx_compliance_seen_stop(cycle->log);
    ngx_compliance_audit_stop(cycle->log);

    ngx_redis_destroy(ngx_compliance_worker.redis);
    ngx_compliance_worker.redis = NULL;

    ngx_compliance_metrics_stop();
}
