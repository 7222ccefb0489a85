/*
 * Negotiate and NTLM authenticate a connection, not a request: the gate cannot
 * tell whose requests come behind them, so a gated client is not offered them.
 * Other schemes of the same header line stay.
 */
#include "ngx_http_compliance.h"


static ngx_int_t ngx_http_compliance_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_compliance_challenges(ngx_http_request_t *r,
    ngx_table_elt_t *line);
static u_char *ngx_http_compliance_element(u_char *p, u_char *last);
static ngx_uint_t ngx_http_compliance_scheme(u_char *p, u_char *last,
    ngx_str_t *scheme);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


void
ngx_http_compliance_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_compliance_header_filter;
}


static ngx_int_t
ngx_http_compliance_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                       i;
    ngx_list_part_t                 *part;
    ngx_table_elt_t                 *line;
    ngx_http_compliance_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_compliance_module);

    if (!conf->enable || conf->dry_run || r != r->main
        || r->headers_out.status != NGX_HTTP_UNAUTHORIZED
        || conf->negotiate == NGX_HTTP_COMPLIANCE_NEGOTIATE_CERTIFICATE)
    {
        return ngx_http_next_header_filter(r);
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        line = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (line[i].hash == 0
                || line[i].key.len != sizeof("WWW-Authenticate") - 1
                || ngx_strncasecmp(line[i].key.data,
                                   (u_char *) "WWW-Authenticate",
                                   sizeof("WWW-Authenticate") - 1)
                   != 0)
            {
                continue;
            }

            if (ngx_http_compliance_challenges(r, &line[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return ngx_http_next_header_filter(r);
}


/* A list of challenges: an element that begins with a scheme begins a
 * challenge, the others are parameters of the one before (RFC 9110 11.6.1). */
static ngx_int_t
ngx_http_compliance_challenges(ngx_http_request_t *r, ngx_table_elt_t *line)
{
    u_char      *p, *next, *last, *text, *out;
    ngx_str_t    scheme;
    ngx_uint_t   drop, dropped;

    /* every comma may get a blank */

    text = ngx_pnalloc(r->pool, 2 * line->value.len + 1);
    if (text == NULL) {
        return NGX_ERROR;
    }

    out = text;
    drop = 0;
    dropped = 0;

    p = line->value.data;
    last = p + line->value.len;

    while (p < last) {

        next = ngx_http_compliance_element(p, last);

        while (p < next && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (ngx_http_compliance_scheme(p, next, &scheme)) {

            drop = (scheme.len == 9
                    && ngx_strncasecmp(scheme.data, (u_char *) "Negotiate", 9)
                       == 0)
                   || (scheme.len == 8
                       && ngx_strncasecmp(scheme.data, (u_char *) "Kerberos", 8)
                          == 0)
                   || (scheme.len == 4
                       && ngx_strncasecmp(scheme.data, (u_char *) "NTLM", 4)
                          == 0);
        }

        if (drop) {
            dropped = 1;

        } else if (p < next) {

            if (out != text) {
                *out++ = ',';
                *out++ = ' ';
            }

            out = ngx_cpymem(out, p, next - p);
        }

        p = next + 1;
    }

    if (!dropped) {
        return NGX_OK;
    }

    line->value.data = text;
    line->value.len = out - text;

    if (out == text) {
        line->hash = 0;
    }

    return NGX_OK;
}


/* The end of a list's element: the next comma outside a quoted string. */
static u_char *
ngx_http_compliance_element(u_char *p, u_char *last)
{
    ngx_uint_t  quoted;

    quoted = 0;

    for ( /* void */ ; p < last; p++) {

        if (quoted && *p == '\\' && p + 1 < last) {
            p++;

        } else if (*p == '"') {
            quoted = !quoted;

        } else if (*p == ',' && !quoted) {
            break;
        }
    }

    return p;
}


/* "Basic", "Basic realm=x", "NTLM TlRM..." begin with a scheme, "realm=x" and
 * "realm = x" do not. */
static ngx_uint_t
ngx_http_compliance_scheme(u_char *p, u_char *last, ngx_str_t *scheme)
{
    scheme->data = p;

    while (p < last && *p != ' ' && *p != '\t' && *p != '=') {
        p++;
    }

    scheme->len = p - scheme->data;

    if (scheme->len == 0 || (p < last && *p == '=')) {
        return 0;
    }

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p == last || *p != '=';
}
