/*
 * audit tail: the latest records of one node's stream, or of all nodes' by
 * time.  A record is shown as it stands; checking its chain is not done here.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>


#define LINES_DEFAULT  20
#define LINES_MAX      10000
#define NODES_MAX      256
#define BLOCK_MS       1000    /* of one wait for new records */

typedef struct {
    const char *node;
    const char *key;
    uint64_t    ms, seq;       /* of the last record seen */
} stream_t;

typedef struct {
    uint64_t    ms, seq;       /* of the stream id */
    const char *node;
    const char *text;          /* the record as stored */
    size_t      len;
} entry_t;


/* "1700000000000-0" */
static bool
parse_id(const char *id, uint64_t *ms, uint64_t *seq)
{
    char *end;

    *ms = strtoull(id, &end, 10);

    if (end == id || *end != '-') {
        return false;
    }

    id = end + 1;
    *seq = strtoull(id, &end, 10);

    return end != id && *end == '\0';
}


/* One element of XRANGE's kind of reply: [id, [field, value, ...]] */
static bool
read_entry(const redisReply *reply, stream_t *stream, entry_t *entry)
{
    const redisReply *fields;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        return false;
    }

    if (!parse_id(reply->element[0]->str, &entry->ms, &entry->seq)) {
        return false;
    }

    if (entry->ms > stream->ms
        || (entry->ms == stream->ms && entry->seq > stream->seq))
    {
        stream->ms = entry->ms;
        stream->seq = entry->seq;
    }

    fields = reply->element[1];
    entry->node = stream->node;
    entry->text = "";
    entry->len = 0;

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (fields->element[i]->type == REDIS_REPLY_STRING
            && fields->element[i + 1]->type == REDIS_REPLY_STRING
            && strcmp(fields->element[i]->str, "r") == 0)
        {
            entry->text = fields->element[i + 1]->str;
            entry->len = fields->element[i + 1]->len;
        }
    }

    return true;
}


static const char *
text_of(const json_t *record, const char *key)
{
    const json_t *value = json_object_get(record, key);

    if (!json_is_string(value) || json_string_length(value) == 0) {
        return "-";
    }

    return ctl_escape((compliance_str_t) { json_string_value(value),
                                           json_string_length(value) });
}


/* time node verdict reason, and who, from what, by which way */
static void
print_record(const entry_t *entry, const json_t *record)
{
    const json_t *dropped = json_object_get(record, "dropped");
    const json_t *would = json_object_get(record, "would_block");
    const char   *would_reason = "";

    printf("%s %s", ctl_time_format((int64_t) (entry->ms / 1000)),
           ctl_escape(ctl_str(entry->node)));

    if (dropped != NULL) {
        printf(" GAP %lld records were lost before this one\n",
               (long long) json_integer_value(dropped));
        return;
    }

    if (json_is_string(would) && json_string_length(would) > 0
        && strcmp(json_string_value(would), "none") != 0)
    {
        would_reason = ctl_format(" would_block=%s",
                                  text_of(record, "would_block"));

    } else if (json_is_true(would)) {
        would_reason = " would_block";
    }

    printf(" %s %s%s group=%s protocol=%s user=%s device=%s client=%s "
           "command=%s id=%s\n", text_of(record, "verdict"),
           text_of(record, "reason"), would_reason, text_of(record, "group"),
           text_of(record, "protocol"), text_of(record, "user"),
           text_of(record, "device"), text_of(record, "client"),
           text_of(record, "command"), text_of(record, "id"));
}


static void
print_entry(const ctl_t *ctl, const entry_t *entry)
{
    json_t           *record;
    compliance_str_t  raw = { entry->text, entry->len };

    record = entry->len == 0 ? NULL
             : json_loadb(entry->text, entry->len, 0, NULL);

    if (!json_is_object(record)) {
        json_decref(record);
        printf("%s %s unreadable record: %s\n",
               ctl_time_format((int64_t) (entry->ms / 1000)),
               ctl_escape(ctl_str(entry->node)), ctl_escape(raw));
        return;
    }

    if (ctl->json) {
        /* byte for byte: a hash is taken over it */
        fwrite(entry->text, 1, entry->len, stdout);
        putchar('\n');

    } else {
        print_record(entry, record);
    }

    json_decref(record);
}


static int
by_time(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;

    if (x->ms != y->ms) {
        return x->ms < y->ms ? -1 : 1;
    }

    if (x->seq != y->seq) {
        return x->seq < y->seq ? -1 : 1;
    }

    return strcmp(x->node, y->node);
}


static size_t
find_streams(ctl_t *ctl, stream_t *streams)
{
    size_t       n = 1, found = 0;
    const char  *only = ctl->options[CTL_OPT_NODE], *begin, **nodes;
    redisReply  *reply;

    if (only != NULL) {
        nodes = ctl_alloc_array(1, sizeof(*nodes));
        nodes[0] = only;

    } else {
        begin = ctl_key_audit(ctl, "x");
        nodes = ctl_store_scan(ctl, ctl_dup((compliance_str_t) { begin,
                                                strlen(begin) - 1 }), &n);
    }

    for (size_t i = 0; i < n && found < NODES_MAX; i++) {
        const char *key = ctl_key_audit(ctl, nodes[i]);

        reply = ctl_store_ask(ctl, "TYPE %s", key);

        if (strcmp(reply->str, "stream") == 0
            || (only != NULL && ctl_given(ctl, CTL_OPT_FOLLOW)))
        {
            streams[found].node = nodes[i];
            streams[found].key = key;
            found++;
        }
    }

    return found;
}


