/*
 * What a client is told: compliance_http_answer()'s table, put into nginx's
 * words.  Invariants: every blocked request of one kind gets the same bytes
 * but for its link and its decision id, whatever the reason was; no answer is
 * stored; none passes by error_page.
 */
#include "ngx_http_compliance.h"


/* An answer's own text: sentences, markup, decision id, escaped twice over. */
#define NGX_HTTP_COMPLIANCE_TEXT_SIZE  2048

static const char  ngx_http_compliance_blocked[] =
    "Access from this device is not allowed by your organisation's security "
    "rules.";
static const char  ngx_http_compliance_refused[] =
    "This request cannot be understood in one way only.";
static const char  ngx_http_compliance_later[] =
    "Access cannot be checked right now. Nothing is wrong with your device or "
    "your password; please try again in a minute.";
static const char  ngx_http_compliance_who[] =
    "Authentication is required.";


static ngx_int_t ngx_http_compliance_challenge(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx);
static ngx_int_t ngx_http_compliance_link(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_str_t *link);
static ngx_int_t ngx_http_compliance_eas_answer(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_uint_t status);
static ngx_int_t ngx_http_compliance_redirect(ngx_http_request_t *r,
    ngx_str_t *link);
static ngx_int_t ngx_http_compliance_text(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, compliance_http_answer_t *answer,
    ngx_str_t *link);
static const char *ngx_http_compliance_type(compliance_http_body_t body);
static void ngx_http_compliance_write(ngx_http_compliance_ctx_t *ctx,
    compliance_http_answer_t *answer, ngx_str_t *link, compliance_buf_t *out);
static void ngx_http_compliance_html(ngx_http_compliance_ctx_t *ctx,
    const char *title, const char *sentence, ngx_str_t *link,
    compliance_buf_t *out);
static const char *ngx_http_compliance_sentence(
    ngx_http_compliance_ctx_t *ctx);


ngx_int_t
ngx_http_compliance_answer(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_str_t                 link;
    compliance_http_answer_t  answer;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->challenge) {
        return ngx_http_compliance_challenge(r, ctx);
    }

    ngx_str_null(&link);

    if (ctx->status) {
        answer.status = ctx->status;
        answer.body = COMPLIANCE_BODY_NONE;
        answer.retry_after = 0;

        return ngx_http_compliance_text(r, ctx, &answer, &link);
    }

    answer = compliance_http_answer(ctx->conf->protocol, ctx->access,
                                    ctx->check->decision.verdict);

    if (ctx->check->decision.verdict == COMPLIANCE_BLOCK
        && answer.body != COMPLIANCE_BODY_EAS
        && ngx_http_compliance_link(r, ctx, &link) != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (answer.body) {

    case COMPLIANCE_BODY_EAS:
        return ngx_http_compliance_eas_answer(r, ctx, answer.status);

    case COMPLIANCE_BODY_REDIRECT:

        if (link.len) {
            return ngx_http_compliance_redirect(r, &link);
        }

        /* no portal to send people to: they are told here */

        answer.status = NGX_HTTP_FORBIDDEN;
        answer.body = COMPLIANCE_BODY_FRAME;
        break;

    case COMPLIANCE_BODY_NONE:
    case COMPLIANCE_BODY_FRAME:
    case COMPLIANCE_BODY_PROBLEM:
    case COMPLIANCE_BODY_TEXT:
    case COMPLIANCE_BODY_PAGE:
        break;
    }

    return ngx_http_compliance_text(r, ctx, &answer, &link);
}


