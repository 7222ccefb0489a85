/*
 * candidate set, show, start, stop, delete: a set of groups and policies that
 * the gateways may judge by beside the live one.  What they differ in is told
 * by candidate_report.c.
 */
#include "candidate.h"

#include <openssl/rand.h>
#include <string.h>


#define ID_BYTES  8

typedef struct {
    const char *key;
    const char *meta;
    const char *text;       /* to be stored */
    const char *id;
    bool        start;      /* else stop */
    bool        found;
    bool        runs;       /* before the change */
    bool        changed;
} plan_t;


static const char *
new_id(void)
{
    static const char hex[] = "0123456789abcdef";

    uint8_t bytes[ID_BYTES];
    char   *text = ctl_alloc(2 * ID_BYTES + 1);

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        ctl_die(CTL_STORE, "the system has no random bytes");
    }

    for (size_t i = 0; i < sizeof(bytes); i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 0xf];
    }

    return text;
}


/* What is stored, and whether it runs: meta names its id then. */
static void
read_stored(ctl_t *ctl, plan_t *plan)
{
    json_t          *json;
    compliance_str_t text, runs;

    plan->key = ctl_key_candidate(ctl);
    plan->meta = ctl_key_meta(ctl);
    ctl_store_watch(ctl, plan->key);
    ctl_store_watch(ctl, plan->meta);
    text = ctl_reply_text(ctl_store_ask(ctl, "GET %s", plan->key));
    runs = ctl_reply_text(ctl_store_ask(ctl, "HGET %s candidate",
                                        plan->meta));
    plan->found = text.data != NULL;
    plan->runs = runs.len > 0;

    if (plan->found && plan->text == NULL) {
        json = json_loadb(text.data, text.len, 0, NULL);
        plan->id = ctl_dup(ctl_str(json_string_value(json_object_get(json,
                                                                     "id"))));
        json_decref(json);

        if (plan->id[0] == '\0') {
            ctl_die(CTL_CONTENT, "the stored candidate set has no id; store it "
                    "anew with: compliancectl candidate set FILE");
        }
    }
}


static CTL_NORETURN void
none_stored(void)
{
    ctl_die(CTL_NOT_FOUND, "no candidate set is stored; store one with: "
            "compliancectl candidate set FILE");
}


static void
report(const ctl_t *ctl, const plan_t *plan, const char *result, bool runs)
{
    json_t *object;

    if (!ctl->json) {
        printf("candidate %s%s%s\n", result, plan->id == NULL ? "" : ": ",
               plan->id == NULL ? "" : plan->id);
        return;
    }

    object = ctl_json_object();
    ctl_json_set(object, "id", ctl_json_text(ctl_str(plan->id)));
    ctl_json_set(object, "result", ctl_json_text(ctl_str(result)));
    ctl_json_set(object, "runs", ctl_json_bool(runs));
    ctl_json_print(object);
}


static void
plan_set(ctl_t *ctl, void *data)
{
    plan_t *plan = data;

    read_stored(ctl, plan);

    if (plan->runs && !ctl_given(ctl, CTL_OPT_FORCE)) {
        ctl_die(CTL_CONFLICT, "a candidate set runs beside the live one; "
                "nothing was written. Stop it with: compliancectl candidate "
                "stop, or let the new one run in its place with --force");
    }

    ctl_write_set(ctl, plan->key, ctl_str(plan->text));

    if (plan->runs) {
        ctl_write_hset(ctl, plan->meta, "candidate", ctl_str(plan->id));
    }
}


ctl_exit_t
ctl_candidate_set(ctl_t *ctl)
{
    plan_t           plan;
    ctl_candidate_t *candidate = ctl_candidate_file(ctl, ctl->args[0]);

    memset(&plan, 0, sizeof(plan));

    /* that the groups fit is known once they lie over the live ones */
    ctl_candidate_apply(ctl, candidate, ctl_sets(ctl));
    ctl_notes_flush();

    plan.id = new_id();
    ctl_json_set(candidate->json, "id", ctl_json_text(ctl_str(plan.id)));
    ctl_json_set(candidate->json, "created", ctl_json_int(ctl->now));
    ctl_json_set(candidate->json, "by", ctl_json_text(ctl_str(ctl_actor())));
    plan.text = ctl_candidate_text(candidate);

    if (strlen(plan.text) > COMPLIANCE_CANDIDATE_TEXT_MAX) {
        ctl_die(CTL_USAGE, "the candidate set is longer than %d bytes",
                COMPLIANCE_CANDIDATE_TEXT_MAX);
    }

    ctl_store_transact(ctl, plan_set, &plan);
    report(ctl, &plan, "stored", plan.runs);

    if (!ctl->json) {
        printf("%zu groups, %zu policies; %s\n", candidate->n_groups,
               candidate->n_own, plan.runs ? "it runs from now on"
               : "it runs with: compliancectl candidate start");
    }

    return CTL_DONE;
}


static void
plan_run(ctl_t *ctl, void *data)
{
    plan_t *plan = data;

    read_stored(ctl, plan);

    if (plan->start && !plan->found) {
        none_stored();
    }

    plan->changed = plan->start != plan->runs;

    if (plan->start) {
        ctl_write_hset(ctl, plan->meta, "candidate", ctl_str(plan->id));
    } else {
        ctl_write_hdel(ctl, plan->meta, "candidate");
    }
}


