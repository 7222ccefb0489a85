/*
 * What the files of the Redis client share.  The way of a batch:
 *
 *   ngx_redis.c             takes it, queues its bytes, gives its slot back
 *   ngx_redis_template.c    those bytes: what hiredis formatted, the key put in
 *   ngx_redis_connection.c  connects, writes, times out, closes, tries again
 *   ngx_redis_handshake.c   who we are, and which database
 *   ngx_redis_reply.c       reads, checks the framing, hands replies out
 *   ngx_redis_object.c      the memory those replies are in
 *   ngx_redis_log.c         says once that the server is gone, and back
 *
 * Redis answers in the order it was asked, so the slots are a ring: the reply
 * that comes next belongs to the slot at its head.  A cancelled batch leaves
 * its slot behind, without a batch, to swallow its replies.  Any doubt about
 * who a reply belongs to closes the connection.
 */
#ifndef NGX_REDIS_INTERNAL_H
#define NGX_REDIS_INTERNAL_H

#include "ngx_redis.h"
#include "ngx_redis_frame.h"


#define NGX_REDIS_INPUT       16384   /* bytes read at a time */
#define NGX_REDIS_OUTPUT      16384   /* first size of the output buffer */
#define NGX_REDIS_HANDSHAKE   3       /* AUTH, SELECT, PING */
#define NGX_REDIS_LOG_PERIOD  10      /* s between two lines of one failure */


typedef enum {
    NGX_REDIS_CLOSED = 0,   /* waits for the retry timer */
    NGX_REDIS_CONNECTING,
    NGX_REDIS_HANDSHAKING,
    NGX_REDIS_READY
} ngx_redis_state_e;


typedef struct {
    ngx_redis_batch_t    *batch;       /* NULL: cancelled */
    ngx_uint_t            ncommands;
    ngx_uint_t            nreplies;
    uint64_t              start;       /* offset in the output since connect */
    ngx_msec_t            deadline;    /* set when it is written */
    unsigned              due:1;       /* not written yet */
} ngx_redis_slot_t;


struct ngx_redis_s {
    ngx_redis_conf_t     *conf;
    ngx_pool_t           *pool;
    ngx_log_t            *log;

    /* event ident must be after 3 pointers as in ngx_connection_t */
    ngx_int_t             ident;

    ngx_redis_state_e     state;
    ngx_connection_t     *connection;
    ngx_log_t             connect_log; /* keeps nginx from logging each try */

    ngx_uint_t            addr;        /* of conf->addrs, the one in use */
    ngx_uint_t            attempts;    /* failed in a row */
    ngx_msec_t            started;     /* of the present connection */
    unsigned              first:1;     /* the very first connect is under way */

    ngx_event_t           timer;       /* connect, then command timeout */
    ngx_event_t           retry;
    ngx_event_t           flush;       /* posted: end of the turn */

    ngx_str_t             hello;       /* the handshake's commands */
    const char           *hello_refused[NGX_REDIS_HANDSHAKE];
    ngx_uint_t            nhello;
    ngx_uint_t            hello_replies;   /* that came */
    size_t                hello_sent;

    u_char               *out;         /* bytes [out_pos, out_last) are due */
    size_t                out_pos;
    size_t                out_last;
    size_t                out_size;
    uint64_t              queued;      /* bytes since connect */
    uint64_t              sent;

    ngx_redis_slot_t     *slots;       /* ring of conf->max_pending */
    ngx_uint_t            head;
    ngx_uint_t            nslots;

    u_char               *in;
    ngx_redis_frame_t     frame;
    redisReader          *reader;
    ngx_pool_t           *objects;     /* the replies of the slot at head */

    const char           *last_failure;
    time_t                logged;
    ngx_uint_t            unlogged;
    unsigned              announced:1; /* as down: its return will be, too */
};


/* ngx_redis.c */

/* Takes the slot at the head away and calls its batch. */
void ngx_redis_slot_done(ngx_redis_t *redis, ngx_redis_status_e status);


/* ngx_redis_connection.c */

ngx_int_t ngx_redis_connection_init(ngx_redis_t *redis);
void ngx_redis_connect(ngx_redis_t *redis);
void ngx_redis_close(ngx_redis_t *redis);

/* The one way a connection is given up: logs, closes, schedules the next try,
 * and calls every batch with status.  why: a literal; quote: what the server
 * said, or NULL. */
void ngx_redis_fail(ngx_redis_t *redis, ngx_redis_status_e status,
    const char *why, ngx_err_t err, ngx_str_t *quote);

void ngx_redis_write_handler(ngx_event_t *wev);


/* ngx_redis_handshake.c */

ngx_int_t ngx_redis_handshake_init(ngx_redis_t *redis);
/* NGX_ERROR: the connection is gone. */
ngx_int_t ngx_redis_handshake_reply(ngx_redis_t *redis, redisReply *reply);


/* ngx_redis_object.c */

/* A reader whose replies are good until the next reset. */
redisReader *ngx_redis_object_reader(ngx_redis_t *redis);
void ngx_redis_object_reset(ngx_redis_t *redis);
void ngx_redis_object_destroy(ngx_redis_t *redis);


/* ngx_redis_reply.c */

ngx_int_t ngx_redis_reader_init(ngx_redis_t *redis);
void ngx_redis_read_handler(ngx_event_t *rev);


/* ngx_redis_log.c */

void ngx_redis_log_failure(ngx_redis_t *redis, const char *why, ngx_err_t err,
    ngx_str_t *quote);
void ngx_redis_log_return(ngx_redis_t *redis);

#endif
