/*
 * Allowed accesses, counted: what replay, reports and the safety checks read.
 * A worker counts in a bounded table of its own and adds its counts to the
 * store every few seconds, on the audit's connection; a request costs a hash
 * and an addition.  What the audit records is not counted here as well.
 *
 * A count that could not be delivered is kept and sent again, so an outage may
 * count something twice.  What one name, and all together, may add to the store
 * in a day is bounded, for clients choose most of what is counted: beyond it
 * accesses are counted without what tells them apart, or, where the table is
 * full, not at all, and that is logged.
 */
#include "ngx_compliance_internal.h"

#include "../core/seen.h"
#include "../core/siphash.h"

#include <openssl/rand.h>


#define NGX_COMPLIANCE_SEEN_BUCKETS  4096    /* a power of two */
#define NGX_COMPLIANCE_SEEN_RETRY    1000    /* ms, cancelable */
#define NGX_COMPLIANCE_SEEN_DAY      86400

/* HINCRBY, EXPIRE, and the same of the day's index. */
#define NGX_COMPLIANCE_SEEN_COMMANDS  4
#define NGX_COMPLIANCE_SEEN_BATCH                                             \
    (NGX_REDIS_MAX_COMMANDS / NGX_COMPLIANCE_SEEN_COMMANDS)

/* User-Agent, DeviceType, device id and the name itself are the client's to
 * choose, and nobody has checked a password yet.  Of the kinds that a name (or
 * those who share its slot) makes in a day, so many tell the client, so many
 * are told apart at all, and so many more stand in the field "other". */
#define NGX_COMPLIANCE_SEEN_USERS    65536   /* a power of two */
#define NGX_COMPLIANCE_SEEN_CLIENTS  64
#define NGX_COMPLIANCE_SEEN_KINDS    192
#define NGX_COMPLIANCE_SEEN_OTHERS   250
/* New kinds of all names in a day, of a worker. */
#define NGX_COMPLIANCE_SEEN_TODAY    262144


typedef enum {
    NGX_COMPLIANCE_SEEN_CLIENT = 0,  /* all that is kept of an access */
    NGX_COMPLIANCE_SEEN_KIND,        /* without what the client calls itself */
    NGX_COMPLIANCE_SEEN_OTHER        /* that there was one */
} ngx_compliance_seen_e;

typedef struct ngx_compliance_seen_s  ngx_compliance_seen_t;

struct ngx_compliance_seen_s {
    ngx_compliance_seen_t   *next;       /* of the bucket */
    ngx_queue_t              queue;      /* the latest first */
    ngx_queue_t              due;        /* of what is to be delivered */
    uint64_t                 hash;
    time_t                   day;        /* its first second */
    ngx_uint_t               count;      /* not delivered yet */
    ngx_uint_t               sent;       /* of these: under way */
    compliance_principal_t   user;
    size_t                   len;
    char                     text[1];
};


static ngx_compliance_seen_t *ngx_compliance_seen_find(
    const ngx_compliance_check_t *check, ngx_compliance_seen_e detail);
static ngx_uint_t ngx_compliance_seen_allowed(
    const ngx_compliance_check_t *check, ngx_compliance_seen_e detail);
static uint64_t ngx_compliance_seen_hash(const ngx_compliance_check_t *check,
    ngx_compliance_seen_e detail);
static ngx_compliance_seen_t *ngx_compliance_seen_add(
    const ngx_compliance_check_t *check, ngx_compliance_seen_e detail,
    uint64_t hash);
static ngx_uint_t ngx_compliance_seen_room(void);
static void ngx_compliance_seen_lost(void);
static void ngx_compliance_seen_timer(ngx_event_t *ev);
static void ngx_compliance_seen_next(void);
static ngx_uint_t ngx_compliance_seen_collect(ngx_compliance_seen_t **counts);
static void ngx_compliance_seen_back(ngx_compliance_seen_t *count);
static ngx_int_t ngx_compliance_seen_send(ngx_redis_batch_t *batch,
    ngx_compliance_seen_t **counts, ngx_uint_t n);
static ngx_int_t ngx_compliance_seen_commands(ngx_compliance_seen_t *count,
    ngx_redis_template_t *templates, ngx_redis_command_t *commands);
static void ngx_compliance_seen_handler(ngx_redis_batch_t *batch);


