/*
 * backup: every record under the prefix, as backup.h tells, into a file that
 * is there whole or not at all.  It is read page by page while others write:
 * each record is whole, but two records may be of different moments.
 */
#include "backup.h"
#include "bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define PAGE        500
#define CURSOR_MAX  24

typedef struct {
    ctl_t          *ctl;
    const char     *path;
    const char     *temporary;
    FILE           *out;
    ctl_sum_t       sum;
    int64_t         lines;      /* without the last one */
    int64_t         keys;
    bool            with_audit;
    ctl_progress_t *progress;
} backup_t;


static CTL_NORETURN void
cannot_write(const backup_t *b)
{
    const char *why = strerror(errno);

    if (b->temporary != NULL) {
        (void) unlink(b->temporary);
    }

    ctl_die(CTL_STORE, "cannot write \"%s\": %s; nothing was left behind",
            ctl_escape(ctl_str(b->path)), why);
}


static void
write_line(backup_t *b, json_t *object)
{
    char  *text = json_dumps(object, JSON_COMPACT);
    size_t len;

    json_decref(object);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    len = strlen(text);
    text[len] = '\n';     /* in the place of the NUL */
    ctl_sum_add(&b->sum, text, len + 1);

    if (fwrite(text, 1, len + 1, b->out) != len + 1) {
        cannot_write(b);
    }

    free(text);
    b->lines++;
}


/* "-" is standard output; a file is written beside its name first. */
static void
open_file(backup_t *b)
{
    int fd;

    if (strcmp(b->path, "-") == 0) {
        b->out = stdout;
        return;
    }

    b->temporary = ctl_format("%s.%ld.tmp", b->path, (long) getpid());
    fd = open(b->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    b->out = fd < 0 ? NULL : fdopen(fd, "w");

    if (b->out == NULL) {
        cannot_write(b);
    }
}


static void
close_file(backup_t *b)
{
    if (fflush(b->out) != 0) {
        cannot_write(b);
    }

    if (b->temporary == NULL) {
        return;
    }

    if (fsync(fileno(b->out)) != 0 || fclose(b->out) != 0
        || rename(b->temporary, b->path) != 0)
    {
        cannot_write(b);
    }
}


static json_t *
line_of(const char *key, const char *type, json_t *value, int64_t expires)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, "key", ctl_bytes_json(ctl_str(key)));
    ctl_json_set(object, "type", ctl_json_text(ctl_str(type)));
    ctl_json_set(object, "value", value);

    if (expires > 0) {
        ctl_json_set(object, "expires", ctl_json_int(expires));
    }

    return object;
}


static json_t *
list_json(const redisReply *reply)
{
    json_t *list = ctl_json_array();

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a list");

    for (size_t i = 0; i < reply->elements; i++) {
        ctl_json_add(list, ctl_bytes_json(ctl_reply_text(reply->element[i])));
    }

    return list;
}


/* A hash's fields are ours, and texts; one that is none is left out. */
static json_t *
hash_json(const redisReply *reply)
{
    json_t *object = ctl_json_object();

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a record");

    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        compliance_str_t field = ctl_reply_text(reply->element[i]);
        json_t          *name = ctl_bytes_json(field);

        if (json_is_string(name)) {
            ctl_json_set(object, ctl_dup(field),
                         ctl_bytes_json(ctl_reply_text(
                             reply->element[i + 1])));
        }

        json_decref(name);
    }

    return object;
}