/* The last `lines` of all streams, in order of time. */
static void
print_last(ctl_t *ctl, stream_t *streams, size_t n, int64_t lines)
{
    size_t      n_entries = 0;
    entry_t    *entries;
    redisReply *reply;

    if (lines == 0) {
        return;
    }

    entries = ctl_alloc_array(n * (size_t) lines, sizeof(*entries));

    for (size_t i = 0; i < n; i++) {
        reply = ctl_store_ask(ctl, "XREVRANGE %s + - COUNT %lld",
                              streams[i].key, (long long) lines);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");

        for (size_t k = 0; k < reply->elements && k < (size_t) lines; k++) {
            if (read_entry(reply->element[k], &streams[i],
                           &entries[n_entries]))
            {
                n_entries++;
            }
        }
    }

    if (n_entries > 0) {
        qsort(entries, n_entries, sizeof(*entries), by_time);
    }

    for (size_t i = n_entries > (size_t) lines ? n_entries - (size_t) lines
                                               : 0; i < n_entries; i++)
    {
        print_entry(ctl, &entries[i]);
    }
}


/* Nothing was printed, and nothing old is to be. */
static void
begin_at_end(ctl_t *ctl, stream_t *streams, size_t n)
{
    entry_t     entry;
    redisReply *reply;

    for (size_t i = 0; i < n; i++) {
        reply = ctl_store_ask(ctl, "XREVRANGE %s + - COUNT 1",
                              streams[i].key);

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1) {
            (void) read_entry(reply->element[0], &streams[i], &entry);
        }
    }
}


/* One wait for what comes behind the last record of each stream. */
static void
follow_once(ctl_t *ctl, stream_t *streams, size_t n)
{
    size_t       words = 0;
    entry_t      entry;
    redisReply  *reply;
    const char **argv = ctl_alloc_array(6 + 2 * n, sizeof(*argv));

    argv[words++] = "XREAD";
    argv[words++] = "COUNT";
    argv[words++] = "100";
    argv[words++] = "BLOCK";
    argv[words++] = ctl_format("%d", BLOCK_MS);
    argv[words++] = "STREAMS";

    for (size_t i = 0; i < n; i++) {
        argv[words + i] = streams[i].key;
        argv[words + n + i] = ctl_format("%llu-%llu",
                                         (unsigned long long) streams[i].ms,
                                         (unsigned long long) streams[i].seq);
    }

    ctl_store_send_words(ctl, words + 2 * n, argv);
    reply = ctl_store_receive_within(ctl, BLOCK_MS);

    if (reply->type == REDIS_REPLY_NIL) {
        return;
    }

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");

    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *one = reply->element[i];

        if (one->type != REDIS_REPLY_ARRAY || one->elements != 2
            || one->element[0]->type != REDIS_REPLY_STRING
            || one->element[1]->type != REDIS_REPLY_ARRAY)
        {
            ctl_die(CTL_CONTENT, "Redis answered something else than records; "
                    "is it Redis?");
        }

        for (size_t s = 0; s < n; s++) {
            if (strcmp(streams[s].key, one->element[0]->str) != 0) {
                continue;
            }

            for (size_t k = 0; k < one->element[1]->elements; k++) {
                if (read_entry(one->element[1]->element[k], &streams[s],
                               &entry))
                {
                    print_entry(ctl, &entry);
                }
            }
        }
    }

    if (fflush(stdout) != 0) {
        exit(CTL_STORE);   /* whoever read our output has left */
    }
}


ctl_exit_t
ctl_audit_tail(ctl_t *ctl)
{
    size_t    n;
    int64_t   lines;
    stream_t *streams = ctl_alloc_array(NODES_MAX, sizeof(*streams));

    lines = ctl_option_count(ctl, CTL_OPT_COUNT, 0, LINES_MAX, LINES_DEFAULT);
    n = find_streams(ctl, streams);

    if (n == 0 && ctl_given(ctl, CTL_OPT_NODE)) {
        ctl_die(CTL_NOT_FOUND, "node \"%s\" has no audit records; without "
                "--node those of all nodes are shown",
                ctl_escape(ctl_str(ctl->options[CTL_OPT_NODE])));
    }

    if (n == 0) {
        fputs("there are no audit records yet\n", stderr);

        if (ctl_given(ctl, CTL_OPT_FOLLOW)) {
            ctl_die(CTL_NOT_FOUND, "no node to follow; name one with --node");
        }

        return CTL_DONE;
    }

    print_last(ctl, streams, n, lines);

    if (!ctl_given(ctl, CTL_OPT_FOLLOW)) {
        return CTL_DONE;
    }

    if (lines == 0) {
        begin_at_end(ctl, streams, n);
    }

    (void) fflush(stdout);

    for (;;) {
        ctl_mark_t mark = ctl_mark();

        follow_once(ctl, streams, n);
        ctl_release(mark);
    }
}
