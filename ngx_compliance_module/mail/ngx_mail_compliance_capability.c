/*
 * What a gated server says it can do before login.  imap_capabilities repeats
 * what the back end can; ID, SASL-IR and the mechanisms are answered by the
 * gate, so the gate says which of them there are.
 */
#include "ngx_mail_compliance_module.h"


typedef struct {
    ngx_str_t  name;
    ngx_uint_t prefix;    /* everything that begins so */
} ngx_mail_compliance_own_t;


static ngx_uint_t ngx_mail_compliance_own(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_mail_compliance_capability_line(ngx_conf_t *cf,
    ngx_str_t *names, ngx_uint_t methods, const char *end, ngx_str_t *line);


static ngx_mail_compliance_own_t  ngx_mail_compliance_own_names[] = {
    { ngx_string("ID"), 0 },
    { ngx_string("SASL-IR"), 0 },
    { ngx_string("STARTTLS"), 0 },
    { ngx_string("LOGINDISABLED"), 0 },
    { ngx_string("AUTH="), 1 },
    { ngx_null_string, 0 }
};


char *
ngx_mail_compliance_capability(ngx_conf_t *cf, ngx_mail_imap_srv_conf_t *iscf)
{
    char        *rv;
    u_char      *p;
    size_t       len;
    ngx_str_t   *name, names;
    ngx_uint_t   i;

    if (iscf->auth_methods & (NGX_MAIL_AUTH_CRAM_MD5_ENABLED
                              |NGX_MAIL_AUTH_EXTERNAL_ENABLED))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"imap_auth\" methods other than plain and login are "
                      "refused where compliance is on");
    }

    len = 0;
    name = iscf->capabilities.elts;

    for (i = 0; i < iscf->capabilities.nelts; i++) {
        len += name[i].len + 1;
    }

    names.data = ngx_pnalloc(cf->pool, len + 1);
    if (names.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = names.data;

    for (i = 0; i < iscf->capabilities.nelts; i++) {

        if (ngx_mail_compliance_own(cf, &name[i])) {
            continue;
        }

        *p++ = ' ';
        p = ngx_cpymem(p, name[i].data, name[i].len);
    }

    names.len = p - names.data;

    rv = ngx_mail_compliance_capability_line(cf, &names, iscf->auth_methods,
                                             CRLF, &iscf->capability);

    if (rv == NGX_CONF_OK) {
        rv = ngx_mail_compliance_capability_line(cf, &names,
                                                 iscf->auth_methods,
                                                 " STARTTLS" CRLF,
                                                 &iscf->starttls_capability);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_mail_compliance_capability_line(cf, &names, 0,
                                              " STARTTLS LOGINDISABLED" CRLF,
                                              &iscf->starttls_only_capability);
    }

    return rv;
}


static ngx_uint_t
ngx_mail_compliance_own(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_mail_compliance_own_t  *own;

    for (own = ngx_mail_compliance_own_names; own->name.len; own++) {

        if (name->len < own->name.len
            || (name->len > own->name.len && !own->prefix)
            || ngx_strncasecmp(name->data, own->name.data, own->name.len) != 0)
        {
            continue;
        }

        if (own->prefix
            && ngx_strcasecmp(name->data, (u_char *) "AUTH=PLAIN") != 0
            && ngx_strcasecmp(name->data, (u_char *) "AUTH=LOGIN") != 0)
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"%V\" is refused where compliance is on, and left "
                          "out of \"imap_capabilities\"", name);
        }

        return 1;
    }

    return 0;
}


static char *
ngx_mail_compliance_capability_line(ngx_conf_t *cf, ngx_str_t *names,
    ngx_uint_t methods, const char *end, ngx_str_t *line)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, names->len + ngx_strlen(end)
                              + sizeof("* CAPABILITY ID SASL-IR AUTH=PLAIN "
                                       "AUTH=LOGIN"));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    line->data = p;

    p = ngx_sprintf(p, "* CAPABILITY%V ID", names);

    if (methods & (NGX_MAIL_AUTH_PLAIN_ENABLED|NGX_MAIL_AUTH_LOGIN_ENABLED)) {
        p = ngx_sprintf(p, " SASL-IR");
    }

    if (methods & NGX_MAIL_AUTH_PLAIN_ENABLED) {
        p = ngx_sprintf(p, " AUTH=PLAIN");
    }

    if (methods & NGX_MAIL_AUTH_LOGIN_ENABLED) {
        p = ngx_sprintf(p, " AUTH=LOGIN");
    }

    p = ngx_sprintf(p, "%s", end);

    line->len = p - line->data;

    return NGX_CONF_OK;
}
