/*
 * The gate's directives, and where it is hooked into nginx: a handler of the
 * PREACCESS phase (under `satisfy any` another module's OK would skip one of
 * the ACCESS phase), a header filter, and variables.  Without a single
 * `compliance on` nothing is hooked in at all.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_add(ngx_conf_t *cf);
static ngx_int_t ngx_http_compliance_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_compliance_init_module(ngx_cycle_t *cycle);
static void *ngx_http_compliance_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_compliance_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_compliance_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_compliance_log_handler(ngx_http_request_t *r);


static ngx_conf_enum_t  ngx_http_compliance_protocols[] = {
    { ngx_string("eas"), COMPLIANCE_EAS },
    { ngx_string("web"), COMPLIANCE_WEB },
    { ngx_string("ews"), COMPLIANCE_EWS },
    { ngx_string("mapi"), COMPLIANCE_MAPI },
    { ngx_string("dav"), COMPLIANCE_DAV },
    { ngx_string("autodiscover"), COMPLIANCE_AUTODISCOVER },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_compliance_negotiate[] = {
    { ngx_string("off"), NGX_HTTP_COMPLIANCE_NEGOTIATE_OFF },
    { ngx_string("certificate"), NGX_HTTP_COMPLIANCE_NEGOTIATE_CERTIFICATE },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_compliance_commands[] = {

    { ngx_string("compliance"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_compliance_loc_conf_t, enable),
      NULL },

    { ngx_string("compliance_protocol"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_compliance_loc_conf_t, protocol),
      &ngx_http_compliance_protocols },

    { ngx_string("compliance_device"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_compliance_conf_device,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("compliance_user"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_compliance_conf_user,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("compliance_login_profile"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_compliance_conf_login_profile,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("compliance_jwks"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_compliance_conf_jwks,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("compliance_challenge"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_compliance_loc_conf_t, challenge),
      NULL },

    { ngx_string("compliance_negotiate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_compliance_loc_conf_t, negotiate),
      &ngx_http_compliance_negotiate },

    { ngx_string("compliance_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_compliance_loc_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_compliance_module_ctx = {
    ngx_http_compliance_add,               /* preconfiguration */
    ngx_http_compliance_init,              /* postconfiguration */

    ngx_http_compliance_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_compliance_create_loc_conf,   /* create location configuration */
    ngx_http_compliance_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_compliance_module = {
    NGX_MODULE_V1,
    &ngx_http_compliance_module_ctx,       /* module context */
    ngx_http_compliance_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_compliance_init_module,       /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_compliance_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_compliance_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_compliance_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->logs, cf->pool, 4, sizeof(ngx_log_t *)) != NGX_OK
        || ngx_array_init(&mcf->stale, cf->pool, 8, sizeof(ngx_uint_t))
           != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


static void *
ngx_http_compliance_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_compliance_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_compliance_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->devices = { 0, 0, NULL };
     *     conf->users = { 0, 0, NULL };
     *     conf->challenge = { 0, NULL };
     */

    conf->enable = NGX_CONF_UNSET;
    conf->protocol = NGX_CONF_UNSET_UINT;
    conf->login_profile = NGX_CONF_UNSET_PTR;
    conf->jwks = NGX_CONF_UNSET_PTR;
    conf->negotiate = NGX_CONF_UNSET_UINT;
    conf->dry_run = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_compliance_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_compliance_loc_conf_t  *prev = parent;
    ngx_http_compliance_loc_conf_t  *conf = child;

    ngx_log_t                        **log;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_compliance_loc_conf_t    own;
    ngx_http_compliance_main_conf_t  *mcf;

    own = *conf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_uint_value(conf->protocol, prev->protocol,
                              COMPLIANCE_PROTOCOL_NONE);
    ngx_conf_merge_ptr_value(conf->login_profile, prev->login_profile, NULL);
    ngx_conf_merge_ptr_value(conf->jwks, prev->jwks, NULL);
    ngx_conf_merge_str_value(conf->challenge, prev->challenge,
                             "Basic realm=\"mail\"");
    ngx_conf_merge_uint_value(conf->negotiate, prev->negotiate,
                              NGX_HTTP_COMPLIANCE_NEGOTIATE_OFF);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->devices.configured == 0) {
        conf->devices = prev->devices;
    }

    if (conf->users.configured == 0) {
        conf->users = prev->users;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_compliance_module);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    log = ngx_array_push(&mcf->logs);
    if (log == NULL) {
        return NGX_CONF_ERROR;
    }

    *log = clcf->error_log;

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    mcf->gated = 1;

    return ngx_http_compliance_conf_check(cf, conf, &own);
}


static ngx_int_t
ngx_http_compliance_add(ngx_conf_t *cf)
{
    return ngx_http_compliance_add_variables(cf);
}


static ngx_int_t
ngx_http_compliance_init(ngx_conf_t *cf)
{
    ngx_uint_t                        n;
    ngx_array_t                      *handlers;
    ngx_http_handler_pt              *h;
    ngx_compliance_conf_t            *ccf;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_compliance_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_compliance_module);

    if (!mcf->gated) {
        return NGX_OK;
    }

    ccf = ngx_compliance_get_conf(cf->cycle);
    ccf->gated = 1;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_compliance_handler;

    /* handlers of this phase run in this order: before the access log's */

    handlers = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    for (n = handlers->nelts - 1; n > 0; n--) {
        h[n] = h[n - 1];
    }

    h[0] = ngx_http_compliance_log_handler;

    if (ngx_http_compliance_headers_init(cf, mcf) != NGX_OK
        || ngx_http_compliance_confidential_init(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_compliance_filter_init();
    ngx_http_compliance_login_init();

    return NGX_OK;
}


static ngx_int_t
ngx_http_compliance_init_module(ngx_cycle_t *cycle)
{
    ngx_http_compliance_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_compliance_module);

    if (mcf != NULL && mcf->gated) {
        ngx_http_compliance_confidential_logs(cycle, mcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_compliance_log_handler(ngx_http_request_t *r)
{
    ngx_http_compliance_ctx_t  *ctx;

    ctx = ngx_http_compliance_get_ctx(r, NULL);

    /* a request that ended before it was judged: its login still has its tag */

    if (ctx == NULL || ctx->challenge
        || ctx->stage != NGX_HTTP_COMPLIANCE_ALLOWED)
    {
        ngx_http_compliance_forget(r);
    }

    return NGX_OK;
}
