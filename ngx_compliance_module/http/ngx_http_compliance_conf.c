/*
 * Directives that have a grammar of their own, and what `nginx -t` checks of a
 * gated location.  Invariant: a location that would not be gated as its admin
 * thinks is refused, or warned of where it may be meant.
 */
#include "ngx_http_compliance.h"


#define NGX_HTTP_COMPLIANCE_JWKS_MAX  (1 << 20)

/* What of a location runs before the gate. */
#define NGX_HTTP_COMPLIANCE_RETURN   0x01
#define NGX_HTTP_COMPLIANCE_REWRITE  0x02
#define NGX_HTTP_COMPLIANCE_IF       0x04


static char *ngx_http_compliance_conf_sources(ngx_conf_t *cf,
    const ngx_conf_enum_t *names, ngx_uint_t value_bit, const char *expects,
    ngx_http_compliance_sources_t *sources);
static char *ngx_http_compliance_conf_keys(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_compliance_jwks_t *jwks);
static void ngx_http_compliance_conf_keys_free(void *data);
static ngx_uint_t ngx_http_compliance_conf_early(ngx_conf_t *cf);
static char *ngx_http_compliance_conf_check_early(ngx_conf_t *cf,
    const ngx_http_compliance_loc_conf_t *own);
static const char *ngx_http_compliance_conf_fault(
    ngx_http_compliance_loc_conf_t *conf,
    const ngx_http_compliance_loc_conf_t *own);


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


char *
ngx_http_compliance_conf_check(ngx_conf_t *cf,
    ngx_http_compliance_loc_conf_t *conf,
    const ngx_http_compliance_loc_conf_t *own)
{
    ngx_uint_t                 location;
    const char                *fault;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    location = clcf->name.len || clcf->noname;

    if (conf->protocol == COMPLIANCE_PROTOCOL_NONE) {

        /* a server's own configuration may leave it to its locations; what
         * ends up there nevertheless, the gate denies */

        if (!location) {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"compliance\" is on in location \"%V\", but "
                           "there is no \"compliance_protocol\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    conf->devices.resolved = conf->devices.configured;
    conf->users.resolved = conf->users.configured;

    if (conf->devices.resolved == 0) {
        conf->devices.resolved = NGX_HTTP_COMPLIANCE_DEVICE_CERTIFICATE;

        if (conf->protocol == COMPLIANCE_EAS) {
            conf->devices.resolved |= NGX_HTTP_COMPLIANCE_DEVICE_EAS;

        } else if (conf->protocol != COMPLIANCE_WEB) {
            conf->devices.resolved |= NGX_HTTP_COMPLIANCE_DEVICE_LOGIN_TAG;
        }
    }

    if (conf->users.resolved == 0) {

        if (conf->protocol == COMPLIANCE_WEB) {
            conf->users.resolved = NGX_HTTP_COMPLIANCE_USER_OWNER;

        } else {
            conf->users.resolved = NGX_HTTP_COMPLIANCE_USER_BASIC;

            if (conf->jwks) {
                conf->users.resolved |= NGX_HTTP_COMPLIANCE_USER_BEARER;
            }
        }
    }

    fault = ngx_http_compliance_conf_fault(conf, own);

    if (fault) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in %s \"%V\"", fault,
                           location ? "location" : "server", &clcf->name);
        return NGX_CONF_ERROR;
    }

    /* the codes of an `if` stand in the location around it */

    if (location && !clcf->noname) {
        return ngx_http_compliance_conf_check_early(cf, own);
    }

    return NGX_CONF_OK;
}


