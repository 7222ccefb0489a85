/*
 * restore: a backup file back into the store.  The whole file is verified
 * before anything is written.  From the first write to the last, meta says
 * that the store is being restored: every gateway then answers a temporary
 * failure, and no half-filled store is taken for one that lets people in.  A
 * restore that was killed is run again.
 */
#include "backup.h"
#include "bulk.h"
#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>


#define AT_ONCE     1000    /* commands of one write */
#define CURSOR_MAX  24

typedef struct {
    ctl_t          *ctl;
    const char     *path;
    FILE           *in;
    char           *line;
    size_t          cap;
    int64_t         number;     /* of the line */
    int64_t         lines;      /* that hold keys */
    json_t         *meta;       /* its line, which comes last */
    size_t          pending;
    ctl_progress_t *progress;
} restore_t;


static CTL_NORETURN void
broken(const restore_t *r, const char *why)
{
    ctl_die(CTL_CONTENT, "%s, line %lld: %s; nothing was written",
            ctl_escape(ctl_str(r->path)), (long long) r->number, why);
}


/* The next line and its length with the newline; 0 at the end. */
static size_t
next_line(restore_t *r)
{
    ssize_t n = getline(&r->line, &r->cap, r->in);

    if (n < 0) {
        if (ferror(r->in)) {
            ctl_die(CTL_USAGE, "cannot read \"%s\": %s",
                    ctl_escape(ctl_str(r->path)), strerror(errno));
        }

        return 0;
    }

    r->number++;

    if (n > CTL_BACKUP_LINE_MAX) {
        broken(r, "the line is too long");
    }

    return (size_t) n;
}


static json_t *
parse_line(restore_t *r, size_t len)
{
    json_t *object = json_loadb(r->line, len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(object)) {
        broken(r, "it is no JSON object");
    }

    return object;
}


static void
check_header(restore_t *r, const json_t *object)
{
    const json_t *version = json_object_get(object, "compliance_backup");
    const json_t *schema = json_object_get(object, "schema");

    if (!json_is_integer(version)) {
        broken(r, "this is no backup of compliancectl");
    }

    if (json_integer_value(version) != CTL_BACKUP_VERSION
        || json_integer_value(schema) != COMPLIANCE_SCHEMA_VERSION)
    {
        broken(r, "it was written by another version: restore it with the "
               "compliancectl that wrote it");
    }
}


static bool
texts_only(const json_t *list)
{
    size_t  i;
    json_t *item;

    json_array_foreach((json_t *) list, i, item) {
        if (ctl_bytes_read(item).data == NULL) {
            return false;
        }
    }

    return true;
}


static bool
value_holds(const char *type, const json_t *value)
{
    size_t      i;
    json_t     *item;
    const char *name;

    if (strcmp(type, "string") == 0) {
        return ctl_bytes_read(value).data != NULL;
    }

    if (strcmp(type, "hash") == 0) {
        json_object_foreach((json_t *) value, name, item) {
            if (ctl_bytes_read(item).data == NULL) {
                return false;
            }
        }

        return json_object_size(value) > 0;
    }

    if (strcmp(type, "set") == 0 || strcmp(type, "list") == 0) {
        return json_array_size(value) > 0 && texts_only(value);
    }

    if (strcmp(type, "stream") != 0) {
        return false;
    }

    json_array_foreach((json_t *) value, i, item) {
        if (json_array_size(item) != 3 || !texts_only(item)) {
            return false;
        }
    }

    return json_array_size(value) > 0;
}


static void
check_key_line(restore_t *r, const json_t *object)
{
    const char   *type = json_string_value(json_object_get(object, "type"));
    const json_t *expires = json_object_get(object, "expires");

    if (ctl_bytes_read(json_object_get(object, "key")).len == 0
        || type == NULL
        || !value_holds(type, json_object_get(object, "value"))
        || (expires != NULL && !json_is_integer(expires)))
    {
        broken(r, "it holds no key, type and value");
    }
}


/* Reads it all: header, keys, end, and the sum over them. */
static void
verify(restore_t *r)
{
    char        sum[CTL_BACKUP_HASH_LEN + 1];
    size_t      len;
    json_t     *object;
    ctl_sum_t   context;
    bool        ended = false;
    const char *told;

    ctl_sum_begin(&context);

    while ((len = next_line(r)) > 0) {
        ctl_mark_t mark = ctl_mark();

        if (ended) {
            broken(r, "something stands behind the end");
        }

        object = parse_line(r, len);

        if (r->number == 1) {
            check_header(r, object);

        } else if (json_is_true(json_object_get(object, "end"))) {
            ended = true;
            ctl_sum_end(&context, sum);
            told = json_string_value(json_object_get(object, "sha256"));

            if (told == NULL || strcmp(told, sum) != 0
                || json_integer_value(json_object_get(object, "lines"))
                   != r->number - 1)
            {
                broken(r, "the sum does not hold: the file was changed or "
                       "damaged");
            }

        } else {
            check_key_line(r, object);
            r->lines++;
        }

        if (!ended) {
            ctl_sum_add(&context, r->line, len);
        }

        json_decref(object);
        ctl_release(mark);
    }

    if (!ended) {
        broken(r, "the file ends before its end: it was cut off");
    }
}


