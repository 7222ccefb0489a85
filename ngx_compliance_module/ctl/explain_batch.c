/*
 * explain --requests: a question a line, an answer a line, in the same order.
 * Questions are looked up some hundred at a time, so that tens of thousands
 * take seconds; the groups are read once.  A line that is no question gets an
 * error for its answer, and the rest goes on.
 */
#include "explain.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>


#define LINE_BYTES_MAX  65536   /* of a question; real ones have some hundred */

typedef struct {
    int64_t     line;
    json_t     *json;          /* the question; NULL: it could not be read */
    const char *error;         /* NULL: it was answered */
    ctl_case_t *of;
} asked_t;

typedef struct {
    ctl_t                 *ctl;
    FILE                  *in;
    int64_t                line;
    int64_t                n_errors;
    compliance_snapshot_t  snapshot;
    compliance_trace_t     trace;
    ctl_case_t             cases[CTL_CASES_AT_ONCE];
    asked_t                asked[CTL_CASES_AT_ONCE];
    char                   text[LINE_BYTES_MAX + 2];
} batch_t;

typedef struct {
    const char *name;
    json_type   type;          /* JSON_TRUE: true or false */
    size_t      offset;
} member_t;

static const member_t members[] = {
    { "protocol", JSON_STRING, offsetof(ctl_question_t, protocol) },
    { "user", JSON_STRING, offsetof(ctl_question_t, user) },
    { "device", JSON_STRING, offsetof(ctl_question_t, device) },
    { "cert", JSON_STRING, offsetof(ctl_question_t, cert) },
    { "binding", JSON_STRING, offsetof(ctl_question_t, binding) },
    { "address", JSON_STRING, offsetof(ctl_question_t, address) },
    { "client_type", JSON_STRING, offsetof(ctl_question_t, client_type) },
    { "user_agent", JSON_STRING, offsetof(ctl_question_t, user_agent) },
    { "hint", JSON_STRING, offsetof(ctl_question_t, hint) },
    { "at", JSON_STRING, offsetof(ctl_question_t, at) },
    { "login", JSON_TRUE, offsetof(ctl_question_t, login) },
    { "dry_run", JSON_TRUE, offsetof(ctl_question_t, dry_run) },
};

#define MEMBERS  (sizeof(members) / sizeof(members[0]))


static void
release_json(void *object)
{
    json_decref(object);
}


static const char *
unknown_member(const char *name)
{
    const char *names[MEMBERS], *nearest;

    for (size_t i = 0; i < MEMBERS; i++) {
        names[i] = members[i].name;
    }

    nearest = ctl_nearest(name, names, MEMBERS);

    return ctl_format("unknown member \"%s\"%s%s%s",
                      ctl_escape(ctl_str(name)),
                      nearest == NULL ? "" : "; did you mean \"",
                      nearest == NULL ? "" : nearest,
                      nearest == NULL ? "" : "\"?");
}


/* A member of the question; an error text, or NULL. */
static const char *
read_member(const char *name, const json_t *value, ctl_question_t *question)
{
    size_t  i = 0;
    char   *at = (char *) question;

    if (strcmp(name, "id") == 0 || json_is_null(value)) {
        return NULL;
    }

    while (i < MEMBERS && strcmp(name, members[i].name) != 0) {
        i++;
    }

    if (i == MEMBERS) {
        return unknown_member(name);
    }

    if (members[i].type == JSON_TRUE) {
        if (!json_is_boolean(value)) {
            return ctl_format("\"%s\" is not true or false", name);
        }

        *(bool *) (void *) (at + members[i].offset) = json_is_true(value);
        return NULL;
    }

    if (json_is_integer(value) && strcmp(name, "at") == 0) {
        question->at = ctl_format("%lld",
                                  (long long) json_integer_value(value));
        return NULL;
    }

    if (!json_is_string(value)
        || strlen(json_string_value(value)) != json_string_length(value))
    {
        return ctl_format("\"%s\" is no text", name);
    }

    *(const char **) (void *) (at + members[i].offset) =
        json_string_value(value);

    return NULL;
}


static const char *
read_question(ctl_t *ctl, json_t *json, ctl_case_t *out)
{
    json_t         *value;
    const char     *name, *why = NULL;
    ctl_question_t  question;

    memset(&question, 0, sizeof(question));

    json_object_foreach(json, name, value) {
        why = read_member(name, value, &question);

        if (why != NULL) {
            return why;
        }
    }

    return ctl_question_read(ctl, &question, out, &why) ? NULL : why;
}


