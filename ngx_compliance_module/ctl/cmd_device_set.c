/*
 * device set: whose word counts.  An override is the administrator's and has
 * no time of its own; everything else is a source's, and older never
 * overwrites newer.
 */
#include "device.h"

#include <string.h>
#include <time.h>


/* Who wrote a record by hand. */
#define SOURCE  "compliancectl"

/* The administrator's word, which no import touches and which has no source's
 * time. */
static bool
is_override(const char *field)
{
    return strncmp(field, "override", strlen("override")) == 0;
}


static void
plan_override(const ctl_record_t *record, const ctl_changes_t *given,
    ctl_changes_t *wanted)
{
    const ctl_kind_t *kind = &ctl_device_kind;
    compliance_str_t  override;

    override = ctl_record_after(record, given, "override");

    if (override.data == NULL) {
        if (ctl_changes_find(given, "override_until") != NULL
            && ctl_changes_find(given, "override_until")->value.data != NULL)
        {
            ctl_die(CTL_USAGE, "override_until needs an override: "
                    "override=block or override=grace");
        }

        ctl_changes_put(kind, wanted, "override_until", compliance_absent);
        ctl_changes_put(kind, wanted, "override_by", compliance_absent);
        return;
    }

    if (ctl_changes_find(given, "override") == NULL
        && ctl_changes_find(given, "override_until") == NULL)
    {
        return;
    }

    /* a new override does not inherit the old one's end */
    if (ctl_changes_find(given, "override") != NULL
        && ctl_changes_find(given, "override_until") == NULL
        && !compliance_str_eq(override, ctl_record_get(record, "override")))
    {
        ctl_changes_put(kind, wanted, "override_until", compliance_absent);
    }

    if (!compliance_str_eq(override, ctl_record_get(record, "override"))
        || !compliance_str_eq(
               ctl_record_after(record, wanted, "override_until"),
               ctl_record_get(record, "override_until")))
    {
        ctl_changes_put(kind, wanted, "override_by",
                        ctl_str(ctl_actor()));
    }
}


/* The owner as he is recorded: an alias of his is led home. */
static void
plan_owner(ctl_t *ctl, ctl_changes_t *wanted)
{
    const ctl_change_t *change = ctl_changes_find(wanted, "owner");
    ctl_record_t        owner;

    if (change == NULL || change->value.data == NULL) {
        return;
    }

    ctl_resolve_user(ctl, ctl_dup(change->value), &owner);

    if (!owner.exists) {
        ctl_note("the owner \"%s\" has no user record yet; create it with: "
                 "compliancectl user set %s groups=...",
                 ctl_escape(change->value), ctl_escape(change->value));
    }

    ctl_changes_put(&ctl_device_kind, wanted, "owner", ctl_str(owner.name));
}


static void
plan_grace(const ctl_t *ctl, const ctl_record_t *record,
    const ctl_changes_t *wanted)
{
    int64_t          end;
    compliance_str_t state = ctl_record_after(record, wanted, "state");
    compliance_str_t until = ctl_record_after(record, wanted, "grace_until");

    if (!compliance_str_eq(state, compliance_str("grace"))
        || (ctl_changes_find(wanted, "state") == NULL
            && ctl_changes_find(wanted, "grace_until") == NULL))
    {
        return;
    }

    if (until.data == NULL || compliance_str_eq(until, compliance_str("0"))) {
        ctl_die(CTL_USAGE, "state=grace needs its end: grace_until=+7d");
    }

    if (compliance_parse_uint(until, &end) && end <= ctl->now) {
        ctl_note("the grace ended at %s: the device counts as noncompliant",
                 ctl_time_format(end));
    }
}


/* Older never overwrites newer: `updated` is the time of whoever knows the
 * device, and ours is now unless he tells it. */