static void
drain(restore_t *r)
{
    ctl_mark_t mark = ctl_mark();

    while (r->pending > 0) {
        (void) ctl_store_receive(r->ctl);
        r->pending--;
    }

    ctl_release(mark);
}


static void
sent(restore_t *r)
{
    if (++r->pending >= AT_ONCE) {
        drain(r);
    }
}


static void
write_collection(restore_t *r, const char *key, const json_t *value,
    const char *command)
{
    size_t           i;
    json_t          *item;
    compliance_str_t text;

    json_array_foreach((json_t *) value, i, item) {
        text = ctl_bytes_read(item);
        ctl_store_send(r->ctl, "%s %s %b", command, key, text.data, text.len);
        sent(r);
    }
}


static void
write_stream(restore_t *r, const char *key, const json_t *value)
{
    size_t           i;
    json_t          *entry;
    compliance_str_t id, field, text;

    json_array_foreach((json_t *) value, i, entry) {
        id = ctl_bytes_read(json_array_get(entry, 0));
        field = ctl_bytes_read(json_array_get(entry, 1));
        text = ctl_bytes_read(json_array_get(entry, 2));
        ctl_store_send(r->ctl, "XADD %s %b %b %b", key, id.data, id.len,
                       field.data, field.len, text.data, text.len);
        sent(r);
    }
}


static void
write_key(restore_t *r, const json_t *object)
{
    json_t          *value = json_object_get(object, "value"), *item;
    const char      *type = json_string_value(json_object_get(object,
                                                              "type"));
    const char      *field, *key;
    const json_t    *expires = json_object_get(object, "expires");
    compliance_str_t text;

    key = ctl_format("%.*s%s", (int) r->ctl->prefix.len, r->ctl->prefix.data,
                     ctl_dup(ctl_bytes_read(json_object_get(object, "key"))));

    if (strcmp(type, "hash") == 0) {
        json_object_foreach(value, field, item) {
            text = ctl_bytes_read(item);
            ctl_store_send(r->ctl, "HSET %s %s %b", key, field, text.data,
                           text.len);
            sent(r);
        }

    } else if (strcmp(type, "string") == 0) {
        text = ctl_bytes_read(value);
        ctl_store_send(r->ctl, "SET %s %b", key, text.data, text.len);
        sent(r);

    } else if (strcmp(type, "stream") == 0) {
        write_stream(r, key, value);

    } else {
        write_collection(r, key, value, strcmp(type, "set") == 0 ? "SADD"
                                                                 : "RPUSH");
    }

    if (expires != NULL) {
        ctl_store_send(r->ctl, "PEXPIREAT %s %lld", key,
                       (long long) json_integer_value(expires));
        sent(r);
    }
}


static void
write_all(restore_t *r)
{
    size_t  len;
    json_t *object;
    int64_t done = 0;

    rewind(r->in);
    r->number = 0;

    while ((len = next_line(r)) > 0) {
        ctl_mark_t mark = ctl_mark();

        object = parse_line(r, len);

        if (json_object_get(object, "key") == NULL) {
            json_decref(object);

        } else if (compliance_str_eq(
                       ctl_bytes_read(json_object_get(object, "key")),
                       ctl_str(ctl_key_show(r->ctl, ctl_key_meta(r->ctl)))))
        {
            json_decref(r->meta);
            r->meta = object;

        } else {
            write_key(r, object);
            json_decref(object);
        }

        ctl_progress_at(r->progress, ++done);
        ctl_release(mark);
    }

    drain(r);
}


/* meta comes last, and with it the word that the store is whole. */
static void
write_meta(restore_t *r)
{
    json_t *value = json_object_get(r->meta, "value");

    if (value != NULL) {
        (void) json_object_del(value, "schema");

        if (json_object_size(value) > 0) {
            write_key(r, r->meta);
            drain(r);
        }

        json_decref(r->meta);
        r->meta = NULL;
    }

    (void) ctl_store_ask(r->ctl, "HSET %s schema %d", ctl_key_meta(r->ctl),
                         COMPLIANCE_SCHEMA_VERSION);
}


/* What is there under the prefix, but for meta and what the file leaves alone:
 * counted, or removed. */