static void
write_set(backup_t *b, const char *key, const char *shown)
{
    char        cursor[CURSOR_MAX] = "0";
    redisReply *reply;

    do {
        ctl_mark_t mark = ctl_mark();

        reply = ctl_store_ask(b->ctl, "SSCAN %s %s COUNT %d", key, cursor,
                              4 * PAGE);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of names");

        if (reply->elements != 2
            || reply->element[0]->type != REDIS_REPLY_STRING
            || reply->element[0]->len >= CURSOR_MAX)
        {
            ctl_die(CTL_CONTENT, "Redis answered something else than a page "
                    "of names; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);

        if (reply->element[1]->elements > 0) {
            write_line(b, line_of(shown, "set", list_json(reply->element[1]),
                                  0));
        }

        ctl_release(mark);

    } while (strcmp(cursor, "0") != 0);
}


static void
write_stream(backup_t *b, const char *key)
{
    char        from[64] = "-";
    size_t      n;
    json_t     *list, *entry;
    redisReply *reply;

    do {
        ctl_mark_t mark = ctl_mark();

        reply = ctl_store_ask(b->ctl, "XRANGE %s %s + COUNT %d", key, from,
                              PAGE);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");
        n = reply->elements;
        list = ctl_json_array();

        for (size_t i = 0; i < n; i++) {
            const redisReply *id = reply->element[i]->element[0];
            const redisReply *fields = reply->element[i]->element[1];

            entry = list_json(fields);

            if (json_array_insert_new(entry, 0,
                    ctl_json_text(ctl_reply_text(id))) != 0)
            {
                ctl_die(CTL_STORE, "out of memory");
            }

            ctl_json_add(list, entry);
            (void) snprintf(from, sizeof(from), "(%.60s", id->str);
        }

        if (n > 0) {
            write_line(b, line_of(ctl_key_show(b->ctl, key), "stream", list,
                                  0));
        } else {
            json_decref(list);
        }

        ctl_release(mark);

    } while (n == PAGE);
}


static void
ask_value(ctl_t *ctl, const char *key, const char *type)
{
    if (strcmp(type, "hash") == 0) {
        ctl_store_send(ctl, "HGETALL %s", key);

    } else if (strcmp(type, "list") == 0) {
        ctl_store_send(ctl, "LRANGE %s 0 -1", key);

    } else {
        ctl_store_send(ctl, "GET %s", key);
    }

    ctl_store_send(ctl, "PEXPIRETIME %s", key);
}


/* A page of keys: their types in one question, their values in the next. */
static void
write_page(backup_t *b, const char *const *keys, size_t n)
{
    const char **types = ctl_alloc_array(n, sizeof(*types));
    redisReply  *value;
    int64_t      expires;

    for (size_t i = 0; i < n; i++) {
        ctl_store_send(b->ctl, "TYPE %s", keys[i]);
    }

    for (size_t i = 0; i < n; i++) {
        value = ctl_store_receive(b->ctl);
        ctl_reply_expect(value, REDIS_REPLY_STATUS, "a type");
        types[i] = value->str;
    }

    for (size_t i = 0; i < n; i++) {
        if (strcmp(types[i], "hash") == 0 || strcmp(types[i], "list") == 0
            || strcmp(types[i], "string") == 0)
        {
            ask_value(b->ctl, keys[i], types[i]);
        }
    }

    for (size_t i = 0; i < n; i++) {
        const char *shown = ctl_key_show(b->ctl, keys[i]);
        bool        hash = strcmp(types[i], "hash") == 0;
        bool        list = strcmp(types[i], "list") == 0;

        if (!hash && !list && strcmp(types[i], "string") != 0) {
            continue;
        }

        value = ctl_store_receive(b->ctl);
        expires = ctl_store_receive(b->ctl)->integer;

        /* gone since it was listed */
        if (value->type == REDIS_REPLY_NIL
            || (value->type == REDIS_REPLY_ARRAY && value->elements == 0))
        {
            continue;
        }

        write_line(b, line_of(shown, types[i],
                              hash ? hash_json(value)
                              : list ? list_json(value)
                              : ctl_bytes_json(ctl_reply_text(value)),
                              expires));
    }

    for (size_t i = 0; i < n; i++) {
        if (strcmp(types[i], "set") == 0) {
            write_set(b, keys[i], ctl_key_show(b->ctl, keys[i]));
        }
    }

    b->keys += (int64_t) n;
}


/* SCAN may tell a key twice: the same value stands in the file twice then,
 * which restores as one.  Streams are no such values and come after. */
static void
write_keys(backup_t *b)
{
    size_t       n;
    char         cursor[CURSOR_MAX] = "0";
    redisReply  *reply, *page;
    const char **keys;

    do {
        ctl_mark_t mark = ctl_mark();

        reply = ctl_store_ask(b->ctl, "SCAN %s MATCH %s* COUNT %d", cursor,
                              ctl_dup(b->ctl->prefix), PAGE);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of keys");

        if (reply->elements != 2 || reply->element[0]->len >= CURSOR_MAX) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a page "
                    "of keys; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
        page = reply->element[1];
        keys = ctl_alloc_array(page->elements + 1, sizeof(*keys));
        n = 0;

        for (size_t i = 0; i < page->elements; i++) {
            keys[n] = ctl_dup(ctl_reply_text(page->element[i]));

            if ((b->with_audit
                 || !compliance_key_is_past(
                        ctl_str(ctl_key_show(b->ctl, keys[n]))))
                && strncmp(keys[n], b->ctl->prefix.data, b->ctl->prefix.len)
                   == 0)
            {
                n++;
            }
        }

        write_page(b, keys, n);
        ctl_progress_at(b->progress, b->keys);
        ctl_release(mark);

    } while (strcmp(cursor, "0") != 0);
}


static void
write_streams(backup_t *b)
{
    size_t       n;
    const char **nodes, *begin = ctl_key_audit(b->ctl, "x");

    nodes = ctl_store_scan(b->ctl, ctl_dup((compliance_str_t) { begin,
                                               strlen(begin) - 1 }), &n);

    for (size_t i = 0; i < n; i++) {
        const char *key = ctl_key_audit(b->ctl, nodes[i]);

        if (strcmp(ctl_store_ask(b->ctl, "TYPE %s", key)->str, "stream")
            == 0)
        {
            write_stream(b, key);
            b->keys++;
        }
    }
}


ctl_exit_t
ctl_backup(ctl_t *ctl)
{
    char     sum[CTL_BACKUP_HASH_LEN + 1];
    json_t  *object = ctl_json_object();
    backup_t b;

    memset(&b, 0, sizeof(b));
    b.ctl = ctl;
    b.path = ctl->args[0];
    b.with_audit = ctl_given(ctl, CTL_OPT_WITH_AUDIT);
    ctl_store_open(ctl);
    open_file(&b);
    ctl_sum_begin(&b.sum);
    b.progress = ctl_progress_begin("keys saved", 0);

    ctl_json_set(object, "compliance_backup",
                 ctl_json_int(CTL_BACKUP_VERSION));
    ctl_json_set(object, "schema", ctl_json_int(COMPLIANCE_SCHEMA_VERSION));
    ctl_json_set(object, "created", ctl_json_int(ctl->now));
    ctl_json_set(object, "prefix", ctl_json_text(ctl->prefix));
    write_line(&b, object);
    write_keys(&b);

    if (b.with_audit) {
        write_streams(&b);
    }

    ctl_progress_end(b.progress);
    ctl_sum_end(&b.sum, sum);

    if (fprintf(b.out, "{\"end\":true,\"lines\":%lld,\"sha256\":\"%s\"}\n",
                (long long) b.lines, sum) < 0)
    {
        cannot_write(&b);
    }

    close_file(&b);

    if (b.temporary == NULL) {
        fprintf(stderr, "%lld keys saved\n", (long long) b.keys);

    } else if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "file", ctl_json_text(ctl_str(b.path)));
        ctl_json_set(object, "keys", ctl_json_int(b.keys));
        ctl_json_set(object, "sha256", ctl_json_text(ctl_str(sum)));
        ctl_json_print(object);

    } else {
        printf("%lld keys saved in %s%s\n", (long long) b.keys,
               ctl_escape(ctl_str(b.path)), b.with_audit ? ""
               : "; the audit and the counted accesses are not in it "
                 "(--with-audit)");
    }

    return CTL_DONE;
}


void
ctl_backup_details(void)
{
    puts("FILE (- is standard output) is written with mode 600, whole or not "
         "at all. It\nholds devices, users, groups, policies, inventories and "
         "settings, and with\n--with-audit the audit and the counted accesses. "
         "Keep it as you keep the store.");
}
