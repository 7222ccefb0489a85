/*
 * What `nginx -t` checks of a gated location.  Invariant: a location that
 * would not be gated as its admin thinks is refused, or warned of where it may
 * be meant.
 */
#include "ngx_http_compliance.h"


/* What of a location runs before the gate. */
#define NGX_HTTP_COMPLIANCE_RETURN   0x01
#define NGX_HTTP_COMPLIANCE_REWRITE  0x02
#define NGX_HTTP_COMPLIANCE_IF       0x04


static void ngx_http_compliance_conf_resolve(
    ngx_http_compliance_loc_conf_t *conf);
static ngx_uint_t ngx_http_compliance_conf_early(ngx_conf_t *cf);
static char *ngx_http_compliance_conf_check_early(ngx_conf_t *cf,
    const ngx_http_compliance_loc_conf_t *own);
static const char *ngx_http_compliance_conf_fault(
    ngx_http_compliance_loc_conf_t *conf,
    const ngx_http_compliance_loc_conf_t *own);


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

    ngx_http_compliance_conf_resolve(conf);

    if (clcf->post_action.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"post_action\" and \"compliance\" in %s \"%V\": "
                           "what is asked for behind the answer cannot be "
                           "gated", location ? "location" : "server",
                           &clcf->name);
        return NGX_CONF_ERROR;
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


/* The protocol's own sources, where none are configured. */
static void
ngx_http_compliance_conf_resolve(ngx_http_compliance_loc_conf_t *conf)
{
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
