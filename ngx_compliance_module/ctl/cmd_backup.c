/*
 * backup: every key below the prefix, page by page of SCAN, into a file that
 * appears under its name only when it is whole.  Others may write meanwhile:
 * each key is as of one moment, the store is not (doctor --repair mends what
 * an index then lacks).
 */
#include "backup.h"
#include "bulk.h"

#include "../core/compliance.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>


#define PAGE        500
#define CURSOR_MAX  24

typedef struct {
    ctl_t          *ctl;
    const char     *path;
    gzFile          file;
    int             fd;
    EVP_MD_CTX     *sum;
    int64_t         lines;
    int64_t         keys;
    bool            history;
    ctl_progress_t *progress;
} backup_t;

static char temporary[4096];   /* removed at the end, if it is still there */


static void
remove_temporary(void)
{
    if (temporary[0] != '\0') {
        (void) unlink(temporary);
    }
}


static CTL_NORETURN void
cannot_write(const backup_t *backup)
{
    ctl_die(CTL_STORE, "cannot write \"%s\": %s; nothing is left of it",
            ctl_escape(ctl_str(backup->path)),
            errno == 0 ? "no reason given" : strerror(errno));
}


static void
put_bytes(backup_t *backup, const char *data, size_t len)
{
    errno = 0;

    if (EVP_DigestUpdate(backup->sum, data, len) != 1
        || gzfwrite(data, 1, len, backup->file) != len)
    {
        cannot_write(backup);
    }
}


/* Frees it. */
static void
put_line(backup_t *backup, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    json_decref(line);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    put_bytes(backup, text, strlen(text));
    put_bytes(backup, "\n", 1);
    free(text);
    backup->lines++;
}


static json_t *
text_json(const redisReply *reply)
{
    json_t *value, *object;
    char   *hex;

    ctl_reply_expect(reply, REDIS_REPLY_STRING, "a value");
    value = json_stringn(reply->str, reply->len);

    if (value != NULL) {
        return value;
    }

    hex = ctl_alloc(reply->len * 2 + 1);

    for (size_t i = 0; i < reply->len; i++) {
        (void) snprintf(hex + (size_t) 2 * i, 3, "%02x", (unsigned char) reply->str[i]);
    }

    object = ctl_json_object();
    ctl_json_set(object, "hex", ctl_json_text(ctl_str(hex)));

    return object;
}


/* Replies nested as deep as they are. */
static json_t *
reply_json(const redisReply *reply)
{
    json_t *array;

    if (reply->type != REDIS_REPLY_ARRAY) {
        return text_json(reply);
    }

    array = ctl_json_array();

    for (size_t i = 0; i < reply->elements; i++) {
        ctl_json_add(array, reply->element[i]->type == REDIS_REPLY_ARRAY
                            ? reply_json(reply->element[i])
                            : text_json(reply->element[i]));
    }

    return array;
}


static void
put_part(backup_t *backup, const char *key, const char *type, int64_t ttl_ms,
    int64_t part, const redisReply *value)
{
    json_t *line = ctl_json_object();

    ctl_json_set(line, "key", ctl_json_text(
                     ctl_str(ctl_key_show(backup->ctl, key))));
    ctl_json_set(line, "type", ctl_json_text(ctl_str(type)));
    ctl_json_set(line, "part", ctl_json_int(part));
    ctl_json_set(line, "value", reply_json(value));

    if (ttl_ms > 0) {
        ctl_json_set(line, "expires",
                     ctl_json_int(backup->ctl->now * 1000 + ttl_ms));
    }

    put_line(backup, line);
}


