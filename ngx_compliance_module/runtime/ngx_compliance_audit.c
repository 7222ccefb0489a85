/*
 * Audit records on their way to the stream: a bounded queue per worker and a
 * connection of their own, so that they never stand before a lookup.  What
 * does not fit is counted, and the count is written as a gap record as soon as
 * there is room.  One batch is in flight at a time; what was not acknowledged
 * is sent again, so a record may stand in the stream twice, byte for byte,
 * after an outage, but is not lost by one.
 */
#include "ngx_compliance_internal.h"

#include <openssl/rand.h>


#define NGX_COMPLIANCE_AUDIT_RETRY  500   /* ms, cancelable */
#define NGX_COMPLIANCE_AUDIT_SALTS  64    /* drawn at once */


typedef struct {
    ngx_queue_t  queue;
    size_t       len;
    char         line[1];
} ngx_compliance_record_t;


static ngx_int_t ngx_compliance_audit_lane(ngx_log_t *log);
static const u_char *ngx_compliance_audit_salt(void);
static ngx_int_t ngx_compliance_audit_command(ngx_uint_t maxlen);
static ngx_int_t ngx_compliance_audit_push(compliance_buf_t *line);
static void ngx_compliance_audit_gap(void);
static void ngx_compliance_audit_dropped(void);
static int64_t ngx_compliance_audit_time(void);
static void ngx_compliance_audit_send(void);
static ngx_uint_t ngx_compliance_audit_commands(ngx_queue_t *from,
    ngx_redis_command_t *commands);
static void ngx_compliance_audit_handler(ngx_redis_batch_t *batch);
static void ngx_compliance_audit_retry_handler(ngx_event_t *ev);


static struct {
    ngx_redis_t              *redis;
    ngx_redis_conf_t          conf;      /* the lookups', with another name */
    compliance_audit_chain_t  chain;
    compliance_audit_keys_t  *keys;
    u_char                    salts[NGX_COMPLIANCE_AUDIT_SALTS]
                                   [COMPLIANCE_AUDIT_SALT_LEN];
    ngx_uint_t                nsalts;    /* not used yet */
    compliance_str_t          node;
    char                      key[COMPLIANCE_KEY_TEXT_MAX];
    size_t                    key_len;
    ngx_redis_template_t      command;

    ngx_queue_t               records;   /* the first ones may be in flight */
    ngx_uint_t                n;
    ngx_uint_t                max;
    uint64_t                  dropped;   /* not told by a gap record yet */
    time_t                    logged;

    ngx_redis_batch_t         batch;
    ngx_event_t               retry;
} audit;