static struct {
    ngx_msec_t               interval;
    u_char                   key[COMPLIANCE_SIPHASH_KEY];
    ngx_compliance_seen_t  *buckets[NGX_COMPLIANCE_SEEN_BUCKETS];
    ngx_queue_t              counts;
    ngx_queue_t              due;        /* of the next round of delivery */
    ngx_queue_t              round;      /* of this one, not sent yet */
    ngx_uint_t               n;
    ngx_uint_t               max;
    time_t                   day;        /* its first second */
    ngx_uint_t               today;      /* kinds that were new in it */
    u_char                   users[NGX_COMPLIANCE_SEEN_USERS];
    uint64_t                 lost;
    time_t                   logged;
    char                     keep[NGX_TIME_T_LEN + 1];   /* s, as text */
    ngx_event_t              timer;
    ngx_redis_batch_t        batch;
    ngx_compliance_seen_t  *sending[NGX_COMPLIANCE_SEEN_BATCH];
    ngx_uint_t               nsending;
} seen;


/* Whoever proved nothing and named nobody; no principal is spelt so. */
static const compliance_principal_t  ngx_compliance_nobody = { 1, "-" };


ngx_int_t
ngx_compliance_seen_start(ngx_cycle_t *cycle)
{
    ngx_compliance_conf_t  *ccf;

    ccf = ngx_compliance_worker.conf;

    ngx_queue_init(&seen.counts);
    ngx_queue_init(&seen.due);
    ngx_queue_init(&seen.round);

    seen.interval = ccf->seen_interval;
    seen.max = ccf->seen_table;

    if (RAND_bytes(seen.key, sizeof(seen.key)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "no random bytes to count accesses by");
        return NGX_ERROR;
    }

    /* one day more than is read: a day is kept until its last second is old */

    (void) ngx_sprintf((u_char *) seen.keep, "%T%Z",
                       ((time_t) ccf->seen_days + 1)
                       * NGX_COMPLIANCE_SEEN_DAY);

    seen.timer.handler = ngx_compliance_seen_timer;
    seen.timer.data = &seen;
    seen.timer.log = cycle->log;
    seen.timer.cancelable = 1;

    return NGX_OK;
}


void
ngx_compliance_seen(const ngx_compliance_check_t *check)
{
    ngx_compliance_seen_t  *count;

    if (seen.interval == 0 || ngx_compliance_audit_redis() == NULL) {
        return;
    }

    if (ngx_time() - seen.day >= NGX_COMPLIANCE_SEEN_DAY
        || ngx_time() < seen.day)
    {
        seen.day = ngx_time() - ngx_time() % NGX_COMPLIANCE_SEEN_DAY;
        seen.today = 0;
        ngx_memzero(seen.users, sizeof(seen.users));
    }

    count = ngx_compliance_seen_find(check, NGX_COMPLIANCE_SEEN_CLIENT);

    if (count == NULL) {
        ngx_compliance_seen_lost();
        return;
    }

    if (count->count++ == 0) {
        ngx_queue_insert_tail(&seen.due, &count->due);
    }

    ngx_queue_remove(&count->queue);
    ngx_queue_insert_head(&seen.counts, &count->queue);

    if (!seen.batch.pending && !seen.timer.timer_set) {
        ngx_add_timer(&seen.timer, seen.interval);
    }
}


/* NULL: neither there nor to be added. */

static ngx_compliance_seen_t *
ngx_compliance_seen_find(const ngx_compliance_check_t *check,
    ngx_compliance_seen_e detail)
{
    uint64_t                hash;
    ngx_compliance_seen_t  *count;

    for ( ;; ) {
        hash = ngx_compliance_seen_hash(check, detail);

        for (count = seen.buckets[hash & (NGX_COMPLIANCE_SEEN_BUCKETS - 1)];
             count != NULL;
             count = count->next)
        {
            if (count->hash == hash) {
                return count;
            }
        }

        if (ngx_compliance_seen_allowed(check, detail)) {
            return ngx_compliance_seen_add(check, detail, hash);
        }

        if (detail == NGX_COMPLIANCE_SEEN_OTHER) {
            return NULL;
        }

        detail++;
    }
}


/* Whether the user may make one more of these today; then it is one. */

static ngx_uint_t
ngx_compliance_seen_allowed(const ngx_compliance_check_t *check,
    ngx_compliance_seen_e detail)
{
    u_char    *n;
    uint64_t   user;

    static const u_char  most[] = {
        NGX_COMPLIANCE_SEEN_CLIENTS,
        NGX_COMPLIANCE_SEEN_KINDS,
        NGX_COMPLIANCE_SEEN_OTHERS
    };

    user = compliance_siphash(seen.key, check->facts.user.principal.data,
                              check->facts.user.principal.len);
    n = &seen.users[user & (NGX_COMPLIANCE_SEEN_USERS - 1)];

    if (*n >= most[detail] || seen.today == NGX_COMPLIANCE_SEEN_TODAY) {
        return 0;
    }

    (*n)++;
    seen.today++;

    return 1;
}


