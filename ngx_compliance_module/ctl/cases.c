/*
 * Cases looked up and decided, many in one pipeline: every round of all of
 * them goes out together, so a thousand cost as many round trips as one.
 */
#include "question.h"

#include <string.h>


static void
send_ask(ctl_t *ctl, const compliance_ask_t *ask)
{
    const char *const *fields = NULL;
    size_t             n = 0;
    const char        *argv[2 + COMPLIANCE_DEVICE_FIELDS
                            + COMPLIANCE_USER_FIELDS];

    switch (ask->kind) {

    case COMPLIANCE_ASK_DEVICE:
        fields = compliance_device_fields;
        n = COMPLIANCE_DEVICE_FIELDS;
        break;

    case COMPLIANCE_ASK_USER:
        fields = compliance_user_fields;
        n = COMPLIANCE_USER_FIELDS;
        break;

    case COMPLIANCE_ASK_STRING:
        break;
    }

    argv[0] = n > 0 ? "HMGET" : "GET";
    argv[1] = ask->key;

    for (size_t i = 0; i < n; i++) {
        argv[2 + i] = fields[i];
    }

    ctl_store_send_words(ctl, 2 + n, argv);
}


/* A case whose steps are kept stands alone: what they say lives on. */
static void
note_step(ctl_t *ctl, ctl_steps_t *steps, const compliance_ask_t *ask,
    const compliance_value_t *values, size_t n)
{
    bool        found = false;
    ctl_step_t *step;

    if (steps->n == CTL_STEPS_MAX) {
        return;
    }

    for (size_t i = 0; i < n; i++) {
        found = found || values[i].data != NULL;
    }

    step = &steps->items[steps->n++];
    step->key = ctl_dup((compliance_str_t) { ask->key + ctl->prefix.len,
                                             ask->key_len - ctl->prefix.len });
    step->answer = !found ? "none"
                   : ask->kind != COMPLIANCE_ASK_STRING ? "found"
                   : ctl_format("-> %s", ctl_escape(values[0]));
}


/* The facts' slices point into no reply. */
static void
take_answer(ctl_t *ctl, ctl_case_t *c, size_t i)
{
    size_t             n;
    redisReply        *reply = ctl_store_receive(ctl);
    compliance_value_t values[COMPLIANCE_DEVICE_FIELDS
                              + COMPLIANCE_USER_FIELDS];

    n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 1;

    if (n > sizeof(values) / sizeof(values[0])) {
        ctl_reply_expect(reply, REDIS_REPLY_NIL, "the fields of a record");
    }

    for (size_t k = 0; k < n; k++) {
        values[k] = ctl_reply_text(reply->type == REDIS_REPLY_ARRAY
                                   ? reply->element[k] : reply);
    }

    if (c->steps != NULL) {
        note_step(ctl, c->steps, &c->lookup.asks[i], values, n);
    }

    compliance_lookup_answer(&c->lookup, i, values, n);
}


/* One round of all cases; false where none of them asks anything more. */
static bool
look_up_round(ctl_t *ctl, ctl_case_t *const *cases, size_t n, bool *done)
{
    bool    more = false;
    size_t *asks = ctl_alloc_array(n, sizeof(*asks));

    for (size_t i = 0; i < n; i++) {
        if (done[i]) {
            continue;
        }

        asks[i] = compliance_lookup_next(&cases[i]->lookup);
        done[i] = asks[i] == 0;

        for (size_t k = 0; k < asks[i]; k++) {
            send_ask(ctl, &cases[i]->lookup.asks[k]);
        }
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < asks[i]; k++) {
            take_answer(ctl, cases[i], k);
        }

        more = more || !done[i];
    }

    return more;
}


void
ctl_cases_look_up(ctl_t *ctl, ctl_case_t *const *cases, size_t n)
{
    bool       *done, more = n > 0;
    ctl_mark_t  before;

    ctl_store_open(ctl);
    before = ctl_mark();
    done = ctl_alloc_array(n, sizeof(*done));

    for (size_t i = 0; i < n; i++) {
        compliance_lookup_init(&cases[i]->lookup, &cases[i]->request,
                               ctl->prefix);
    }

    while (more) {
        more = look_up_round(ctl, cases, n, done);
    }

    for (size_t i = 0; i < n; i++) {
        compliance_facts_t *facts = &cases[i]->lookup.facts;

        if (facts->device_presence == COMPLIANCE_PRESENT
            && cases[i]->proven > facts->binding)
        {
            facts->binding = cases[i]->proven;
        }
    }

    if (n > 0 && cases[0]->steps == NULL) {
        ctl_release(before);
    }
}


compliance_decision_t
ctl_case_decide(const ctl_case_t *of, const compliance_snapshot_t *snapshot,
    compliance_trace_t *trace)
{
    return compliance_decide(&of->request, &of->lookup.facts, snapshot, of->at,
                             trace);
}