static ctl_exit_t
run(ctl_t *ctl, bool start)
{
    plan_t plan;

    memset(&plan, 0, sizeof(plan));
    plan.start = start;
    ctl_store_transact(ctl, plan_run, &plan);
    report(ctl, &plan, start ? plan.changed ? "runs" : "runs already"
                             : plan.changed ? "stopped" : "does not run",
           start);

    return CTL_DONE;
}


ctl_exit_t
ctl_candidate_start(ctl_t *ctl)
{
    return run(ctl, true);
}


ctl_exit_t
ctl_candidate_stop(ctl_t *ctl)
{
    return run(ctl, false);
}


static void
plan_delete(ctl_t *ctl, void *data)
{
    plan_t *plan = data;

    read_stored(ctl, plan);

    if (!plan->found) {
        none_stored();
    }

    ctl_write_del(ctl, CTL_TYPE_STRING, plan->key);
    ctl_write_hdel(ctl, plan->meta, "candidate");
}


ctl_exit_t
ctl_candidate_delete(ctl_t *ctl)
{
    plan_t plan;

    memset(&plan, 0, sizeof(plan));
    ctl_store_transact(ctl, plan_delete, &plan);
    report(ctl, &plan, "deleted", false);

    return CTL_DONE;
}


static void
release_json(void *object)
{
    json_decref(object);
}


json_t *
ctl_candidate_stored(ctl_t *ctl, bool *runs)
{
    json_t          *json;
    compliance_str_t text;

    text = ctl_reply_text(ctl_store_ask(ctl, "GET %s",
                                        ctl_key_candidate(ctl)));
    if (text.data == NULL) {
        none_stored();
    }

    json = json_loadb(text.data, text.len, 0, NULL);

    if (!json_is_object(json)) {
        ctl_die(CTL_CONTENT, "the stored candidate set is no JSON object; "
                "store it anew with: compliancectl candidate set FILE");
    }

    ctl_keep(json, release_json);
    text = ctl_reply_text(ctl_store_ask(ctl, "HGET %s candidate",
                                        ctl_key_meta(ctl)));
    *runs = compliance_str_eq(text, ctl_str(json_string_value(
                                        json_object_get(json, "id"))));

    return json;
}


static void
print_group(const char *name, const json_t *settings, ctl_table_t *table)
{
    json_t     *value;
    const char *field, *text;

    if (json_is_null(settings)) {
        ctl_table_row(table, (const char *[]) {
            ctl_format("group %s", ctl_escape(ctl_str(name))), "taken away" });
        return;
    }

    json_object_foreach((json_t *) settings, field, value) {
        text = json_string_value(value);
        ctl_table_row(table, (const char *[]) {
            ctl_format("group %s", ctl_escape(ctl_str(name))),
            ctl_format("%s=%s", ctl_escape(ctl_str(field)),
                       text == NULL ? "?" : ctl_escape(ctl_str(text))) });
    }
}


ctl_exit_t
ctl_candidate_show(ctl_t *ctl)
{
    bool         runs;
    size_t       i;
    json_t      *value, *json = ctl_candidate_stored(ctl, &runs);
    ctl_table_t *table;
    const char  *name;

    if (ctl->json) {
        ctl_json_set(json, "runs", ctl_json_bool(runs));
        ctl_json_print(json_incref(json));
        return CTL_DONE;
    }

    table = ctl_table(2, NULL);
    name = json_string_value(json_object_get(json, "id"));
    ctl_table_row(table, (const char *[]) { "id",
        name == NULL ? "-" : ctl_escape(ctl_str(name)) });
    ctl_table_row(table, (const char *[]) { "created", ctl_time_format(
        (int64_t) json_integer_value(json_object_get(json, "created"))) });
    name = json_string_value(json_object_get(json, "by"));
    ctl_table_row(table, (const char *[]) { "by",
        name == NULL ? "-" : ctl_escape(ctl_str(name)) });
    ctl_table_row(table, (const char *[]) { "runs", runs ? "yes" : "no" });

    json_object_foreach(json_object_get(json, "groups"), name, value) {
        print_group(name, value, table);
    }

    json_array_foreach(json_object_get(json, "policies"), i, value) {
        name = json_string_value(json_object_get(value, "name"));
        ctl_table_row(table, (const char *[]) { "policy",
            name == NULL ? "-" : ctl_escape(ctl_str(name)) });
    }

    ctl_table_print(table);

    return CTL_DONE;
}


void
ctl_candidate_details(void)
{
    puts("FILE is a JSON object, everything in it a change to the live set:\n"
         "  {\"groups\": {\"sales\": {\"mode\": \"enforce\"}, \"old\": null},\n"
         "   \"policies\": [{\"name\": ...}]}\n\n"
         "A group keeps the settings that are not named, null takes it away. "
         "candidate start lets\nthe groups run beside the live ones on every "
         "request: what would be decided otherwise\nis recorded, and candidate "
         "report sums it up. Policies are judged by replay only.");
}
