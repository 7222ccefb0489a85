/*
 * A Redis client inside the nginx event loop: hiredis' reader and formatter
 * over ngx_connection_t.  One client is one connection of one worker; it
 * reconnects by itself.  Nothing here blocks, and every batch that was
 * accepted gets its handler called exactly once, unless it is cancelled.
 */
#ifndef NGX_REDIS_H
#define NGX_REDIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <hiredis/hiredis.h>

#include "ngx_redis_template.h"


#define NGX_REDIS_CONNECT_TIMEOUT  50         /* ms */
#define NGX_REDIS_COMMAND_TIMEOUT  50         /* ms */
#define NGX_REDIS_MAX_REPLY        (1 << 20)  /* bytes of one reply */
#define NGX_REDIS_MAX_PENDING      4096       /* batches in flight or queued */
#define NGX_REDIS_MAX_COMMANDS     16         /* of one batch */
#define NGX_REDIS_TIMEOUT_MAX      10000      /* ms: mail waits no longer */
#define NGX_REDIS_BACKOFF_MIN      50         /* ms, doubled at each failure */
#define NGX_REDIS_BACKOFF_MAX      2000       /* ms, with jitter of +-25 % */


typedef enum {
    NGX_REDIS_OK = 0,        /* every command has its reply; an error reply
                                is a reply (REDIS_REPLY_ERROR) */
    NGX_REDIS_UNAVAILABLE,   /* not connected, or the connection was lost */
    NGX_REDIS_TIMEOUT,
    NGX_REDIS_PROTOCOL,      /* malformed, oversized or unexpected reply */
    NGX_REDIS_OVERLOADED     /* MAX_PENDING reached */
} ngx_redis_status_e;


/* NGX_REDIS_OK: the connection is ready; else why it was given up, or why a try
 * failed. */
typedef void (*ngx_redis_notify_pt)(ngx_redis_status_e status);

typedef struct {
    ngx_str_t            name;      /* as configured, for log lines */
    ngx_addr_t          *addrs;     /* resolved at configuration time; tried
                                       in turn */
    ngx_uint_t           naddrs;
    ngx_str_t            user;      /* ACL user; empty: none */
    ngx_str_t            password;  /* from a file, never from nginx.conf;
                                       empty: no AUTH */
    ngx_uint_t           db;
    ngx_msec_t           connect_timeout;
    ngx_msec_t           command_timeout;
    size_t               max_reply;
    ngx_uint_t           max_pending;
    ngx_redis_notify_pt  notify;    /* NULL: nobody wants to know */
} ngx_redis_conf_t;

typedef struct ngx_redis_s        ngx_redis_t;
typedef struct ngx_redis_batch_s  ngx_redis_batch_t;

typedef void (*ngx_redis_handler_pt)(ngx_redis_batch_t *batch);

/* Lives in the caller's memory until its handler was called or it was
 * cancelled. */
struct ngx_redis_batch_s {
    ngx_redis_handler_pt  handler;
    void                 *data;
    ngx_uint_t            ncommands;   /* set by ngx_redis_send() */
    ngx_redis_status_e    status;
    redisReply           *replies[NGX_REDIS_MAX_COMMANDS];
                                       /* status OK: one each, good until
                                          the handler returns */
    /* private */
    ngx_redis_t          *redis;
    ngx_uint_t            slot;        /* of redis->slots, while pending */
    unsigned              pending:1;
};

/* A prepared command and the argument that varies; both are borrowed until
 * ngx_redis_send() returns. */
typedef struct {
    const ngx_redis_template_t  *template;
    const char                  *arg;
    size_t                       len;
} ngx_redis_command_t;


/* conf is borrowed for the client's life.  Connects at once, in the
 * background.  Call in a worker only.  NULL: no memory. */
ngx_redis_t *ngx_redis_create(ngx_redis_conf_t *conf, ngx_pool_t *pool,
    ngx_log_t *log);

/* For a process that ends: closes for good, and calls nobody.  What is queued
 * is offered to the socket once, without waiting. */
void ngx_redis_destroy(ngx_redis_t *redis);

/*
 * Queues the commands; all that is queued in one turn of the event loop leaves
 * in one write.  batch->handler and ->data are set by the caller.  NGX_OK: the
 * handler will be called, never from inside this function.  NGX_ERROR:
 * batch->status says why, the handler will not be called.
 */
ngx_int_t ngx_redis_send(ngx_redis_t *redis, ngx_redis_batch_t *batch,
    const ngx_redis_command_t *commands, ngx_uint_t n);

/* The handler will not be called; replies on their way are read and dropped. */
void ngx_redis_cancel(ngx_redis_batch_t *batch);


/* Before the first argument: everything unset. */
void ngx_redis_conf_init(ngx_redis_conf_t *conf);

/* Configuration: parses one argument of compliance_redis ("unix:PATH",
 * "HOST:PORT", "user=", "password_file=", "db=", "connect_timeout=",
 * "timeout=") and logs what is wrong with it; arg is taken apart.  Host names
 * are resolved here, at configuration time, never in a worker. */
char *ngx_redis_conf_argument(ngx_conf_t *cf, ngx_redis_conf_t *conf,
    ngx_str_t *arg);
/* After the last argument: defaults, and what is missing. */
char *ngx_redis_conf_finish(ngx_conf_t *cf, ngx_redis_conf_t *conf);

#endif
