/*
 * One check: the lookup's rounds and this turn's snapshot, then the decision,
 * then exactly one call of the handler.  The lookup and the snapshot come on
 * one connection, and both must be there: as soon as either fails the decision
 * is taken on what is known, of which decide.c makes a temporary failure, a
 * known block or break-glass, and never another allow.
 */
#include "ngx_compliance_internal.h"

#include <openssl/rand.h>


static void ngx_compliance_check_reset(ngx_compliance_check_t *check);
static void ngx_compliance_check_id(ngx_compliance_check_t *check);
static ngx_int_t ngx_compliance_check_round(ngx_compliance_check_t *check);
static void ngx_compliance_check_replies(ngx_redis_batch_t *batch);
static ngx_int_t ngx_compliance_check_answer(ngx_compliance_check_t *check,
    ngx_uint_t i, redisReply *reply);
static void ngx_compliance_check_detach(ngx_compliance_check_t *check);
static void ngx_compliance_check_decide(ngx_compliance_check_t *check,
    ngx_uint_t fresh);
static void ngx_compliance_check_count(const ngx_compliance_check_t *check);
static void ngx_compliance_check_log(ngx_compliance_check_t *check);


/* Values of the longer record. */
#define NGX_COMPLIANCE_VALUES                                                 \
    (COMPLIANCE_DEVICE_FIELDS > COMPLIANCE_USER_FIELDS                        \
     ? COMPLIANCE_DEVICE_FIELDS : COMPLIANCE_USER_FIELDS)

#define ngx_compliance_check_copy(to, from, size)                             \
    (void) ngx_cpystrn((u_char *) (to), (u_char *) (from), size)

#define NGX_COMPLIANCE_ID_BYTES  10
#define NGX_COMPLIANCE_IDS       64

#if (COMPLIANCE_ASKS_MAX > NGX_REDIS_MAX_COMMANDS)
#error a round of a lookup must fit one batch
#endif


typedef struct {
    size_t                nvalues;    /* 1: a lone string */
    ngx_redis_template_t  command;
} ngx_compliance_ask_kind_t;


static ngx_compliance_ask_kind_t
    ngx_compliance_ask_kinds[COMPLIANCE_ASK_STRING + 1];


