/*
 * From bytes to replies: framing check, hiredis' reader, hand-out in order.  A
 * byte that nobody waits for, or that is out of form, ends the connection:
 * after it no reply could be trusted to belong to its question.
 */
#include "ngx_redis.h"
#include "ngx_redis_internal.h"


static ngx_int_t ngx_redis_process(ngx_redis_t *redis, u_char *data,
    size_t len);
static ngx_uint_t ngx_redis_expecting(ngx_redis_t *redis);
static ngx_int_t ngx_redis_reply(ngx_redis_t *redis, redisReply *reply);


/* One reader per connection: none survives into the next one half-fed. */

ngx_int_t
ngx_redis_reader_init(ngx_redis_t *redis)
{
    redis->reader = ngx_redis_object_reader(redis);
    if (redis->reader == NULL) {
        return NGX_ERROR;
    }

    ngx_redis_frame_init(&redis->frame, redis->conf->max_reply);

    return NGX_OK;
}


void
ngx_redis_read_handler(ngx_event_t *rev)
{
    ssize_t            n;
    ngx_redis_t       *redis;
    ngx_connection_t  *c;

    c = rev->data;
    redis = c->data;

    if (redis->state == NGX_REDIS_CONNECTING) {
        ngx_redis_write_handler(c->write);
        return;
    }

    do {
        n = c->recv(c, redis->in, NGX_REDIS_INPUT);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE, "lost: recv() failed",
                           ngx_socket_errno, NULL);
            return;
        }

        if (n == 0) {
            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                           "closed the connection", 0, NULL);
            return;
        }

        if (ngx_redis_process(redis, redis->in, (size_t) n) != NGX_OK) {
            return;
        }

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                       "lost: no event for reading", 0, NULL);
    }
}


static ngx_int_t
ngx_redis_process(ngx_redis_t *redis, u_char *data, size_t len)
{
    void               *reply;
    size_t              used;
    ngx_redis_frame_e   rc;

    while (len) {

        if (!ngx_redis_expecting(redis)) {
            ngx_redis_fail(redis, NGX_REDIS_PROTOCOL,
                           "sent a reply that nothing asked for", 0, NULL);
            return NGX_ERROR;
        }

        rc = ngx_redis_frame_scan(&redis->frame, (char *) data, len, &used);

        if (rc == NGX_REDIS_FRAME_ERROR) {
            ngx_redis_fail(redis, NGX_REDIS_PROTOCOL, redis->frame.why, 0,
                           NULL);
            return NGX_ERROR;
        }

        if (redisReaderFeed(redis->reader, (char *) data, used) != REDIS_OK) {
            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                           "lost: no memory for a reply", 0, NULL);
            return NGX_ERROR;
        }

        data += used;
        len -= used;

        if (rc == NGX_REDIS_FRAME_AGAIN) {
            return NGX_OK;
        }

        reply = NULL;

        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK
            || reply == NULL)
        {
            ngx_redis_fail(redis, NGX_REDIS_PROTOCOL,
                           "sent a reply that hiredis refused", 0, NULL);
            return NGX_ERROR;
        }

        if (ngx_redis_reply(redis, reply) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_redis_expecting(ngx_redis_t *redis)
{
    if (redis->state == NGX_REDIS_HANDSHAKING) {
        return redis->hello_sent > 0;
    }

    return redis->nslots > 0
           && redis->slots[redis->head].start < redis->sent;
}


static ngx_int_t
ngx_redis_reply(ngx_redis_t *redis, redisReply *reply)
{
    ngx_int_t          rc;
    ngx_redis_slot_t  *slot;

    if (redis->state == NGX_REDIS_HANDSHAKING) {
        rc = ngx_redis_handshake_reply(redis, reply);
        ngx_redis_object_reset(redis);
        return rc;
    }

    slot = &redis->slots[redis->head];

    if (slot->batch != NULL) {
        slot->batch->replies[slot->nreplies] = reply;
    }

    if (++slot->nreplies == slot->ncommands) {
        ngx_redis_slot_done(redis, NGX_REDIS_OK);
    }

    return NGX_OK;
}
