/*
 * audit tail: the latest records of one node's stream, or of all nodes' by
 * time.  A record is shown as it stands; checking its chain is not done here.
 */
#include "audit.h"

#include <stdlib.h>
#include <string.h>


#define LINES_DEFAULT  20
#define LINES_MAX      10000
#define BLOCK_MS       1000    /* of one wait for new records */

static void
print_entry(const ctl_t *ctl, const ctl_entry_t *entry)
{
    json_t *record = ctl_entry_json(entry);

    ctl_audit_print(ctl, entry, record);
    json_decref(record);
}


static int
by_time(const void *a, const void *b)
{
    const ctl_entry_t *x = a, *y = b;

    if (x->ms != y->ms) {
        return x->ms < y->ms ? -1 : 1;
    }

    if (x->seq != y->seq) {
        return x->seq < y->seq ? -1 : 1;
    }

    return strcmp(x->node, y->node);
}


/* The last `lines` of all streams, in order of time. */
static void
print_last(ctl_t *ctl, ctl_stream_t *streams, size_t n, int64_t lines)
{
    size_t      n_entries = 0;
    ctl_entry_t *entries;
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
            if (ctl_entry_read(reply->element[k], &streams[i],
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
begin_at_end(ctl_t *ctl, ctl_stream_t *streams, size_t n)
{
    ctl_entry_t entry;
    redisReply *reply;

    for (size_t i = 0; i < n; i++) {
        reply = ctl_store_ask(ctl, "XREVRANGE %s + - COUNT 1",
                              streams[i].key);

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1) {
            (void) ctl_entry_read(reply->element[0], &streams[i], &entry);
        }
    }
}


/* One wait for what comes behind the last record of each stream. */
static void
follow_once(ctl_t *ctl, ctl_stream_t *streams, size_t n)
{
    size_t       words = 0;
    ctl_entry_t  entry;
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
                if (ctl_entry_read(one->element[1]->element[k], &streams[s],
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
    size_t        n;
    int64_t       lines;
    ctl_stream_t *streams;

    lines = ctl_option_count(ctl, CTL_OPT_COUNT, 0, LINES_MAX, LINES_DEFAULT);
    n = ctl_audit_streams(ctl, ctl->options[CTL_OPT_NODE], &streams);

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
