/*
 * impact: who would be blocked by a change to a group, and why, from the
 * present records.  impact.c judges, difference.c counts.
 */
#include "group.h"
#include "whatif.h"

#include <string.h>


#define LIMIT_DEFAULT  100
#define LIMIT_MAX      INT64_C(1000000000)


/* "mode: report -> enforce" */
static void
print_changes(const ctl_t *ctl, const char *group,
    const ctl_changes_t *changes)
{
    if (ctl->json) {
        return;
    }

    printf("group %s, as if changed\n", group);
    ctl_changes_print(changes);
    puts("");
}


static void
print_notes(const ctl_impact_notes_t *notes)
{
    if (notes->without_device > 0) {
        ctl_note("%lld members own no device on record: what they ask with is "
                 "unknown, and judged as such",
                 (long long) notes->without_device);
    }

    if (notes->clients) {
        ctl_note("no record tells a client's name: allowed_clients were taken "
                 "as met; replay knows the clients that were seen");
    }

    if (notes->networks) {
        ctl_note("no record tells an address: nobody was taken to be in an "
                 "exempt network; replay knows the addresses that were seen");
    }

    if (notes->proofs) {
        ctl_note("a device is taken to be proven by its certificate where one "
                 "is on record, in web mail by its cookie, and else by "
                 "nothing");
    }
}


static void
print_json(ctl_difference_t *difference, const char *group,
    const ctl_changes_t *changes, const ctl_impact_notes_t *notes,
    int64_t limit)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, "group", ctl_json_text(ctl_str(group)));
    ctl_json_set(object, "changes", ctl_changes_json(changes));
    ctl_difference_json(difference, object, false, limit);
    ctl_json_set(object, "members_without_device",
                 ctl_json_int(notes->without_device));
    ctl_json_set(object, "clients_taken_as_allowed",
                 ctl_json_bool(notes->clients));
    ctl_json_set(object, "networks_not_counted_on",
                 ctl_json_bool(notes->networks));
    ctl_json_set(object, "proofs_as_recorded", ctl_json_bool(notes->proofs));
    ctl_json_print(object);
}


/* What is asked about where nothing else is said. */
static void
assume_enforce(ctl_t *ctl)
{
    if (ctl->options[CTL_OPT_MODE] == NULL && ctl->n_args == 0) {
        ctl->options[CTL_OPT_MODE] = "enforce";
    }
}


static void
read_what(ctl_t *ctl, ctl_impact_of_t *what)
{
    const char *text = ctl->options[CTL_OPT_PROTOCOL];

    memset(what, 0, sizeof(*what));
    what->at = ctl->now;

    if (text != NULL) {
        what->protocol = compliance_protocol_parse(ctl_str(text));

        if (what->protocol == COMPLIANCE_PROTOCOL_NONE) {
            ctl_die_usage(ctl, "--protocol \"%s\" is none; it expects eas, "
                          "web, ews, mapi, dav, autodiscover, imap, pop3 or "
                          "smtp", ctl_escape(ctl_str(text)));
        }
    }

    text = ctl->options[CTL_OPT_AT];

    if (text != NULL && !ctl_time_parse(ctl_str(text), ctl->now, &what->at)) {
        ctl_die_usage(ctl, "--at \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }
}


ctl_exit_t
ctl_impact(ctl_t *ctl)
{
    int64_t            limit;
    ctl_sets_t        *sets;
    ctl_record_t       record;
    ctl_changes_t      changes = { 0, 0, NULL };
    ctl_impact_of_t    what;
    ctl_difference_t  *difference = ctl_difference();
    ctl_impact_notes_t notes = { 0, false, false, false };

    assume_enforce(ctl);
    read_what(ctl, &what);
    limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX, LIMIT_DEFAULT);

    if (ctl->options[CTL_OPT_GROUP] == NULL) {
        ctl_die_usage(ctl, "--group is missing: whose impact?");
    }

    sets = ctl_sets(ctl);
    what.group = ctl_sets_read(ctl, sets, &changes);
    ctl_record_read(ctl, &record, what.group, ctl_key_group(ctl, what.group));
    ctl_changes_compare(&record, &changes);

    ctl_impact_judge(ctl, sets, &what, difference, &notes);

    if (ctl->json) {
        print_json(difference, what.group, &changes, &notes, limit);

    } else {
        print_changes(ctl, what.group, &changes);
        ctl_difference_print(difference, false, limit);
    }

    print_notes(&notes);
    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_impact_details(void)
{
    puts("Judges every device of every member as its owner would use it, by "
         "each protocol\nthat the group is about (or by --protocol), now or "
         "--at a time: once as things are,\nonce as if the group had --mode "
         "(enforce, where nothing is said) and the given\nsettings. Nothing is "
         "written. For the group \"default\", that is every device of those\n"
         "without a group, and every device without an owner.");
}