static void
put_set(backup_t *backup, const char *key, int64_t ttl_ms)
{
    char    cursor[CURSOR_MAX] = "0";
    int64_t part = 0;

    do {
        ctl_mark_t  mark = ctl_mark();
        redisReply *reply = ctl_store_ask(backup->ctl, "SSCAN %s %s COUNT %d",
                                          key, cursor, PAGE);

        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of members");

        if (reply->elements != 2 || reply->element[0]->len >= CURSOR_MAX) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a page "
                    "of members; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);

        if (reply->element[1]->elements > 0) {
            put_part(backup, key, "set", ttl_ms, part++, reply->element[1]);
        }

        ctl_release(mark);
    } while (strcmp(cursor, "0") != 0);
}


static void
put_stream(backup_t *backup, const char *key, int64_t ttl_ms)
{
    char    from[64] = "-";
    int64_t part = 0;
    size_t  n;

    do {
        ctl_mark_t        mark = ctl_mark();
        const redisReply *last;
        redisReply       *reply = ctl_store_ask(backup->ctl,
                                                "XRANGE %s %s + COUNT %d", key,
                                                from, PAGE);

        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of records");
        n = reply->elements;

        if (n > 0) {
            put_part(backup, key, "stream", ttl_ms, part++, reply);
            last = reply->element[n - 1];
            ctl_reply_expect(last, REDIS_REPLY_ARRAY, "a record");
            (void) snprintf(from, sizeof(from), "(%s", last->element[0]->str);
        }

        ctl_release(mark);
    } while (n == PAGE);
}


static void
put_key(backup_t *backup, const char *key, const char *type, int64_t ttl_ms)
{
    static const struct {
        const char *type;
        const char *command;
    } whole[] = {
        { "string", "GET %s" },
        { "hash", "HGETALL %s" },
        { "list", "LRANGE %s 0 -1" },
    };
    redisReply *reply;

    if (strcmp(type, "set") == 0) {
        put_set(backup, key, ttl_ms);
        return;
    }

    if (strcmp(type, "stream") == 0) {
        put_stream(backup, key, ttl_ms);
        return;
    }

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (strcmp(type, whole[i].type) == 0) {
            reply = ctl_store_ask(backup->ctl, whole[i].command, key);

            if (reply->type == REDIS_REPLY_STRING || reply->elements > 0) {
                put_part(backup, key, type, ttl_ms, 0, reply);
            }

            return;
        }
    }

    /* "none": it went since the SCAN */
    if (strcmp(type, "none") != 0) {
        ctl_die(CTL_CONTENT, "key \"%s\" is a %s, which is none of ours; look "
                "at it with redis-cli", ctl_escape(ctl_str(key)),
                ctl_escape(ctl_str(type)));
    }
}


static void
put_page(backup_t *backup, const redisReply *keys)
{
    ctl_t      *ctl = backup->ctl;
    const char *show;

    ctl_reply_expect(keys, REDIS_REPLY_ARRAY, "a page of keys");

    for (size_t i = 0; i < keys->elements; i++) {
        const redisReply *type, *ttl;
        const char       *key = keys->element[i]->str;
        ctl_mark_t        mark = ctl_mark();

        show = ctl_key_show(ctl, key);

        if (strlen(key) == keys->element[i]->len
            && (backup->history || !compliance_key_is_history(ctl_str(show))))
        {
            ctl_store_send(ctl, "TYPE %s", key);
            ctl_store_send(ctl, "PTTL %s", key);
            type = ctl_store_receive(ctl);
            ttl = ctl_store_receive(ctl);
            put_key(backup, key, type->str, ttl->integer);
            backup->keys++;
            ctl_progress_at(backup->progress, backup->keys);
        }

        ctl_release(mark);
    }
}