/* The back end's own kind of 401: nothing was looked up, nobody blocked. */
static ngx_int_t
ngx_http_compliance_challenge(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx)
{
    ngx_str_t         body;
    ngx_table_elt_t  *line;

    if (ngx_http_compliance_begin(r, NGX_HTTP_UNAUTHORIZED,
                                  "text/plain; charset=utf-8")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    line = ngx_http_compliance_add_header(r, "WWW-Authenticate",
                                          &ctx->conf->challenge);
    if (line == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.www_authenticate = line;

    body.data = (u_char *) ngx_http_compliance_who;
    body.len = sizeof(ngx_http_compliance_who) - 1;

    return ngx_http_compliance_send(r, &body);
}


/* Only a page that was looked at is worth going back to. */
static ngx_int_t
ngx_http_compliance_link(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx,
    ngx_str_t *link)
{
    ngx_str_t  back;

    ngx_str_set(&back, "");

    if (ctx->conf->protocol == COMPLIANCE_WEB
        && ctx->access == COMPLIANCE_ACCESS_NAVIGATION
        && r->method == NGX_HTTP_GET
        && r->unparsed_uri.len <= COMPLIANCE_RETURN_MAX
        && compliance_return_path_valid(
                                  ngx_http_compliance_slice(&r->unparsed_uri)))
    {
        back = r->unparsed_uri;
    }

    return ngx_compliance_portal_link(r->pool, ctx->check, &back, link);
}


static ngx_int_t
ngx_http_compliance_eas_answer(ngx_http_request_t *r,
    ngx_http_compliance_ctx_t *ctx, ngx_uint_t status)
{
    u_char                   *p;
    ngx_str_t                 body;
    compliance_eas_answer_t   answer;

    compliance_eas_blocked(ctx->eas, &answer);

    if (ngx_http_compliance_begin(r, answer.len ? answer.status : status,
                                  answer.len ? "application/vnd.ms-sync.wbxml"
                                             : NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, COMPLIANCE_EAS_BODY_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, answer.body, answer.len);

    body.data = p;
    body.len = answer.len;

    return ngx_http_compliance_send(r, &body);
}


static ngx_int_t
ngx_http_compliance_redirect(ngx_http_request_t *r, ngx_str_t *link)
{
    ngx_str_t         body;
    ngx_table_elt_t  *line;

    static ngx_str_t  none = ngx_string("no-referrer");

    if (ngx_http_compliance_begin(r, NGX_HTTP_SEE_OTHER, NULL) != NGX_OK
        || ngx_http_compliance_add_header(r, "Referrer-Policy", &none) == NULL)
    {
        return NGX_ERROR;
    }

    line = ngx_http_compliance_add_header(r, "Location", link);
    if (line == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.location = line;

    ngx_str_set(&body, "");

    return ngx_http_compliance_send(r, &body);
}


static ngx_int_t
ngx_http_compliance_text(ngx_http_request_t *r, ngx_http_compliance_ctx_t *ctx,
    compliance_http_answer_t *answer, ngx_str_t *link)
{
    size_t             size;
    u_char            *p;
    ngx_str_t          body, retry;
    compliance_buf_t   out;

    static ngx_str_t  csp = ngx_string("default-src 'none'; base-uri 'none'; "
                                       "form-action 'none'; "
                                       "frame-ancestors 'self'");
    static ngx_str_t  nosniff = ngx_string("nosniff");
    static ngx_str_t  none = ngx_string("no-referrer");

    /* an escaped character takes at most 6 bytes */
    size = NGX_HTTP_COMPLIANCE_TEXT_SIZE + 6 * link->len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    compliance_buf_init(&out, (char *) p, size);

    ngx_http_compliance_write(ctx, answer, link, &out);

    if (out.overflow) {
        return NGX_ERROR;
    }

    if (ngx_http_compliance_begin(r, answer->status,
                                  ngx_http_compliance_type(answer->body))
        != NGX_OK
        || ngx_http_compliance_add_header(r, "Referrer-Policy", &none) == NULL
        || ngx_http_compliance_add_header(r, "X-Content-Type-Options",
                                          &nosniff)
           == NULL)
    {
        return NGX_ERROR;
    }

    if ((answer->body == COMPLIANCE_BODY_FRAME
         || answer->body == COMPLIANCE_BODY_PAGE)
        && ngx_http_compliance_add_header(r, "Content-Security-Policy", &csp)
           == NULL)
    {
        return NGX_ERROR;
    }

    if (answer->retry_after) {

        retry.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (retry.data == NULL) {
            return NGX_ERROR;
        }

        retry.len = ngx_sprintf(retry.data, "%d", COMPLIANCE_RETRY_AFTER)
                    - retry.data;

        if (ngx_http_compliance_add_header(r, "Retry-After", &retry) == NULL) {
            return NGX_ERROR;
        }
    }

    body.data = p;
    body.len = out.len;

    return ngx_http_compliance_send(r, &body);
}


static const char *
ngx_http_compliance_type(compliance_http_body_t body)
{
    switch (body) {

    case COMPLIANCE_BODY_NONE:
    case COMPLIANCE_BODY_EAS:
    case COMPLIANCE_BODY_REDIRECT:
        return NULL;

    case COMPLIANCE_BODY_PROBLEM:
        return "application/problem+json";

    case COMPLIANCE_BODY_TEXT:
        return "text/plain; charset=utf-8";

    case COMPLIANCE_BODY_FRAME:
    case COMPLIANCE_BODY_PAGE:
        return "text/html; charset=utf-8";
    }

    return NULL;
}


static void
ngx_http_compliance_write(ngx_http_compliance_ctx_t *ctx,
    compliance_http_answer_t *answer, ngx_str_t *link, compliance_buf_t *out)
{
    const char  *sentence;

    sentence = ngx_http_compliance_sentence(ctx);

    switch (answer->body) {

    case COMPLIANCE_BODY_NONE:
    case COMPLIANCE_BODY_EAS:
    case COMPLIANCE_BODY_REDIRECT:
        break;

    case COMPLIANCE_BODY_PROBLEM:

        if (compliance_http_problem(out, answer->status, sentence,
                                    link->len ? ngx_http_compliance_slice(link)
                                              : compliance_absent,
                                    ctx->check->id)
            != COMPLIANCE_OK)
        {
            out->overflow = 1;
        }

        break;

    case COMPLIANCE_BODY_TEXT:
        compliance_buf_str(out, sentence);

        if (link->len) {
            compliance_buf_str(out, "\nWhat to do: ");
            compliance_buf_add(out, (char *) link->data, link->len);
        }

        if (ctx->check->id[0]) {
            compliance_buf_str(out, "\nDecision: ");
            compliance_buf_str(out, ctx->check->id);
        }

        compliance_buf_str(out, "\n");
        break;

    case COMPLIANCE_BODY_FRAME:
        ngx_http_compliance_html(ctx, "Access blocked", sentence, link, out);
        break;

    case COMPLIANCE_BODY_PAGE:
        ngx_http_compliance_html(ctx, "Temporarily unavailable", sentence,
                                 link, out);
        break;
    }
}


/* Small enough for a frame; its link leads out of it. */
static void
ngx_http_compliance_html(ngx_http_compliance_ctx_t *ctx, const char *title,
    const char *sentence, ngx_str_t *link, compliance_buf_t *out)
{
    compliance_buf_str(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                            "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                            "content=\"width=device-width\">\n<title>");
    compliance_buf_str(out, title);
    compliance_buf_str(out, "</title>\n</head>\n<body>\n<h1>");
    compliance_buf_str(out, title);
    compliance_buf_str(out, "</h1>\n<p>");
    compliance_html_escape(out, (compliance_str_t) { sentence,
                                                     ngx_strlen(sentence) });
    compliance_buf_str(out, "</p>\n");

    if (link->len) {
        compliance_buf_str(out, "<p><a target=\"_top\" rel=\"noreferrer\" "
                                "href=\"");
        compliance_html_escape(out, ngx_http_compliance_slice(link));
        compliance_buf_str(out, "\">See what to do</a></p>\n");
    }

    if (ctx->check->id[0]) {
        compliance_buf_str(out, "<p>Decision: ");
        compliance_buf_str(out, ctx->check->id);
        compliance_buf_str(out, "</p>\n");
    }

    compliance_buf_str(out, "</body>\n</html>\n");
}


/* One for all blocks: the reason would tell a stranger who is known here. */
static const char *
ngx_http_compliance_sentence(ngx_http_compliance_ctx_t *ctx)
{
    switch (ctx->check->decision.verdict) {

    case COMPLIANCE_BLOCK:
        return ngx_http_compliance_blocked;

    case COMPLIANCE_BAD_REQUEST:
        return ngx_http_compliance_refused;

    case COMPLIANCE_UNDECIDED:
    case COMPLIANCE_ALLOW:
    case COMPLIANCE_TEMPFAIL:
        break;
    }

    return ngx_http_compliance_later;
}
