/*
 * The safety check of group set and group mode.  Loosening is never in its
 * way: who has locked people out must get them in again at once.
 */
#include "enforce.h"
#include "group.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>


#define DAYS           7
#define REASONS_SHOWN  3

static bool
knows_network(const compliance_group_t *group,
    const compliance_network_t *network)
{
    for (unsigned i = 0; i < group->n_networks; i++) {
        if (group->networks[i].bits <= network->bits
            && compliance_network_contains(&group->networks[i],
                                           network->address))
        {
            return true;
        }
    }

    return false;
}


static bool
exempts_less(const compliance_group_t *before, const compliance_group_t *after)
{
    for (unsigned i = 0; i < before->n_networks; i++) {
        if (!knows_network(after, &before->networks[i])) {
            return true;
        }
    }

    return false;
}


static bool
knows_client(const compliance_group_t *group, const char *pattern)
{
    for (unsigned i = 0; i < group->n_clients; i++) {
        if (strcmp(group->clients[i], pattern) == 0) {
            return true;
        }
    }

    return false;
}


static bool
allows_fewer_clients(const compliance_group_t *before,
    const compliance_group_t *after)
{
    if (!after->clients_restricted || !before->clients_restricted) {
        return after->clients_restricted;
    }

    for (unsigned i = 0; i < before->n_clients; i++) {
        if (!knows_client(after, before->clients[i])) {
            return true;
        }
    }

    return false;
}


/* A compliant device need not be a managed one, nor the other way round. */
static bool
requires_more(const compliance_group_t *before,
    const compliance_group_t *after)
{
    return after->require != before->require
           && after->require != COMPLIANCE_REQUIRE_KNOWN;
}


/* 0 is no limit, and of two limits the lower one is stricter. */
static bool
limits_more(int64_t before, int64_t after)
{
    return after != 0 && (before == 0 || after < before);
}


bool
ctl_group_tightens(const compliance_group_t *before,
    const compliance_group_t *after)
{
    if (ctl_group_is_default(after->name) && before->unknown_user_allow
        && !after->unknown_user_allow)
    {
        return true;
    }

    if (after->mode != COMPLIANCE_MODE_ENFORCE) {
        return false;
    }

    return before->mode != COMPLIANCE_MODE_ENFORCE
           || after->enforce_from < before->enforce_from
           || after->rollout_percent > before->rollout_percent
           || (after->protocols & ~before->protocols) != 0
           || (after->deny_protocols & ~before->deny_protocols) != 0
           || requires_more(before, after)
           || limits_more((int64_t) before->max_risk,
                          (int64_t) after->max_risk)
           || limits_more(before->max_checkin_age, after->max_checkin_age)
           || (before->unknown_device_allow && !after->unknown_device_allow)
           || after->min_binding > before->min_binding
           || allows_fewer_clients(before, after)
           || exempts_less(before, after);
}


static int64_t
max_block(ctl_t *ctl)
{
    if (ctl_given(ctl, CTL_OPT_MAX_BLOCK)) {
        return ctl_option_count(ctl, CTL_OPT_MAX_BLOCK, 0, 100, 0);
    }

    return ctl_setting(ctl, "max_block");
}


/* The change as a command would say it. */
static const char *
words(const ctl_changes_t *changes)
{
    char *text = ctl_format("%s", "");

    for (size_t i = 0; i < changes->n; i++) {
        text = ctl_format("%s %s=%s", text, changes->items[i].field->name,
                          changes->items[i].value.data == NULL ? ""
                          : ctl_escape(changes->items[i].value));
    }

    return text;
}


static void
refuse(const ctl_t *ctl, const char *text)
{
    if (ctl_given(ctl, CTL_OPT_FORCE)) {
        ctl_warn("%s", text);
        return;
    }

    ctl_die(CTL_CONFLICT, "%s; nothing was written. --force does it all the "
            "same", text);
}


static void
check_share(ctl_t *ctl, const char *group, const ctl_changes_t *changes,
    const ctl_difference_t *difference, bool enforced)
{
    int64_t      percent = max_block(ctl);
    ctl_counts_t judged = ctl_difference_judged(difference);
    ctl_counts_t blocked = ctl_difference_counts(difference, CTL_BLOCKED);

    if (judged.accesses == 0) {
        if (!enforced) {
            return;
        }

        ctl_warn("no access of group \"%s\" is recorded in the last %d days: "
                 "who would be blocked is known from the records alone: "
                 "compliancectl impact --group %s%s", group, DAYS, group,
                 words(changes));
        return;
    }

    if (blocked.accesses <= 0
        || (double) blocked.accesses * 100
           <= (double) percent * (double) judged.accesses)
    {
        return;
    }

    refuse(ctl, ctl_format("this would block %lld of the %lld accesses that "
        "group \"%s\" judged in the last %d days (%s; --max-block %lld), of "
        "%lld users and %lld devices: %s. Look closer with: compliancectl "
        "impact --group %s%s, and: compliancectl replay --since %dd --group "
        "%s%s", (long long) blocked.accesses, (long long) judged.accesses,
        group, DAYS, ctl_share(blocked.accesses, judged.accesses),
        (long long) percent, (long long) blocked.users,
        (long long) blocked.devices,
        ctl_difference_reasons(difference, REASONS_SHOWN), group,
        words(changes), DAYS, group, words(changes)));
}


bool
ctl_enforce_check(ctl_t *ctl, const char *group, const ctl_changes_t *changes,
    ctl_replay_notes_t *notes)
{
    ctl_sets_t               *sets = ctl_sets(ctl);
    ctl_replay_of_t           what;
    ctl_difference_t         *difference;
    compliance_group_t        fresh;
    const compliance_group_t *before, *after;

    memset(notes, 0, sizeof(*notes));
    before = compliance_snapshot_find(&sets->live, ctl_str(group));

    if (before == NULL) {
        compliance_group_defaults(&fresh, group);
        before = &fresh;
    }

    ctl_sets_change(sets, group, changes);
    after = compliance_snapshot_find(&sets->changed, ctl_str(group));
    ctl_notes_drop();

    if (!ctl_group_tightens(before, after)) {
        return false;
    }

    if (after->mode == COMPLIANCE_MODE_ENFORCE
        && sets->live.n_break_glass == 0)
    {
        refuse(ctl, ctl_format("group \"%s\" would be enforced, and no "
            "break-glass user is defined who gets in when all others are "
            "kept out by mistake. Define one with: compliancectl user set "
            "NAME break_glass=1", group));
    }

    memset(&what, 0, sizeof(what));
    what.sets = sets;
    what.group = group;
    what.at = after->enforce_from > ctl->now ? after->enforce_from : ctl->now;
    what.filter.since = ctl->now - (int64_t) DAYS * 86400;
    what.filter.until = ctl->now;
    difference = ctl_difference();
    ctl_replay_judge(ctl, &what, difference, notes);
    check_share(ctl, group, changes, difference,
                after->mode == COMPLIANCE_MODE_ENFORCE);

    return true;
}
