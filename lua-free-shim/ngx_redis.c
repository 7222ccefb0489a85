/*
 * The client's life, and its batches: taking them, giving their slots back,
 * cancelling them.  What is queued is written at the end of the event loop's
 * turn by ngx_redis_connection.c.
 */
#include "ngx_redis.h"
#include "ngx_redis_internal.h"


static ngx_int_t ngx_redis_append(ngx_redis_t *redis,
    const ngx_redis_command_t *command);
static ngx_int_t ngx_redis_reserve(ngx_redis_t *redis, size_t len);


ngx_redis_t *
ngx_redis_create(ngx_redis_conf_t *conf, ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_redis_t  *redis;

    redis = ngx_pcalloc(pool, sizeof(ngx_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->pool = pool;
    redis->log = log;
    redis->ident = -1;

    redis->slots = ngx_pcalloc(pool,
                               conf->max_pending * sizeof(ngx_redis_slot_t));
    redis->in = ngx_pnalloc(pool, NGX_REDIS_INPUT);

    if (redis->slots == NULL || redis->in == NULL
        || ngx_redis_handshake_init(redis) != NGX_OK
        || ngx_redis_connection_init(redis) != NGX_OK)
    {
        return NULL;
    }

    redis->first = 1;

    ngx_redis_connect(redis);

    return redis;
}


void
ngx_redis_destroy(ngx_redis_t *redis)
{
    ngx_uint_t         i;
    ngx_redis_slot_t  *slot;

    if (redis->state == NGX_REDIS_READY && redis->out_pos < redis->out_last) {
        (void) redis->connection->send(redis->connection,
                                       redis->out + redis->out_pos,
                                       redis->out_last - redis->out_pos);
    }

    ngx_redis_close(redis);

    redis->first = 0;

    if (redis->retry.timer_set) {
        ngx_del_timer(&redis->retry);
    }

    for (i = 0; i < redis->nslots; i++) {
        slot = &redis->slots[(redis->head + i) % redis->conf->max_pending];

        if (slot->batch != NULL) {
            ngx_redis_cancel(slot->batch);
        }
    }

    redis->nslots = 0;
}


ngx_int_t
ngx_redis_send(ngx_redis_t *redis, ngx_redis_batch_t *batch,
    const ngx_redis_command_t *commands, ngx_uint_t n)
{
    size_t             due;
    ngx_uint_t         i;
    ngx_redis_slot_t  *slot;

    batch->redis = redis;
    batch->ncommands = n;
    batch->pending = 0;
    batch->status = NGX_REDIS_UNAVAILABLE;
    ngx_memzero(batch->replies, sizeof(batch->replies));

    if (redis->state != NGX_REDIS_READY && !redis->first) {
        return NGX_ERROR;
    }

    if (n == 0 || n > NGX_REDIS_MAX_COMMANDS) {
        ngx_log_error(NGX_LOG_CRIT, redis->log, 0,
                      "redis \"%V\": a batch of %ui commands was refused",
                      &redis->conf->name, n);
        return NGX_ERROR;
    }

    if (redis->nslots == redis->conf->max_pending) {
        batch->status = NGX_REDIS_OVERLOADED;
        return NGX_ERROR;
    }

    due = redis->out_last - redis->out_pos;

    for (i = 0; i < n; i++) {
        if (ngx_redis_append(redis, &commands[i]) != NGX_OK) {
            redis->out_last = redis->out_pos + due;
            return NGX_ERROR;
        }
    }

    batch->slot = (redis->head + redis->nslots) % redis->conf->max_pending;
    batch->pending = 1;
    batch->status = NGX_REDIS_OK;

    slot = &redis->slots[batch->slot];
    slot->batch = batch;
    slot->ncommands = n;
    slot->nreplies = 0;
    slot->start = redis->queued;
    slot->due = 1;

    redis->nslots++;
    redis->queued += redis->out_last - redis->out_pos - due;

    if (redis->state == NGX_REDIS_READY) {
        ngx_post_event(&redis->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


void
ngx_redis_cancel(ngx_redis_batch_t *batch)
{
    if (!batch->pending) {
        return;
    }

    batch->pending = 0;
    batch->redis->slots[batch->slot].batch = NULL;

    ngx_memzero(batch->replies, sizeof(batch->replies));
}


void
ngx_redis_slot_done(ngx_redis_t *redis, ngx_redis_status_e status)
{
    ngx_redis_slot_t   *slot;
    ngx_redis_batch_t  *batch;

    slot = &redis->slots[redis->head];
    batch = slot->batch;

    slot->batch = NULL;

    redis->head = (redis->head + 1) % redis->conf->max_pending;
    redis->nslots--;

    if (batch == NULL) {
        ngx_redis_object_reset(redis);
        return;
    }

    if (status != NGX_REDIS_OK) {
        ngx_memzero(batch->replies, sizeof(batch->replies));
    }

    batch->pending = 0;
    batch->status = status;
    batch->handler(batch);

    ngx_redis_object_reset(redis);
}


static ngx_int_t
ngx_redis_append(ngx_redis_t *redis, const ngx_redis_command_t *command)
{
    size_t  size;

    size = ngx_redis_template_size(command->template, command->len);

    if (ngx_redis_reserve(redis, size) != NGX_OK) {
        return NGX_ERROR;
    }

    redis->out_last += ngx_redis_template_write(command->template,
                                                command->arg, command->len,
                                                (char *) redis->out
                                                + redis->out_last);

    return NGX_OK;
}


static ngx_int_t
ngx_redis_reserve(ngx_redis_t *redis, size_t len)
{
    u_char  *out;
    size_t   due, size;

    if (len <= redis->out_size - redis->out_last) {
        return NGX_OK;
    }

    due = redis->out_last - redis->out_pos;

    size = redis->out_size ? redis->out_size : NGX_REDIS_OUTPUT;

    while (size - due < len) {
        size *= 2;
    }

    out = ngx_alloc(size, redis->log);
    if (out == NULL) {
        return NGX_ERROR;
    }

    if (redis->out != NULL) {
        ngx_memcpy(out, redis->out + redis->out_pos, due);
        ngx_free(redis->out);
    }

    redis->out = out;
    redis->out_size = size;
    redis->out_pos = 0;
    redis->out_last = due;

    return NGX_OK;
}