static void
plan_time(ctl_t *ctl, const ctl_record_t *record, const ctl_changes_t *given,
    ctl_changes_t *real)
{
    const ctl_kind_t *kind = &ctl_device_kind;
    int64_t           stored, ours = ctl->now;
    compliance_str_t  text = ctl_record_get(record, "updated");
    bool              facts = false;

    for (size_t i = 0; i < real->n; i++) {
        const char *name = real->items[i].field->name;

        facts = facts || (!is_override(name) && strcmp(name, "updated") != 0);
    }

    /* a record in which nothing changed is not written for its time alone */
    if (!facts) {
        size_t kept = 0;

        for (size_t i = 0; i < real->n; i++) {
            if (is_override(real->items[i].field->name)) {
                real->items[kept++] = real->items[i];
            }
        }

        real->n = kept;
        return;
    }

    if (ctl_changes_find(given, "updated") != NULL) {
        (void) compliance_parse_uint(ctl_changes_find(given, "updated")->value,
                                     &ours);

    } else if (ours < (int64_t) time(NULL)) {
        /* others were quicker, and we wait since: it is now all the same */
        ours = (int64_t) time(NULL);
    }

    if (compliance_parse_uint(text, &stored) && stored > ours
        && !ctl_given(ctl, CTL_OPT_FORCE))
    {
        ctl_die(CTL_CONFLICT, "device \"%s\" was updated at %s by \"%s\", "
                "later than %s; nothing was written. --force writes it all "
                "the same", record->name, ctl_time_format(stored),
                ctl_escape(ctl_record_get(record, "source")),
                ctl_time_format(ours));
    }

    ctl_changes_put(kind, real, "updated",
                    ctl_str(ctl_format("%lld", (long long) ours)));

    if (ctl_changes_find(given, "source") == NULL) {
        ctl_changes_put(kind, real, "source", compliance_str(SOURCE));
    }
}


static void
plan_set(ctl_t *ctl, void *data)
{
    ctl_device_change_t *device = data;
    ctl_changes_t  wanted = { 0, 0, NULL };

    for (size_t i = 0; i < device->wanted.n; i++) {
        ctl_changes_put(&ctl_device_kind, &wanted,
                        device->wanted.items[i].field->name,
                        device->wanted.items[i].value);
    }

    ctl_resolve_device(ctl, device->text, &device->record);

    if (device->fresh && device->record.exists) {
        ctl_die(CTL_CONFLICT, "device \"%s\" has a record already; nothing was "
                "written. Change it with: compliancectl device set %s "
                "state=...", device->record.name, device->record.name);
    }

    plan_owner(ctl, &wanted);
    plan_override(&device->record, &device->wanted, &wanted);
    plan_grace(ctl, &device->record, &wanted);

    device->real = (ctl_changes_t) { 0, 0, NULL };
    ctl_record_diff(&ctl_device_kind, &device->record, &wanted, &device->real);
    plan_time(ctl, &device->record, &device->wanted, &device->real);

    ctl_changes_compare(&device->record, &device->real);

    if (device->real.n > 0) {
        ctl_record_store(ctl, &ctl_device_kind, &device->record,
                         &device->real);
    }

    ctl_aliases_plan(ctl, device->record.name, &device->aliases);
}


void
ctl_device_change(ctl_t *ctl, ctl_device_change_t *device)
{
    ctl_store_transact(ctl, plan_set, device);
    ctl_report_set(ctl, "device", &device->record, &device->real,
                   &device->aliases);
}


/* alias.eas=APPLX,APPLY beside the fields of the record */
static bool
assign_alias(const ctl_t *ctl, ctl_device_change_t *device, compliance_str_t field,
    compliance_str_t value)
{
    const char      *begin = "alias.";
    compliance_str_t item;
    compliance_alias_kind_t kind;

    if (field.len < strlen(begin)
        || memcmp(field.data, begin, strlen(begin)) != 0)
    {
        return false;
    }

    kind = ctl_alias_kind(ctl, ctl_dup((compliance_str_t) {
                              field.data + strlen(begin),
                              field.len - strlen(begin) }));

    while (compliance_list_item(&value, &item)) {
        ctl_aliases_parse(&device->aliases, kind, item);
    }

    return true;
}


ctl_exit_t
ctl_device_set(ctl_t *ctl)
{
    ctl_device_change_t device;
    compliance_str_t field, value;

    memset(&device, 0, sizeof(device));
    device.text = ctl->args[0];

    for (size_t i = 1; i < ctl->n_args; i++) {
        ctl_assignment(ctl, ctl->args[i], &field, &value);

        if (!assign_alias(ctl, &device, field, value)) {
            ctl_changes_assign(ctl, &ctl_device_kind, &device.wanted, field,
                               value);
        }
    }

    ctl_device_change(ctl, &device);

    return CTL_DONE;
}
