/*
 * The counters as text, Prometheus' format 0.0.4.  A label holds a name out of
 * our own tables or a group's name, never what a client sent.  Of decisions
 * only those that happened are told; all else from the start, as zero.
 */
#include "ngx_compliance_internal.h"


#define NGX_COMPLIANCE_TEXT_SIZE  16384
#define NGX_COMPLIANCE_TEXT_LINE  512    /* the longest, a help line included */


typedef struct {
    ngx_pool_t  *pool;
    u_char      *start;
    u_char      *pos;
    u_char      *last;
    ngx_uint_t   failed;
} ngx_compliance_text_t;

typedef struct {
    const char  *name;
    const char  *help;
} ngx_compliance_metric_name_t;


static void ngx_compliance_text_put(ngx_compliance_text_t *out,
    const char *fmt, ...);
static void ngx_compliance_text_head(ngx_compliance_text_t *out,
    const ngx_compliance_metric_name_t *name, const char *type);
static void ngx_compliance_text_decisions(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone);
static void ngx_compliance_text_groups(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone);
static void ngx_compliance_text_store(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone);
static void ngx_compliance_text_histograms(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone);
static void ngx_compliance_text_gauges(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone);


static const ngx_compliance_metric_name_t
    ngx_compliance_metric_names[NGX_COMPLIANCE_METRICS] = {
    { "break_glass_total", "Accesses of break-glass accounts." },
    { "lookups_total", "Checks that asked the store." },
    { "redis_reconnects_total", "Connections made again, of all workers." },
    { "audit_sent_total", "Audit records that Redis has taken." },
    { "audit_dropped_total", "Audit records that did not fit the queue." },
    { "seen_dropped_total", "Allowed accesses that could not be counted in "
      "Redis." },
    { "cache_hits_total", "Records found in the cache." },
    { "cache_misses_total", "Records not found in the cache." },
    { "cache_stale_total", "Records served from the cache past an outage." },
    { "sessions_cut_total", "Open sessions that were cut." },
    { "invalidations_total", "Invalidations received from Redis." }
};

static const ngx_compliance_metric_name_t
    ngx_compliance_histogram_names[NGX_COMPLIANCE_HISTOGRAMS] = {
    { "lookup_seconds", "Time from a check to its decision, where the store "
      "was asked." },
    { "revocation_seconds", "Time from an invalidation to the cut." }
};

static const ngx_compliance_metric_name_t
    ngx_compliance_gauge_names[NGX_COMPLIANCE_GAUGES] = {
    { "redis_connected", "1: the worker's connection for lookups is up." },
    { "audit_queue", "Audit records that wait in the worker." },
    { "sessions_live", "Open sessions of the worker." },
    { "invalidation_connected", "1: the worker's invalidation channel is "
      "up." }
};

static const char *const  ngx_compliance_metric_modes[NGX_COMPLIANCE_MODES] = {
    "enforced", "would_block"
};


ngx_int_t
ngx_compliance_metrics_text(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_uint_t                 i;
    ngx_compliance_text_t      out;
    ngx_compliance_metrics_t  *zone;

    zone = ngx_compliance_metrics();
    if (zone == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&out, sizeof(out));

    out.pool = pool;
    out.start = ngx_pnalloc(pool, NGX_COMPLIANCE_TEXT_SIZE);
    if (out.start == NULL) {
        return NGX_ERROR;
    }

    out.pos = out.start;
    out.last = out.start + NGX_COMPLIANCE_TEXT_SIZE;

    ngx_compliance_text_decisions(&out, zone);
    ngx_compliance_text_groups(&out, zone);
    ngx_compliance_text_store(&out, zone);

    for (i = 0; i < NGX_COMPLIANCE_METRICS; i++) {
        ngx_compliance_text_head(&out, &ngx_compliance_metric_names[i],
                                 "counter");
        ngx_compliance_text_put(&out, "compliance_%s %uA\n",
                                ngx_compliance_metric_names[i].name,
                                zone->totals[i]);
    }

    ngx_compliance_text_histograms(&out, zone);
    ngx_compliance_text_gauges(&out, zone);

    if (out.failed) {
        return NGX_ERROR;
    }

    text->data = out.start;
    text->len = (size_t) (out.pos - out.start);

    return NGX_OK;
}