/* Two that share 64 keyed bits are counted as one: nobody can aim at that. */

static uint64_t
ngx_compliance_seen_hash(const ngx_compliance_check_t *check,
    ngx_compliance_seen_e detail)
{
    u_char                      *p;
    size_t                       i, type, agent;
    const compliance_claim_t    *claim;
    const compliance_facts_t    *facts;
    const compliance_request_t  *request;

    struct {
        time_t    day;
        uint32_t  names[8];
        u_char    text[COMPLIANCE_PRINCIPAL_MAX + COMPLIANCE_DEVICE_ID_MAX
                       + COMPLIANCE_CLAIMS_MAX
                         * (3 + COMPLIANCE_DEVICE_ID_MAX
                            + COMPLIANCE_FINGERPRINT_LEN)
                       + 16
                       + COMPLIANCE_SEEN_TYPE_MAX + COMPLIANCE_SEEN_AGENT_MAX];
    } key;

    request = &check->request;
    facts = &check->facts;

    key.day = seen.day;

    p = ngx_cpymem(key.text, facts->user.principal.data,
                   facts->user.principal.len);

    if (detail == NGX_COMPLIANCE_SEEN_OTHER) {
        ngx_memzero(key.names, sizeof(key.names));
        goto done;
    }

    type = agent = 0;

    if (detail == NGX_COMPLIANCE_SEEN_CLIENT) {
        type = ngx_min(request->device_type.len, COMPLIANCE_SEEN_TYPE_MAX);
        agent = ngx_min(request->user_agent.len, COMPLIANCE_SEEN_AGENT_MAX);
    }

    key.names[0] = request->protocol;
    key.names[1] = check->decision.reason;
    key.names[2] = request->user_source;
    key.names[3] = (uint32_t) (check->decision.binding * 16
                               + facts->device_presence * 4
                               + (request->device_free ? 1 : 0)
                               + (request->has_address ? 2 : 0));
    key.names[4] = (uint32_t) facts->user.principal.len;
    key.names[5] = (uint32_t) facts->device.id.len;
    key.names[6] = (uint32_t) (type * 1024 + agent);
    key.names[7] = (uint32_t) (request->n_claims + 16 * (1 + (size_t) detail));

    p = ngx_cpymem(p, facts->device.id.data, facts->device.id.len);

    for (i = 0; i < request->n_claims && i < COMPLIANCE_CLAIMS_MAX; i++) {
        claim = &request->claims[i];

        *p++ = (u_char) claim->source;

        /* a device that is known was found by them */

        if (facts->device.id.len) {
            continue;
        }

        *p++ = (u_char) claim->id.len;
        p = ngx_cpymem(p, claim->id.data, claim->id.len);

        if (claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE) {
            p = ngx_cpymem(p, claim->fingerprint,
                           ngx_strnlen((u_char *) claim->fingerprint,
                                       COMPLIANCE_FINGERPRINT_LEN));
        }
    }

    if (request->has_address) {
        p = ngx_cpymem(p, request->address, 16);
    }

    if (type) {
        p = ngx_cpymem(p, request->device_type.data, type);
    }

    if (agent) {
        p = ngx_cpymem(p, request->user_agent.data, agent);
    }

done:

    return compliance_siphash(seen.key, &key, (size_t) (p - (u_char *) &key));
}


static ngx_compliance_seen_t *
ngx_compliance_seen_add(const ngx_compliance_check_t *check,
    ngx_compliance_seen_e detail, uint64_t hash)
{
    char                     text[COMPLIANCE_SEEN_TEXT_MAX + 1];
    compliance_buf_t         out;
    compliance_seen_t        access;
    ngx_compliance_seen_t   *count, **bucket;

    compliance_buf_init(&out, text, sizeof(text));

    if (detail == NGX_COMPLIANCE_SEEN_OTHER) {
        compliance_buf_str(&out, "other");

    } else {
        compliance_seen_of(&check->request, &check->facts, &check->decision,
                           &access);

        if (detail == NGX_COMPLIANCE_SEEN_KIND) {
            access.device_type[0] = '\0';
            access.user_agent[0] = '\0';
        }

        if (!compliance_seen_write(&access, &out)) {
            return NULL;
        }
    }

    if (!ngx_compliance_seen_room()) {
        return NULL;
    }

    count = ngx_alloc(sizeof(ngx_compliance_seen_t) + out.len,
                      ngx_cycle->log);
    if (count == NULL) {
        return NULL;
    }

    count->hash = hash;
    count->day = seen.day;
    count->count = 0;
    count->sent = 0;
    count->user = check->facts.user.principal.len
                  ? check->facts.user.principal : ngx_compliance_nobody;
    count->len = out.len;
    ngx_memcpy(count->text, text, out.len);

    bucket = &seen.buckets[hash & (NGX_COMPLIANCE_SEEN_BUCKETS - 1)];
    count->next = *bucket;
    *bucket = count;

    ngx_queue_insert_head(&seen.counts, &count->queue);
    seen.n++;

    return count;
}


