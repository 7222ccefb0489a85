/*
 * The devices that a change to the policies concerns, found by their index and
 * judged one by one (bulk.h).  The first time nothing is written, so that an
 * administrator sees what will change before it does.
 */
#include "policies.h"
#include "bulk.h"

#include <string.h>


#define SCAN_COUNT  1000
#define CURSOR_MAX  32

static const compliance_state_t states[] = {
    COMPLIANCE_STATE_COMPLIANT, COMPLIANCE_STATE_GRACE,
    COMPLIANCE_STATE_NONCOMPLIANT, COMPLIANCE_STATE_UNKNOWN
};

typedef struct {
    ctl_judged_t   *judged;
    ctl_bulk_t     *bulk;
    ctl_progress_t *progress;
    int64_t         done;
} judging_t;


static size_t
state_index(compliance_str_t text)
{
    return text.len == 0 ? CTL_JUDGED_STATES - 1
                         : (size_t) compliance_state_parse(text);
}


static const char *
state_name(size_t i)
{
    return i == CTL_JUDGED_STATES - 1
           ? "none" : compliance_state_name((compliance_state_t) i);
}


static void
copy(char *out, size_t cap, compliance_str_t text)
{
    size_t len = text.len < cap ? text.len : cap - 1;

    if (len > 0) {
        memcpy(out, text.data, len);
    }

    out[len] = '\0';
}


static bool
admits(size_t state)
{
    return state == COMPLIANCE_STATE_COMPLIANT
           || state == COMPLIANCE_STATE_GRACE;
}


static void
on_changed(void *data, const char *id, compliance_str_t owner,
    compliance_str_t old_state, const compliance_judgement_of_device_t *after)
{
    judging_t         *judging = data;
    size_t             from = state_index(old_state), to = after->state;
    ctl_judged_cell_t *cell = &judging->judged->cells[from][to];

    if (cell->count < CTL_JUDGED_EXAMPLES) {
        copy(cell->examples[cell->count].id,
             sizeof(cell->examples[0].id), ctl_str(id));
        copy(cell->examples[cell->count].owner,
             sizeof(cell->examples[0].owner), owner);
        copy(cell->examples[cell->count].reasons,
             sizeof(cell->examples[0].reasons), ctl_str(after->reasons));
    }

    cell->count++;
    judging->judged->states++;
    judging->judged->newly_admitted += !admits(from) && admits(to);
}


/* Every member of one index set, in pages. */
static void
judge_set(ctl_t *ctl, judging_t *judging, const char *key)
{
    char        cursor[CURSOR_MAX] = "0";
    ctl_mark_t  mark;
    redisReply *reply;

    if (key == NULL) {
        return;
    }

    do {
        mark = ctl_mark();
        reply = ctl_store_ask(ctl, "SSCAN %s %s COUNT %d", key, cursor,
                              SCAN_COUNT);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a part of a set");

        if (reply->elements != 2 || reply->element[0]->len >= sizeof(cursor)) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a part "
                    "of a set; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);

        for (size_t i = 0; i < reply->element[1]->elements; i++) {
            ctl_bulk_judge(judging->bulk,
                ctl_dup(ctl_reply_text(reply->element[1]->element[i])));
            ctl_progress_at(judging->progress, ++judging->done);
        }

        ctl_release(mark);
    } while (strcmp(cursor, "0") != 0);
}


/* The index sets of a plan's devices; returns how many. */
static size_t
sets_of(ctl_t *ctl, const ctl_policies_t *plan, const char **keys)
{
    size_t n = 0;

    if (plan->everyone) {
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
            keys[n++] = ctl_key_index(ctl, "state",
                            ctl_str(compliance_state_name(states[i])));
        }

        return n;
    }

    for (size_t i = 0; i < plan->n_platforms; i++) {
        keys[n++] = ctl_key_index(ctl, "platform",
                                  ctl_str(plan->platforms[i]));
    }

    return n;
}


