/*
 * The portal's directive.  It takes the place of its location's content
 * handler and is never inherited; where it could not answer, or nobody who is
 * blocked could reach it, nginx -t says so.
 */
#include "ngx_http_compliance_portal.h"


typedef struct {
    ngx_uint_t                   enable;
} ngx_http_compliance_portal_conf_t;


static char *ngx_http_compliance_portal(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_compliance_portal_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_compliance_portal_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


static ngx_command_t  ngx_http_compliance_portal_commands[] = {

    { ngx_string("compliance_portal"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_compliance_portal,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_compliance_portal_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_compliance_portal_init,       /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_compliance_portal_create_loc_conf,
                                           /* create location configuration */
    ngx_http_compliance_portal_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_compliance_portal_module = {
    NGX_MODULE_V1,
    &ngx_http_compliance_portal_module_ctx,  /* module context */
    ngx_http_compliance_portal_commands,   /* module directives */
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


static char *
ngx_http_compliance_portal(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_compliance_portal_conf_t *pcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (pcf->enable) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "shares its location with another content handler";
    }

    pcf->enable = 1;

    clcf->handler = ngx_http_compliance_portal_handler;

    ngx_compliance_get_conf(cf->cycle)->portal = 1;

    return NGX_CONF_OK;
}


static void *
ngx_http_compliance_portal_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_compliance_portal_conf_t));
}


/* Never inherited; what it cannot share a location with is refused here, when
 * the whole location was read. */
static char *
ngx_http_compliance_portal_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_compliance_portal_conf_t *conf = child;

    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_compliance_loc_conf_t  *gate;

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != ngx_http_compliance_portal_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"compliance_portal\" and another content handler "
                      "in location \"%V\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    gate = ngx_http_conf_get_module_loc_conf(cf, ngx_http_compliance_module);

    if (gate->enable) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "location \"%V\" is gated, and nobody who is blocked "
                      "could read its \"compliance_portal\": set "
                      "\"compliance off\" there", &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
