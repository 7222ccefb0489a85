/*
 * undo: an administrator's last change, taken back.  What the change left must
 * still be there, or something later would be lost with it.  The way back is
 * audited like any change, and keeps no entry: undo twice takes back two.
 */
#include "history.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>


#define LISTED_DEFAULT  20

typedef struct {
    const char *id;          /* NULL: the last one */
    bool        dry;
    json_t     *entry;
    compliance_str_t text;   /* as stored */
    size_t      n;           /* writes shown */
    bool        policies;
} undo_t;


static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}


static bool
is_entry(const json_t *entry)
{
    return json_is_object(entry) && text_of(entry, "id")[0] != '\0'
           && json_is_array(json_object_get(entry, "writes"));
}


static CTL_NORETURN void
bad_log(const char *what)
{
    ctl_die(CTL_CONTENT, "the undo log holds %s; it was not written by this "
            "tool. Nothing was written", what);
}


static void
free_json(void *json)
{
    json_decref(json);
}


static json_t *
read_entry(compliance_str_t text)
{
    json_t *entry = json_loadb(text.data, text.len, 0, NULL);

    if (!is_entry(entry)) {
        json_decref(entry);
        bad_log("an entry that is none");
    }

    ctl_keep(entry, free_json);

    return entry;
}


/* --list */
static ctl_exit_t
list(ctl_t *ctl)
{
    static const char *const headings[] = {
        "ID", "TIME", "WHO", "WRITES", "COMMAND"
    };
    const char  *cells[5];
    json_t      *array = ctl_json_array(), *object;
    redisReply  *reply;
    ctl_table_t *table = ctl_table(5, headings);

    reply = ctl_store_ask(ctl, "LRANGE %s 0 %lld", ctl_key_undo(ctl),
                          (long long) ctl_option_count(ctl, CTL_OPT_COUNT, 1,
                                          CTL_UNDO_MAX, LISTED_DEFAULT) - 1);
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "the undo log");

    for (size_t i = 0; i < reply->elements; i++) {
        json_t *entry = read_entry(ctl_reply_text(reply->element[i]));
        size_t  n = json_array_size(json_object_get(entry, "writes"));
        int64_t time = json_integer_value(json_object_get(entry, "time"));

        cells[0] = ctl_escape(ctl_str(text_of(entry, "id")));
        cells[1] = ctl_time_format(time);
        cells[2] = ctl_escape(ctl_str(text_of(entry, "who")));
        cells[3] = ctl_format("%zu", n);
        cells[4] = ctl_escape(ctl_str(text_of(entry, "command")));
        ctl_table_row(table, cells);

        object = ctl_json_object();
        ctl_json_set(object, "id", ctl_json_text(ctl_str(text_of(entry,
                                                                 "id"))));
        ctl_json_set(object, "time", ctl_json_int(time));
        ctl_json_set(object, "who", ctl_json_text(ctl_str(text_of(entry,
                                                                  "who"))));
        ctl_json_set(object, "command",
                     ctl_json_text(ctl_str(text_of(entry, "command"))));
        ctl_json_set(object, "writes", ctl_json_int((int64_t) n));
        ctl_json_add(array, object);
    }

    if (ctl->json) {
        ctl_json_print(array);
        return CTL_DONE;
    }

    json_decref(array);

    if (reply->elements == 0) {
        fputs("there is nothing to take back\n", stderr);
        return CTL_DONE;
    }

    ctl_table_print(table);

    return CTL_DONE;
}


static void
find_entry(ctl_t *ctl, undo_t *undo)
{
    redisReply *reply;

    reply = ctl_store_ask(ctl, "LRANGE %s 0 %d", ctl_key_undo(ctl),
                          undo->id == NULL ? 0 : CTL_UNDO_MAX - 1);
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "the undo log");
    undo->entry = NULL;

    for (size_t i = 0; i < reply->elements && undo->entry == NULL; i++) {
        undo->text = ctl_reply_text(reply->element[i]);
        undo->entry = read_entry(undo->text);

        if (undo->id != NULL && strcmp(text_of(undo->entry, "id"), undo->id)
                                != 0)
        {
            undo->entry = NULL;
        }
    }

    /* should others be quicker, it is still this one or none */
    if (undo->entry != NULL) {
        undo->id = text_of(undo->entry, "id");

        /* for the audit */
        ctl->args = ctl_alloc_array(2, sizeof(*ctl->args));
        ctl->args[0] = undo->id;
        ctl->args[1] = ctl_format("(%s)", text_of(undo->entry, "command"));
        ctl->n_args = 2;
        return;
    }

    if (undo->id == NULL) {
        ctl_die(CTL_NOT_FOUND, "there is nothing to take back");
    }

    ctl_die(CTL_NOT_FOUND, "there is no change \"%s\"; see: compliancectl "
            "undo --list", ctl_escape(ctl_str(undo->id)));
}


