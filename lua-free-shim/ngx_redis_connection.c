/*
 * The connection: opened in the background, written once a turn, given up as a
 * whole at the first timeout (a late reply would answer the next question),
 * and tried again with backoff and jitter.
 *
 * The command timer is not cancelable: it holds a worker that is shutting down
 * for one timeout at most, and so lets the lookups in flight end.  The retry
 * timer is cancelable, and nothing waits for it.
 */
#include "ngx_redis.h"
#include "ngx_redis_internal.h"

#include <ngx_event_connect.h>


static void ngx_redis_hello(ngx_redis_t *redis);
static void ngx_redis_write(ngx_redis_t *redis);
static void ngx_redis_set_deadlines(ngx_redis_t *redis);
static void ngx_redis_schedule_retry(ngx_redis_t *redis);
static void ngx_redis_flush_handler(ngx_event_t *ev);
static void ngx_redis_timer_handler(ngx_event_t *ev);
static void ngx_redis_retry_handler(ngx_event_t *ev);
static ngx_int_t ngx_redis_connect_result(ngx_connection_t *c);


ngx_int_t
ngx_redis_connection_init(ngx_redis_t *redis)
{
    /* each try that fails is logged by ngx_redis_log.c, or counted */

    redis->connect_log = *redis->log;
    redis->connect_log.log_level = NGX_LOG_ALERT;

    redis->timer.handler = ngx_redis_timer_handler;
    redis->timer.data = redis;
    redis->timer.log = redis->log;

    redis->retry.handler = ngx_redis_retry_handler;
    redis->retry.data = redis;
    redis->retry.log = redis->log;
    redis->retry.cancelable = 1;

    redis->flush.handler = ngx_redis_flush_handler;
    redis->flush.data = redis;
    redis->flush.log = redis->log;

    return redis->conf->naddrs ? NGX_OK : NGX_ERROR;
}


void
ngx_redis_connect(ngx_redis_t *redis)
{
    ngx_int_t               rc;
    ngx_addr_t             *addr;
    ngx_connection_t       *c;
    ngx_peer_connection_t   peer;

    addr = &redis->conf->addrs[redis->addr];

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));

    peer.sockaddr = addr->sockaddr;
    peer.socklen = addr->socklen;
    peer.name = &addr->name;
    peer.get = ngx_event_get_peer;
    peer.log = &redis->connect_log;
    peer.log_error = NGX_ERROR_ERR;

    redis->state = NGX_REDIS_CONNECTING;
    redis->started = ngx_current_msec;
    redis->hello_sent = 0;
    redis->hello_replies = 0;

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(&peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE, "cannot be connected to",
                       ngx_errno, NULL);
        return;
    }

    c = peer.connection;
    c->data = redis;
    c->read->handler = ngx_redis_read_handler;
    c->write->handler = ngx_redis_write_handler;

    redis->connection = c;

    if (ngx_redis_reader_init(redis) != NGX_OK) {
        ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                       "cannot be connected to: no memory", 0, NULL);
        return;
    }

    if (addr->sockaddr->sa_family != AF_UNIX && ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                       "cannot be connected to: no TCP_NODELAY", 0, NULL);
        return;
    }

    ngx_add_timer(&redis->timer, redis->conf->connect_timeout);

    if (rc == NGX_OK) {
        redis->state = NGX_REDIS_HANDSHAKING;
        ngx_redis_hello(redis);
    }
}


void
ngx_redis_write_handler(ngx_event_t *wev)
{
    ngx_int_t          err;
    ngx_redis_t       *redis;
    ngx_connection_t  *c;

    c = wev->data;
    redis = c->data;

    switch (redis->state) {

    case NGX_REDIS_CLOSED:
        return;

    case NGX_REDIS_CONNECTING:
        err = ngx_redis_connect_result(c);

        if (err) {
            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                           "cannot be connected to", (ngx_err_t) err, NULL);
            return;
        }

        redis->state = NGX_REDIS_HANDSHAKING;
        ngx_redis_hello(redis);
        return;

    case NGX_REDIS_HANDSHAKING:
        ngx_redis_hello(redis);
        return;

    case NGX_REDIS_READY:
        ngx_redis_write(redis);
        return;
    }
}


/* 0, or the errno that a non-blocking connect() ended with. */

static ngx_int_t
ngx_redis_connect_result(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


static void
ngx_redis_hello(ngx_redis_t *redis)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = redis->connection;

    while (redis->hello_sent < redis->hello.len) {

        n = c->send(c, redis->hello.data + redis->hello_sent,
                    redis->hello.len - redis->hello_sent);

        if (n == NGX_ERROR) {
            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE, "lost: send() failed",
                           ngx_socket_errno, NULL);
            return;
        }

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        redis->hello_sent += (size_t) n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE, "lost: no event", 0,
                       NULL);
    }
}


static void
ngx_redis_flush_handler(ngx_event_t *ev)
{
    ngx_redis_t  *redis;

    redis = ev->data;

    if (redis->state == NGX_REDIS_READY) {
        ngx_redis_set_deadlines(redis);
        ngx_redis_write(redis);
    }
}


/* A batch's time begins when it is written, by a clock that is not the one of
 * the turn's beginning: a turn that took long must not look like a slow
 * server. */

