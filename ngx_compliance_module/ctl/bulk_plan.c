/*
 * What becomes of each device: older never overwrites newer, the policies
 * judge, an override is not looked at, and a record in which nothing changed
 * but its time is left alone.
 */
#include "bulk_private.h"
#include "json_arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>


void
bulk_refuse(ctl_bulk_t *bulk, bulk_item_t *item, const char *format, ...)
{
    char    why[1024];
    va_list args;

    item->outcome = CTL_BULK_REFUSED;

    if (bulk->options.refused != NULL && !item->announced) {
        va_start(args, format);
        (void) vsnprintf(why, sizeof(why), format, args);
        va_end(args);
        bulk->options.refused(bulk->options.data, item->where, why);
    }

    item->announced = true;
}


static int64_t
number(compliance_str_t text)
{
    int64_t value;

    return compliance_parse_uint(text, &value) ? value : 0;
}


/* A time as a field: 0 is none. */
static compliance_str_t
time_text(ctl_bulk_t *bulk, int64_t value)
{
    return value > 0 ? ctl_arena_int(&bulk->plan, value) : compliance_absent;
}


static compliance_str_t
some_text(ctl_bulk_t *bulk, const char *text)
{
    return text[0] == '\0' ? compliance_absent
                           : ctl_arena_copy(&bulk->plan, ctl_str(text));
}


static void
after_judgement(ctl_bulk_t *bulk, bulk_item_t *item,
    const compliance_judgement_of_device_t *judged)
{
    item->after[BULK_STATE] = ctl_str(compliance_state_name(judged->state));
    item->after[BULK_REASONS] = some_text(bulk, judged->reasons);
    item->after[BULK_GRACE_UNTIL] = time_text(bulk, judged->grace_until);
    item->after[BULK_NONCOMPLIANT_SINCE] = time_text(bulk,
                                                 judged->noncompliant_since);
    item->after[BULK_POLICY] = some_text(bulk, judged->policy);
}


/* The MDM's own words of last time, kept beside its attributes. */
static void
words_of_mdm(compliance_inventory_t *inventory, const json_t *json)
{
    const char *text = json_string_value(json_object_get(json,
                                                         "mdm_reasons"));
    json_int_t  until = json_integer_value(json_object_get(json,
                                               "mdm_grace_until"));

    if (text != NULL && text[0] != '\0') {
        inventory->mdm_reasons = ctl_str(text);
    }

    inventory->mdm_grace_until = until > 0 ? (int64_t) until : 0;
}


/* A beginning that is yet to come would put off the end of grace: it is now. */
static int64_t
noncompliant_since(const ctl_bulk_t *bulk, const bulk_item_t *item)
{
    int64_t since = number(item->stored[BULK_NONCOMPLIANT_SINCE]);

    return since > bulk->ctl->now + BULK_CLOCK_SKEW ? bulk->ctl->now : since;
}


/* Nor is a judgement made as of a time to come. */
static int64_t
judged_at(const ctl_bulk_t *bulk, const bulk_item_t *item)
{
    int64_t updated = number(item->after[BULK_UPDATED]);

    return updated > 0 && updated <= bulk->ctl->now + BULK_CLOCK_SKEW
           ? updated : bulk->ctl->now;
}


static void
judge_full(ctl_bulk_t *bulk, bulk_item_t *item)
{
    json_t                 *json = NULL;
    compliance_str_t        text = item->inventory.data != NULL
                                   ? item->inventory : item->stored_inventory;
    compliance_inventory_t  inventory = {
        .platform = item->after[BULK_PLATFORM],
        .mdm_said = item->after[BULK_MDM_STATE].data != NULL,
        .mdm_state = compliance_state_parse(item->after[BULK_MDM_STATE]),
        .mdm_reasons = item->mdm_reasons,
        .mdm_grace_until = item->mdm_grace_until,
        .noncompliant_since = noncompliant_since(bulk, item),
        .now = judged_at(bulk, item),
    };

    ctl_json_arena_begin(CTL_JSON_STORED);

    if (text.data != NULL) {
        json = json_loadb(text.data, text.len, 0, NULL);
    }

    inventory.inventory = json_is_object(json) ? json : NULL;

    if (!item->mdm_said) {
        words_of_mdm(&inventory, inventory.inventory);
    }

    compliance_policies_judge(bulk->options.policies, bulk->options.n_policies,
                              &inventory, &item->judgement);

    /* a policy that came later: the device's grace begins today, not on the
     * day its inventory was read */
    if (item->op == BULK_JUDGE && inventory.noncompliant_since == 0
        && item->judgement.noncompliant_since > 0)
    {
        inventory.noncompliant_since = bulk->ctl->now;
        compliance_policies_judge(bulk->options.policies,
                                  bulk->options.n_policies, &inventory,
                                  &item->judgement);
    }

    json_decref(json);
    (void) ctl_json_arena_end();
}


static void
judge(ctl_bulk_t *bulk, bulk_item_t *item)
{
    /* bulk_device.c judged it as one that was compliant so far */
    if (!item->judged
        || (item->judgement.state != COMPLIANCE_STATE_COMPLIANT
            && number(item->stored[BULK_NONCOMPLIANT_SINCE]) > 0))
    {
        judge_full(bulk, item);
        item->judged = false;
    }

    after_judgement(bulk, item, &item->judgement);
}


