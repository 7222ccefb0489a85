/*
 * replay: recorded accesses through a candidate set, and where it and the live
 * set would decide them differently now.
 */
#include "group.h"
#include "replay.h"

#include <string.h>


#define DAYS_DEFAULT   7
#define LIMIT_DEFAULT  100
#define LIMIT_MAX      INT64_C(1000000000)


static void
print_notes(const ctl_replay_notes_t *notes)
{
    if (notes->erased > 0) {
        ctl_note("%lld accesses are of people who were taken out of the "
                 "records: they cannot be judged", (long long) notes->erased);
    }

    if (notes->malformed > 0) {
        ctl_note("%lld accesses did not say clearly who asked, or were counted "
                 "without details: they cannot be "
                 "judged", (long long) notes->malformed);
    }

    if (notes->gone > 0) {
        ctl_note("%lld accesses are from devices whose record is no more: "
                 "they were judged as unknown", (long long) notes->gone);
    }

    if (notes->unrecorded > 0) {
        ctl_note("%lld accesses are of users without a record: group "
                 "\"default\" judged them", (long long) notes->unrecorded);
    }

    if (notes->rejudged > 0) {
        ctl_note("for %lld accesses the candidate's policies judged the "
                 "device, from its present inventory",
                 (long long) notes->rejudged);
    }

    if (notes->recorded == 0) {
        ctl_note("no access is recorded in that time");
    }
}


static void
print_json(ctl_difference_t *difference, const ctl_replay_of_t *what,
    const ctl_replay_notes_t *notes, int64_t limit)
{
    json_t *object = ctl_json_object(), *aside = ctl_json_object();

    ctl_json_set(object, "since", ctl_json_int(what->filter.since));
    ctl_json_set(object, "until", ctl_json_int(what->filter.until));
    ctl_json_set(object, "at", ctl_json_int(what->at));
    ctl_json_set(object, "recorded", ctl_json_int(notes->recorded));
    ctl_difference_json(difference, object, true, limit);
    ctl_json_set(aside, "erased", ctl_json_int(notes->erased));
    ctl_json_set(aside, "malformed", ctl_json_int(notes->malformed));
    ctl_json_set(object, "not_judged", aside);
    ctl_json_set(object, "device_gone", ctl_json_int(notes->gone));
    ctl_json_set(object, "user_unrecorded", ctl_json_int(notes->unrecorded));
    ctl_json_set(object, "judged_by_policies", ctl_json_int(notes->rejudged));
    ctl_json_print(object);
}


static void
read_time_and_protocol(ctl_t *ctl, ctl_replay_of_t *what)
{
    const char *text = ctl->options[CTL_OPT_UNTIL];

    what->filter.since = ctl_since(ctl, ctl->options[CTL_OPT_SINCE],
                                   DAYS_DEFAULT);
    what->filter.until = ctl->now;

    if (text != NULL
        && !ctl_time_parse(ctl_str(text), ctl->now, &what->filter.until))
    {
        ctl_die_usage(ctl, "--until \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    what->at = ctl->now;
    text = ctl->options[CTL_OPT_AT];

    if (text != NULL && !ctl_time_parse(ctl_str(text), ctl->now, &what->at)) {
        ctl_die_usage(ctl, "--at \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    text = ctl->options[CTL_OPT_PROTOCOL];

    if (text != NULL) {
        what->protocol = compliance_protocol_parse(ctl_str(text));

        if (what->protocol == COMPLIANCE_PROTOCOL_NONE) {
            ctl_die_usage(ctl, "--protocol \"%s\" is none; it expects eas, "
                          "web, ews, mapi, dav, autodiscover, imap, pop3 or "
                          "smtp", ctl_escape(ctl_str(text)));
        }
    }
}


ctl_exit_t
ctl_replay(ctl_t *ctl)
{
    int64_t            limit;
    ctl_sets_t        *sets;
    ctl_record_t       record;
    ctl_changes_t      changes = { 0, 0, NULL };
    ctl_candidate_t   *candidate = NULL;
    ctl_replay_of_t    what;
    ctl_difference_t  *difference = ctl_difference();
    ctl_replay_notes_t notes;

    memset(&what, 0, sizeof(what));
    limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX, LIMIT_DEFAULT);
    read_time_and_protocol(ctl, &what);
    sets = ctl_sets(ctl);

    if (ctl_given(ctl, CTL_OPT_WITH)) {
        candidate = ctl_candidate_file(ctl, ctl->options[CTL_OPT_WITH]);
        ctl_candidate_apply(ctl, candidate, sets);
    }

    what.sets = sets;
    what.candidate = candidate;
    what.group = ctl_sets_read(ctl, sets, &changes);

    if (candidate == NULL && changes.n == 0) {
        ctl_die_usage(ctl, "nothing differs from the live set: give --with "
                      "FILE, or --group NAME with FIELD=VALUE or --mode");
    }

    if (ctl_given(ctl, CTL_OPT_USER)) {
        ctl_resolve_user(ctl, ctl->options[CTL_OPT_USER], &record);
        what.filter.user = ctl_str(record.name);
    }

    ctl_replay_judge(ctl, &what, difference, &notes);

    if (ctl->json) {
        print_json(difference, &what, &notes, limit);

    } else {
        printf("recorded accesses from %s to %s, judged as of %s\n\n",
               ctl_time_format(what.filter.since),
               ctl_time_format(what.filter.until), ctl_time_format(what.at));
        ctl_difference_print(difference, true, limit);
    }

    print_notes(&notes);
    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_replay_details(void)
{
    puts("Takes the recorded accesses --since (7d) --until (now) through the "
         "live set and through\na changed one, and prints where the two differ "
         "now. The change is --with FILE, a JSON\nobject of groups and "
         "policies as for candidate set, or --group NAME with FIELD=VALUE\nand "
         "--mode; with --group only what that group judges is counted. The "
         "records of users\nand devices are the present ones; RECORDED says "
         "what was decided then. Nothing is\nwritten.");
}