/* One line; the buffer grows by itself. */

static void
ngx_compliance_text_put(ngx_compliance_text_t *out, const char *fmt, ...)
{
    size_t    size;
    u_char   *p;
    va_list   args;

    if (out->failed) {
        return;
    }

    if (out->last - out->pos < NGX_COMPLIANCE_TEXT_LINE) {
        size = (size_t) (out->last - out->start);

        p = ngx_pnalloc(out->pool, 2 * size);
        if (p == NULL) {
            out->failed = 1;
            return;
        }

        out->pos = ngx_cpymem(p, out->start, (size_t) (out->pos - out->start));
        out->last = p + 2 * size;

        (void) ngx_pfree(out->pool, out->start);
        out->start = p;
    }

    va_start(args, fmt);
    out->pos = ngx_vslprintf(out->pos, out->last, fmt, args);
    va_end(args);
}


static void
ngx_compliance_text_head(ngx_compliance_text_t *out,
    const ngx_compliance_metric_name_t *name, const char *type)
{
    ngx_compliance_text_put(out, "# HELP compliance_%s %s\n"
                            "# TYPE compliance_%s %s\n",
                            name->name, name->help, name->name, type);
}


static void
ngx_compliance_text_decisions(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone)
{
    ngx_uint_t         mode, verdict, reason, protocol;
    ngx_atomic_uint_t  n;

    static const ngx_compliance_metric_name_t  name = {
        "decisions_total", "Accesses decided; would_block: only a reporting "
        "group objected, for that reason."
    };

    ngx_compliance_text_head(out, &name, "counter");

    for (mode = 0; mode < NGX_COMPLIANCE_MODES; mode++)
    for (verdict = 0; verdict < NGX_COMPLIANCE_VERDICTS; verdict++)
    for (reason = 0; reason < COMPLIANCE_REASONS; reason++)
    for (protocol = 0; protocol < COMPLIANCE_PROTOCOLS; protocol++) {

        n = zone->decisions[mode][verdict][reason][protocol];

        if (n) {
            ngx_compliance_text_put(out, "compliance_%s{verdict=\"%s\","
                "reason=\"%s\",protocol=\"%s\",mode=\"%s\"} %uA\n", name.name,
                compliance_verdict_name((compliance_verdict_t) verdict),
                compliance_reason_name((compliance_reason_t) reason),
                compliance_protocol_name((compliance_protocol_t) protocol),
                ngx_compliance_metric_modes[mode], n);
        }
    }
}


/* A group's name is checked where it is read; whatever it was, what a label
 * must not hold is not in this text. */

static void
ngx_compliance_text_groups(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone)
{
    size_t                          len;
    u_char                          group[COMPLIANCE_GROUP_NAME_MAX + 1];
    ngx_uint_t                      i, mode, verdict;
    ngx_atomic_uint_t               n;
    ngx_compliance_metric_group_t  *row;

    static const ngx_compliance_metric_name_t  name = {
        "group_decisions_total", "Accesses that a group decided."
    };

    ngx_compliance_text_head(out, &name, "counter");

    for (i = 0; i < zone->ngroups; i++) {
        row = &zone->groups[i];

        for (len = 0; len < COMPLIANCE_GROUP_NAME_MAX && row->name[len]; len++)
        {
            group[len] = (u_char) row->name[len];

            if (group[len] <= ' ' || group[len] > '~' || group[len] == '"'
                || group[len] == '\\')
            {
                group[len] = '_';
            }
        }

        for (verdict = 0; verdict < NGX_COMPLIANCE_VERDICTS; verdict++)
        for (mode = 0; mode < NGX_COMPLIANCE_MODES; mode++) {
            n = row->n[verdict][mode];

            if (n) {
                ngx_compliance_text_put(out, "compliance_%s{group=\"%*s\","
                    "verdict=\"%s\",mode=\"%s\"} %uA\n", name.name, len, group,
                    compliance_verdict_name((compliance_verdict_t) verdict),
                    ngx_compliance_metric_modes[mode], n);
            }
        }
    }
}