static int64_t
walk_store(restore_t *r, bool remove)
{
    char             cursor[CURSOR_MAX] = "0";
    int64_t          n = 0;
    redisReply      *reply;
    compliance_str_t key;
    const char      *meta = ctl_key_meta(r->ctl);
    const char      *admin = ctl_key_audit(r->ctl, COMPLIANCE_ADMIN_NODE);

    do {
        ctl_mark_t mark = ctl_mark();

        reply = ctl_store_ask(r->ctl, "SCAN %s MATCH %s* COUNT %d", cursor,
                              ctl_dup(r->ctl->prefix), AT_ONCE);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of keys");

        if (reply->elements != 2 || reply->element[0]->len >= CURSOR_MAX) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a page "
                    "of keys; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);

        for (size_t i = 0; i < reply->element[1]->elements; i++) {
            key = ctl_reply_text(reply->element[1]->element[i]);

            if (compliance_str_eq(key, ctl_str(meta))
                || (!ctl_given(r->ctl, CTL_OPT_WITH_AUDIT)
                    && compliance_str_eq(key, ctl_str(admin))))
            {
                continue;
            }

            n++;

            if (remove) {
                ctl_store_send(r->ctl, "DEL %b", key.data, key.len);
                r->pending++;
            }
        }

        drain(r);
        ctl_release(mark);

    } while (strcmp(cursor, "0") != 0);

    return n;
}


static bool
interrupted(restore_t *r)
{
    return compliance_str_eq(ctl_reply_text(ctl_store_ask(r->ctl,
               "HGET %s schema", ctl_key_meta(r->ctl))),
               compliance_str(CTL_RESTORING));
}


/* Nobody's records are thrown away unasked. */
static void
make_room(restore_t *r)
{
    bool    again = interrupted(r);
    int64_t n = walk_store(r, false);

    if (n > 0 && !again && !ctl_given(r->ctl, CTL_OPT_REPLACE)) {
        ctl_die(CTL_CONFLICT, "the store is not empty: it has %lld keys under "
                "\"%s\"; nothing was written. Save them (compliancectl backup "
                "FILE), and --replace puts the backup in their place",
                (long long) n, ctl_escape(r->ctl->prefix));
    }

    if (n > 0 && !again && !ctl_given(r->ctl, CTL_OPT_YES)
        && !ctl_confirm(ctl_format("Replace %lld keys by the backup's? Every "
                                   "access fails for the time of it.",
                                   (long long) n)))
    {
        ctl_die(CTL_CONFLICT, "nothing was written: --yes says it beforehand");
    }

    (void) ctl_store_ask(r->ctl, "HSET %s schema %s", ctl_key_meta(r->ctl),
                         CTL_RESTORING);

    if (n > 0) {
        (void) walk_store(r, true);
    }

    (void) ctl_store_ask(r->ctl, "DEL %s", ctl_key_meta(r->ctl));
    (void) ctl_store_ask(r->ctl, "HSET %s schema %s", ctl_key_meta(r->ctl),
                         CTL_RESTORING);
}


ctl_exit_t
ctl_restore(ctl_t *ctl)
{
    json_t   *summary = ctl_json_object();
    restore_t r;

    memset(&r, 0, sizeof(r));
    r.ctl = ctl;
    r.path = ctl->args[0];
    r.in = fopen(r.path, "re");

    if (r.in == NULL) {
        ctl_die(CTL_USAGE, "cannot read \"%s\": %s",
                ctl_escape(ctl_str(r.path)), strerror(errno));
    }

    verify(&r);
    ctl_store_open(ctl);
    make_room(&r);
    r.progress = ctl_progress_begin("lines restored", r.lines + 2);
    write_all(&r);
    write_meta(&r);
    ctl_progress_end(r.progress);

    ctl_json_set(summary, "file", ctl_json_text(ctl_str(r.path)));
    ctl_json_set(summary, "lines", ctl_json_int(r.lines));
    ctl_audit_summary(ctl, summary);

    if (ctl->json) {
        summary = ctl_json_object();
        ctl_json_set(summary, "restored", ctl_json_int(r.lines));
        ctl_json_print(summary);

    } else {
        printf("restored %lld lines from %s\n", (long long) r.lines,
               ctl_escape(ctl_str(r.path)));
    }

    free(r.line);
    (void) fclose(r.in);

    return CTL_DONE;
}


void
ctl_restore_details(void)
{
    puts("The whole file is verified first. While it is put back, every "
         "gateway answers a\ntemporary failure. A restore that was interrupted "
         "is run again. A store that is\nnot empty needs --replace. A file "
         "with the audit in it needs a Redis user that\nmay write it, and "
         "--with-audit to replace the audit that is there.");
}
