/*
 * restore: the file is read to its end and checked before anything is written.
 * Then the schema in `meta` becomes "restoring", which every gateway denies by
 * and every other command stops at; what was there goes, what was saved comes,
 * and `meta` with the right schema is the last write of all.  Cut off at any
 * moment, it is run again.
 */
#include "backup.h"
#include "bulk.h"
#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define AT_ONCE  500     /* commands in flight */

typedef struct {
    ctl_t          *ctl;
    bool            with_history;
    json_t         *meta;      /* held back for the end */
    int64_t         keys;
    int64_t         lines;
    int64_t         total;
    size_t          pending;
    ctl_mark_t      mark;
    ctl_progress_t *progress;
} restore_t;


static void
drain(restore_t *restore)
{
    while (restore->pending > 0) {
        (void) ctl_store_receive(restore->ctl);
        restore->pending--;
    }

    ctl_release(restore->mark);
    restore->mark = ctl_mark();
}


static bool
is_meta(const restore_t *restore, const char *key)
{
    return strcmp(key, ctl_key_show(restore->ctl, ctl_key_meta(restore->ctl)))
           == 0;
}


static bool
is_left_out(const restore_t *restore, const char *key)
{
    return !restore->with_history && compliance_key_is_history(ctl_str(key));
}


static void
count_line(void *data, const json_t *line)
{
    restore_t  *restore = data;
    ctl_mark_t  mark = ctl_mark();
    const char *key = json_string_value(json_object_get(line, "key"));

    if (is_meta(restore, key)) {
        json_decref(restore->meta);
        restore->meta = json_deep_copy(line);

    } else if (!is_left_out(restore, key)
               && json_integer_value(json_object_get(line, "part")) == 0)
    {
        restore->keys++;
    }

    ctl_release(mark);
}


/* COMMAND key [more] text... */
static void
send_texts(restore_t *restore, const char *command, const char *key,
    const char *id, const json_t *texts)
{
    size_t           n = 0, size = json_is_array(texts) ? json_array_size(texts)
                                                        : 1;
    const char     **words = ctl_alloc_array(size + 3, sizeof(*words));
    size_t          *lens = ctl_alloc_array(size + 3, sizeof(*lens));
    compliance_str_t text;

    words[n++] = command;
    words[n++] = key;

    if (id != NULL) {
        words[n++] = id;
    }

    for (size_t i = 0; i < n; i++) {
        lens[i] = strlen(words[i]);
    }

    for (size_t i = 0; i < size; i++) {
        text = ctl_backup_text(json_is_array(texts) ? json_array_get(texts, i)
                                                    : texts);
        words[n] = text.data;
        lens[n++] = text.len;
    }

    ctl_store_send_bytes(restore->ctl, n, words, lens);
    restore->pending++;
}


static void
send_value(restore_t *restore, const char *key, const json_t *line)
{
    static const struct {
        const char *type;
        const char *command;
    } rows[] = {
        { "string", "SET" }, { "hash", "HSET" }, { "set", "SADD" },
        { "list", "RPUSH" },
    };
    const char   *type = json_string_value(json_object_get(line, "type"));
    const json_t *value = json_object_get(line, "value"), *record;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(type, rows[i].type) == 0) {
            send_texts(restore, rows[i].command, key, NULL, value);
            return;
        }
    }

    for (size_t i = 0; i < json_array_size(value); i++) {
        record = json_array_get(value, i);
        send_texts(restore, "XADD", key,
                   json_string_value(json_array_get(record, 0)),
                   json_array_get(record, 1));
    }
}


static void
write_line(void *data, const json_t *line)
{
    restore_t    *restore = data;
    const char   *name = json_string_value(json_object_get(line, "key")), *key;
    const json_t *expires = json_object_get(line, "expires");

    restore->lines++;
    ctl_progress_at(restore->progress, restore->lines);

    if (is_meta(restore, name) || is_left_out(restore, name)) {
        return;
    }

    key = ctl_format("%.*s%s", (int) restore->ctl->prefix.len,
                     restore->ctl->prefix.data, name);

    /* a key that SCAN told twice must not become twice as much */
    if (json_integer_value(json_object_get(line, "part")) == 0) {
        ctl_store_send(restore->ctl, "DEL %s", key);
        restore->pending++;
    }

    send_value(restore, key, line);

    if (expires != NULL) {
        ctl_store_send(restore->ctl, "PEXPIREAT %s %lld", key,
                       (long long) json_integer_value(expires));
        restore->pending++;
    }

    if (restore->pending >= AT_ONCE) {
        drain(restore);
    }
}


static bool
is_interrupted(ctl_t *ctl)
{
    return compliance_str_eq(ctl_reply_text(ctl_store_ask(ctl,
               "HGET %s schema", ctl_key_meta(ctl))),
               ctl_str(CTL_SCHEMA_RESTORING));
}


