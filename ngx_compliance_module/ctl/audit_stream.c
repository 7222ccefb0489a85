/*
 * Reading audit streams, page by page: memory does not grow with the number of
 * records.
 */
#include "audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>


/* "1700000000000-0" */
bool
ctl_id_parse(const char *id, uint64_t *ms, uint64_t *seq)
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


bool
ctl_entry_read(const redisReply *reply, ctl_stream_t *stream,
    ctl_entry_t *entry)
{
    const redisReply *fields;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY
        || !ctl_id_parse(reply->element[0]->str, &entry->ms, &entry->seq))
    {
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
    entry->text = compliance_str("");

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (fields->element[i]->type == REDIS_REPLY_STRING
            && fields->element[i + 1]->type == REDIS_REPLY_STRING
            && strcmp(fields->element[i]->str, "r") == 0)
        {
            entry->text = (compliance_str_t) { fields->element[i + 1]->str,
                                               fields->element[i + 1]->len };
        }
    }

    return true;
}


const char *
ctl_entry_id(const ctl_entry_t *entry)
{
    return ctl_format("%" PRIu64 "-%" PRIu64, entry->ms, entry->seq);
}


json_t *
ctl_entry_json(const ctl_entry_t *entry)
{
    json_t *record = entry->text.len == 0
                     ? NULL : json_loadb(entry->text.data, entry->text.len, 0,
                                         NULL);

    if (!json_is_object(record)) {
        json_decref(record);
        return NULL;
    }

    return record;
}


size_t
ctl_audit_streams(ctl_t *ctl, const char *only, ctl_stream_t **streams)
{
    size_t       n = 1, found = 0;
    const char  *begin, **nodes;
    redisReply  *reply;

    *streams = ctl_alloc_array(CTL_NODES_MAX, sizeof(**streams));

    if (only != NULL) {
        nodes = ctl_alloc_array(1, sizeof(*nodes));
        nodes[0] = only;

    } else {
        begin = ctl_key_audit(ctl, "x");
        nodes = ctl_store_scan(ctl, ctl_dup((compliance_str_t) { begin,
                                                strlen(begin) - 1 }), &n);
    }

    for (size_t i = 0; i < n && found < CTL_NODES_MAX; i++) {
        const char *key = ctl_key_audit(ctl, nodes[i]);

        reply = ctl_store_ask(ctl, "TYPE %s", key);

        if (strcmp(reply->str, "stream") == 0
            || (only != NULL && ctl_given(ctl, CTL_OPT_FOLLOW)))
        {
            (*streams)[found].node = nodes[i];
            (*streams)[found].key = key;
            found++;
        }
    }

    if (found == 0 && only != NULL) {
        ctl_die(CTL_NOT_FOUND, "node \"%s\" has no audit records; without "
                "--node those of all nodes are taken",
                ctl_escape(ctl_str(only)));
    }

    return found;
}


/* Where a range begins: behind the last record seen, or at `from`. */
static const char *
range_begin(const ctl_stream_t *stream, uint64_t from)
{
    if (stream->ms == 0 && stream->seq == 0) {
        return ctl_format("%" PRIu64 "-0", from);
    }

    return ctl_format("(%" PRIu64 "-%" PRIu64, stream->ms, stream->seq);
}


static const char *
range_end(uint64_t until)
{
    return until == UINT64_MAX ? "+" : ctl_format("%" PRIu64, until);
}


static redisReply *
page(ctl_t *ctl, const ctl_stream_t *stream, uint64_t from, uint64_t until)
{
    redisReply *reply = ctl_store_ask(ctl, "XRANGE %s %s %s COUNT %d",
                                      stream->key, range_begin(stream, from),
                                      range_end(until), CTL_AUDIT_PAGE);

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");

    return reply;
}


void
ctl_audit_each(ctl_t *ctl, ctl_stream_t *stream, uint64_t from, uint64_t until,
    ctl_entry_pt visit, void *data)
{
    bool        more = true;
    ctl_entry_t entry;

    ctl_store_open(ctl);

    while (more) {
        ctl_mark_t  mark = ctl_mark();
        redisReply *reply = page(ctl, stream, from, until);

        more = reply->elements == CTL_AUDIT_PAGE;

        for (size_t i = 0; i < reply->elements; i++) {
            if (ctl_entry_read(reply->element[i], stream, &entry)
                && !visit(data, &entry))
            {
                more = false;
                break;
            }
        }

        ctl_release(mark);
    }
}


static int
compare_ids(const ctl_entry_t *x, uint64_t ms, uint64_t seq)
{
    if (x->ms != ms) {
        return x->ms < ms ? -1 : 1;
    }

    return x->seq < seq ? -1 : x->seq > seq ? 1 : 0;
}


static int
by_time(const void *a, const void *b)
{
    const ctl_entry_t *x = a, *y = b;
    int                order = compare_ids(x, y->ms, y->seq);

    return order != 0 ? order : strcmp(x->node, y->node);
}


/* A round of the merge: a page of every stream, of which all is told up to the
 * last record of the page that ends first. */
static bool
merge_round(ctl_t *ctl, ctl_stream_t *streams, size_t n, uint64_t from,
    uint64_t until, ctl_entry_t *entries, ctl_entry_pt visit, void *data)
{
    bool     more = false;
    size_t   found = 0;
    uint64_t ms = UINT64_MAX, seq = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        ctl_stream_t      ahead = streams[i];
        const redisReply *reply = page(ctl, &ahead, from, until);

        for (size_t k = 0; k < reply->elements && k < CTL_AUDIT_PAGE; k++) {
            if (ctl_entry_read(reply->element[k], &ahead, &entries[found])) {
                found++;
            }
        }

        if (reply->elements >= CTL_AUDIT_PAGE) {
            more = true;

            if (ahead.ms < ms || (ahead.ms == ms && ahead.seq < seq)) {
                ms = ahead.ms;
                seq = ahead.seq;
            }
        }
    }

    qsort(entries, found, sizeof(*entries), by_time);

    for (size_t i = 0; i < found && compare_ids(&entries[i], ms, seq) <= 0;
         i++)
    {
        for (size_t s = 0; s < n; s++) {
            if (streams[s].node == entries[i].node) {
                streams[s].ms = entries[i].ms;
                streams[s].seq = entries[i].seq;
            }
        }

        if (!visit(data, &entries[i])) {
            return false;
        }
    }

    return more;
}


void
ctl_audit_merge(ctl_t *ctl, ctl_stream_t *streams, size_t n, uint64_t from,
    uint64_t until, ctl_entry_pt visit, void *data)
{
    bool         more = n > 0;
    ctl_entry_t *entries = ctl_alloc_array(n * CTL_AUDIT_PAGE + 1,
                                           sizeof(*entries));

    ctl_store_open(ctl);

    while (more) {
        ctl_mark_t mark = ctl_mark();

        more = merge_round(ctl, streams, n, from, until, entries, visit,
                           data);
        ctl_release(mark);
    }
}