static void
retire(bulk_item_t *item)
{
    item->after[BULK_STATE] = ctl_str(compliance_state_name(
                                          COMPLIANCE_STATE_RETIRED));
    item->after[BULK_REASONS] = compliance_str("vanished");
    item->after[BULK_GRACE_UNTIL] = compliance_absent;
}


static bool
is_admitted(compliance_str_t state)
{
    return compliance_str_eq(state, compliance_str("compliant"))
           || compliance_str_eq(state, compliance_str("grace"));
}


static bool
is_retired(compliance_str_t state)
{
    return compliance_str_eq(state, compliance_str("retired"));
}


/* Does anything but the time differ? */
static bool
differs(const bulk_item_t *item)
{
    for (size_t i = 0; i < BULK_FIELDS; i++) {
        if (i != BULK_UPDATED
            && !compliance_str_eq(item->stored[i], item->after[i]))
        {
            return true;
        }
    }

    if (item->set_inventory) {
        return true;
    }

    for (size_t i = 0; i < item->n_claims; i++) {
        if (item->claims[i].moved
            || (item->claims[i].wanted && item->claims[i].held.data == NULL))
        {
            return true;
        }
    }

    return false;
}


static void
announce(ctl_bulk_t *bulk, bulk_item_t *item)
{
    compliance_judgement_of_device_t retired;

    if (bulk->options.changed == NULL || item->announced
        || compliance_str_eq(item->stored[BULK_STATE],
                             item->after[BULK_STATE]))
    {
        return;
    }

    item->announced = true;

    if (item->op == BULK_RETIRE) {
        memset(&retired, 0, sizeof(retired));
        retired.state = COMPLIANCE_STATE_RETIRED;
        memcpy(retired.reasons, "vanished", sizeof("vanished"));
    }

    bulk->options.changed(bulk->options.data, item->id.data,
                          item->after[BULK_OWNER], item->stored[BULK_STATE],
                          item->op == BULK_RETIRE ? &retired
                                                  : &item->judgement);
}


/* Nothing but what the store says: is there anything to do at all? */
static bool
concerns(ctl_bulk_t *bulk, bulk_item_t *item)
{
    int64_t stored;

    switch (item->op) {

    case BULK_ADD:
        stored = number(item->stored[BULK_UPDATED]);

        if (stored > item->updated
            && stored <= bulk->ctl->now + BULK_CLOCK_SKEW)
        {
            item->outcome = CTL_BULK_OLDER;
            return false;
        }

        return true;

    case BULK_JUDGE:
        /* a record that was set by hand is its author's to judge */
        return item->exists && !is_retired(item->stored[BULK_STATE])
               && (item->stored[BULK_MDM_STATE].data != NULL
                   || item->stored_inventory.data != NULL);

    case BULK_RETIRE:
        return item->exists && !is_retired(item->stored[BULK_STATE])
               && compliance_str_eq(item->stored[BULK_SOURCE],
                                    ctl_str(bulk->options.source));
    }

    return false;
}


/* "{}" says as little as no inventory. */
static bool
inventory_differs(const bulk_item_t *item)
{
    if (item->inventory.data == NULL
        || compliance_str_eq(item->inventory, item->stored_inventory))
    {
        return false;
    }

    return item->stored_inventory.data != NULL
           || !compliance_str_eq(item->inventory, compliance_str("{}"));
}


static void
plan_fields(ctl_bulk_t *bulk, bulk_item_t *item)
{
    const compliance_str_t *before = item->stored;

    for (size_t i = 0; i < BULK_FIELDS; i++) {
        item->after[i] = item->told[i].data != NULL ? item->told[i]
                                                    : before[i];
    }

    /* absent reads as unknown, and takes no room in a million records */
    if (compliance_str_eq(item->after[BULK_RISK], compliance_str("unknown"))) {
        item->after[BULK_RISK] = compliance_absent;
    }

    item->set_inventory = inventory_differs(item);

    if (item->op == BULK_RETIRE) {
        retire(item);
    } else {
        judge(bulk, item);
    }

    if (!differs(item)) {
        item->outcome = CTL_BULK_UNCHANGED;
        return;
    }

    item->outcome = !item->exists ? CTL_BULK_CREATED
                    : item->op == BULK_RETIRE ? CTL_BULK_RETIRED
                    : CTL_BULK_CHANGED;
    item->blocked = item->op != BULK_RETIRE && is_admitted(before[BULK_STATE])
                    && !is_admitted(item->after[BULK_STATE]);
    item->returned = is_retired(before[BULK_STATE])
                     && !is_retired(item->after[BULK_STATE]);
    announce(bulk, item);
}


void
bulk_plan(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    bool concerned[BULK_BATCH];

    memset(concerned, 0, sizeof(concerned));

    for (size_t i = from; i < to; i++) {
        bulk_item_t *item = &batch->items[i];

        item->outcome = CTL_BULK_UNCHANGED;
        item->blocked = item->returned = item->set_inventory = false;

        for (size_t c = 0; c < item->n_claims; c++) {
            item->claims[c].moved = item->claims[c].lost = false;
            item->claims[c].result = 0;
        }

        concerned[i] = concerns(bulk, item);
    }

    bulk_names_settle(bulk, batch, from, to);

    for (size_t i = from; i < to; i++) {
        if (concerned[i] && batch->items[i].outcome == CTL_BULK_UNCHANGED) {
            plan_fields(bulk, &batch->items[i]);
        }
    }
}
