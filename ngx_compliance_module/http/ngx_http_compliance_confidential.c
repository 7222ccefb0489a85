/*
 * No credential in any log.  nginx's own debug messages of the HTTP kind print
 * header lines as they come in and as they go out to the back end, and it
 * prints both lines where Authorization comes twice.  Where something is
 * gated, the first are left out of every log, and the second is told without
 * the values.
 *
 * What stays nginx's own: at level info it prints the beginning of a header
 * line that is longer than large_client_header_buffers.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_stale_init(ngx_conf_t *cf,
    ngx_http_compliance_main_conf_t *mcf);
static ngx_int_t ngx_http_compliance_authorization(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_uint_t offset);
static ngx_uint_t ngx_http_compliance_clamp(ngx_log_t *log);


ngx_int_t
ngx_http_compliance_confidential_init(ngx_conf_t *cf,
    ngx_http_compliance_main_conf_t *mcf)
{
    ngx_str_t                   name;
    ngx_uint_t                  key;
    ngx_hash_t                 *hash;
    ngx_hash_elt_t             *elt;
    ngx_http_header_t          *header;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    ngx_str_set(&name, "authorization");
    key = ngx_hash_key(name.data, name.len);
    hash = &cmcf->headers_in_hash;

    header = ngx_hash_find(hash, key, name.data, name.len);
    if (header == NULL) {
        return NGX_ERROR;
    }

    mcf->authorization = *header;
    mcf->authorization.handler = ngx_http_compliance_authorization;

    /* the hash is this configuration's own, the table of rows is not */

    for (elt = hash->buckets[key % hash->size];
         elt->value;
         elt = (ngx_hash_elt_t *) ngx_align_ptr(&elt->name[0] + elt->len,
                                                sizeof(void *)))
    {
        if (elt->value == header) {
            elt->value = &mcf->authorization;
            break;
        }
    }

    return ngx_http_compliance_stale_init(cf, mcf);
}


/* Indexed variables that read what the gate rewrites, and are kept once they
 * were evaluated. */
static ngx_int_t
ngx_http_compliance_stale_init(ngx_conf_t *cf,
    ngx_http_compliance_main_conf_t *mcf)
{
    ngx_uint_t                  i, n, *index;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  prefix;
    } readers[] = {
        { ngx_string("request_uri"), 0 },
        { ngx_string("remote_user"), 0 },
        { ngx_string("content_length"), 0 },
        { ngx_string("http_"), 1 },
        { ngx_string("cookie_"), 1 },
        { ngx_string("arg_"), 1 },
        { ngx_null_string, 0 }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        for (n = 0; readers[n].name.len; n++) {

            if ((readers[n].prefix ? v[i].name.len > readers[n].name.len
                                   : v[i].name.len == readers[n].name.len)
                && ngx_strncmp(v[i].name.data, readers[n].name.data,
                               readers[n].name.len)
                   == 0)
            {
                break;
            }
        }

        if (readers[n].name.len == 0) {
            continue;
        }

        index = ngx_array_push(&mcf->stale);
        if (index == NULL) {
            return NGX_ERROR;
        }

        *index = i;
    }

    return NGX_OK;
}


/* As nginx does it, without the values in the message. */
static ngx_int_t
ngx_http_compliance_authorization(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t offset)
{
    if (r->headers_in.authorization == NULL) {
        r->headers_in.authorization = h;
#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent duplicate header line: \"Authorization\"");

    ngx_http_finalize_request(r, NGX_HTTP_BAD_REQUEST);

    return NGX_ERROR;
}


/* Called when the whole configuration was read: the main context's error_log
 * and the events block may stand behind the http block. */
void
ngx_http_compliance_confidential_logs(ngx_cycle_t *cycle,
    ngx_http_compliance_main_conf_t *mcf)
{
#if (NGX_DEBUG)

    ngx_log_t         **log;
    ngx_uint_t          i, clamped;
    ngx_listening_t    *ls;
    ngx_event_conf_t   *ecf;

    clamped = ngx_http_compliance_clamp(cycle->log);

    log = mcf->logs.elts;

    for (i = 0; i < mcf->logs.nelts; i++) {
        if (log[i]) {
            clamped |= ngx_http_compliance_clamp(log[i]);
        }
    }

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        clamped |= ngx_http_compliance_clamp(&ls[i].log);
    }

    if (clamped) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "compliance: debug messages of HTTP requests are left "
                      "out of the logs, they would hold credentials");
    }

    /* it would turn them on for some clients, past every log's level */

    ecf = ngx_event_get_conf(cycle->conf_ctx, ngx_event_core_module);

    if (ecf->debug_connection.nelts) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "compliance: \"debug_connection\" is ignored, its "
                      "messages would hold credentials");

        ecf->debug_connection.nelts = 0;
    }

#endif
}


static ngx_uint_t
ngx_http_compliance_clamp(ngx_log_t *log)
{
    ngx_uint_t  clamped;

    clamped = 0;

    for ( /* void */ ; log; log = log->next) {

        if (log->log_level & NGX_LOG_DEBUG_HTTP) {
            log->log_level &= ~NGX_LOG_DEBUG_HTTP;
            clamped = 1;
        }
    }

    return clamped;
}


/* A request that ends before it was judged may be logged with a login that
 * holds a tag: then $remote_user is nobody. */
void
ngx_http_compliance_forget(ngx_http_request_t *r)
{
    if (r->headers_in.authorization == NULL
        || ngx_http_auth_basic_user(r) != NGX_OK
        || ngx_strlchr(r->headers_in.user.data,
                       r->headers_in.user.data + r->headers_in.user.len, '#')
           == NULL)
    {
        return;
    }

    r->headers_in.authorization = NULL;
    ngx_str_set(&r->headers_in.user, "");
    ngx_str_null(&r->headers_in.passwd);

    ngx_http_compliance_refresh(r);
}