static void
put_all(backup_t *backup)
{
    char  cursor[CURSOR_MAX] = "0", *pattern, *p;

    pattern = p = ctl_alloc(backup->ctl->prefix.len * 2 + 2);

    for (size_t i = 0; i < backup->ctl->prefix.len; i++) {
        if (strchr("*?[]\\^", backup->ctl->prefix.data[i]) != NULL) {
            *p++ = '\\';
        }

        *p++ = backup->ctl->prefix.data[i];
    }

    *p = '*';

    do {
        ctl_mark_t  mark = ctl_mark();
        redisReply *reply = ctl_store_ask(backup->ctl,
                                          "SCAN %s MATCH %s COUNT %d", cursor,
                                          pattern, PAGE);

        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of keys");

        if (reply->elements != 2 || reply->element[0]->len >= CURSOR_MAX) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a page "
                    "of keys; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
        put_page(backup, reply->element[1]);
        ctl_release(mark);
    } while (strcmp(cursor, "0") != 0);
}


static void
put_end(backup_t *backup)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char          hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned      len;
    json_t       *line = ctl_json_object();

    if (EVP_DigestFinal_ex(backup->sum, digest, &len) != 1
        || EVP_DigestInit_ex(backup->sum, EVP_sha256(), NULL) != 1)
    {
        ctl_die(CTL_STORE, "out of memory");
    }

    for (unsigned i = 0; i < len; i++) {
        (void) snprintf(hex + (size_t) 2 * i, 3, "%02x", digest[i]);
    }

    ctl_json_set(line, "end", ctl_json_bool(true));
    ctl_json_set(line, "lines", ctl_json_int(backup->lines));
    ctl_json_set(line, "sha256", ctl_json_text(ctl_str(hex)));
    put_line(backup, line);
    EVP_MD_CTX_free(backup->sum);
}


static void
begin(backup_t *backup)
{
    json_t *line = ctl_json_object();
    int     fd;

    if ((size_t) snprintf(temporary, sizeof(temporary), "%s.%ld.tmp",
                          backup->path, (long) getpid()) >= sizeof(temporary))
    {
        ctl_die(CTL_USAGE, "the file's path is too long");
    }

    backup->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    fd = backup->fd < 0 ? -1 : dup(backup->fd);

    if (fd < 0) {
        cannot_write(backup);
    }

    (void) atexit(remove_temporary);
    backup->file = gzdopen(fd, "wb6");
    backup->sum = EVP_MD_CTX_new();

    if (backup->file == NULL || backup->sum == NULL
        || EVP_DigestInit_ex(backup->sum, EVP_sha256(), NULL) != 1)
    {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_json_set(line, "format", ctl_json_text(ctl_str(CTL_BACKUP_FORMAT)));
    ctl_json_set(line, "version", ctl_json_int(CTL_BACKUP_VERSION));
    ctl_json_set(line, "created", ctl_json_int(backup->ctl->now));
    ctl_json_set(line, "history", ctl_json_bool(backup->history));
    put_line(backup, line);
}


static void
finish(backup_t *backup)
{
    errno = 0;

    if (gzclose(backup->file) != Z_OK || fsync(backup->fd) != 0
        || close(backup->fd) != 0 || rename(temporary, backup->path) != 0)
    {
        cannot_write(backup);
    }

    temporary[0] = '\0';
}


ctl_exit_t
ctl_backup(ctl_t *ctl)
{
    backup_t backup = { .ctl = ctl, .path = ctl->args[0],
                        .history = ctl_given(ctl, CTL_OPT_WITH_AUDIT) };
    json_t  *object;

    ctl_store_open(ctl);
    backup.progress = ctl_progress_begin("saving keys", 0);
    begin(&backup);
    put_all(&backup);
    put_end(&backup);
    finish(&backup);
    ctl_progress_end(backup.progress);

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "file", ctl_json_text(ctl_str(backup.path)));
        ctl_json_set(object, "keys", ctl_json_int(backup.keys));
        ctl_json_set(object, "with_audit", ctl_json_bool(backup.history));
        ctl_json_print(object);

    } else {
        printf("%lld keys saved to %s%s\n", (long long) backup.keys,
               ctl_escape(ctl_str(backup.path)),
               backup.history ? "" : ", without the audit");
    }

    return CTL_DONE;
}