/* Forgets what was not seen for longest, if it was delivered. */

static ngx_uint_t
ngx_compliance_seen_room(void)
{
    ngx_queue_t              *q;
    ngx_compliance_seen_t   *last, **p;

    if (seen.n < seen.max) {
        return 1;
    }

    q = ngx_queue_last(&seen.counts);
    last = ngx_queue_data(q, ngx_compliance_seen_t, queue);

    if (last->count || last->sent) {
        return 0;
    }

    p = &seen.buckets[last->hash & (NGX_COMPLIANCE_SEEN_BUCKETS - 1)];

    while (*p != last) {
        p = &(*p)->next;
    }

    *p = last->next;

    ngx_queue_remove(q);
    ngx_free(last);
    seen.n--;

    return 1;
}


static void
ngx_compliance_seen_lost(void)
{
    seen.lost++;
    ngx_compliance_metric_add(NGX_COMPLIANCE_METRIC_SEEN_DROPPED, 1);

    if (ngx_time() - seen.logged >= NGX_COMPLIANCE_LOG_PERIOD) {
        seen.logged = ngx_time();

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "compliance: the table of allowed accesses is full, "
                      "%uL are not counted so far", seen.lost);
    }
}


static void
ngx_compliance_seen_timer(ngx_event_t *ev)
{
    ngx_queue_add(&seen.round, &seen.due);
    ngx_queue_init(&seen.due);

    ngx_compliance_seen_next();
}


/* The next batch of this round; what is counted meanwhile waits for the next
 * one. */

static void
ngx_compliance_seen_next(void)
{
    seen.nsending = ngx_compliance_seen_collect(seen.sending);

    if (seen.nsending == 0) {
        return;
    }

    seen.batch.handler = ngx_compliance_seen_handler;
    seen.batch.data = NULL;

    if (ngx_compliance_seen_send(&seen.batch, seen.sending, seen.nsending)
        != NGX_OK)
    {
        while (seen.nsending) {
            ngx_compliance_seen_back(seen.sending[--seen.nsending]);
        }

        ngx_add_timer(&seen.timer, NGX_COMPLIANCE_SEEN_RETRY);
    }
}


/* Takes the first ones of the round out of it. */

static ngx_uint_t
ngx_compliance_seen_collect(ngx_compliance_seen_t **counts)
{
    ngx_uint_t    n;
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&seen.round), n = 0;
         q != ngx_queue_sentinel(&seen.round)
         && n < NGX_COMPLIANCE_SEEN_BATCH;
         q = next, n++)
    {
        next = ngx_queue_next(q);
        ngx_queue_remove(q);

        counts[n] = ngx_queue_data(q, ngx_compliance_seen_t, due);
        counts[n]->sent = counts[n]->count;
        counts[n]->count = 0;
    }

    return n;
}


/* It was not delivered. */

static void
ngx_compliance_seen_back(ngx_compliance_seen_t *count)
{
    if (count->count == 0) {
        ngx_queue_insert_tail(&seen.due, &count->due);
    }

    count->count += count->sent;
    count->sent = 0;
}


