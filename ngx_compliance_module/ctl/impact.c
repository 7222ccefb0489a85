/*
 * impact: the present records, judged by the live set and by a changed one.
 * Every device of every member is asked about as its owner would use it, by
 * each protocol in scope.  Pages of some hundred, so that a million devices
 * neither stall Redis nor fill memory.
 *
 * What no record tells: the client's address and name.  An exempt network is
 * not counted on, an allowed client is; a proof is what is on record.
 */
#include "bulk.h"
#include "group.h"
#include "whatif.h"

#include <stdlib.h>
#include <string.h>


/* One device, and who would ask by it. */
typedef struct {
    const char *user;       /* NULL: nobody is on record as its owner */
    const char *device;
} pair_t;

typedef struct {
    ctl_t                 *ctl;
    const ctl_sets_t      *sets;
    const ctl_impact_of_t *what;
    ctl_difference_t      *difference;
    ctl_impact_notes_t    *notes;
    unsigned               protocols;      /* asked by */
    bool                   ask_proofs;     /* some binding above owner counts */
    size_t                 n_pairs;
    pair_t                 pairs[CTL_CASES_AT_ONCE];
    bool                   certificate[CTL_CASES_AT_ONCE];
    ctl_case_t             cases[CTL_CASES_AT_ONCE];
    compliance_trace_t     traces[2];
} run_t;


/* What both sets of a group say of it. */
static void
prepare(run_t *run)
{
    const compliance_snapshot_t *sets[2] = { &run->sets->live,
                                             &run->sets->changed };

    for (size_t i = 0; i < 2; i++) {
        const compliance_group_t *group;

        group = compliance_snapshot_find(sets[i], ctl_str(run->what->group));

        if (group == NULL) {
            continue;
        }

        run->protocols |= group->protocols | group->deny_protocols;
        run->ask_proofs |= group->min_binding > COMPLIANCE_BINDING_OWNER;
        run->notes->proofs |= group->min_binding > COMPLIANCE_BINDING_OWNER;
        run->notes->clients |= group->clients_restricted;
        run->notes->networks |= group->n_networks > 0;
    }

    if (run->what->protocol != COMPLIANCE_PROTOCOL_NONE) {
        run->protocols = COMPLIANCE_BIT(run->what->protocol);
    }
}


static void
build_case(run_t *run, size_t i)
{
    const pair_t         *pair = &run->pairs[i];
    ctl_case_t           *c = &run->cases[i];
    compliance_request_t *request = &c->request;
    compliance_claim_t   *claim;

    memset(request, 0, sizeof(*request));
    c->at = run->what->at;
    c->steps = NULL;
    c->proven = COMPLIANCE_BINDING_NONE;
    request->user_source = COMPLIANCE_USER_FROM_OWNER;
    request->vouched_client = true;

    if (pair->user != NULL) {
        request->user_source = COMPLIANCE_USER_FROM_CREDENTIAL;

        if (compliance_principal_parse(ctl_str(pair->user), &request->user)
            != COMPLIANCE_OK)
        {
            request->identity = COMPLIANCE_MALFORMED;
        }
    }

    claim = ctl_claim_add(request, COMPLIANCE_DEVICE_FROM_VARIABLE);

    if (compliance_device_id_parse(ctl_str(pair->device), &claim->id)
        != COMPLIANCE_OK)
    {
        request->identity = COMPLIANCE_MALFORMED;
    }
}


/* The device as it would ask by this protocol. */
static void
ask_by(const run_t *run, size_t i, compliance_protocol_t protocol,
    ctl_case_t *c)
{
    bool web = protocol == COMPLIANCE_WEB;

    c->request.protocol = protocol;
    c->request.device_free = protocol == COMPLIANCE_AUTODISCOVER;

    if (run->pairs[i].user != NULL) {
        c->request.user_source = web ? COMPLIANCE_USER_FROM_OWNER
                                     : COMPLIANCE_USER_FROM_CREDENTIAL;
    }

    if (c->lookup.facts.device_presence == COMPLIANCE_PRESENT) {
        c->lookup.facts.binding = run->certificate[i]
                                  ? COMPLIANCE_BINDING_CERTIFICATE
                                  : web ? COMPLIANCE_BINDING_SECRET
                                        : COMPLIANCE_BINDING_ASSERTED;
    }
}


static void
judge_case(run_t *run, size_t i)
{
    ctl_case_t            *c = &run->cases[i];
    compliance_decision_t  live, changed;

    for (int p = 1; p < COMPLIANCE_PROTOCOLS; p++) {
        compliance_protocol_t protocol = (compliance_protocol_t) p;

        /* a browser is all by which a device without an owner is anybody's */
        if (!(run->protocols & COMPLIANCE_BIT(protocol))
            || (run->pairs[i].user == NULL && protocol != COMPLIANCE_WEB))
        {
            continue;
        }

        ask_by(run, i, protocol, c);
        live = ctl_case_decide(c, &run->sets->live, &run->traces[0]);
        changed = ctl_case_decide(c, &run->sets->changed, &run->traces[1]);

        if (ctl_group_concerned(run->what->group, &run->traces[0])
            || ctl_group_concerned(run->what->group, &run->traces[1]))
        {
            (void) ctl_difference_add(run->difference, c, &live, &changed, 1,
                                      live.verdict == COMPLIANCE_ALLOW);
        }
    }
}


