/*
 * The handshake: AUTH where there is a password, SELECT where there is a
 * database, and always a PING, which finds a server that loads its data or
 * wants a password before a lookup does.  No command of a batch leaves before
 * all of it was answered well: a lookup must not run as another user or in
 * another database.  TLS comes before it; ROLE, for Sentinel, and CLIENT
 * TRACKING belong into the table below.
 */
#include "ngx_redis.h"
#include "ngx_redis_internal.h"


static ngx_int_t ngx_redis_handshake_add(ngx_redis_t *redis, u_char *buf,
    size_t size, const char *refused, ngx_uint_t argc, const char **argv,
    const size_t *argvlen);


ngx_int_t
ngx_redis_handshake_init(ngx_redis_t *redis)
{
    u_char            *buf, *p;
    size_t             size, lens[3];
    u_char             db[NGX_INT_T_LEN];
    const char        *args[3];
    ngx_redis_conf_t  *conf;

    conf = redis->conf;

    /* 128 bytes of RESP around the three commands, and more */
    size = conf->user.len + conf->password.len + NGX_INT_T_LEN + 256;

    buf = ngx_pnalloc(redis->pool, size);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    redis->hello.data = buf;

    if (conf->password.len) {
        args[0] = "AUTH";
        lens[0] = 4;
        args[1] = (char *) conf->user.data;
        lens[1] = conf->user.len;
        args[conf->user.len ? 2 : 1] = (char *) conf->password.data;
        lens[conf->user.len ? 2 : 1] = conf->password.len;

        if (ngx_redis_handshake_add(redis, buf, size, "refused AUTH",
                                    conf->user.len ? 3 : 2, args, lens)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (conf->db) {
        p = ngx_sprintf(db, "%ui", conf->db);

        args[0] = "SELECT";
        lens[0] = 6;
        args[1] = (char *) db;
        lens[1] = (size_t) (p - db);

        if (ngx_redis_handshake_add(redis, buf, size, "refused SELECT", 2,
                                    args, lens)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    args[0] = "PING";
    lens[0] = 4;

    return ngx_redis_handshake_add(redis, buf, size, "refused PING", 1, args,
                                   lens);
}


static ngx_int_t
ngx_redis_handshake_add(ngx_redis_t *redis, u_char *buf, size_t size,
    const char *refused, ngx_uint_t argc, const char **argv,
    const size_t *argvlen)
{
    char       *text;
    long long   len;
    ngx_int_t   rc;

    len = redisFormatCommandArgv(&text, (int) argc, argv, argvlen);
    if (len < 0) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if ((size_t) len <= size - redis->hello.len
        && redis->nhello < NGX_REDIS_HANDSHAKE)
    {
        ngx_memcpy(buf + redis->hello.len, text, (size_t) len);
        redis->hello.len += (size_t) len;
        redis->hello_refused[redis->nhello++] = refused;
        rc = NGX_OK;
    }

    /* it may hold the password */

    ngx_explicit_memzero(text, (size_t) len);
    redisFreeCommand(text);

    return rc;
}


ngx_int_t
ngx_redis_handshake_reply(ngx_redis_t *redis, redisReply *reply)
{
    ngx_str_t    quote;
    const char  *refused;

    refused = redis->hello_refused[redis->hello_replies++];

    if (reply->type != REDIS_REPLY_STATUS) {

        if (reply->type == REDIS_REPLY_ERROR) {
            quote.data = (u_char *) reply->str;
            quote.len = (size_t) reply->len;

            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE, refused, 0, &quote);

        } else {
            ngx_redis_fail(redis, NGX_REDIS_PROTOCOL,
                           "sent a reply of the wrong type in the handshake",
                           0, NULL);
        }

        return NGX_ERROR;
    }

    if (redis->hello_replies < redis->nhello) {
        return NGX_OK;
    }

    redis->state = NGX_REDIS_READY;
    redis->first = 0;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    ngx_redis_log_return(redis);

    if (redis->conf->notify != NULL) {
        redis->conf->notify(NGX_REDIS_OK);
    }

    if (redis->nslots) {
        ngx_post_event(&redis->flush, &ngx_posted_events);
    }

    return NGX_OK;
}
