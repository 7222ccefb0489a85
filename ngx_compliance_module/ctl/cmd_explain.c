/*
 * explain: the request that the options describe goes through the gateway's
 * own lookup.c and decide.c.  Every verdict is an answer: the exit code tells
 * only whether the question could be put.
 */
#include "explain.h"
#include "record.h"

#include <string.h>


/* --binding certificate --device ID: the certificate the device is known by. */
static const char *
certificate_of(ctl_t *ctl, const char *device)
{
    size_t       n;
    const char **members;
    ctl_record_t record;

    ctl_resolve_device(ctl, device, &record);
    members = ctl_aliases_of(ctl, false, record.name, &n);

    for (size_t i = 0; i < n; i++) {
        if (strncmp(members[i], "cert:", 5) == 0) {
            return members[i] + 5;
        }
    }

    ctl_die(CTL_NOT_FOUND, "device \"%s\" has no certificate on record; give "
            "--cert SHA256, or record it: compliancectl device alias %s cert "
            "SHA256", record.name, record.name);
}


static void
read_request(ctl_t *ctl, ctl_explanation_t *e)
{
    const char           *why = NULL;
    const ctl_question_t  given = {
        .protocol = ctl->options[CTL_OPT_PROTOCOL],
        .user = ctl->options[CTL_OPT_USER],
        .device = ctl->options[CTL_OPT_DEVICE],
        .cert = ctl->options[CTL_OPT_CERT],
        .binding = ctl->options[CTL_OPT_BINDING],
        .address = ctl->options[CTL_OPT_ADDRESS],
        .client_type = ctl->options[CTL_OPT_CLIENT_TYPE],
        .user_agent = ctl->options[CTL_OPT_USER_AGENT],
        .at = ctl->options[CTL_OPT_AT],
        .login = ctl_given(ctl, CTL_OPT_LOGIN),
        .options = true
    };
    ctl_question_t question = given;

    if (given.binding != NULL && strcmp(given.binding, "certificate") == 0
        && given.cert == NULL && given.device != NULL)
    {
        question.cert = certificate_of(ctl, given.device);
    }

    if (!ctl_question_read(ctl, &question, &e->of, &why)) {
        ctl_die_usage(ctl, "%s", why);
    }
}


/* What the device fails at: nothing that is decided by, all that an admin asks
 * for. */
static void
read_details(ctl_t *ctl, ctl_explanation_t *e)
{
    redisReply         *reply;
    char                key[COMPLIANCE_KEY_TEXT_MAX];
    const char         *argv[2 + COMPLIANCE_DETAIL_FIELDS] = { "HMGET", key };
    compliance_value_t  values[COMPLIANCE_DETAIL_FIELDS];

    if (e->of.lookup.facts.device_presence != COMPLIANCE_PRESENT
        || compliance_key_device(key, sizeof(key), ctl->prefix,
               &e->of.lookup.facts.device.id) == 0)
    {
        return;
    }

    for (size_t i = 0; i < COMPLIANCE_DETAIL_FIELDS; i++) {
        argv[2 + i] = compliance_detail_fields[i];
    }

    ctl_store_send_words(ctl, 2 + COMPLIANCE_DETAIL_FIELDS, argv);
    reply = ctl_store_receive(ctl);

    for (size_t i = 0; i < COMPLIANCE_DETAIL_FIELDS; i++) {
        values[i] = reply->type == REDIS_REPLY_ARRAY && i < reply->elements
                    ? ctl_reply_text(reply->element[i]) : compliance_absent;
    }

    compliance_details_read(values, &e->details);
}


static void
decide(ctl_t *ctl, ctl_explanation_t *e)
{
    ctl_case_t *of = &e->of;

    of->steps = &e->steps;
    ctl_cases_look_up(ctl, &of, 1);
    ctl_snapshot_read(ctl, &e->snapshot);
    e->decision = ctl_case_decide(of, &e->snapshot, &e->trace);
}


/* A user's groups that are not recorded are judged by "default". */
static void
note_groups(const ctl_explanation_t *e)
{
    compliance_str_t list, group;

    if (e->of.lookup.facts.user_presence != COMPLIANCE_PRESENT) {
        return;
    }

    list = ctl_str(e->of.lookup.facts.user.groups);

    while (list.len > 0 && compliance_list_item(&list, &group)) {
        if (compliance_snapshot_find(&e->snapshot, group) == NULL) {
            ctl_note("the user's group \"%s\" is not recorded: the group "
                     "\"default\" judges in its place", ctl_escape(group));
        }
    }

    if (e->of.lookup.facts.user.groups_unreadable) {
        ctl_note("the user's groups are unreadable: the gateway answers a "
                 "temporary failure until they are put right");
    }
}


ctl_exit_t
ctl_explain(ctl_t *ctl)
{
    ctl_explanation_t *e = ctl_alloc(sizeof(*e));

    if (ctl_given(ctl, CTL_OPT_REQUESTS)) {
        return ctl_explain_batch(ctl, ctl->options[CTL_OPT_REQUESTS]);
    }

    read_request(ctl, e);
    decide(ctl, e);
    read_details(ctl, e);
    note_groups(e);

    if (ctl->json) {
        ctl_explain_json(e);
    } else {
        ctl_explain_text(e);
    }

    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_explain_details(void)
{
    puts("Asks what the gateway would decide now (or --at a time), through "
         "the same code,\nand shows the way there. It exits with 0 whatever "
         "the verdict is.\n\n"
         "Without --device, eas is judged as its OPTIONS request, which names "
         "none; web\nwithout --user as a request of the device's owner, with "
         "it as his login.\n\n"
         "--requests FILE (- is stdin) asks about many: a JSON object a line, "
         "whose members\nare named as the options (client_type, user_agent; "
         "login is true or false), and an\nanswer a line in the same "
         "order.");
}
