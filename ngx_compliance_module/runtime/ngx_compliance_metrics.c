/*
 * The counters' zone and what is counted into it.  See the header for why a
 * total is one place that all workers add to: an addition is one instruction,
 * and a worker that is killed takes nothing with it.  Only a new group's row
 * is made under the zone's mutex, which the master unlocks for a dead worker;
 * a row counts once ngroups says so, so one that was half written is not.
 */
#include "ngx_compliance_internal.h"

#include <signal.h>
#include <time.h>


/* To be changed with every change of ngx_compliance_metrics_t, the enums that
 * size it included. */
#define NGX_COMPLIANCE_METRICS_LAYOUT  0x434d4501

#define NGX_COMPLIANCE_METRIC_ROWS     64   /* a power of two */


static ngx_int_t ngx_compliance_metrics_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_compliance_metric_group_t *ngx_compliance_metric_row(
    const char *name);
static ngx_compliance_metric_group_t *ngx_compliance_metric_new_row(
    const char *name);


const uint64_t  ngx_compliance_metric_buckets[NGX_COMPLIANCE_BUCKETS - 1] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
    500000, 1000000, 5000000
};

const char *const  ngx_compliance_metric_errors[NGX_COMPLIANCE_ERRORS + 1] = {
    "unavailable", "timeout", "protocol", "overloaded", "reply",
    "ERR", "LOADING", "MOVED", "ASK", "READONLY", "NOAUTH", "NOPERM", "OOM",
    "WRONGTYPE", "CLUSTERDOWN", "MASTERDOWN", "BUSY", "TRYAGAIN",
    "other", "none"
};

_Static_assert(sizeof(ngx_compliance_metric_worker_t) == 64,
               "a worker's slot is a cache line");


static struct {
    ngx_compliance_metrics_t        *zone;
    ngx_slab_pool_t                 *shpool;
    ngx_compliance_metric_worker_t  *worker;
    ngx_uint_t                       connected;   /* it was, once */
    /* where a group of that address had its row the last time */
    ngx_compliance_metric_group_t   *rows[NGX_COMPLIANCE_METRIC_ROWS];
} metrics;


ngx_shm_zone_t *
ngx_compliance_metrics_add_zone(ngx_conf_t *cf)
{
    size_t           size;
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    ngx_str_set(&name, "compliance_metrics");

    /* the slab pool's own needs: its head, and a word or two a page */

    size = ngx_align(sizeof(ngx_compliance_metrics_t), ngx_pagesize)
           + 16 * ngx_pagesize;

    shm_zone = ngx_shared_memory_add(cf, &name, size, &ngx_compliance_module);
    if (shm_zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_compliance_metrics_init;

    return shm_zone;
}


static ngx_int_t
ngx_compliance_metrics_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t           *shpool;
    ngx_compliance_metrics_t  *zone;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone = (data != NULL) ? data
                          : (shm_zone->shm.exists ? shpool->data : NULL);

    if (zone != NULL) {

        if (zone->layout != NGX_COMPLIANCE_METRICS_LAYOUT) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "the zone \"%V\" was made by another version of the "
                          "module: restart nginx", &shm_zone->shm.name);
            return NGX_ERROR;
        }

        shm_zone->data = zone;

        return NGX_OK;
    }

    zone = ngx_slab_calloc(shpool, sizeof(ngx_compliance_metrics_t));
    if (zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "the zone \"%V\" is too small", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) zone->groups[0].name, (u_char *) "other",
                       sizeof(zone->groups[0].name));

    zone->ngroups = 1;
    zone->since = ngx_time();
    zone->layout = NGX_COMPLIANCE_METRICS_LAYOUT;

    shpool->data = zone;
    shm_zone->data = zone;

    return NGX_OK;
}


