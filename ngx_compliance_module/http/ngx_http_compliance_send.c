/*
 * Sending an answer of ours, the gate's or the portal's: never stored, never
 * cut by a Range or a condition, never replaced by an error_page.
 */
#include "ngx_http_compliance.h"


ngx_int_t
ngx_http_compliance_begin(ngx_http_request_t *r, ngx_uint_t status,
    const char *content_type)
{
    static ngx_str_t  no_store = ngx_string("no-store");

    /* what an answer before a redirect may have left, and its status */

    ngx_http_clean_header(r);

    r->err_status = 0;
    r->allow_ranges = 0;
    r->disable_not_modified = 1;
    r->headers_out.status = status;
    r->headers_out.last_modified_time = -1;

    if (content_type) {
        r->headers_out.content_type.data = (u_char *) content_type;
        r->headers_out.content_type.len = ngx_strlen(content_type);
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (ngx_http_compliance_add_header(r, "Cache-Control", &no_store) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_compliance_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *line;

    line = ngx_list_push(&r->headers_out.headers);
    if (line == NULL) {
        return NULL;
    }

    line->hash = 1;
    line->key.data = (u_char *) name;
    line->key.len = ngx_strlen(name);
    line->value = *value;
    line->lowcase_key = NULL;
#if (nginx_version >= 1023000)
    line->next = NULL;
#endif

    return line;
}


ngx_int_t
ngx_http_compliance_send(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.content_length_n = body->len;

    if (body->len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