/* Which of the devices have a certificate on record. */
static void
ask_proofs(run_t *run)
{
    const char *key;

    for (size_t i = 0; i < run->n_pairs; i++) {
        key = ctl_key_index(run->ctl, "alias_of",
                            ctl_str(run->pairs[i].device));
        ctl_store_send(run->ctl, "SMEMBERS %s", key == NULL ? "" : key);
    }

    for (size_t i = 0; i < run->n_pairs; i++) {
        redisReply *reply = ctl_store_receive(run->ctl);

        for (size_t k = 0; k < reply->elements; k++) {
            compliance_str_t member = ctl_reply_text(reply->element[k]);

            run->certificate[i] |= member.len > 5
                                   && memcmp(member.data, "cert:", 5) == 0;
        }
    }
}


static void
flush(run_t *run)
{
    ctl_mark_t  mark = ctl_mark();
    ctl_case_t *cases[CTL_CASES_AT_ONCE] = { NULL };

    memset(run->certificate, 0, sizeof(run->certificate));

    for (size_t i = 0; i < run->n_pairs; i++) {
        build_case(run, i);
        cases[i] = &run->cases[i];
    }

    if (run->ask_proofs) {
        ask_proofs(run);
    }

    ctl_cases_look_up(run->ctl, cases, run->n_pairs);

    for (size_t i = 0; i < run->n_pairs; i++) {
        judge_case(run, i);
    }

    run->n_pairs = 0;
    ctl_release(mark);
}


/* The texts live until the next flush. */
static void
add_pair(run_t *run, const char *user, const char *device)
{
    run->pairs[run->n_pairs++] = (pair_t) { user, device };

    if (run->n_pairs == CTL_CASES_AT_ONCE) {
        flush(run);
    }
}


/* A page of the group's members, with all of their devices. */
static void
judge_members(run_t *run, const char *const *users, size_t n)
{
    const char  *key;
    redisReply **replies = ctl_alloc_array(n, sizeof(redisReply *));

    for (size_t i = 0; i < n; i++) {
        key = ctl_key_index(run->ctl, "owner", ctl_str(users[i]));
        ctl_store_send(run->ctl, "SMEMBERS %s", key == NULL ? "" : key);
    }

    for (size_t i = 0; i < n; i++) {
        replies[i] = ctl_store_receive(run->ctl);
        run->notes->without_device += replies[i]->elements == 0;
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < replies[i]->elements; k++) {
            add_pair(run, users[i],
                     ctl_dup(ctl_reply_text(replies[i]->element[k])));
        }
    }

    flush(run);
}


/* A page of devices, each with its owner: what the default group is about is
 * in no index. */
static void
judge_devices(run_t *run, const char *const *devices, size_t n)
{
    compliance_device_id_t id;
    redisReply           **replies = ctl_alloc_array(n, sizeof(redisReply *));

    for (size_t i = 0; i < n; i++) {
        if (compliance_device_id_parse(ctl_str(devices[i]), &id)
            != COMPLIANCE_OK)
        {
            id.len = 0;
            id.data[0] = '\0';
        }

        ctl_store_send(run->ctl, "HGET %s owner",
                       ctl_key_device(run->ctl, &id));
    }

    for (size_t i = 0; i < n; i++) {
        replies[i] = ctl_store_receive(run->ctl);
    }

    for (size_t i = 0; i < n; i++) {
        compliance_str_t owner = ctl_reply_text(replies[i]);

        add_pair(run, owner.len == 0 ? NULL : ctl_dup(owner), devices[i]);
    }

    flush(run);
}


static const char **
all_devices(ctl_t *ctl, size_t *n)
{
    const char             *key;
    compliance_device_id_t  id = { 1, "D" };

    key = ctl_key_device(ctl, &id);

    return ctl_store_scan(ctl, ctl_dup((compliance_str_t) {
                                           key, strlen(key) - 1 }), n);
}


void
ctl_impact_judge(ctl_t *ctl, const ctl_sets_t *sets,
    const ctl_impact_of_t *what, ctl_difference_t *difference,
    ctl_impact_notes_t *notes)
{
    size_t           n;
    bool             standard = ctl_group_is_default(what->group);
    const char     **names, *key = NULL;
    ctl_progress_t  *progress;
    run_t           *run = ctl_alloc(sizeof(*run));

    run->ctl = ctl;
    run->sets = sets;
    run->what = what;
    run->difference = difference;
    run->notes = notes;
    prepare(run);

    if (!standard) {
        key = ctl_key_index(ctl, "groups", ctl_str(what->group));
    }

    names = standard ? all_devices(ctl, &n)
                     : ctl_store_members(ctl, key == NULL ? "" : key, &n);
    progress = ctl_progress_begin(standard ? "devices judged"
                                           : "members judged", (int64_t) n);

    for (size_t i = 0; i < n; i += CTL_CASES_AT_ONCE) {
        ctl_mark_t mark = ctl_mark();
        size_t     size = n - i < CTL_CASES_AT_ONCE ? n - i
                                                    : CTL_CASES_AT_ONCE;

        if (standard) {
            judge_devices(run, names + i, size);
        } else {
            judge_members(run, names + i, size);
        }

        ctl_release(mark);
        ctl_progress_at(progress, (int64_t) (i + size));
    }

    ctl_progress_end(progress);
}
