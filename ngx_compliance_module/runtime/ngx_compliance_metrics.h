/*
 * Counters in shared memory, for compliance_metrics and compliance_status.
 * One addition each, by an atomic instruction on the one place that all
 * workers share: nothing is summed up later, so a total is exact whatever
 * becomes of a worker, and goes on across reloads.  What a worker is in (its
 * connection, its queue) stands in a slot of its own, which counts only while
 * that process lives.
 */
#ifndef NGX_COMPLIANCE_METRICS_H
#define NGX_COMPLIANCE_METRICS_H

#include "ngx_compliance.h"


/* In the order of the table of names in ngx_compliance_metrics_text.c. */
typedef enum {
    NGX_COMPLIANCE_METRIC_BREAK_GLASS = 0,
    NGX_COMPLIANCE_METRIC_LOOKUPS,           /* checks that asked the store */
    NGX_COMPLIANCE_METRIC_RECONNECTS,
    NGX_COMPLIANCE_METRIC_AUDIT_SENT,        /* acknowledged */
    NGX_COMPLIANCE_METRIC_AUDIT_DROPPED,
    NGX_COMPLIANCE_METRIC_SEEN_DROPPED,
    NGX_COMPLIANCE_METRIC_CACHE_HITS,
    NGX_COMPLIANCE_METRIC_CACHE_MISSES,
    NGX_COMPLIANCE_METRIC_CACHE_STALE,       /* served past an outage */
    NGX_COMPLIANCE_METRIC_SESSIONS_CUT,
    NGX_COMPLIANCE_METRIC_INVALIDATIONS,
    NGX_COMPLIANCE_METRICS
} ngx_compliance_metric_e;

typedef enum {
    NGX_COMPLIANCE_HISTOGRAM_LOOKUP = 0,
    NGX_COMPLIANCE_HISTOGRAM_REVOCATION,     /* invalidation to session cut */
    NGX_COMPLIANCE_HISTOGRAMS
} ngx_compliance_histogram_e;

/* What a worker is in. */
typedef enum {
    NGX_COMPLIANCE_GAUGE_REDIS = 0,          /* 1: connected for lookups */
    NGX_COMPLIANCE_GAUGE_AUDIT_QUEUE,        /* records that wait */
    NGX_COMPLIANCE_GAUGE_SESSIONS,           /* live ones */
    NGX_COMPLIANCE_GAUGE_INVALIDATION,       /* 1: the channel is up; not told
                                                until it was set once */
    NGX_COMPLIANCE_GAUGES
} ngx_compliance_gauge_e;

/* Failures of the store: of a connection, then by the first word of an error
 * reply.  In the order of ngx_compliance_metric_errors[]. */
typedef enum {
    NGX_COMPLIANCE_ERROR_UNAVAILABLE = 0,    /* as ngx_redis_status_e - 1 */
    NGX_COMPLIANCE_ERROR_TIMEOUT,
    NGX_COMPLIANCE_ERROR_PROTOCOL,
    NGX_COMPLIANCE_ERROR_OVERLOADED,
    NGX_COMPLIANCE_ERROR_REPLY,              /* of a wrong type or length */
    NGX_COMPLIANCE_ERROR_REPLIES,            /* error replies from here on */
    NGX_COMPLIANCE_ERRORS = NGX_COMPLIANCE_ERROR_REPLIES + 14
} ngx_compliance_error_e;

extern const char *const  ngx_compliance_metric_errors[];


#define NGX_COMPLIANCE_VERDICTS        (COMPLIANCE_TEMPFAIL + 1)
#define NGX_COMPLIANCE_MODES           2     /* enforced, would_block */
#define NGX_COMPLIANCE_METRIC_GROUPS   129   /* the first one is "other" */
#define NGX_COMPLIANCE_BUCKETS         15    /* the last one has no bound */

/* Upper bounds, microseconds. */
extern const uint64_t  ngx_compliance_metric_buckets[];


typedef struct {
    ngx_atomic_t   n[NGX_COMPLIANCE_VERDICTS][NGX_COMPLIANCE_MODES];
    char           name[COMPLIANCE_GROUP_NAME_MAX + 1];
} ngx_compliance_metric_group_t;

typedef struct {
    ngx_atomic_t   buckets[NGX_COMPLIANCE_BUCKETS];   /* not cumulated */
    ngx_atomic_t   sum;                               /* microseconds */
} ngx_compliance_metric_histogram_t;

/* One cache line, written by one process: gauges alone. */
typedef struct {
    ngx_atomic_t   pid;           /* 0: nobody's */
    ngx_atomic_t   gauges[NGX_COMPLIANCE_GAUGES];   /* 0: not set; value + 1 */
    u_char         padding[64 - sizeof(ngx_atomic_t)
                              * (1 + NGX_COMPLIANCE_GAUGES)];
} ngx_compliance_metric_worker_t;

typedef struct {
    uint32_t                           layout;
    time_t                             since;      /* of all counters */
    ngx_atomic_t                       totals[NGX_COMPLIANCE_METRICS];
    ngx_atomic_t                       tempfails[NGX_COMPLIANCE_ERRORS + 1];
    ngx_atomic_t                       errors[NGX_COMPLIANCE_ERRORS];
    ngx_atomic_t                       decisions[NGX_COMPLIANCE_MODES]
                                                [NGX_COMPLIANCE_VERDICTS]
                                                [COMPLIANCE_REASONS]
                                                [COMPLIANCE_PROTOCOLS];
    ngx_compliance_metric_histogram_t  histograms[NGX_COMPLIANCE_HISTOGRAMS];
    ngx_atomic_t                       ngroups;
    ngx_compliance_metric_group_t      groups[NGX_COMPLIANCE_METRIC_GROUPS];
    ngx_compliance_metric_worker_t     workers[NGX_MAX_PROCESSES];
} ngx_compliance_metrics_t;


/* The zone: added wherever compliance_redis is. */
ngx_shm_zone_t *ngx_compliance_metrics_add_zone(ngx_conf_t *cf);
/* In a worker, before anything is counted; until then, and where there is no
 * zone, all that follows does nothing. */
void ngx_compliance_metrics_start(ngx_shm_zone_t *zone);
void ngx_compliance_metrics_stop(void);
/* NULL: there is none. */
ngx_compliance_metrics_t *ngx_compliance_metrics(void);
/* Does that worker live? */
ngx_uint_t ngx_compliance_metrics_lives(
    ngx_compliance_metric_worker_t *worker);

void ngx_compliance_metric_add(ngx_compliance_metric_e metric, ngx_uint_t n);
void ngx_compliance_metric_observe(ngx_compliance_histogram_e histogram,
    uint64_t usec);
void ngx_compliance_metric_gauge(ngx_compliance_gauge_e gauge, ngx_uint_t value);

/* A monotonic clock, microseconds: finer than ngx_current_msec, and a call:
 * only where a lookup is made. */
uint64_t ngx_compliance_metric_clock(void);

/* An access that was decided.  failure: of the store, for a temporary failure;
 * NGX_COMPLIANCE_ERRORS: another one. */
void ngx_compliance_metric_decision(const ngx_compliance_check_t *check,
    ngx_uint_t failure);

/* NGX_REDIS_OK: the connection for lookups is ready; else why it is not. */
void ngx_compliance_metric_redis(ngx_redis_status_e status);
/* A reply that was no answer; NULL: of the wrong type or length. */
void ngx_compliance_metric_refused(const char *error, size_t len);

/* As Prometheus reads it, from pool: NGX_ERROR: no memory. */
ngx_int_t ngx_compliance_metrics_text(ngx_pool_t *pool, ngx_str_t *text);

#endif