static ngx_int_t
ngx_compliance_seen_send(ngx_redis_batch_t *batch,
    ngx_compliance_seen_t **counts, ngx_uint_t n)
{
    ngx_uint_t            i, k;
    ngx_redis_command_t   commands[NGX_REDIS_MAX_COMMANDS];
    ngx_redis_template_t  templates[NGX_REDIS_MAX_COMMANDS];

    for (i = 0; i < n; i++) {
        k = i * NGX_COMPLIANCE_SEEN_COMMANDS;

        if (ngx_compliance_seen_commands(counts[i], &templates[k],
                                         &commands[k])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_redis_send(ngx_compliance_audit_redis(), batch, commands,
                          n * NGX_COMPLIANCE_SEEN_COMMANDS);
}


static ngx_int_t
ngx_compliance_seen_commands(ngx_compliance_seen_t *count,
    ngx_redis_template_t *templates, ngx_redis_command_t *commands)
{
    char        key[COMPLIANCE_KEY_TEXT_MAX], index[COMPLIANCE_KEY_TEXT_MAX];
    char        day[COMPLIANCE_DAY_LEN + 1], number[NGX_INT_T_LEN + 1];
    size_t      i;

    const char *const  hincrby[] = { "HINCRBY", key, NULL, number };
    const char *const  expire[] = { "EXPIRE", key, NULL };
    const char *const  sadd[] = { "SADD", index, NULL };
    const char *const  expire_index[] = { "EXPIRE", index, NULL };

    const struct {
        const char *const  *args;
        size_t              n;
        const char         *arg;
        size_t              len;
    } table[NGX_COMPLIANCE_SEEN_COMMANDS] = {
        { hincrby, 4, count->text, count->len },
        { expire, 3, seen.keep, ngx_strlen(seen.keep) },
        { sadd, 3, count->user.data, count->user.len },
        { expire_index, 3, seen.keep, ngx_strlen(seen.keep) }
    };

    compliance_day(count->day, day);
    (void) ngx_sprintf((u_char *) number, "%ui%Z", count->sent);

    if (compliance_key_seen(key, sizeof(key), ngx_compliance_worker.prefix,
                            count->day, &count->user)
        == 0
        || compliance_key_index(index, sizeof(index),
                                ngx_compliance_worker.prefix, "seen",
                                (compliance_str_t) { day, COMPLIANCE_DAY_LEN })
           == 0)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_COMPLIANCE_SEEN_COMMANDS; i++) {

        if (ngx_redis_template_init(&templates[i], table[i].n, table[i].args,
                                    2)
            != 0)
        {
            return NGX_ERROR;
        }

        commands[i].template = &templates[i];
        commands[i].arg = table[i].arg;
        commands[i].len = table[i].len;
    }

    return NGX_OK;
}


static void
ngx_compliance_seen_handler(ngx_redis_batch_t *batch)
{
    ngx_uint_t              i;
    redisReply             *reply;
    ngx_compliance_seen_t  *count;

    for (i = 0; i < seen.nsending; i++) {
        count = seen.sending[i];

        if (batch->status == NGX_REDIS_OK) {
            reply = batch->replies[i * NGX_COMPLIANCE_SEEN_COMMANDS];

            if (reply->type == REDIS_REPLY_INTEGER) {
                count->sent = 0;
                continue;
            }

            ngx_compliance_store_refused(reply, "allowed accesses");
        }

        ngx_compliance_seen_back(count);
    }

    seen.nsending = 0;

    if (batch->status != NGX_REDIS_OK) {
        ngx_add_timer(&seen.timer,
                      ngx_max(seen.interval, NGX_COMPLIANCE_SEEN_RETRY));
        return;
    }

    ngx_compliance_seen_next();

    /* counted, or refused, meanwhile */

    if (seen.nsending == 0 && !seen.timer.timer_set
        && !ngx_queue_empty(&seen.due))
    {
        ngx_add_timer(&seen.timer, seen.interval);
    }
}


/* The worker ends: what is left is offered to the socket once. */

void
ngx_compliance_seen_stop(ngx_log_t *log)
{
    uint64_t                 left;
    ngx_uint_t               n;
    ngx_queue_t             *q;
    ngx_redis_batch_t        batch;
    ngx_compliance_seen_t  *count, *counts[NGX_COMPLIANCE_SEEN_BATCH];

    if (seen.interval == 0 || ngx_compliance_audit_redis() == NULL) {
        return;
    }

    if (seen.timer.timer_set) {
        ngx_del_timer(&seen.timer);
    }

    /* what is under way is on its way */

    ngx_queue_add(&seen.round, &seen.due);
    ngx_queue_init(&seen.due);

    while ((n = ngx_compliance_seen_collect(counts)) > 0) {

        ngx_memzero(&batch, sizeof(ngx_redis_batch_t));

        if (ngx_compliance_seen_send(&batch, counts, n) != NGX_OK) {
            while (n) {
                ngx_compliance_seen_back(counts[--n]);
            }

            break;
        }

        ngx_redis_cancel(&batch);
    }

    left = 0;

    for (q = ngx_queue_head(&seen.counts);
         q != ngx_queue_sentinel(&seen.counts);
         q = ngx_queue_next(q))
    {
        count = ngx_queue_data(q, ngx_compliance_seen_t, queue);
        left += count->count;
    }

    if (left) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "compliance: %uL allowed accesses are not counted: this "
                      "worker ends and the store does not take them", left);
    }
}
