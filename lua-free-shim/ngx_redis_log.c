/*
 * A server that is down is said to be down once, and again every
 * NGX_REDIS_LOG_PERIOD seconds with the number of lines left out; its return
 * is told where its loss was.  No line holds a password or a client's bytes.
 */
#include "ngx_redis.h"
#include "ngx_redis_internal.h"


#define NGX_REDIS_QUOTE  128   /* characters of what a server said */


static size_t ngx_redis_log_escape(u_char *out, ngx_str_t *quote);


void
ngx_redis_log_failure(ngx_redis_t *redis, const char *why, ngx_err_t err,
    ngx_str_t *quote)
{
    u_char     *p, *last;
    u_char      line[NGX_REDIS_QUOTE + 128];
    u_char      text[NGX_REDIS_QUOTE];
    ngx_str_t   said;

    if (redis->last_failure == why
        && ngx_time() - redis->logged < NGX_REDIS_LOG_PERIOD)
    {
        redis->unlogged++;
        return;
    }

    p = line;
    last = line + sizeof(line);

    if (quote != NULL) {
        said.data = text;
        said.len = ngx_redis_log_escape(text, quote);
        p = ngx_slprintf(p, last, ": \"%V\"", &said);
    }

    if (redis->nslots) {
        p = ngx_slprintf(p, last, ", %ui requests lost", redis->nslots);
    }

    if (redis->unlogged) {
        p = ngx_slprintf(p, last, ", and %ui failures before it",
                         redis->unlogged);
    }

    ngx_log_error(NGX_LOG_ERR, redis->log, err, "redis \"%V\" %s%*s",
                  &redis->conf->name, why, (size_t) (p - line), line);

    redis->last_failure = why;
    redis->logged = ngx_time();
    redis->unlogged = 0;
    redis->announced = 1;
}


void
ngx_redis_log_return(ngx_redis_t *redis)
{
    if (!redis->announced) {
        return;
    }

    redis->announced = 0;

    ngx_log_error(NGX_LOG_NOTICE, redis->log, 0, "redis \"%V\" is back",
                  &redis->conf->name);
}


static size_t
ngx_redis_log_escape(u_char *out, ngx_str_t *quote)
{
    size_t  i, n;

    n = ngx_min(quote->len, NGX_REDIS_QUOTE);

    for (i = 0; i < n; i++) {
        out[i] = quote->data[i];

        if (out[i] < 0x20 || out[i] > 0x7e || out[i] == '"') {
            out[i] = '?';
        }
    }

    return n;
}