void
ngx_compliance_metrics_start(ngx_shm_zone_t *zone)
{
    ngx_uint_t                       i;
    ngx_compliance_metric_worker_t  *worker;

    if (zone == NULL || zone->data == NULL) {
        return;
    }

    ngx_memzero(&metrics, sizeof(metrics));

    metrics.zone = zone->data;
    metrics.shpool = (ngx_slab_pool_t *) zone->shm.addr;

    /* the master gives no two living processes one slot */

    if (ngx_process_slot < 0 || ngx_process_slot >= NGX_MAX_PROCESSES) {
        return;
    }

    worker = &metrics.zone->workers[ngx_process_slot];
    worker->pid = 0;

    for (i = 0; i < NGX_COMPLIANCE_GAUGES; i++) {
        worker->gauges[i] = 0;
    }

    ngx_memory_barrier();

    worker->pid = (ngx_atomic_uint_t) ngx_pid;
    metrics.worker = worker;

    ngx_compliance_metric_gauge(NGX_COMPLIANCE_GAUGE_REDIS, 0);
    ngx_compliance_metric_gauge(NGX_COMPLIANCE_GAUGE_AUDIT_QUEUE, 0);
    ngx_compliance_metric_gauge(NGX_COMPLIANCE_GAUGE_SESSIONS, 0);
}


void
ngx_compliance_metrics_stop(void)
{
    if (metrics.worker != NULL) {
        metrics.worker->pid = 0;
        metrics.worker = NULL;
    }
}


ngx_compliance_metrics_t *
ngx_compliance_metrics(void)
{
    return metrics.zone;
}


/* Workers are of one user; of another one's process we hear EPERM: it lives. */

ngx_uint_t
ngx_compliance_metrics_lives(ngx_compliance_metric_worker_t *worker)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) worker->pid;

    return pid > 0 && (kill(pid, 0) == 0 || ngx_errno != NGX_ESRCH);
}


void
ngx_compliance_metric_add(ngx_compliance_metric_e metric, ngx_uint_t n)
{
    if (metrics.zone != NULL && metric < NGX_COMPLIANCE_METRICS) {
        (void) ngx_atomic_fetch_add(&metrics.zone->totals[metric],
                                    (ngx_atomic_int_t) n);
    }
}


