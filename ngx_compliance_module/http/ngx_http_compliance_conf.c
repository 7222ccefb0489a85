/*
 * Directives that have a grammar of their own: sources of devices and users,
 * login profiles, key sets.  What they say is checked in conf_check.c, when
 * all of a location's directives are known.
 */
#include "ngx_http_compliance.h"


#define NGX_HTTP_COMPLIANCE_JWKS_MAX  (1 << 20)


static char *ngx_http_compliance_conf_sources(ngx_conf_t *cf,
    const ngx_conf_enum_t *names, ngx_uint_t value_bit, const char *expects,
    ngx_http_compliance_sources_t *sources);
static char *ngx_http_compliance_conf_keys(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_compliance_jwks_t *jwks);
static void ngx_http_compliance_conf_keys_free(void *data);


static const ngx_conf_enum_t  ngx_http_compliance_devices[] = {
    { ngx_string("eas"), NGX_HTTP_COMPLIANCE_DEVICE_EAS },
    { ngx_string("certificate"), NGX_HTTP_COMPLIANCE_DEVICE_CERTIFICATE },
    { ngx_string("login_tag"), NGX_HTTP_COMPLIANCE_DEVICE_LOGIN_TAG },
    { ngx_null_string, 0 }
};


static const ngx_conf_enum_t  ngx_http_compliance_users[] = {
    { ngx_string("basic"), NGX_HTTP_COMPLIANCE_USER_BASIC },
    { ngx_string("bearer"), NGX_HTTP_COMPLIANCE_USER_BEARER },
    { ngx_string("owner"), NGX_HTTP_COMPLIANCE_USER_OWNER },
    { ngx_null_string, 0 }
};


char *
ngx_http_compliance_conf_device(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_compliance_loc_conf_t  *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_strcmp(value[i].data, "cookie") == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "device source \"cookie\" is not available "
                               "yet, see the portal");
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_compliance_conf_sources(cf, ngx_http_compliance_devices,
                                            NGX_HTTP_COMPLIANCE_DEVICE_VALUE,
                                            "\"eas\", \"certificate\", "
                                            "\"login_tag\"", &lcf->devices);
}


char *
ngx_http_compliance_conf_user(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_compliance_loc_conf_t  *lcf = conf;

    return ngx_http_compliance_conf_sources(cf, ngx_http_compliance_users,
                                            NGX_HTTP_COMPLIANCE_USER_VALUE,
                                            "\"basic\", \"bearer\", "
                                            "\"owner\"", &lcf->users);
}


static char *
ngx_http_compliance_conf_sources(ngx_conf_t *cf, const ngx_conf_enum_t *names,
    ngx_uint_t value_bit, const char *expects,
    ngx_http_compliance_sources_t *sources)
{
    ngx_str_t                          *value;
    ngx_uint_t                          i, n;
    ngx_http_complex_value_t           *cv, **slot;
    ngx_http_compile_complex_value_t    ccv;

    if (sources->configured) {
        return "is duplicate";
    }

    /* each may be a claim, and a request holds so many */

    if (cf->args->nelts - 1 > COMPLIANCE_CLAIMS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d sources", COMPLIANCE_CLAIMS_MAX);
        return NGX_CONF_ERROR;
    }

    sources->values = ngx_array_create(cf->pool, 1,
                                       sizeof(ngx_http_complex_value_t *));
    if (sources->values == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (n = 0; names[n].name.len; n++) {
            if (names[n].name.len == value[i].len
                && ngx_strncmp(names[n].name.data, value[i].data,
                               value[i].len)
                   == 0)
            {
                break;
            }
        }

        if (names[n].name.len) {

            if (sources->configured & names[n].value) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "source \"%V\" is given twice", &value[i]);
                return NGX_CONF_ERROR;
            }

            sources->configured |= names[n].value;
            continue;
        }

        /* a literal would be everybody's device, or a name misspelt */

        if (ngx_http_script_variables_count(&value[i]) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown source \"%V\", it must be %s or "
                               "hold a variable", &value[i], expects);
            return NGX_CONF_ERROR;
        }

        cv = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
        slot = ngx_array_push(sources->values);
        if (cv == NULL || slot == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        *slot = cv;
        sources->configured |= value_bit;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_compliance_conf_login_profile(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_compliance_loc_conf_t  *lcf = conf;

    ngx_str_t  *value;

    if (lcf->login_profile != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        lcf->login_profile = NULL;
        return NGX_CONF_OK;
    }

    lcf->login_profile = compliance_login_profile_find(
                                        ngx_http_compliance_slice(&value[1]));
    if (lcf->login_profile == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown login profile \"%V\", it must be \"off\" "
                           "or one of %s", &value[1],
                           compliance_login_profile_names());
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_compliance_conf_jwks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_compliance_loc_conf_t  *lcf = conf;

    ngx_str_t                   *value, *field;
    ngx_uint_t                   i;
    ngx_http_compliance_jwks_t  *jwks;

    if (lcf->jwks != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        lcf->jwks = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK
                                    : "\"off\" takes no more parameters";
    }

    jwks = ngx_pcalloc(cf->pool, sizeof(ngx_http_compliance_jwks_t));
    if (jwks == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&jwks->claim, "preferred_username");

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "issuer=", 7) == 0) {
            field = &jwks->issuer;
            field->data = value[i].data + 7;

        } else if (ngx_strncmp(value[i].data, "audience=", 9) == 0) {
            field = &jwks->audience;
            field->data = value[i].data + 9;

        } else if (ngx_strncmp(value[i].data, "claim=", 6) == 0) {
            field = &jwks->claim;
            field->data = value[i].data + 6;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "issuer=, audience= or claim=", &value[i]);
            return NGX_CONF_ERROR;
        }

        field->len = value[i].data + value[i].len - field->data;

        if (field->len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "empty parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->jwks = jwks;

    return ngx_http_compliance_conf_keys(cf, &value[1], jwks);
}


static char *
ngx_http_compliance_conf_keys(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_compliance_jwks_t *jwks)
{
    char                 err[256];
    u_char              *text;
    size_t               size;
    ssize_t              n;
    ngx_file_t           file;
    ngx_pool_cleanup_t  *cln;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;
    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_CONF_ERROR;
    }

    text = NULL;
    n = NGX_ERROR;

    if (ngx_fd_info(file.fd, &file.info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);

    } else if (ngx_file_size(&file.info) > NGX_HTTP_COMPLIANCE_JWKS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is too large for a key set", name);

    } else {
        size = (size_t) ngx_file_size(&file.info);

        text = ngx_pnalloc(cf->temp_pool, size + 1);
        if (text != NULL) {
            n = ngx_read_file(&file, text, size, 0);
        }
    }

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    err[0] = '\0';

    jwks->keys = compliance_jwks_load((compliance_str_t) { (char *) text,
                                                           (size_t) n },
                                      err, sizeof(err));
    if (jwks->keys == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no usable key set: %s", name, err);
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        compliance_jwks_free(jwks->keys);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_compliance_conf_keys_free;
    cln->data = jwks->keys;

    return NGX_CONF_OK;
}


static void
ngx_http_compliance_conf_keys_free(void *data)
{
    compliance_jwks_free(data);
}
