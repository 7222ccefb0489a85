/*
 * The replay.  Accesses come from access.c one by one and are judged some
 * hundred at a time, over a connection of their own, for the reading goes on
 * meanwhile.
 */
#include "bulk.h"
#include "group.h"
#include "replay.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    ctl_t                  ctl;         /* the second connection's */
    const ctl_replay_of_t *what;
    ctl_difference_t      *difference;
    ctl_replay_notes_t    *notes;
    ctl_progress_t        *progress;
    int64_t                read;
    size_t                 n;
    compliance_seen_t      seen[CTL_CASES_AT_ONCE];
    ctl_case_t             cases[CTL_CASES_AT_ONCE];
    int64_t                counts[CTL_CASES_AT_ONCE];
    bool                   let_in[CTL_CASES_AT_ONCE];
    ctl_rejudged_t         rejudged[CTL_CASES_AT_ONCE];
    compliance_trace_t     traces[2];
} run_t;


/* A device that had a record is named by it; how it was proven is recorded,
 * and is not asked again. */
static bool
claim_of(const compliance_seen_t *seen, ctl_case_t *out)
{
    const char         *device = seen->device;
    compliance_claim_t *claim;

    if (seen->source == COMPLIANCE_DEVICE_FROM_NONE || device[0] == '\0') {
        return true;
    }

    if (strncmp(device, "cert:", 5) == 0) {
        claim = ctl_claim_add(&out->request,
                              COMPLIANCE_DEVICE_FROM_CERTIFICATE);

        return compliance_fingerprint_parse(ctl_str(device + 5),
                                            claim->fingerprint)
               == COMPLIANCE_OK;
    }

    if (!seen->known) {
        claim = ctl_claim_add(&out->request, seen->source);

    } else if (seen->binding > COMPLIANCE_BINDING_OWNER) {
        /* proven at least as a cookie is, or its owner would be nobody */
        claim = ctl_claim_add(&out->request, COMPLIANCE_DEVICE_FROM_COOKIE);
        out->proven = seen->binding;

    } else {
        claim = ctl_claim_add(&out->request, COMPLIANCE_DEVICE_FROM_VARIABLE);
    }

    return compliance_device_id_parse(ctl_str(device), &claim->id)
           == COMPLIANCE_OK;
}


bool
ctl_access_request(const ctl_access_t *access, const compliance_seen_t *seen,
    ctl_case_t *out)
{
    compliance_request_t *request = &out->request;
    compliance_network_t  network;

    memset(request, 0, sizeof(*request));
    out->proven = COMPLIANCE_BINDING_NONE;
    out->steps = NULL;
    request->protocol = seen->protocol;
    request->user_source = seen->user_source;
    request->device_free = seen->device_free;
    request->device_type = seen->device_type[0] == '\0'
                           ? compliance_absent : ctl_str(seen->device_type);
    request->user_agent = seen->user_agent[0] == '\0'
                          ? compliance_absent : ctl_str(seen->user_agent);

    if (seen->address[0] != '\0'
        && compliance_network_parse(ctl_str(seen->address), &network)
           == COMPLIANCE_OK)
    {
        request->has_address = true;
        memcpy(request->address, network.address, sizeof(request->address));
    }

    if (access->verdict == COMPLIANCE_BAD_REQUEST
        || seen->protocol == COMPLIANCE_PROTOCOL_NONE
        || !claim_of(seen, out))
    {
        return false;
    }

    switch (seen->user_source) {

    case COMPLIANCE_USER_FROM_CREDENTIAL:
    case COMPLIANCE_USER_FROM_LOGIN:
        return compliance_principal_parse(access->user, &request->user)
               == COMPLIANCE_OK;

    case COMPLIANCE_USER_FROM_OWNER:
    case COMPLIANCE_USER_FROM_NONE:
        break;
    }

    return true;
}


static void
note_unrecorded(ctl_replay_notes_t *notes, const char *name, int64_t count)
{
    notes->unrecorded += count;

    for (size_t i = 0; i < notes->n_names; i++) {
        if (strcmp(notes->names[i], name) == 0) {
            return;
        }
    }

    if (notes->n_names == CTL_NAMES_SHOWN) {
        notes->more_names = true;
        return;
    }

    memcpy(notes->names[notes->n_names++], name, strlen(name) + 1);
}