/* JSON text or null -> a value; absent for null. */
static compliance_str_t
value_of(const json_t *value)
{
    if (json_is_string(value)) {
        return (compliance_str_t) { json_string_value(value),
                                    json_string_length(value) };
    }

    if (value != NULL && !json_is_null(value)) {
        bad_log("a value that is none");
    }

    return compliance_absent;
}


static void
conflict(const ctl_t *ctl, const json_t *entry, const char *key,
    const char *field, compliance_str_t now)
{
    const char *where = field == NULL
                        ? ctl_format("\"%s\"", ctl_escape(ctl_str(key)))
                        : ctl_format("\"%s\" of \"%s\"",
                                     ctl_escape(ctl_str(field)),
                                     ctl_escape(ctl_str(key)));
    const char *is = now.data == NULL
                     ? "is gone" : ctl_format("is now \"%s\"",
                           ctl_escape((compliance_str_t) { now.data,
                                          now.len > 60 ? 60 : now.len }));

    if (ctl_given(ctl, CTL_OPT_FORCE)) {
        ctl_note("%s %s, which was not done by the change that is taken back",
                 where, is);
        return;
    }

    ctl_die(CTL_CONFLICT, "%s %s: it was changed again behind \"%s\"; nothing "
            "was written. Take the later change back first (compliancectl "
            "undo --list), or --force", where, is,
            ctl_escape(ctl_str(text_of(entry, "command"))));
}


static void
show(undo_t *undo, const char *key, const char *field, compliance_str_t old,
    compliance_str_t new)
{
    undo->n++;

    if (undo->dry) {
        printf("%s%s%s: %s -> %s\n", ctl_escape(ctl_str(key)),
               field == NULL ? "" : " ",
               field == NULL ? "" : ctl_escape(ctl_str(field)),
               new.data == NULL ? "-" : ctl_escape(new),
               old.data == NULL ? "-" : ctl_escape(old));
    }
}


static void
undo_value(ctl_t *ctl, undo_t *undo, const json_t *write, const char *key)
{
    const char      *shown = ctl_key_show(ctl, key);
    const char      *field = json_string_value(json_object_get(write,
                                                               "field"));
    redisReply      *reply;
    compliance_str_t old = value_of(json_object_get(write, "old"));
    compliance_str_t new = value_of(json_object_get(write, "new")), now;

    reply = field == NULL ? ctl_store_ask(ctl, "GET %s", key)
                          : ctl_store_ask(ctl, "HGET %s %s", key, field);
    now = ctl_reply_text(reply);

    if ((now.data == NULL) != (new.data == NULL)
        || (now.data != NULL && !compliance_str_eq(now, new)))
    {
        conflict(ctl, undo->entry, shown, field, now);
    }

    show(undo, shown, field, old, now);

    if (undo->dry) {
        return;
    }

    if (field == NULL && old.data == NULL) {
        ctl_write_del(ctl, CTL_TYPE_STRING, key);

    } else if (field == NULL) {
        ctl_write_set(ctl, key, old);

    } else if (old.data == NULL) {
        ctl_write_hdel(ctl, key, field);

    } else {
        ctl_write_hset(ctl, key, field, old);
    }
}


static void
undo_member(ctl_t *ctl, undo_t *undo, const json_t *write, const char *key)
{
    bool             was = json_is_true(json_object_get(write, "old"));
    bool             should = json_is_true(json_object_get(write, "new"));
    bool             is;
    compliance_str_t member = value_of(json_object_get(write, "member"));

    if (member.data == NULL) {
        bad_log("a member that is none");
    }

    is = ctl_store_ask(ctl, "SISMEMBER %s %b", key, member.data,
                       member.len)->integer != 0;

    if (is != should) {
        conflict(ctl, undo->entry, ctl_key_show(ctl, key), ctl_dup(member),
                 is ? compliance_str("in") : compliance_str("out"));
    }

    show(undo, ctl_key_show(ctl, key), ctl_dup(member),
         was ? compliance_str("in") : compliance_str("out"),
         is ? compliance_str("in") : compliance_str("out"));

    if (undo->dry) {
        return;
    }

    if (was) {
        ctl_write_sadd(ctl, key, member);

    } else {
        ctl_write_srem(ctl, key, member);
    }
}


/* What was deleted as a whole comes back as a whole. */
static void
undo_del(ctl_t *ctl, undo_t *undo, const json_t *write, const char *key,
    bool made_again)
{
    size_t        i;
    json_t       *old = json_object_get(write, "old"), *value;
    const char   *shown = ctl_key_show(ctl, key), *field;

    if (!made_again && ctl_store_ask(ctl, "EXISTS %s", key)->integer != 0) {
        conflict(ctl, undo->entry, shown, NULL,
                 compliance_str("there again"));
    }

    if (json_is_object(old)) {
        json_object_foreach(old, field, value) {
            show(undo, shown, field, value_of(value), compliance_absent);

            if (!undo->dry) {
                ctl_write_hset(ctl, key, field, value_of(value));
            }
        }

    } else if (json_is_array(old)) {
        json_array_foreach(old, i, value) {
            show(undo, shown, ctl_dup(value_of(value)), compliance_str("in"),
                 compliance_str("out"));

            if (!undo->dry) {
                ctl_write_sadd(ctl, key, value_of(value));
            }
        }

    } else {
        show(undo, shown, NULL, value_of(old), compliance_absent);

        if (!undo->dry) {
            ctl_write_set(ctl, key, value_of(old));
        }
    }
}