/* What does not go together; NULL where all does. */
static const char *
ngx_http_compliance_conf_fault(ngx_http_compliance_loc_conf_t *conf,
    const ngx_http_compliance_loc_conf_t *own)
{
    ngx_uint_t  devices, users, web;

    devices = conf->devices.resolved;
    users = conf->users.resolved;
    web = (conf->protocol == COMPLIANCE_WEB);

    if (!web && own->login_profile != NGX_CONF_UNSET_PTR
        && own->login_profile != NULL)
    {
        return "\"compliance_login_profile\" needs \"compliance_protocol web\"";
    }

    if ((devices & NGX_HTTP_COMPLIANCE_DEVICE_EAS)
        && conf->protocol != COMPLIANCE_EAS)
    {
        return "\"compliance_device eas\" needs \"compliance_protocol eas\"";
    }

    if (web && (devices & NGX_HTTP_COMPLIANCE_DEVICE_LOGIN_TAG)) {
        return "\"compliance_device login_tag\" is read from Authorization, "
               "which \"compliance_protocol web\" does not forward";
    }

    if (web && (users & (NGX_HTTP_COMPLIANCE_USER_BASIC
                         |NGX_HTTP_COMPLIANCE_USER_BEARER)))
    {
        return "\"compliance_user basic\" and \"bearer\" are read from "
               "Authorization, which \"compliance_protocol web\" does not "
               "forward";
    }

    if ((users & NGX_HTTP_COMPLIANCE_USER_BEARER) && conf->jwks == NULL) {
        return "\"compliance_user bearer\" needs \"compliance_jwks\"";
    }

    if (conf->challenge.len == 0) {
        return "\"compliance_challenge\" is empty";
    }

    if (conf->negotiate == NGX_HTTP_COMPLIANCE_NEGOTIATE_CERTIFICATE
        && !(devices & NGX_HTTP_COMPLIANCE_DEVICE_CERTIFICATE))
    {
        return "\"compliance_negotiate certificate\" needs "
               "\"compliance_device certificate\"";
    }

    return NULL;
}


/* `return` and `rewrite` run before the gate.  That answers without asking
 * the back end, but also without asking who is there. */
static char *
ngx_http_compliance_conf_check_early(ngx_conf_t *cf,
    const ngx_http_compliance_loc_conf_t *own)
{
    ngx_uint_t                 early, level;
    ngx_http_core_loc_conf_t  *clcf;

    early = ngx_http_compliance_conf_early(cf);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (early & NGX_HTTP_COMPLIANCE_RETURN) {

        /* in the same block, and not within an `if`: it is never gated */

        level = (own->enable == 1 && !(early & NGX_HTTP_COMPLIANCE_IF))
                ? NGX_LOG_EMERG : NGX_LOG_WARN;

        ngx_conf_log_error(level, cf, 0,
                           "\"return\" answers before \"compliance\" in "
                           "location \"%V\": use \"compliance off\" there if "
                           "that is meant", &clcf->name);

        if (level == NGX_LOG_EMERG) {
            return NGX_CONF_ERROR;
        }
    }

    if (early & NGX_HTTP_COMPLIANCE_REWRITE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"rewrite\" runs before \"compliance\" in "
                           "location \"%V\": the back end gets another path "
                           "than the one that was judged", &clcf->name);
    }

    return NGX_CONF_OK;
}


/*
 * The rewrite module's configuration is its own; of it, only that it begins
 * with its array of codes is relied on, and every code begins with its
 * function.  Structures are aligned, so looking at each word finds them.
 */
static ngx_uint_t
ngx_http_compliance_conf_early(ngx_conf_t *cf)
{
    uintptr_t     *word;
    ngx_uint_t     i, early;
    ngx_array_t  **codes;
    ngx_module_t  *module;
#if (NGX_PCRE)
    ngx_uint_t     words;
#endif

    module = NULL;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_http_rewrite_module")
            == 0)
        {
            module = cf->cycle->modules[i];
            break;
        }
    }

    if (module == NULL) {
        return 0;
    }

    codes = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf[module->ctx_index];

    if (codes == NULL || *codes == NULL || *codes == NGX_CONF_UNSET_PTR
        || (*codes)->size != 1)
    {
        return 0;
    }

    early = 0;
    word = (*codes)->elts;

#if (NGX_PCRE)
    /* an `if` with a regular expression is a test, not a rewrite */
    words = sizeof(ngx_http_script_regex_code_t) / sizeof(uintptr_t);
#endif

    for (i = 0; i < (*codes)->nelts / sizeof(uintptr_t); i++) {

        if (word[i] == (uintptr_t) ngx_http_script_return_code) {
            early |= NGX_HTTP_COMPLIANCE_RETURN;
        }

        if (word[i] == (uintptr_t) ngx_http_script_if_code) {
            early |= NGX_HTTP_COMPLIANCE_IF;
        }

#if (NGX_PCRE)
        if (word[i] == (uintptr_t) ngx_http_script_regex_start_code
            && (i + words) * sizeof(uintptr_t) <= (*codes)->nelts
            && !((ngx_http_script_regex_code_t *) &word[i])->test)
        {
            early |= NGX_HTTP_COMPLIANCE_REWRITE;
        }
#endif
    }

    return early;
}