static void
note_case(run_t *run, size_t i)
{
    const compliance_facts_t *facts = &run->cases[i].lookup.facts;

    if (facts->user_claimed && facts->user_presence == COMPLIANCE_MISSING) {
        note_unrecorded(run->notes, facts->user.principal.data,
                        run->counts[i]);
    }

    if (run->seen[i].known && facts->device_presence == COMPLIANCE_MISSING) {
        run->notes->gone += run->counts[i];
    }

    if (run->rejudged[i].judged) {
        run->notes->rejudged += run->counts[i];
    }
}


/* The candidate's policies change what the record would say, and no more. */
static compliance_decision_t
decide_changed(run_t *run, size_t i)
{
    ctl_case_t          *c = &run->cases[i];
    compliance_device_t *device = &c->lookup.facts.device, kept = *device;
    compliance_decision_t changed;

    if (run->rejudged[i].judged) {
        device->state = run->rejudged[i].state;
        device->grace_until = run->rejudged[i].grace_until;
    }

    changed = ctl_case_decide(c, &run->what->sets->changed, &run->traces[1]);
    *device = kept;

    return changed;
}


static void
judge_case(run_t *run, size_t i)
{
    const char            *group = run->what->group;
    compliance_decision_t  live, changed;

    note_case(run, i);
    live = ctl_case_decide(&run->cases[i], &run->what->sets->live,
                           &run->traces[0]);
    changed = decide_changed(run, i);

    if (group != NULL && !ctl_group_concerned(group, &run->traces[0])
        && !ctl_group_concerned(group, &run->traces[1]))
    {
        return;
    }

    (void) ctl_difference_add(run->difference, &run->cases[i], &live, &changed,
                              run->counts[i],
                              run->let_in[i] ? run->counts[i] : 0);
}


static void
flush(run_t *run)
{
    ctl_case_t *cases[CTL_CASES_AT_ONCE] = { NULL };

    for (size_t i = 0; i < run->n; i++) {
        cases[i] = &run->cases[i];
    }

    ctl_cases_look_up(&run->ctl, cases, run->n);
    memset(run->rejudged, 0, sizeof(run->rejudged));

    if (run->what->candidate != NULL && run->what->candidate->n_own > 0) {
        ctl_rejudge(&run->ctl, run->what->candidate, cases, run->n,
                    run->rejudged);
    }

    for (size_t i = 0; i < run->n; i++) {
        judge_case(run, i);
    }

    run->n = 0;
    ctl_progress_at(run->progress, run->read);
}


static void
visit(void *data, const ctl_access_t *access)
{
    run_t  *run = data;
    size_t  i = run->n;

    if (run->what->protocol != COMPLIANCE_PROTOCOL_NONE
        && access->seen.protocol != run->what->protocol)
    {
        return;
    }

    run->read++;
    run->notes->recorded += access->count;

    if (access->erased) {
        run->notes->erased += access->count;
        return;
    }

    run->seen[i] = access->seen;

    if (!ctl_access_request(access, &run->seen[i], &run->cases[i])) {
        run->notes->malformed += access->count;
        return;
    }

    run->cases[i].at = run->what->at;
    run->counts[i] = access->count;
    run->let_in[i] = access->verdict == COMPLIANCE_ALLOW;

    if (++run->n == CTL_CASES_AT_ONCE) {
        flush(run);
    }
}


static void
close_connection(void *object)
{
    ctl_store_close(object);
}


void
ctl_replay_judge(ctl_t *ctl, const ctl_replay_of_t *what,
    ctl_difference_t *difference, ctl_replay_notes_t *notes)
{
    run_t *run = ctl_alloc(sizeof(*run));

    memset(notes, 0, sizeof(*notes));
    run->ctl = *ctl;
    run->ctl.store = NULL;
    run->what = what;
    run->difference = difference;
    run->notes = notes;
    ctl_store_open(&run->ctl);
    ctl_keep(&run->ctl, close_connection);
    run->progress = ctl_progress_begin("accesses judged", 0);

    ctl_access_each(ctl, &what->filter, visit, run);
    flush(run);
    ctl_progress_end(run->progress);
}


int64_t
ctl_since(const ctl_t *ctl, const char *text, int64_t days)
{
    int64_t span = days * 86400, at;

    if (text == NULL) {
        return ctl->now - span;
    }

    if (ctl_span_parse(ctl_str(text), &span)
        && text[strlen(text) - 1] >= 'a')
    {
        return ctl->now - span;
    }

    if (!ctl_time_parse(ctl_str(text), ctl->now, &at)) {
        ctl_die_usage(ctl, "--since \"%s\" is not valid; it expects 7d, 12h or "
                      "%s", ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    return at;
}