static void
confirm(const restore_t *restore, size_t held)
{
    ctl_t *ctl = restore->ctl;
    char   answer[8] = "";

    if (held == 0 || is_interrupted(ctl)) {
        return;
    }

    if (!ctl_given(ctl, CTL_OPT_REPLACE)) {
        ctl_die(CTL_CONFLICT, "the store is not empty (%zu keys); --replace "
                "removes what it holds, so save it first: compliancectl "
                "backup FILE", held);
    }

    if (ctl_given(ctl, CTL_OPT_YES)) {
        return;
    }

    if (isatty(STDIN_FILENO) != 1) {
        ctl_die(CTL_CONFLICT, "%zu keys would be replaced; --yes if that is "
                "meant", held);
    }

    fprintf(stderr, "Replace %zu keys by %lld? Gateways deny until it is "
            "done. [y/N] ", held, (long long) restore->keys);

    if (fgets(answer, sizeof(answer), stdin) == NULL
        || (answer[0] != 'y' && answer[0] != 'Y'))
    {
        ctl_die(CTL_CONFLICT, "nothing was written");
    }
}


/* Everything but meta, and the history unless it is restored as well. */
static void
remove_keys(restore_t *restore, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_meta(restore, names[i]) && !is_left_out(restore, names[i])) {
            ctl_store_send(restore->ctl, "DEL %s",
                           ctl_format("%.*s%s",
                                      (int) restore->ctl->prefix.len,
                                      restore->ctl->prefix.data, names[i]));

            if (++restore->pending >= AT_ONCE) {
                drain(restore);
            }
        }
    }

    drain(restore);
}


static void
write_meta(restore_t *restore)
{
    ctl_t *ctl = restore->ctl;

    ctl_store_send(ctl, "MULTI");
    ctl_store_send(ctl, "DEL %s", ctl_key_meta(ctl));
    restore->pending += 2;
    send_value(restore, ctl_key_meta(ctl), restore->meta);
    ctl_store_send(ctl, "EXEC");
    restore->pending++;
    drain(restore);
}


static void
check_meta(const restore_t *restore)
{
    const json_t *value = json_object_get(restore->meta, "value");

    for (size_t i = 0; i + 1 < json_array_size(value); i += 2) {
        const char *field = json_string_value(json_array_get(value, i));
        const char *text = json_string_value(json_array_get(value, i + 1));
        int64_t     version;

        if (field != NULL && text != NULL && strcmp(field, "schema") == 0
            && compliance_parse_uint(ctl_str(text), &version)
            && version == COMPLIANCE_SCHEMA_VERSION)
        {
            return;
        }
    }

    ctl_die(CTL_CONTENT, "the backup holds no store of schema %d; nothing was "
            "written", COMPLIANCE_SCHEMA_VERSION);
}


static void
report(const restore_t *restore, const char *path, bool dry_run)
{
    json_t *object;

    if (restore->ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "file", ctl_json_text(ctl_str(path)));
        ctl_json_set(object, "keys", ctl_json_int(restore->keys));
        ctl_json_set(object, "with_audit",
                     ctl_json_bool(restore->with_history));
        ctl_json_set(object, "dry_run", ctl_json_bool(dry_run));
        ctl_json_print(object);

    } else {
        printf("%lld keys %s\n", (long long) restore->keys,
               dry_run ? "are whole and would be restored" : "restored");
    }
}


ctl_exit_t
ctl_restore(ctl_t *ctl)
{
    restore_t    restore = { .ctl = ctl };
    const char  *path = ctl->args[0];
    const char **names;
    json_t      *summary;
    size_t       n, held = 0;
    bool         history, dry_run = ctl_given(ctl, CTL_OPT_DRY_RUN);

    restore.with_history = ctl_given(ctl, CTL_OPT_WITH_AUDIT);
    restore.total = ctl_backup_read(path, &history, count_line, &restore);

    if (restore.with_history && !history) {
        ctl_die(CTL_USAGE, "this backup was made without --with-audit");
    }

    check_meta(&restore);
    ctl_store_open(ctl);

    names = ctl_store_scan(ctl, ctl_dup(ctl->prefix), &n);

    for (size_t i = 0; i < n; i++) {
        held += !is_left_out(&restore, names[i]);
    }

    if (dry_run) {
        report(&restore, path, true);
        return CTL_DONE;
    }

    confirm(&restore, held);

    if (restore.with_history) {
        /* the usual user may not: better now than in the middle */
        (void) ctl_store_ask(ctl, "DEL %s",
                             ctl_key_audit(ctl, "@restore-probe"));
    }

    restore.progress = ctl_progress_begin("restoring", restore.total);
    (void) ctl_store_ask(ctl, "HSET %s schema %s", ctl_key_meta(ctl),
                         CTL_SCHEMA_RESTORING);
    restore.mark = ctl_mark();
    remove_keys(&restore, names, n);
    (void) ctl_backup_read(path, &history, write_line, &restore);
    drain(&restore);
    write_meta(&restore);
    ctl_progress_end(restore.progress);
    json_decref(restore.meta);

    summary = ctl_json_object();
    ctl_json_set(summary, "restored_keys", ctl_json_int(restore.keys));
    ctl_audit_summary(ctl, summary);
    report(&restore, path, false);

    return CTL_DONE;
}