void
ngx_compliance_metric_observe(ngx_compliance_histogram_e histogram,
    uint64_t usec)
{
    ngx_uint_t                          i;
    ngx_compliance_metric_histogram_t  *h;

    if (metrics.zone == NULL || histogram >= NGX_COMPLIANCE_HISTOGRAMS) {
        return;
    }

    h = &metrics.zone->histograms[histogram];

    for (i = 0; i < NGX_COMPLIANCE_BUCKETS - 1; i++) {
        if (usec <= ngx_compliance_metric_buckets[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&h->buckets[i], 1);
    (void) ngx_atomic_fetch_add(&h->sum, (ngx_atomic_int_t) usec);
}


void
ngx_compliance_metric_gauge(ngx_compliance_gauge_e gauge, ngx_uint_t value)
{
    if (metrics.worker != NULL && gauge < NGX_COMPLIANCE_GAUGES) {
        metrics.worker->gauges[gauge] = (ngx_atomic_uint_t) value + 1;
    }
}


uint64_t
ngx_compliance_metric_clock(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0) {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


void
ngx_compliance_metric_decision(const ngx_compliance_check_t *check,
    ngx_uint_t failure)
{
    ngx_uint_t                      mode, reason, verdict, protocol;
    const compliance_decision_t    *decision;
    ngx_compliance_metric_group_t  *row;

    decision = &check->decision;

    mode = decision->would_block ? 1 : 0;
    reason = mode ? decision->would_reason : decision->reason;
    verdict = decision->verdict;
    protocol = check->request.protocol;

    if (metrics.zone == NULL || verdict >= NGX_COMPLIANCE_VERDICTS
        || reason >= COMPLIANCE_REASONS || protocol >= COMPLIANCE_PROTOCOLS)
    {
        return;
    }

    (void) ngx_atomic_fetch_add(
               &metrics.zone->decisions[mode][verdict][reason][protocol], 1);

    if (decision->group != NULL) {
        row = ngx_compliance_metric_row(decision->group->name);
        (void) ngx_atomic_fetch_add(&row->n[verdict][mode], 1);
    }

    if (decision->break_glass && verdict == COMPLIANCE_ALLOW) {
        ngx_compliance_metric_add(NGX_COMPLIANCE_METRIC_BREAK_GLASS, 1);
    }

    if (verdict == COMPLIANCE_TEMPFAIL) {
        (void) ngx_atomic_fetch_add(
              &metrics.zone->tempfails[ngx_min(failure,
                                               NGX_COMPLIANCE_ERRORS)], 1);
    }
}


/* A group of the snapshot mostly stays where it is, so its address says where
 * its row was; its name says whether that still holds. */

static ngx_compliance_metric_group_t *
ngx_compliance_metric_row(const char *name)
{
    ngx_compliance_metric_group_t  **row;

    row = &metrics.rows[((uintptr_t) name / sizeof(compliance_group_t))
                        % NGX_COMPLIANCE_METRIC_ROWS];

    if (*row == NULL || ngx_strcmp((*row)->name, name) != 0) {
        *row = ngx_compliance_metric_new_row(name);
    }

    return *row;
}


/* The table has room for every group of a snapshot; those that come and go for
 * months share the first row in the end. */

static ngx_compliance_metric_group_t *
ngx_compliance_metric_new_row(const char *name)
{
    ngx_uint_t                      i;
    ngx_compliance_metrics_t       *zone;
    ngx_compliance_metric_group_t  *row;

    zone = metrics.zone;

    ngx_shmtx_lock(&metrics.shpool->mutex);

    row = &zone->groups[0];

    for (i = 0; i < zone->ngroups; i++) {
        if (ngx_strcmp(zone->groups[i].name, name) == 0) {
            row = &zone->groups[i];
            goto found;
        }
    }

    if (i < NGX_COMPLIANCE_METRIC_GROUPS) {
        row = &zone->groups[i];

        (void) ngx_cpystrn((u_char *) row->name, (u_char *) name,
                           sizeof(row->name));

        ngx_memory_barrier();
        zone->ngroups = i + 1;
    }

found:

    ngx_shmtx_unlock(&metrics.shpool->mutex);

    return row;
}


void
ngx_compliance_metric_redis(ngx_redis_status_e status)
{
    ngx_compliance_metric_gauge(NGX_COMPLIANCE_GAUGE_REDIS,
                                status == NGX_REDIS_OK);

    if (metrics.zone == NULL) {
        return;
    }

    if (status != NGX_REDIS_OK) {
        (void) ngx_atomic_fetch_add(&metrics.zone->errors[status - 1], 1);
        return;
    }

    if (metrics.connected) {
        ngx_compliance_metric_add(NGX_COMPLIANCE_METRIC_RECONNECTS, 1);
    }

    metrics.connected = 1;
}


/* An error's first word is its class; of those that are not in the table
 * nothing is told: a server may say anything. */

void
ngx_compliance_metric_refused(const char *error, size_t len)
{
    size_t       n;
    ngx_uint_t   i;
    const char  *name;

    if (metrics.zone == NULL) {
        return;
    }

    if (error == NULL) {
        i = NGX_COMPLIANCE_ERROR_REPLY;

    } else {

        for (i = NGX_COMPLIANCE_ERROR_REPLIES; i < NGX_COMPLIANCE_ERRORS - 1;
             i++)
        {
            name = ngx_compliance_metric_errors[i];
            n = ngx_strlen(name);

            if (len >= n && ngx_memcmp(error, name, n) == 0
                && (len == n || error[n] == ' '))
            {
                break;
            }
        }
    }

    (void) ngx_atomic_fetch_add(&metrics.zone->errors[i], 1);
}
