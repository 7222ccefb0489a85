/*
 * Directives of the mail side, and what is checked at nginx -t: a server with
 * compliance on is gated, or nginx does not start.
 */
#include "ngx_mail_compliance_module.h"


static void *ngx_mail_compliance_create_main_conf(ngx_conf_t *cf);
static void *ngx_mail_compliance_create_srv_conf(ngx_conf_t *cf);
static char *ngx_mail_compliance_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_mail_compliance_enable(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mail_compliance_gate(ngx_conf_t *cf,
    ngx_mail_compliance_srv_conf_t *conf);


static ngx_conf_bitmask_t  ngx_mail_compliance_devices[] = {
    { ngx_string("certificate"), NGX_MAIL_COMPLIANCE_CERTIFICATE },
    { ngx_string("login_tag"), NGX_MAIL_COMPLIANCE_LOGIN_TAG },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_mail_compliance_commands[] = {

    { ngx_string("compliance"),
      NGX_MAIL_MAIN_CONF|NGX_MAIL_SRV_CONF|NGX_CONF_FLAG,
      ngx_mail_compliance_enable,
      NGX_MAIL_SRV_CONF_OFFSET,
      offsetof(ngx_mail_compliance_srv_conf_t, enable),
      NULL },

    { ngx_string("compliance_device"),
      NGX_MAIL_MAIN_CONF|NGX_MAIL_SRV_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_MAIL_SRV_CONF_OFFSET,
      offsetof(ngx_mail_compliance_srv_conf_t, devices),
      &ngx_mail_compliance_devices },

    { ngx_string("compliance_upstream"),
      NGX_MAIL_MAIN_CONF|NGX_MAIL_SRV_CONF|NGX_CONF_TAKE1,
      ngx_mail_compliance_upstream,
      NGX_MAIL_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_mail_module_t  ngx_mail_compliance_module_ctx = {
    NULL,                                  /* protocol */

    ngx_mail_compliance_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_mail_compliance_create_srv_conf,   /* create server configuration */
    ngx_mail_compliance_merge_srv_conf     /* merge server configuration */
};


ngx_module_t  ngx_mail_compliance_module = {
    NGX_MODULE_V1,
    &ngx_mail_compliance_module_ctx,       /* module context */
    ngx_mail_compliance_commands,          /* module directives */
    NGX_MAIL_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_mail_compliance_create_main_conf(ngx_conf_t *cf)
{
    /* set by ngx_pcalloc(): mcf->stand_in = NULL; */

    return ngx_pcalloc(cf->pool, sizeof(ngx_mail_compliance_main_conf_t));
}


static void *
ngx_mail_compliance_create_srv_conf(ngx_conf_t *cf)
{
    ngx_mail_compliance_srv_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_mail_compliance_srv_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->devices = 0;
     *     conf->upstream = NULL;
     */

    conf->enable = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_mail_compliance_enable(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *rv;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_mail_compliance_stand_in(cf);
}


static char *
ngx_mail_compliance_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    char  *rv;

    ngx_mail_compliance_srv_conf_t *prev = parent;
    ngx_mail_compliance_srv_conf_t *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_bitmask_value(conf->devices, prev->devices,
                                 (NGX_CONF_BITMASK_SET
                                  |NGX_MAIL_COMPLIANCE_CERTIFICATE
                                  |NGX_MAIL_COMPLIANCE_LOGIN_TAG));

    rv = ngx_mail_compliance_upstream_check(cf, prev, conf);
    if (rv != NGX_CONF_OK || !conf->enable) {
        return rv;
    }

    return ngx_mail_compliance_gate(cf, conf);
}


/*
 * The parser is only ever called through the server's protocol, so a copy of
 * the protocol gates this server and no other.  The session's start and the
 * parser are ours in it, everything else stays nginx's.
 */

static char *
ngx_mail_compliance_gate(ngx_conf_t *cf, ngx_mail_compliance_srv_conf_t *conf)
{
    ngx_mail_protocol_t       *protocol;
    ngx_mail_core_srv_conf_t  *cscf;
#if (NGX_MAIL_SSL)
    ngx_mail_ssl_conf_t       *sslcf;
#endif

    cscf = ngx_mail_conf_get_module_srv_conf(cf, ngx_mail_core_module);

    if (cscf->protocol->type != NGX_MAIL_IMAP_PROTOCOL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"compliance on\" with \"protocol %V\" is not "
                      "available yet, and nothing would be gated: set "
                      "\"compliance off\" for the server in %s:%ui, or use "
                      "\"protocol imap\"",
                      &cscf->protocol->name, cscf->file_name, cscf->line);
        return NGX_CONF_ERROR;
    }

#if (NGX_MAIL_SSL)

    sslcf = ngx_mail_conf_get_module_srv_conf(cf, ngx_mail_ssl_module);

    if (!(conf->devices & NGX_MAIL_COMPLIANCE_LOGIN_TAG) && !sslcf->verify) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"compliance_device certificate\" without "
                      "\"ssl_verify_client\": no device will be known in the "
                      "server in %s:%ui", cscf->file_name, cscf->line);
    }

#endif

    /* wants a compliance_redis, wherever it stands */

    ngx_compliance_get_conf(cf->cycle)->gated = 1;

    protocol = ngx_palloc(cf->pool, sizeof(ngx_mail_protocol_t));
    if (protocol == NULL) {
        return NGX_CONF_ERROR;
    }

    *protocol = *cscf->protocol;
    protocol->init_session = ngx_mail_compliance_init_session;
    protocol->parse_command = ngx_mail_compliance_parse_command;
    cscf->protocol = protocol;

    return ngx_mail_compliance_capability(cf,
               ngx_mail_conf_get_module_srv_conf(cf, ngx_mail_imap_module));
}