/* Does a later write of the same change touch the same place, or, with place
 * NULL, the same key?  What was there before stands in both. */
static bool
again(const json_t *writes, size_t i, const char *key, const char *place)
{
    for (size_t k = i + 1; k < json_array_size(writes); k++) {
        const json_t *write = json_array_get(writes, k);

        if (strcmp(text_of(write, "key"), key) == 0
            && (place == NULL
                || json_equal(json_object_get(write, place),
                              json_object_get(json_array_get(writes, i),
                                              place))))
        {
            return true;
        }
    }

    return false;
}


static void
undo_write(ctl_t *ctl, undo_t *undo, const json_t *writes, size_t i,
    const char *key)
{
    const json_t *write = json_array_get(writes, i);
    const char   *op = text_of(write, "op"), *name = text_of(write, "key");

    if (strcmp(op, "hset") == 0 || strcmp(op, "set") == 0) {
        if (!again(writes, i, name, "field")) {
            undo_value(ctl, undo, write, key);
        }

    } else if (strcmp(op, "member") == 0) {
        if (!again(writes, i, name, "member")) {
            undo_member(ctl, undo, write, key);
        }

    } else if (strcmp(op, "del") == 0) {
        undo_del(ctl, undo, write, key, again(writes, i, name, NULL));

    } else {
        bad_log("a write of a kind that it does not know");
    }
}


/* Backwards, as it was done. */
static void
plan(ctl_t *ctl, void *data)
{
    undo_t       *undo = data;
    const json_t *writes;
    const char   *policy = ctl_key_policy(ctl, "x"), *key, *name;

    undo->n = 0;
    undo->policies = false;
    find_entry(ctl, undo);
    writes = json_object_get(undo->entry, "writes");

    for (size_t i = json_array_size(writes); i > 0; i--) {
        name = text_of(json_array_get(writes, i - 1), "key");

        if (name[0] == '\0') {
            bad_log("a write without a key");
        }

        key = ctl_format("%.*s%s", (int) ctl->prefix.len, ctl->prefix.data,
                         name);
        undo->policies |= strncmp(key, policy, strlen(policy) - 1) == 0;

        if (!undo->dry) {
            ctl_store_watch(ctl, key);
        }

        undo_write(ctl, undo, writes, i - 1, key);
    }

    if (!undo->dry) {
        ctl_store_write(ctl, CTL_TYPE_LIST, ctl_key_undo(ctl),
                        "LREM %s 1 %b", ctl_key_undo(ctl), undo->text.data,
                        undo->text.len);
    }
}


ctl_exit_t
ctl_undo(ctl_t *ctl)
{
    undo_t  undo;
    json_t *object;

    if (ctl_given(ctl, CTL_OPT_LIST)) {
        return list(ctl);
    }

    memset(&undo, 0, sizeof(undo));
    undo.id = ctl->n_args > 0 ? ctl->args[0] : NULL;
    undo.dry = ctl_given(ctl, CTL_OPT_DRY_RUN);

    ctl_history(ctl, CTL_HISTORY_AUDIT);

    if (undo.dry) {
        plan(ctl, &undo);
        ctl_notes_flush();

    } else {
        ctl_store_transact(ctl, plan, &undo);
    }

    if (ctl->json && !undo.dry) {
        object = ctl_json_object();
        ctl_json_set(object, "id",
                     ctl_json_text(ctl_str(text_of(undo.entry, "id"))));
        ctl_json_set(object, "command",
                     ctl_json_text(ctl_str(text_of(undo.entry, "command"))));
        ctl_json_set(object, "writes", ctl_json_int((int64_t) undo.n));
        ctl_json_print(object);

    } else {
        printf("%s \"%s\" of %s by %s: %zu write%s\n",
               undo.dry ? "would take back" : "took back",
               ctl_escape(ctl_str(text_of(undo.entry, "command"))),
               ctl_time_format(json_integer_value(
                   json_object_get(undo.entry, "time"))),
               ctl_escape(ctl_str(text_of(undo.entry, "who"))), undo.n,
               undo.n == 1 ? "" : "s");
    }

    if (undo.policies) {
        ctl_warn("a policy has changed with it: devices keep the state that "
                 "they were judged to until they are judged again; do it now "
                 "with: compliancectl policy apply");
    }

    return CTL_DONE;
}


void
ctl_undo_details(void)
{
    puts("Without ID the last change that can be taken back. Where something "
         "was changed\nagain since, nothing is done unless --force. Imports "
         "and policy apply are no\nsuch changes: they stand in the audit "
         "only.");
}