void
ctl_policies_judge(ctl_t *ctl, const ctl_policies_t *plan, bool dry_run,
    ctl_judged_t *out)
{
    const ctl_bulk_counts_t *counts;
    const char              **keys;
    judging_t                 judging = { .judged = out };
    ctl_mark_t                mark;
    size_t                    n;
    int64_t                   total = 0;
    ctl_bulk_options_t        options = {
        .source = "policy",
        .policies = plan->set,
        .n_policies = plan->n_set,
        .dry_run = dry_run,
        .changed = on_changed,
        .data = &judging,
    };

    memset(out, 0, sizeof(*out));
    ctl_store_open(ctl);
    mark = ctl_mark();

    keys = ctl_alloc_array(plan->n_platforms
                           + sizeof(states) / sizeof(states[0]),
                           sizeof(*keys));
    n = sets_of(ctl, plan, keys);

    for (size_t i = 0; i < n; i++) {
        total += keys[i] == NULL ? 0
                 : ctl_store_ask(ctl, "SCARD %s", keys[i])->integer;
    }

    judging.bulk = ctl_bulk_begin(ctl, &options);
    judging.progress = ctl_progress_begin(dry_run ? "looking" : "judging",
                                          total);

    for (size_t i = 0; i < n; i++) {
        judge_set(ctl, &judging, keys[i]);
    }

    counts = ctl_bulk_flush(judging.bulk);
    ctl_progress_end(judging.progress);
    out->read = counts->read;
    out->records = counts->changed;
    out->newly_blocked = counts->newly_blocked;
    ctl_bulk_end(judging.bulk);
    ctl_release(mark);
}


void
ctl_judged_print(const ctl_judged_t *judged)
{
    printf("%lld devices are concerned; %lld change their state, %lld are "
           "newly blocked, %lld newly admitted\n", (long long) judged->read,
           (long long) judged->states, (long long) judged->newly_blocked,
           (long long) judged->newly_admitted);

    if (judged->records > judged->states) {
        printf("  %lld keep it, with other reasons, grace or policy\n",
               (long long) (judged->records - judged->states));
    }

    for (size_t from = 0; from < CTL_JUDGED_STATES; from++) {
        for (size_t to = 0; to < CTL_JUDGED_STATES; to++) {
            const ctl_judged_cell_t *cell = &judged->cells[from][to];

            if (cell->count == 0) {
                continue;
            }

            printf("  %-12s -> %-12s %lld\n", state_name(from), state_name(to),
                   (long long) cell->count);

            for (int64_t i = 0; i < cell->count && i < CTL_JUDGED_EXAMPLES;
                 i++)
            {
                const char *owner = cell->examples[i].owner;
                const char *reasons = cell->examples[i].reasons;

                printf("      %s%s%s%s%s%s\n",
                       ctl_escape(ctl_str(cell->examples[i].id)),
                       owner[0] == '\0' ? "" : " (",
                       ctl_escape(ctl_str(owner)), owner[0] == '\0' ? "" : ")",
                       reasons[0] == '\0' ? "" : ": ",
                       ctl_escape(ctl_str(reasons)));
            }
        }
    }
}


static json_t *
cell_json(size_t from, size_t to, const ctl_judged_cell_t *cell)
{
    json_t *json = ctl_json_object(), *list = ctl_json_array();

    ctl_json_set(json, "from", ctl_json_text(ctl_str(state_name(from))));
    ctl_json_set(json, "to", ctl_json_text(ctl_str(state_name(to))));
    ctl_json_set(json, "count", ctl_json_int(cell->count));

    for (int64_t i = 0; i < cell->count && i < CTL_JUDGED_EXAMPLES; i++) {
        ctl_json_add(list, ctl_json_text(ctl_str(cell->examples[i].id)));
    }

    ctl_json_set(json, "examples", list);

    return json;
}


json_t *
ctl_judged_json(const ctl_judged_t *judged)
{
    json_t *json = ctl_json_object(), *list = ctl_json_array();

    ctl_json_set(json, "concerned", ctl_json_int(judged->read));
    ctl_json_set(json, "changed", ctl_json_int(judged->records));
    ctl_json_set(json, "states_changed", ctl_json_int(judged->states));
    ctl_json_set(json, "newly_blocked", ctl_json_int(judged->newly_blocked));
    ctl_json_set(json, "newly_admitted",
                 ctl_json_int(judged->newly_admitted));

    for (size_t from = 0; from < CTL_JUDGED_STATES; from++) {
        for (size_t to = 0; to < CTL_JUDGED_STATES; to++) {
            if (judged->cells[from][to].count > 0) {
                ctl_json_add(list, cell_json(from, to,
                                             &judged->cells[from][to]));
            }
        }
    }

    ctl_json_set(json, "states", list);

    return json;
}