static void
ngx_redis_set_deadlines(ngx_redis_t *redis)
{
    ngx_uint_t         i;
    ngx_redis_slot_t  *slot;

    ngx_time_update();

    for (i = redis->nslots; i > 0; i--) {
        slot = &redis->slots[(redis->head + i - 1) % redis->conf->max_pending];

        if (!slot->due) {
            break;
        }

        slot->due = 0;
        slot->deadline = ngx_current_msec + redis->conf->command_timeout;
    }

    if (redis->nslots && !redis->timer.timer_set) {
        ngx_add_timer(&redis->timer, redis->conf->command_timeout);
    }
}


static void
ngx_redis_write(ngx_redis_t *redis)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = redis->connection;

    while (redis->out_pos < redis->out_last) {

        n = c->send(c, redis->out + redis->out_pos,
                    redis->out_last - redis->out_pos);

        if (n == NGX_ERROR) {
            ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE, "lost: send() failed",
                           ngx_socket_errno, NULL);
            return;
        }

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        redis->out_pos += (size_t) n;
        redis->sent += (size_t) n;
    }

    if (redis->out_pos == redis->out_last) {
        redis->out_pos = 0;
        redis->out_last = 0;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_redis_fail(redis, NGX_REDIS_UNAVAILABLE,
                       "lost: no event for writing", 0, NULL);
    }
}


static void
ngx_redis_timer_handler(ngx_event_t *ev)
{
    ngx_redis_t       *redis;
    ngx_redis_slot_t  *slot;

    redis = ev->data;

    if (redis->state == NGX_REDIS_CONNECTING) {
        ngx_redis_fail(redis, NGX_REDIS_TIMEOUT, "timed out while connecting",
                       0, NULL);
        return;
    }

    /* it may have answered, and this worker not have come to read it */

    ngx_redis_read_handler(redis->connection->read);

    if (redis->state == NGX_REDIS_HANDSHAKING) {
        ngx_redis_fail(redis, NGX_REDIS_TIMEOUT,
                       "timed out in the handshake", 0, NULL);
        return;
    }

    if (redis->state != NGX_REDIS_READY || redis->nslots == 0) {
        return;
    }

    /* the timer is not moved by replies: the batch it was set for is likely
     * answered, and another one is at the head */

    slot = &redis->slots[redis->head];

    if (!slot->due
        && (ngx_msec_int_t) (slot->deadline - ngx_current_msec) <= 0)
    {
        ngx_redis_fail(redis, NGX_REDIS_TIMEOUT, "timed out", 0, NULL);
        return;
    }

    /* the read above may have set it again */

    if (!slot->due && !redis->timer.timer_set) {
        ngx_add_timer(&redis->timer, slot->deadline - ngx_current_msec);
    }
}


static void
ngx_redis_retry_handler(ngx_event_t *ev)
{
    ngx_redis_connect(ev->data);
}


void
ngx_redis_fail(ngx_redis_t *redis, ngx_redis_status_e status, const char *why,
    ngx_err_t err, ngx_str_t *quote)
{
    ngx_redis_log_failure(redis, why, err, quote);

    if (redis->conf->notify != NULL) {
        redis->conf->notify(status);
    }

    /* A connection that held for a while was a good one; one that did not,
     * whatever it answered, must not be tried in a hot loop. */

    if (redis->state == NGX_REDIS_READY
        && ngx_current_msec - redis->started > NGX_REDIS_BACKOFF_MAX)
    {
        redis->attempts = 0;

    } else {
        redis->addr = (redis->addr + 1) % redis->conf->naddrs;
    }

    redis->first = 0;

    ngx_redis_close(redis);
    ngx_redis_schedule_retry(redis);

    /* no batch is taken while the connection is closed, so this ends */

    while (redis->nslots) {
        ngx_redis_slot_done(redis, status);
    }
}


static void
ngx_redis_schedule_retry(ngx_redis_t *redis)
{
    ngx_msec_t  delay;

    delay = NGX_REDIS_BACKOFF_MAX;

    if (redis->attempts < 8) {
        delay = ngx_min((ngx_msec_t) NGX_REDIS_BACKOFF_MIN << redis->attempts,
                        NGX_REDIS_BACKOFF_MAX);
        redis->attempts++;
    }

    delay = delay * 3 / 4 + (ngx_msec_t) ngx_random() % (delay / 2 + 1);

    ngx_add_timer(&redis->retry, delay);
}


void
ngx_redis_close(ngx_redis_t *redis)
{
    redis->state = NGX_REDIS_CLOSED;

    if (redis->timer.timer_set) {
        ngx_del_timer(&redis->timer);
    }

    if (redis->flush.posted) {
        ngx_delete_posted_event(&redis->flush);
    }

    if (redis->connection != NULL) {
        ngx_close_connection(redis->connection);
        redis->connection = NULL;
    }

    if (redis->reader != NULL) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }

    ngx_redis_object_destroy(redis);

    if (redis->out != NULL) {
        ngx_free(redis->out);
        redis->out = NULL;
    }

    redis->out_size = 0;
    redis->out_pos = 0;
    redis->out_last = 0;
    redis->queued = 0;
    redis->sent = 0;
}