ngx_int_t
ngx_compliance_check_start(void)
{
    ngx_compliance_ask_kind_t  *kinds;

    static const char *const  get[] = { "GET", NULL };

    kinds = ngx_compliance_ask_kinds;

    kinds[COMPLIANCE_ASK_DEVICE].nvalues = COMPLIANCE_DEVICE_FIELDS;
    kinds[COMPLIANCE_ASK_USER].nvalues = COMPLIANCE_USER_FIELDS;
    kinds[COMPLIANCE_ASK_STRING].nvalues = 1;

    if (ngx_compliance_store_hmget(&kinds[COMPLIANCE_ASK_DEVICE].command,
                                   compliance_device_fields,
                                   COMPLIANCE_DEVICE_FIELDS)
        != NGX_OK
        || ngx_compliance_store_hmget(&kinds[COMPLIANCE_ASK_USER].command,
                                      compliance_user_fields,
                                      COMPLIANCE_USER_FIELDS)
           != NGX_OK
        || ngx_redis_template_init(&kinds[COMPLIANCE_ASK_STRING].command, 2,
                                   get, 1)
           != 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_compliance_check_init(ngx_compliance_check_t *check)
{
    ngx_memzero(&check->request, sizeof(compliance_request_t));
    ngx_str_null(&check->client);
    ngx_str_null(&check->command);
    check->log = NULL;
    check->handler = NULL;
    check->data = NULL;
    check->silent = 0;
    check->id[0] = '\0';

    ngx_compliance_check_reset(check);
}


ngx_int_t
ngx_compliance_check(ngx_compliance_check_t *check)
{
    ngx_compliance_check_reset(check);
    ngx_compliance_check_id(check);

    compliance_lookup_init(&check->lookup, &check->request,
                           ngx_compliance_worker.prefix);

    if (check->request.identity != COMPLIANCE_OK
        || ngx_compliance_worker.redis == NULL
        || ngx_compliance_snapshot_join(check) != NGX_OK)
    {
        check->failure = (ngx_compliance_worker.redis == NULL)
                         ? NGX_REDIS_UNAVAILABLE
                         : ngx_compliance_snapshot_failure();

        compliance_lookup_fail(&check->lookup);
        ngx_compliance_check_decide(check, 0);
        return NGX_OK;
    }

    check->snapshot_due = 1;

    if (ngx_compliance_check_round(check) == NGX_ERROR) {
        ngx_compliance_check_detach(check);
        ngx_compliance_check_decide(check, 0);
        return NGX_OK;
    }

    check->asked = ngx_compliance_metric_clock();
    ngx_compliance_metric_add(NGX_COMPLIANCE_METRIC_LOOKUPS, 1);
    check->waiting = 1;

    return NGX_AGAIN;
}


static void
ngx_compliance_check_reset(ngx_compliance_check_t *check)
{
    compliance_facts_init(&check->facts);
    ngx_memzero(&check->decision, sizeof(check->decision));
    ngx_memzero(&check->batch, sizeof(check->batch));

    check->group[0] = '\0';
    check->message[0] = '\0';
    check->support_contact[0] = '\0';
    check->asked = 0;
    check->failure = NGX_REDIS_OK;
    check->waiting = 0;
    check->lookup_due = 0;
    check->snapshot_due = 0;
}


/* Random bytes are fetched for many ids at once: OpenSSL asks the kernel for
 * the process's id at each call. */

static void
ngx_compliance_check_id(ngx_compliance_check_t *check)
{
    static u_char  random[NGX_COMPLIANCE_IDS][NGX_COMPLIANCE_ID_BYTES];
    static size_t  left;

    if (left == 0) {

        if (RAND_bytes(random[0], sizeof(random)) != 1) {

            /* an id only has to be told apart, nothing is signed with it */

            ngx_log_error(NGX_LOG_CRIT, check->log, 0,
                          "no random bytes for decision ids");
            ngx_memzero(random, sizeof(random));
        }

        left = NGX_COMPLIANCE_IDS;
    }

    compliance_decision_id(random[--left], check->id);
}


/* NGX_AGAIN: asked; NGX_OK: the lookup is complete; NGX_ERROR: it failed. */

static ngx_int_t
ngx_compliance_check_round(ngx_compliance_check_t *check)
{
    size_t               i, n;
    compliance_ask_t    *ask;
    ngx_redis_command_t  commands[COMPLIANCE_ASKS_MAX];

    check->lookup_due = 0;

    n = compliance_lookup_next(&check->lookup);

    if (n == 0) {
        return NGX_OK;
    }

    for (i = 0; i < n; i++) {
        ask = &check->lookup.asks[i];

        commands[i].template = &ngx_compliance_ask_kinds[ask->kind].command;
        commands[i].arg = ask->key;
        commands[i].len = ask->key_len;
    }

    check->batch.handler = ngx_compliance_check_replies;
    check->batch.data = check;

    if (ngx_redis_send(ngx_compliance_worker.redis, &check->batch, commands,
                       n)
        != NGX_OK)
    {
        check->failure = check->batch.status;
        compliance_lookup_fail(&check->lookup);
        return NGX_ERROR;
    }

    check->lookup_due = 1;

    return NGX_AGAIN;
}


static void
ngx_compliance_check_replies(ngx_redis_batch_t *batch)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_compliance_check_t  *check;

    check = batch->data;
    check->lookup_due = 0;

    rc = (batch->status == NGX_REDIS_OK) ? NGX_OK : NGX_ERROR;

    for (i = 0; rc == NGX_OK && i < batch->ncommands; i++) {
        rc = ngx_compliance_check_answer(check, i, batch->replies[i]);
    }

    if (rc == NGX_OK) {
        rc = ngx_compliance_check_round(check);

    } else {
        check->failure = batch->status;
        compliance_lookup_fail(&check->lookup);
    }

    if (rc == NGX_AGAIN || (rc == NGX_OK && check->snapshot_due)) {
        return;
    }

    ngx_compliance_check_detach(check);
    ngx_compliance_check_decide(check, rc == NGX_OK);

    check->handler(check);
}


static ngx_int_t
ngx_compliance_check_answer(ngx_compliance_check_t *check, ngx_uint_t i,
    redisReply *reply)
{
    size_t               n;
    ngx_int_t            rc;
    compliance_ask_t    *ask;
    compliance_value_t   values[NGX_COMPLIANCE_VALUES];

    ask = &check->lookup.asks[i];
    n = ngx_compliance_ask_kinds[ask->kind].nvalues;

    if (ask->kind == COMPLIANCE_ASK_STRING) {
        rc = ngx_compliance_store_value(reply, values, ask->key);

    } else {
        rc = ngx_compliance_store_values(reply, values, n, ask->key);
    }

    if (rc == NGX_OK) {
        compliance_lookup_answer(&check->lookup, i, values, n);
    }

    return rc;
}


void
ngx_compliance_check_snapshot(ngx_compliance_check_t *check, ngx_int_t rc)
{
    check->snapshot_due = 0;

    if (rc == NGX_OK && check->lookup_due) {
        return;
    }

    if (rc != NGX_OK) {
        check->failure = ngx_compliance_snapshot_failure();
    }

    if (check->lookup_due) {
        compliance_lookup_fail(&check->lookup);
    }

    ngx_compliance_check_detach(check);
    ngx_compliance_check_decide(check, rc == NGX_OK);

    check->handler(check);
}


void
ngx_compliance_check_cancel(ngx_compliance_check_t *check)
{
    if (check->waiting) {
        ngx_compliance_check_detach(check);
    }
}


/* Nothing refers to the check any more. */

static void
ngx_compliance_check_detach(ngx_compliance_check_t *check)
{
    check->waiting = 0;

    if (check->lookup_due) {
        check->lookup_due = 0;
        ngx_redis_cancel(&check->batch);
    }

    if (check->snapshot_due) {
        check->snapshot_due = 0;
        ngx_queue_remove(&check->queue);
    }
}


/* fresh: the snapshot is as new as the lookup. */

static void
ngx_compliance_check_decide(ngx_compliance_check_t *check, ngx_uint_t fresh)
{
    compliance_snapshot_t     *snapshot;
    const compliance_group_t  *group;

    /* a failed lookup resolves what it does know */

    if (check->lookup.failed) {
        (void) compliance_lookup_next(&check->lookup);
        fresh = 0;
    }

    check->facts = check->lookup.facts;

    snapshot = ngx_compliance_snapshot();

    if (snapshot != NULL) {
        snapshot->stale = !fresh;
    }

    check->decision = compliance_decide(&check->request, &check->facts,
                                        snapshot, ngx_time(), NULL);

    check->candidate_len = 0;

    ngx_compliance_check_count(check);

    if (!check->silent) {
        ngx_compliance_check_log(check);

        if (fresh) {
            ngx_compliance_candidate(check);
        }

        if (check->decision.audit || check->candidate_len) {
            ngx_compliance_audit(check);

        } else if (check->decision.verdict == COMPLIANCE_ALLOW) {
            ngx_compliance_seen(check);
        }
    }

    group = check->decision.group;

    if (group != NULL) {
        ngx_compliance_check_copy(check->group, group->name,
                                  sizeof(check->group));
        ngx_compliance_check_copy(check->message, group->message,
                                  sizeof(check->message));
        ngx_compliance_check_copy(check->support_contact,
                                  group->support_contact,
                                  sizeof(check->support_contact));

        check->decision.group = NULL;
    }
}


static void
ngx_compliance_check_count(const ngx_compliance_check_t *check)
{
    uint64_t    now;
    ngx_uint_t  failure;

    if (check->asked) {
        now = ngx_compliance_metric_clock();

        ngx_compliance_metric_observe(NGX_COMPLIANCE_HISTOGRAM_LOOKUP,
                                      now > check->asked ? now - check->asked
                                                         : 0);
    }

    if (check->silent) {
        return;
    }

    failure = NGX_COMPLIANCE_ERROR_REPLY;

    if (check->failure != NGX_REDIS_OK) {
        failure = (ngx_uint_t) check->failure - 1;
    }

    ngx_compliance_metric_decision(check, failure);
}


static void
ngx_compliance_check_log(ngx_compliance_check_t *check)
{
    size_t                   user_len, device_len;
    u_char                   user[256], device[128];
    const char              *what;
    ngx_uint_t               level;
    compliance_str_t         text;
    compliance_reason_t      reason;
    compliance_decision_t   *decision;

    decision = &check->decision;

    if (decision->verdict == COMPLIANCE_BLOCK) {
        what = "blocked";
        reason = decision->reason;
        level = ngx_compliance_worker.conf->log_level;

    } else if (decision->would_block) {
        what = "would have blocked";
        reason = decision->would_reason;
        level = NGX_LOG_INFO;

    } else {
        return;
    }

    if (check->log->log_level < level) {
        return;
    }

    text.data = check->facts.user.principal.data;
    text.len = check->facts.user.principal.len;
    user_len = ngx_compliance_escape(user, sizeof(user), text);

    text.data = check->facts.device.id.data;
    text.len = check->facts.device.id.len;
    device_len = ngx_compliance_escape(device, sizeof(device), text);

    ngx_log_error(level, check->log, 0,
                  "compliance: %s device \"%*s\" of user \"%*s\" (%s, "
                  "group \"%s\", %s, id %s)",
                  what, device_len, device, user_len, user,
                  compliance_reason_name(reason),
                  decision->group ? decision->group->name : "",
                  compliance_protocol_name(check->request.protocol),
                  check->id);
}
