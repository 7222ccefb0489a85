/*
 * The header lines of a request: which are judged, and which are stripped
 * because a back end that trusts its proxy would believe them.  One pass over
 * the list finds both.  A line that is judged stands there once, or the
 * request is refused: two servers could read two things.
 */
#include "ngx_http_compliance.h"


/* Longer names are in no table. */
#define NGX_HTTP_COMPLIANCE_NAME_MAX  64


static ngx_http_compliance_header_t *ngx_http_compliance_header_find(
    ngx_http_compliance_main_conf_t *mcf, ngx_table_elt_t *line,
    ngx_uint_t *misspelt);
static ngx_uint_t ngx_http_compliance_header_prefixed(u_char *name, size_t len);
static void ngx_http_compliance_header_forget(ngx_http_request_t *r,
    ngx_table_elt_t *line);


static ngx_http_compliance_header_t  ngx_http_compliance_headers[] = {

    /* judged */

    { ngx_string("authorization"), NGX_HTTP_COMPLIANCE_AUTHORIZATION, 0 },
    { ngx_string("ms-asprotocolversion"), NGX_HTTP_COMPLIANCE_EAS_VERSION, 0 },
    { ngx_string("user-agent"), NGX_HTTP_COMPLIANCE_USER_AGENT, 0 },
    { ngx_string("sec-fetch-mode"), NGX_HTTP_COMPLIANCE_SEC_FETCH_MODE, 0 },
    { ngx_string("sec-fetch-dest"), NGX_HTTP_COMPLIANCE_SEC_FETCH_DEST, 0 },
    { ngx_string("accept"), NGX_HTTP_COMPLIANCE_ACCEPT, 1 },
    { ngx_string("x-requested-with"), NGX_HTTP_COMPLIANCE_REQUESTED_WITH, 1 },
    { ngx_string("content-type"), NGX_HTTP_COMPLIANCE_CONTENT_TYPE, 0 },
    { ngx_string("content-encoding"), NGX_HTTP_COMPLIANCE_CONTENT_ENCODING, 0 },

    /* another credential */

    { ngx_string("proxy-authorization"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },

    /* who is asking */

    { ngx_string("remote-user"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("remote-groups"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("remote-email"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("remote-name"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-remote-user"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-user"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-username"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-auth-user"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-authenticated-user"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-forwarded-user"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-forwarded-email"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-forwarded-groups"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-forwarded-preferred-username"),
      NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-forwarded-access-token"),
      NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },

    /* whose certificate it was */

    { ngx_string("client-cert"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("client-cert-chain"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-client-cert"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-client-verify"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-arr-clientcert"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-forwarded-client-cert"),
      NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },

    /* another path or method than the one that was judged */

    { ngx_string("x-original-url"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-original-uri"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-rewrite-url"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-http-method"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-http-method-override"),
      NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-method-override"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },

    /* between Exchange's own front and back ends */

    { ngx_string("x-commonaccesstoken"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-sourcecafeserver"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-isfromcafe"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-isfrombackend"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-beresource"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-backendoverride"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("x-rps-cat"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },
    { ngx_string("msexchproxyuri"), NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 },

    { ngx_null_string, NGX_HTTP_COMPLIANCE_HEADER_NONE, 0 }
};


/* Families of such names. */
static ngx_str_t  ngx_http_compliance_prefixes[] = {
    ngx_string("x-webobjects-"),
    ngx_string("x-webauth-"),
    ngx_string("x-auth-request-"),
    ngx_string("x-ssl-client-"),
    ngx_string("ssl-client-"),
    ngx_null_string
};


ngx_int_t
ngx_http_compliance_headers_init(ngx_conf_t *cf,
    ngx_http_compliance_main_conf_t *mcf)
{
    ngx_uint_t                     i;
    ngx_array_t                    keys;
    ngx_hash_key_t                *key;
    ngx_hash_init_t                hash;
    ngx_http_core_srv_conf_t     **cscf;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_compliance_header_t  *row;

    /* lines in front of Host are read under the default server's settings */

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (cscf[i]->underscores_in_headers
            || !cscf[i]->ignore_invalid_headers)
        {
            mcf->lax = 1;
        }
    }

    if (ngx_array_init(&keys, cf->temp_pool, 64, sizeof(ngx_hash_key_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (row = ngx_http_compliance_headers; row->name.len; row++) {

        key = ngx_array_push(&keys);
        if (key == NULL) {
            return NGX_ERROR;
        }

        key->key = row->name;
        key->key_hash = ngx_hash_key(row->name.data, row->name.len);
        key->value = row;
    }

    hash.hash = &mcf->headers;
    hash.key = ngx_hash_key;
    hash.max_size = 512;
    hash.bucket_size = ngx_align(64, ngx_cacheline_size);
    hash.name = "compliance_headers_hash";
    hash.pool = cf->pool;
    hash.temp_pool = NULL;

    return ngx_hash_init(&hash, keys.elts, keys.nelts);
}


/* OK, or AMBIGUOUS: a judged line twice, or spelt so that only some servers
 * read it as one. */
compliance_rc_t
ngx_http_compliance_headers_scan(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_uint_t                        i, misspelt;
    ngx_list_part_t                  *part;
    ngx_table_elt_t                  *line;
    ngx_http_compliance_header_t     *row;
    ngx_http_compliance_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_compliance_module);

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        line = part->elts;

        for (i = 0; i < part->nelts; i++) {

            row = ngx_http_compliance_header_find(mcf, &line[i],
                                                  &misspelt);
            if (row == NULL) {
                continue;
            }

            if (row->judged == NGX_HTTP_COMPLIANCE_HEADER_NONE) {
                ctx->strip = 1;
                continue;
            }

            if (misspelt
                || (ctx->headers[row->judged] != NULL && !row->repeats))
            {
                ctx->why = (char *) row->name.data;
                return COMPLIANCE_AMBIGUOUS;
            }

            if (ctx->headers[row->judged] == NULL) {
                ctx->headers[row->judged] = &line[i];
            }
        }
    }

    return COMPLIANCE_OK;
}


/* Takes the identity headers out, and where Authorization is the credential
 * the cookies. */
ngx_int_t
ngx_http_compliance_headers_strip(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_uint_t                        i, cookies, misspelt;
    ngx_list_part_t                  *part;
    ngx_table_elt_t                  *line;
    ngx_http_compliance_header_t     *row;
    ngx_http_compliance_main_conf_t  *mcf;

    cookies = (ctx->conf->protocol != COMPLIANCE_WEB);

#if (nginx_version >= 1023000)
    if (!ctx->strip && !(cookies && r->headers_in.cookie)) {
        return NGX_OK;
    }
#else
    if (!ctx->strip && !(cookies && r->headers_in.cookies.nelts)) {
        return NGX_OK;
    }
#endif

    mcf = ngx_http_get_module_main_conf(r, ngx_http_compliance_module);

again:

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        line = part->elts;

        for (i = 0; i < part->nelts; i++) {

            row = ngx_http_compliance_header_find(mcf, &line[i],
                                                  &misspelt);

            if ((row != NULL
                 && row->judged == NGX_HTTP_COMPLIANCE_HEADER_NONE)
                || (cookies && line[i].key.len == sizeof("cookie") - 1
                    && ngx_strncmp(line[i].lowcase_key, "cookie",
                                   sizeof("cookie") - 1)
                       == 0))
            {
                if (ngx_http_compliance_header_remove(r, &line[i]) != NGX_OK) {
                    return NGX_ERROR;
                }

                goto again;
            }
        }
    }

    ctx->strip = 0;

    return NGX_OK;
}


/* A line stands for itself, or, where nginx lets odd names through, for the
 * name that a CGI-like back end would make of it. */
static ngx_http_compliance_header_t *
ngx_http_compliance_header_find(ngx_http_compliance_main_conf_t *mcf,
    ngx_table_elt_t *line, ngx_uint_t *misspelt)
{
    size_t                         i;
    u_char                        *key, name[NGX_HTTP_COMPLIANCE_NAME_MAX];
    ngx_uint_t                     hash;
    ngx_http_compliance_header_t  *row;

    static ngx_http_compliance_header_t  stripped;

    *misspelt = 0;
    key = line->lowcase_key;
    hash = line->hash;

    if (mcf->lax && line->key.len <= NGX_HTTP_COMPLIANCE_NAME_MAX) {

        hash = 0;

        for (i = 0; i < line->key.len; i++) {
            name[i] = key[i];

            if (!((key[i] >= 'a' && key[i] <= 'z')
                  || (key[i] >= '0' && key[i] <= '9') || key[i] == '-'))
            {
                name[i] = '-';
                *misspelt = 1;
            }

            hash = ngx_hash(hash, name[i]);
        }

        key = name;
    }

    row = ngx_hash_find(&mcf->headers, hash, key, line->key.len);
    if (row) {
        return row;
    }

    if (ngx_http_compliance_header_prefixed(key, line->key.len)) {
        return &stripped;
    }

    return NULL;
}


static ngx_uint_t
ngx_http_compliance_header_prefixed(u_char *name, size_t len)
{
    ngx_str_t  *prefix;

    if (len == 0 || (name[0] != 'x' && name[0] != 's')) {
        return 0;
    }

    for (prefix = ngx_http_compliance_prefixes; prefix->len; prefix++) {
        if (len >= prefix->len
            && ngx_memcmp(name, prefix->data, prefix->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Pointers into the list are all over nginx, so a line is taken out without
 * moving another one: its part is cut in two around it.  proxy_pass walks into
 * a next part without asking whether it is empty, so none is left empty behind
 * the first.
 */
ngx_int_t
ngx_http_compliance_header_remove(ngx_http_request_t *r, ngx_table_elt_t *line)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part, *prev, *rest;
    ngx_table_elt_t  *lines;
    ngx_uint_t        i;

    list = &r->headers_in.headers;
    prev = NULL;

    for (part = &list->part; part; prev = part, part = part->next) {

        lines = part->elts;

        if (line < lines || line >= lines + part->nelts) {
            continue;
        }

        ngx_http_compliance_header_forget(r, line);

        i = line - lines;

        if (i + 1 < part->nelts && i > 0) {

            rest = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
            if (rest == NULL) {
                return NGX_ERROR;
            }

            rest->elts = line + 1;
            rest->nelts = part->nelts - i - 1;
            rest->next = part->next;

            part->nelts = i;
            part->next = rest;

            if (list->last == part) {
                list->last = rest;
            }

        } else if (i == 0 && part->nelts > 1) {
            part->elts = line + 1;
            part->nelts--;

        } else if (i > 0) {
            part->nelts--;

        } else if (prev) {
            prev->next = part->next;

            if (list->last == part) {
                list->last = prev;
            }

        } else if (part->next) {
            rest = part->next;
            *part = *rest;

            if (list->last == rest) {
                list->last = part;
            }

        } else {
            part->nelts = 0;
        }

        /* what is behind the last part's lines may not be its own: the next
         * line that is pushed gets a part of its own */

        list->nalloc = list->last->nelts ? list->last->nelts : 1;

        return NGX_OK;
    }

    return NGX_OK;
}


static void
ngx_http_compliance_header_forget(ngx_http_request_t *r, ngx_table_elt_t *line)
{
    if (r->headers_in.authorization == line) {
        r->headers_in.authorization = NULL;
    }

    if (line->key.len == sizeof("cookie") - 1
        && ngx_strncmp(line->lowcase_key, "cookie", sizeof("cookie") - 1) == 0)
    {
        /* cookies go together */
#if (nginx_version >= 1023000)
        r->headers_in.cookie = NULL;
#else
        r->headers_in.cookies.nelts = 0;
#endif
    }
}
