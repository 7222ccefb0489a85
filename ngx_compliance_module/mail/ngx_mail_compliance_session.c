/*
 * What the parser does with a session: its buffer, its answers, its memory.
 *
 * nginx must never see NGX_AGAIN beside a full buffer, for then it would log
 * the buffer, with the password; and an answer is sent when nginx's read
 * handler has returned, for inside of it a write could come back to it, or
 * close the connection it still uses.
 */
#include "ngx_mail_compliance_module.h"


/* No password in the clear where STARTTLS is required. */

ngx_uint_t
ngx_mail_compliance_privacy(ngx_mail_session_t *s)
{
#if (NGX_MAIL_SSL)
    return ngx_mail_starttls_only(s, s->connection);
#else
    return 0;
#endif
}


/*
 * The tag outlives the buffer: the answer, or the back end, is told it later.
 * With NULL the last one holds on.
 */

void
ngx_mail_compliance_tag(ngx_mail_session_t *s, ngx_mail_compliance_ctx_t *ctx,
    compliance_str_t *tag)
{
    u_char  *p;

    if (tag) {
        ctx->tag_len = 0;

        if (tag->len) {
            p = ngx_cpymem(ctx->tag, tag->data, tag->len);
            *p++ = ' ';

            ctx->tag_len = p - ctx->tag;
        }
    }

    s->tag.data = ctx->tag;
    s->tag.len = ctx->tag_len;
}


void
ngx_mail_compliance_consume(ngx_mail_session_t *s, size_t used)
{
    size_t  size;

    size = s->buffer->last - s->buffer->pos;

    if (used > size) {
        used = size;
    }

    ngx_explicit_memzero(s->buffer->pos, used);

    s->buffer->pos += used;
}


/*
 * Nothing more to do with what is here.  There is room for more in the buffer
 * when this returns, and whatever is unread will be read.
 */

ngx_int_t
ngx_mail_compliance_more(ngx_mail_session_t *s)
{
    size_t      size;
    ngx_buf_t  *b;

    b = s->buffer;
    size = b->last - b->pos;

    if (size == 0 || b->last == b->end) {
        ngx_memmove(b->start, b->pos, size);

        b->pos = b->start;
        b->last = b->start + size;
    }

    if (s->connection->read->ready) {
        ngx_post_event(s->connection->read, &ngx_posted_events);
    }

    return NGX_AGAIN;
}


/* "before", then the tag and "text". */

ngx_int_t
ngx_mail_compliance_reply(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, const char *before, const char *text)
{
    u_char  *p;
    size_t   len, n;

    n = ngx_strlen(before);
    len = n + ctx->tag_len + ngx_strlen(text);

    if (ctx->line.cap < len) {
        p = ngx_pnalloc(s->connection->pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ctx->line.text.data = p;
        ctx->line.cap = len;
    }

    p = ngx_cpymem(ctx->line.text.data, before, n);
    p = ngx_cpymem(p, ctx->tag, ctx->tag_len);
    ngx_memcpy(p, text, ngx_strlen(text));

    return ngx_mail_compliance_say(s, ctx->line.text.data, len);
}


/*
 * Sent when nginx's read handler has returned: inside of it, a write could
 * come back to it, or close the connection it still uses.
 */

ngx_int_t
ngx_mail_compliance_say(ngx_mail_session_t *s, u_char *text, size_t len)
{
    s->out.data = text;
    s->out.len = len;

    /* go on reading when it was sent */

    s->blocked = 1;

    ngx_post_event(s->connection->write, &ngx_posted_events);

    return NGX_AGAIN;
}


/* Counted as nginx counts what it calls an invalid command. */

ngx_int_t
ngx_mail_compliance_fault(ngx_mail_session_t *s,
    ngx_mail_compliance_ctx_t *ctx, const char *text)
{
    ngx_mail_core_srv_conf_t  *cscf;

    cscf = ngx_mail_get_module_srv_conf(s, ngx_mail_core_module);

    if (++s->errors >= cscf->max_errors) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "client sent too many invalid commands");
        s->quit = 1;
    }

    return ngx_mail_compliance_reply(s, ctx, "", text);
}


/* Nothing that follows can be understood: an answer, and the end. */

ngx_int_t
ngx_mail_compliance_lost(ngx_mail_session_t *s, const char *why)
{
    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "client sent invalid command: %s", why);

    ngx_mail_compliance_consume(s, s->buffer->last - s->buffer->pos);

    s->quit = 1;

    return NGX_MAIL_PARSE_INVALID_COMMAND;
}


ngx_int_t
ngx_mail_compliance_keep(ngx_pool_t *pool, ngx_mail_compliance_kept_t *kept,
    const void *data, size_t len)
{
    u_char  *p;

    ngx_mail_compliance_wipe(kept);

    if (kept->cap < len) {
        p = ngx_pnalloc(pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (kept->text.data) {
            (void) ngx_pfree(pool, kept->text.data);
        }

        kept->text.data = p;
        kept->cap = len;
    }

    if (len) {
        ngx_memcpy(kept->text.data, data, len);
    }

    kept->text.len = len;

    return NGX_OK;
}


void
ngx_mail_compliance_wipe(ngx_mail_compliance_kept_t *kept)
{
    if (kept->cap) {
        ngx_explicit_memzero(kept->text.data, kept->cap);
    }

    kept->text.len = 0;
}