/* The next line without its end; NULL at the end of the file.  *error where it
 * is too long: what is left of it is passed over. */
static const char *
next_line(batch_t *batch, const char **error)
{
    int    c;
    size_t len;

    *error = NULL;

    if (fgets(batch->text, sizeof(batch->text), batch->in) == NULL) {
        if (ferror(batch->in)) {
            ctl_die(CTL_USAGE, "cannot read the requests: %s",
                    strerror(errno));
        }

        return NULL;
    }

    batch->line++;
    len = strcspn(batch->text, "\n");

    if (len > LINE_BYTES_MAX) {
        *error = ctl_format("the line is longer than %d bytes",
                            LINE_BYTES_MAX);
        do {
            c = getc(batch->in);
        } while (c != EOF && c != '\n');
    }

    batch->text[len] = '\0';

    return batch->text;
}


/* Reads up to a pipeline's worth of questions; returns how many lines. */
static size_t
read_questions(batch_t *batch)
{
    size_t        n = 0;
    const char   *text, *error;
    json_error_t  at;

    while (n < CTL_CASES_AT_ONCE) {
        asked_t *asked = &batch->asked[n];

        text = next_line(batch, &error);
        if (text == NULL) {
            break;
        }

        if (error == NULL && text[strspn(text, " \t\r")] == '\0') {
            continue;
        }

        memset(asked, 0, sizeof(*asked));
        asked->line = batch->line;
        asked->error = error;
        asked->of = &batch->cases[n++];

        if (error != NULL) {
            continue;
        }

        asked->json = json_loads(text, JSON_REJECT_DUPLICATES, &at);

        if (asked->json == NULL) {
            asked->error = ctl_format("no JSON: %s",
                                      ctl_escape(ctl_str(at.text)));
            continue;
        }

        ctl_keep(asked->json, release_json);
        asked->error = json_is_object(asked->json)
                       ? read_question(batch->ctl, asked->json, asked->of)
                       : "no JSON object";
    }

    return n;
}


static void
print_answer(batch_t *batch, const asked_t *asked)
{
    json_t                *object = ctl_json_object(), *id = NULL;
    compliance_decision_t  decision;

    ctl_json_set(object, "line", ctl_json_int(asked->line));

    if (json_is_object(asked->json)) {
        id = json_object_get(asked->json, "id");
    }

    if (id != NULL) {
        ctl_json_set(object, "id", json_incref(id));
    }

    if (asked->error != NULL) {
        batch->n_errors++;
        ctl_json_set(object, "error", ctl_json_text(ctl_str(asked->error)));

    } else {
        decision = ctl_case_decide(asked->of, &batch->snapshot, &batch->trace);
        ctl_decision_json(object, asked->of, &decision, &batch->trace);
    }

    ctl_json_print(object);
}


static void
answer_questions(batch_t *batch, size_t n)
{
    size_t      n_cases = 0;
    ctl_case_t *cases[CTL_CASES_AT_ONCE] = { NULL };

    for (size_t i = 0; i < n; i++) {
        if (batch->asked[i].error == NULL) {
            batch->asked[i].of->steps = NULL;
            cases[n_cases++] = batch->asked[i].of;
        }
    }

    ctl_cases_look_up(batch->ctl, cases, n_cases);

    for (size_t i = 0; i < n; i++) {
        print_answer(batch, &batch->asked[i]);
    }
}


static void
close_file(void *object)
{
    (void) fclose(object);
}


ctl_exit_t
ctl_explain_batch(ctl_t *ctl, const char *path)
{
    size_t   n;
    batch_t *batch = ctl_alloc(sizeof(*batch));

    batch->ctl = ctl;
    batch->in = stdin;

    if (strcmp(path, "-") != 0) {
        batch->in = fopen(path, "r");

        if (batch->in == NULL) {
            ctl_die(CTL_USAGE, "cannot read \"%s\": %s",
                    ctl_escape(ctl_str(path)), strerror(errno));
        }

        ctl_keep(batch->in, close_file);
    }

    ctl_snapshot_read(ctl, &batch->snapshot);
    ctl_notes_flush();

    do {
        ctl_mark_t mark = ctl_mark();

        n = read_questions(batch);
        answer_questions(batch, n);
        ctl_release(mark);
    } while (n > 0);

    if (batch->n_errors > 0) {
        ctl_warn("%lld of the lines are no requests: see \"error\" in their "
                 "answers", (long long) batch->n_errors);
        return CTL_USAGE;
    }

    return CTL_DONE;
}
