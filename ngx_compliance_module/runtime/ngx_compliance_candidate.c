/*
 * The candidate set beside the live one.  Every request that was decided is
 * decided once more with the candidate's groups, and where that would be told
 * to the client in another way, the audit record says so.  It never touches
 * what is decided: without a good candidate there is just no such record.
 * Its policies are not tried here: a device's state comes from the store.
 */
#include "ngx_compliance_mirror.h"

#include "../core/candidate.h"


static void ngx_compliance_candidate_fail(const char *why);


static struct {
    size_t                  id_len;        /* of the set that is wanted */
    u_char                  id[COMPLIANCE_CANDIDATE_ID_MAX];
    unsigned                loaded:1;      /* text is that set's */
    unsigned                good:1;        /* and snapshot is made of it */
    compliance_str_t        text;
    compliance_snapshot_t  *snapshot;
} candidate;


/* What meta says; NGX_OK: the set is to be read. */

ngx_int_t
ngx_compliance_candidate_wanted(compliance_value_t id)
{
    if (id.data == NULL || id.len == 0 || id.len > sizeof(candidate.id)) {

        candidate.id_len = 0;
        candidate.loaded = 0;
        candidate.good = 0;

        return NGX_DECLINED;
    }

    if (id.len != candidate.id_len
        || ngx_memcmp(id.data, candidate.id, id.len) != 0)
    {
        ngx_memcpy(candidate.id, id.data, id.len);
        candidate.id_len = id.len;
        candidate.loaded = 0;
        candidate.good = 0;
    }

    return candidate.loaded ? NGX_DECLINED : NGX_OK;
}


/* Whatever comes, the read goes on: the set is only beside the live one. */

ngx_int_t
ngx_compliance_candidate_reply(ngx_compliance_row_t *row, redisReply *reply)
{
    char                *text;
    compliance_value_t   value;

    row->member = 0;
    candidate.loaded = 1;

    if (ngx_compliance_store_value(reply, &value, row->key) != NGX_OK
        || value.len == 0)
    {
        ngx_compliance_candidate_fail("is not there or cannot be read");
        return NGX_OK;
    }

    if (value.len > NGX_COMPLIANCE_CANDIDATE_SIZE) {
        ngx_compliance_candidate_fail("is larger than 512k");
        return NGX_OK;
    }

    text = ngx_alloc(value.len + 1, ngx_cycle->log);
    if (text == NULL) {
        ngx_compliance_candidate_fail("cannot be kept: no memory");
        return NGX_OK;
    }

    ngx_memcpy(text, value.data, value.len);

    if (candidate.text.data != NULL) {
        ngx_free((void *) candidate.text.data);
    }

    candidate.text.data = text;
    candidate.text.len = value.len;

    /* laid over the live set when that is made, or anew */

    ngx_compliance_mirror.changed = 1;
    candidate.good = 1;

    return NGX_OK;
}


void
ngx_compliance_candidate_build(const compliance_snapshot_t *live)
{
    if (!candidate.good) {
        return;
    }

    if (candidate.snapshot == NULL) {
        candidate.snapshot = ngx_alloc(sizeof(compliance_snapshot_t),
                                       ngx_cycle->log);
        if (candidate.snapshot == NULL) {
            ngx_compliance_candidate_fail("is not tried: no memory");
            return;
        }
    }

    ngx_memcpy(candidate.snapshot, live, sizeof(compliance_snapshot_t));

    if (compliance_candidate_apply(candidate.text, candidate.snapshot)
        != COMPLIANCE_OK)
    {
        ngx_compliance_candidate_fail("is not valid");
    }
}


static void
ngx_compliance_candidate_fail(const char *why)
{
    size_t            len;
    u_char            text[4 * COMPLIANCE_CANDIDATE_ID_MAX];
    compliance_str_t  id;

    candidate.good = 0;

    id.data = (char *) candidate.id;
    id.len = candidate.id_len;
    len = ngx_compliance_escape(text, sizeof(text), id);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "the candidate set \"%*s\" %s: nothing is tried with it",
                  len, text, why);
}


void
ngx_compliance_candidate(ngx_compliance_check_t *check)
{
    u_char                 *p, *last;
    const char             *reason;
    compliance_decision_t   other;

    check->candidate_len = 0;

    if (!candidate.good || check->decision.verdict == COMPLIANCE_TEMPFAIL
        || check->decision.verdict == COMPLIANCE_BAD_REQUEST)
    {
        return;
    }

    candidate.snapshot->stale = 0;
    candidate.snapshot->fetched = ngx_time();

    other = compliance_decide(&check->request, &check->facts,
                              candidate.snapshot, ngx_time(), NULL);

    if (other.verdict == check->decision.verdict
        && (other.verdict != COMPLIANCE_BLOCK
            || other.reason == check->decision.reason))
    {
        return;
    }

    /* "id:block:device_unknown" */

    p = check->candidate;
    last = p + sizeof(check->candidate);
    reason = compliance_reason_name(other.reason);

    p = ngx_slprintf(p, last, "%*s:%s:%s", candidate.id_len, candidate.id,
                     compliance_verdict_name(other.verdict), reason);

    check->candidate_len = (size_t) (p - check->candidate);
}