static void
ngx_compliance_text_store(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone)
{
    ngx_uint_t  i;

    static const ngx_compliance_metric_name_t  tempfails = {
        "temporary_failures_total", "Accesses neither allowed nor blocked, by "
        "what the store did."
    }, errors = {
        "redis_errors_total", "Failures of the connection for lookups, and "
        "error replies of Redis."
    };

    ngx_compliance_text_head(out, &tempfails, "counter");

    for (i = 0; i <= NGX_COMPLIANCE_ERRORS; i++) {

        /* an error reply fails a check as such, whichever it was */

        if (i <= NGX_COMPLIANCE_ERROR_REPLY || i == NGX_COMPLIANCE_ERRORS) {
            ngx_compliance_text_put(out, "compliance_%s{cause=\"%s\"} %uA\n",
                                    tempfails.name,
                                    ngx_compliance_metric_errors[i],
                                    zone->tempfails[i]);
        }
    }

    ngx_compliance_text_head(out, &errors, "counter");

    for (i = 0; i < NGX_COMPLIANCE_ERRORS; i++) {
        ngx_compliance_text_put(out, "compliance_%s{class=\"%s\"} %uA\n",
                                errors.name, ngx_compliance_metric_errors[i],
                                zone->errors[i]);
    }
}


static void
ngx_compliance_text_histograms(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone)
{
    uint64_t                            bound;
    ngx_uint_t                          i, h;
    const char                         *name;
    ngx_atomic_uint_t                   n, sum;
    ngx_compliance_metric_histogram_t  *histogram;

    for (h = 0; h < NGX_COMPLIANCE_HISTOGRAMS; h++) {
        histogram = &zone->histograms[h];
        name = ngx_compliance_histogram_names[h].name;

        ngx_compliance_text_head(out, &ngx_compliance_histogram_names[h],
                                 "histogram");

        sum = histogram->sum;
        n = 0;

        for (i = 0; i < NGX_COMPLIANCE_BUCKETS - 1; i++) {
            bound = ngx_compliance_metric_buckets[i];
            n += histogram->buckets[i];

            ngx_compliance_text_put(out, "compliance_%s_bucket{le=\"%uL.%06uL"
                                    "\"} %uA\n", name, bound / 1000000,
                                    bound % 1000000, n);
        }

        n += histogram->buckets[i];

        ngx_compliance_text_put(out, "compliance_%s_bucket{le=\"+Inf\"} %uA\n"
                                "compliance_%s_sum %uA.%06uA\n"
                                "compliance_%s_count %uA\n",
                                name, n, name, sum / 1000000, sum % 1000000,
                                name, n);
    }
}


static void
ngx_compliance_text_gauges(ngx_compliance_text_t *out,
    ngx_compliance_metrics_t *zone)
{
    ngx_uint_t                       g, i;
    ngx_atomic_uint_t                value;
    ngx_compliance_metric_worker_t  *worker;

    static const ngx_compliance_metric_name_t  since = {
        "start_time_seconds", "Unix time since when all of this is counted."
    };

    for (g = 0; g < NGX_COMPLIANCE_GAUGES; g++) {
        ngx_compliance_text_head(out, &ngx_compliance_gauge_names[g], "gauge");

        for (i = 0; i < NGX_MAX_PROCESSES; i++) {
            worker = &zone->workers[i];
            value = worker->gauges[g];

            if (value && ngx_compliance_metrics_lives(worker)) {
                ngx_compliance_text_put(out, "compliance_%s{worker=\"%ui\"} "
                                        "%uA\n",
                                        ngx_compliance_gauge_names[g].name, i,
                                        value - 1);
            }
        }
    }

    ngx_compliance_text_head(out, &since, "gauge");
    ngx_compliance_text_put(out, "compliance_%s %T\n", since.name,
                            zone->since);
}
