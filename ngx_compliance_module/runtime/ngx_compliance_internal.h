/*
 * What the files of the runtime share.  The way of a check:
 *
 *   ngx_compliance_check.c     lookup in rounds, decide, tell the caller
 *   ngx_compliance_snapshot.c  groups and break-glass names, read once a turn
 *   ngx_compliance_candidate.c what a candidate set would decide instead
 *   ngx_compliance_audit.c     the record, through a bounded queue
 *   ngx_compliance_seen.c      the count, where there is no record
 *   ngx_compliance_throttle.c  counters in the shared zone
 *   ngx_compliance_metrics.c   what all of it counts, for monitoring
 *
 * ngx_compliance_module.c starts and ends all of it in each worker.
 */
#ifndef NGX_COMPLIANCE_INTERNAL_H
#define NGX_COMPLIANCE_INTERNAL_H

#include "ngx_compliance.h"
#include "ngx_compliance_metrics.h"


#define NGX_COMPLIANCE_ZONE_SIZE   1048576
#define NGX_COMPLIANCE_LOG_PERIOD  10    /* s between two lines of one kind */


/* One per worker process; redis is NULL wherever nothing may be asked: before
 * init_process, in helper processes, without compliance_redis. */
typedef struct {
    ngx_compliance_conf_t  *conf;
    ngx_redis_t            *redis;
    compliance_str_t        prefix;
} ngx_compliance_worker_t;

extern ngx_compliance_worker_t  ngx_compliance_worker;


/* ngx_compliance_conf.c: the directives that take more than a slot */

char *ngx_compliance_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_prefix(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_node(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_portal_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_interval(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_compliance_conf_number(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* The host's name, with what no key may hold replaced. */
ngx_int_t ngx_compliance_conf_default_node(ngx_cycle_t *cycle,
    ngx_str_t *node);


/* ngx_compliance_zone.c */

ngx_shm_zone_t *ngx_compliance_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size);

/* The memory that workers share.  Every slot is written by one compare and
 * swap: a worker that is killed leaves nothing half-done and no lock. */
typedef struct {
    uint32_t   layout;
    uint32_t   nslots;      /* a power of two */
    uint32_t   schema_seen; /* the store was once more than a fresh one */
    u_char     key[16];     /* of the SipHash: clients must not aim at a slot */
    uint64_t   slots[1];
} ngx_compliance_zone_t;

/* NULL where there is none. */
ngx_compliance_zone_t *ngx_compliance_zone(void);


/* ngx_compliance_store.c: replies -> values, and what is said of bad ones */

/* Logs an error reply, or another type than was asked for. */
void ngx_compliance_store_refused(redisReply *reply, const char *what);

/* n values out of an array, or one out of a string; anything else is
 * NGX_ERROR, and logged.  what: the key, for the log. */
ngx_int_t ngx_compliance_store_values(redisReply *reply,
    compliance_value_t *values, size_t n, const char *what);
ngx_int_t ngx_compliance_store_value(redisReply *reply,
    compliance_value_t *value, const char *what);
/* HMGET of these fields; the key varies. */
ngx_int_t ngx_compliance_store_hmget(ngx_redis_template_t *command,
    const char *const *fields, size_t n);
/* An array of strings, of any length. */
ngx_int_t ngx_compliance_store_list(redisReply *reply, const char *what);


/* ngx_compliance_snapshot.c */

ngx_int_t ngx_compliance_snapshot_start(ngx_cycle_t *cycle);
/* Joins this turn's read: ngx_compliance_check_snapshot() will be called,
 * unless check->queue is removed.  NGX_ERROR: the store is not there. */
ngx_int_t ngx_compliance_snapshot_join(ngx_compliance_check_t *check);
/* How the store failed the last read that failed; OK: by a reply that was no
 * answer. */
ngx_redis_status_e ngx_compliance_snapshot_failure(void);
/* The last good one, whose `stale` is for the caller to set; NULL: there was
 * none. */
compliance_snapshot_t *ngx_compliance_snapshot(void);


/* ngx_compliance_check.c */

ngx_int_t ngx_compliance_check_start(void);
/* The read that check joined has ended. */
void ngx_compliance_check_snapshot(ngx_compliance_check_t *check,
    ngx_int_t rc);


/* ngx_compliance_details.c */

ngx_int_t ngx_compliance_details_start(void);


/* ngx_compliance_audit.c */

ngx_int_t ngx_compliance_audit_start(ngx_cycle_t *cycle);
void ngx_compliance_audit_stop(ngx_log_t *log);
void ngx_compliance_audit(const ngx_compliance_check_t *check);
/* The connection that never stands before a lookup; NULL: there is none. */
ngx_redis_t *ngx_compliance_audit_redis(void);


/* ngx_compliance_candidate.c: fills check->candidate; after the decision, and
 * only where the snapshot is fresh. */
void ngx_compliance_candidate(ngx_compliance_check_t *check);


/* ngx_compliance_seen.c */

ngx_int_t ngx_compliance_seen_start(ngx_cycle_t *cycle);
/* Before the audit's. */
void ngx_compliance_seen_stop(ngx_log_t *log);
/* Counts an access that was allowed and left no audit record. */
void ngx_compliance_seen(const ngx_compliance_check_t *check);

#endif