ngx_int_t
ngx_compliance_audit_start(ngx_cycle_t *cycle)
{
    ngx_compliance_conf_t  *ccf;

    ccf = ngx_compliance_worker.conf;

    ngx_queue_init(&audit.records);
    audit.max = ccf->audit_queue;

    audit.node.data = (char *) ccf->node.data;
    audit.node.len = ccf->node.len;

    audit.key_len = compliance_key_audit(audit.key, sizeof(audit.key),
                                         ngx_compliance_worker.prefix,
                                         audit.node);
    if (audit.key_len == 0
        || ngx_compliance_audit_command(ccf->audit_maxlen) != NGX_OK)
    {
        return NGX_ERROR;
    }

    audit.retry.handler = ngx_compliance_audit_retry_handler;
    audit.retry.data = &audit.conf;
    audit.retry.log = cycle->log;
    audit.retry.cancelable = 1;

    audit.keys = compliance_audit_keys_create(ccf->keys);

    if (audit.keys == NULL || ngx_compliance_audit_lane(cycle->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    audit.conf = ccf->redis;

    audit.conf.name.len = ccf->redis.name.len + sizeof(" (audit)") - 1;
    audit.conf.name.data = ngx_pnalloc(cycle->pool, audit.conf.name.len);
    if (audit.conf.name.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(audit.conf.name.data, "%V (audit)", &ccf->redis.name);

    audit.redis = ngx_redis_create(&audit.conf, cycle->pool, cycle->log);

    return audit.redis ? NGX_OK : NGX_ERROR;
}


/* XADD key MAXLEN ~ n * r line, where only the line varies. */

static ngx_int_t
ngx_compliance_audit_command(ngx_uint_t maxlen)
{
    u_char       number[NGX_INT_T_LEN + 1];
    const char  *args[] = {
        "XADD", audit.key, "MAXLEN", "~", (char *) number, "*", "r", NULL
    };

    (void) ngx_sprintf(number, "%ui%Z", maxlen);

    return ngx_redis_template_init(&audit.command,
                                   sizeof(args) / sizeof(args[0]), args,
                                   sizeof(args) / sizeof(args[0]) - 1)
           ? NGX_ERROR : NGX_OK;
}


/* A chain begins with each worker: no other process ever goes on with it. */

static ngx_int_t
ngx_compliance_audit_lane(ngx_log_t *log)
{
    u_char             text[COMPLIANCE_LANE_MAX], *p;
    uint32_t           random;
    compliance_str_t   lane;

    if (RAND_bytes((u_char *) &random, sizeof(random)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "no random bytes for the audit's lane");
        return NGX_ERROR;
    }

    p = ngx_snprintf(text, sizeof(text), "%T-%P-%08xD", ngx_time(), ngx_pid,
                     random);

    lane.data = (char *) text;
    lane.len = (size_t) (p - text);

    compliance_audit_chain_init(&audit.chain, lane, audit.keys);

    return NGX_OK;
}


/* Random bytes for one record, or NULL. */

static const u_char *
ngx_compliance_audit_salt(void)
{
    if (audit.nsalts == 0) {
        if (RAND_bytes((u_char *) audit.salts, sizeof(audit.salts)) != 1) {
            return NULL;
        }

        audit.nsalts = NGX_COMPLIANCE_AUDIT_SALTS;
    }

    return audit.salts[--audit.nsalts];
}


ngx_redis_t *
ngx_compliance_audit_redis(void)
{
    return audit.redis;
}


void
ngx_compliance_audit(const ngx_compliance_check_t *check)
{
    char                        line[COMPLIANCE_AUDIT_RECORD_MAX];
    compliance_buf_t            out;
    compliance_audit_chain_t    before;
    compliance_audit_context_t  context;

    if (audit.redis == NULL) {
        return;
    }

    if (audit.dropped) {
        ngx_compliance_audit_gap();
    }

    if (audit.n >= audit.max) {
        ngx_compliance_audit_dropped();
        return;
    }

    ngx_memzero(&context, sizeof(context));

    context.salt = ngx_compliance_audit_salt();

    if (context.salt == NULL) {
        ngx_compliance_audit_dropped();
        return;
    }

    context.time_ms = ngx_compliance_audit_time();
    context.decision_id = check->id;
    context.node = audit.node;
    context.client.data = (char *) check->client.data;
    context.client.len = check->client.len;
    context.command.data = (char *) check->command.data;
    context.command.len = check->command.len;
    context.candidate.data = (char *) check->candidate;
    context.candidate.len = check->candidate_len;

    before = audit.chain;
    compliance_buf_init(&out, line, sizeof(line));

    if (compliance_audit_record(&audit.chain, &context, &check->request,
                                &check->facts, &check->decision, &out)
        != COMPLIANCE_OK
        || ngx_compliance_audit_push(&out) != NGX_OK)
    {
        audit.chain = before;
        ngx_compliance_audit_dropped();
        return;
    }

    ngx_compliance_audit_send();
}


/* Takes the place of the records that were dropped before it. */

static void
ngx_compliance_audit_gap(void)
{
    char                      line[COMPLIANCE_AUDIT_RECORD_MAX];
    compliance_buf_t          out;
    compliance_audit_chain_t  before;

    if (audit.n >= audit.max) {
        return;
    }

    before = audit.chain;
    compliance_buf_init(&out, line, sizeof(line));

    if (compliance_audit_gap(&audit.chain, ngx_compliance_audit_time(),
                             audit.node, audit.dropped, &out)
        != COMPLIANCE_OK
        || ngx_compliance_audit_push(&out) != NGX_OK)
    {
        audit.chain = before;
        return;
    }

    audit.dropped = 0;
}


static ngx_int_t
ngx_compliance_audit_push(compliance_buf_t *line)
{
    ngx_compliance_record_t  *record;

    record = ngx_alloc(sizeof(ngx_compliance_record_t) + line->len,
                       ngx_cycle->log);
    if (record == NULL) {
        return NGX_ERROR;
    }

    record->len = line->len;
    ngx_memcpy(record->line, line->data, line->len);

    ngx_queue_insert_tail(&audit.records, &record->queue);
    audit.n++;
    ngx_compliance_metric_gauge(NGX_COMPLIANCE_GAUGE_AUDIT_QUEUE, audit.n);

    return NGX_OK;
}


static void
ngx_compliance_audit_dropped(void)
{
    audit.dropped++;
    ngx_compliance_metric_add(NGX_COMPLIANCE_METRIC_AUDIT_DROPPED, 1);

    if (ngx_time() - audit.logged >= NGX_COMPLIANCE_LOG_PERIOD) {
        audit.logged = ngx_time();

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "compliance: the audit queue is full, %uL records are "
                      "dropped and counted so far", audit.dropped);
    }
}


static int64_t
ngx_compliance_audit_time(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + (int64_t) tp->msec;
}


static void
ngx_compliance_audit_send(void)
{
    ngx_uint_t           n;
    ngx_redis_command_t  commands[NGX_REDIS_MAX_COMMANDS];

    if (audit.batch.pending || audit.retry.timer_set
        || ngx_queue_empty(&audit.records))
    {
        return;
    }

    n = ngx_compliance_audit_commands(ngx_queue_head(&audit.records),
                                      commands);

    audit.batch.handler = ngx_compliance_audit_handler;
    audit.batch.data = NULL;

    if (ngx_redis_send(audit.redis, &audit.batch, commands, n) != NGX_OK) {
        ngx_add_timer(&audit.retry, NGX_COMPLIANCE_AUDIT_RETRY);
    }
}


/* One for each record from `from` on. */

static ngx_uint_t
ngx_compliance_audit_commands(ngx_queue_t *from, ngx_redis_command_t *commands)
{
    ngx_uint_t                n;
    ngx_queue_t              *q;
    ngx_compliance_record_t  *record;

    for (q = from, n = 0;
         q != ngx_queue_sentinel(&audit.records)
         && n < NGX_REDIS_MAX_COMMANDS;
         q = ngx_queue_next(q), n++)
    {
        record = ngx_queue_data(q, ngx_compliance_record_t, queue);

        commands[n].template = &audit.command;
        commands[n].arg = record->line;
        commands[n].len = record->len;
    }

    return n;
}


static void
ngx_compliance_audit_handler(ngx_redis_batch_t *batch)
{
    ngx_uint_t                i, refused;
    ngx_queue_t              *q, *next;
    compliance_value_t        id;
    ngx_compliance_record_t  *record;

    refused = 0;

    if (batch->status != NGX_REDIS_OK) {
        ngx_add_timer(&audit.retry, NGX_COMPLIANCE_AUDIT_RETRY);
        return;
    }

    q = ngx_queue_head(&audit.records);

    for (i = 0; i < batch->ncommands; i++, q = next) {
        next = ngx_queue_next(q);

        if (ngx_compliance_store_value(batch->replies[i], &id, audit.key)
            != NGX_OK)
        {
            refused++;
            continue;
        }

        record = ngx_queue_data(q, ngx_compliance_record_t, queue);

        ngx_queue_remove(q);
        ngx_free(record);
        audit.n--;
    }

    ngx_compliance_metric_gauge(NGX_COMPLIANCE_GAUGE_AUDIT_QUEUE, audit.n);
    ngx_compliance_metric_add(NGX_COMPLIANCE_METRIC_AUDIT_SENT,
                              batch->ncommands - refused);

    if (audit.dropped) {
        ngx_compliance_audit_gap();
    }

    if (refused) {
        ngx_add_timer(&audit.retry, NGX_COMPLIANCE_AUDIT_RETRY);
        return;
    }

    ngx_compliance_audit_send();
}


static void
ngx_compliance_audit_retry_handler(ngx_event_t *ev)
{
    ngx_compliance_audit_send();
}


/* The worker ends: what is queued is offered to the socket once; a worker that
 * waited for an answer would hold up a reload for the sake of a log. */

void
ngx_compliance_audit_stop(ngx_log_t *log)
{
    ngx_uint_t           i, n, left;
    ngx_queue_t         *q;
    ngx_redis_batch_t    batch;
    ngx_redis_command_t  commands[NGX_REDIS_MAX_COMMANDS];

    if (audit.redis == NULL) {
        return;
    }

    if (audit.dropped) {
        ngx_compliance_audit_gap();
    }

    q = ngx_queue_head(&audit.records);
    left = audit.n;

    /* these are on their way */

    for (i = 0; audit.batch.pending && i < audit.batch.ncommands; i++) {
        q = ngx_queue_next(q);
        left--;
    }

    while (left) {
        n = ngx_compliance_audit_commands(q, commands);

        if (ngx_redis_send(audit.redis, &batch, commands, n) != NGX_OK) {
            break;
        }

        ngx_redis_cancel(&batch);

        for (i = 0; i < n; i++) {
            q = ngx_queue_next(q);
        }

        left -= n;
    }

    if (left || audit.dropped) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "compliance: %uL audit records are lost with this "
                      "worker", (uint64_t) left + audit.dropped);
    }

    if (audit.retry.timer_set) {
        ngx_del_timer(&audit.retry);
    }

    ngx_redis_destroy(audit.redis);
    audit.redis = NULL;

    compliance_audit_keys_free(audit.keys);
    audit.keys = NULL;
}
