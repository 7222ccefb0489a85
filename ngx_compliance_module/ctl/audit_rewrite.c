/*
 * A stream without a person.  Redis changes no record of a stream, and
 * gateways append to it all the while: so it is copied, with the same ids, to
 * a key of its own, and the copy takes its place in one transaction that
 * Redis refuses if anything was appended behind what was copied.  Hashes stay,
 * the chain holds; see audit_record.h.
 */
#include "erase.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>


#define SWAPS_MAX  500   /* tries to find a moment without an append */

/* Of a record about the person: what else tells of him. */
static const char *const blanked[] = { "client", "user_agent" };


static void
set_text(json_t *object, const char *key, const char *text)
{
    ctl_json_set(object, key, ctl_json_text(ctl_str(text)));
}


/* The same device, the same pseudonym. */
static const char *
device_pseudonym(ctl_person_t *person, const char *device)
{
    size_t i = 0;

    while (i < person->n_devices && strcmp(person->devices[i], device) != 0) {
        i++;
    }

    if (i == CTL_ERASE_DEVICES_MAX) {
        return ctl_format("%s-device", person->pseudonym);
    }

    if (i == person->n_devices) {
        person->devices[person->n_devices++] = strdup(device);

        if (person->devices[i] == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }
    }

    return ctl_format("%s-device-%zu", person->pseudonym, i + 1);
}


/* Names that people gave him, in an administrator's change of his record. */
static void
out_of_change(const ctl_person_t *person, json_t *change, bool his)
{
    static const char *const sides[] = { "old", "new" };
    const char              *field = json_string_value(
                                         json_object_get(change, "field"));
    json_t                  *old = json_object_get(change, "old");

    if (!his) {
        return;
    }

    for (size_t i = 0; field != NULL && strcmp(field, "display_name") == 0
                       && i < 2; i++)
    {
        if (json_is_string(json_object_get(change, sides[i]))) {
            set_text(change, sides[i], person->pseudonym);
        }
    }

    if (json_is_object(old)
        && json_is_string(json_object_get(old, "display_name")))
    {
        set_text(old, "display_name", person->pseudonym);
    }
}


/* The personal members without the person; false: he is not in them. */
static bool
take_out(ctl_person_t *person, json_t *members)
{
    bool        found;
    size_t      i;
    json_t     *change;
    const char *user = json_string_value(json_object_get(members, "user"));
    const char *device = json_string_value(json_object_get(members,
                                                           "device"));

    json_array_foreach(json_object_get(members, "changes"), i, change) {
        const char *key = json_string_value(json_object_get(change, "key"));

        out_of_change(person, change, key != NULL
                      && ctl_person_in(person, ctl_str(key)));
    }

    if (user != NULL && user[0] != '\0'
        && ctl_person_in(person, ctl_str(user)))
    {
        if (device != NULL && device[0] != '\0') {
            set_text(members, "device", device_pseudonym(person, device));
        }

        for (i = 0; i < sizeof(blanked) / sizeof(blanked[0]); i++) {
            if (json_object_get(members, blanked[i]) != NULL) {
                set_text(members, blanked[i], "");
            }
        }
    }

    found = ctl_person_out_json(person, members);

    /* of a text that could be guessed, and holds the name */
    if (found) {
        (void) json_object_del(members, "all_sha256");
    }

    return found;
}


/* What stands in for a record, or absent where it stays as it is. */
static compliance_str_t
without(ctl_person_t *person, const compliance_audit_keys_t *keys,
    compliance_str_t text, ctl_rewrite_t *out)
{
    char                   *members, *line;
    bool                    found;
    json_t                 *object;
    compliance_rc_t         rc;
    compliance_buf_t        buf;
    compliance_audit_line_t read;

    out->records++;

    /* cheap, and right for nearly all: names are escaped only in part */
    rc = compliance_audit_read(keys, text, &read);

    if (rc == COMPLIANCE_NO_MEMORY) {
        ctl_die(CTL_STORE, "out of memory");
    }

    if (rc == COMPLIANCE_MALFORMED || read.personal.len == 0) {
        out->left += ctl_person_in(person, text);
        return compliance_absent;
    }

    object = json_loads(ctl_format("{%.*s}", (int) read.personal.len,
                                   read.personal.data), 0, NULL);
    found = json_is_object(object) && take_out(person, object);
    members = found ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);

    /* the hashed part cannot be changed */
    out->left += ctl_person_in(person, (compliance_str_t) { text.data,
                                   (size_t) (read.hash.data - text.data) });

    if (!found) {
        return compliance_absent;
    }

    if (members == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    out->touched++;
    out->forged += rc == COMPLIANCE_FORGED;
    out->keyless += read.proof == COMPLIANCE_AUDIT_KEY_MISSING;
    line = ctl_alloc(COMPLIANCE_AUDIT_CHANGE_MAX);
    compliance_buf_init(&buf, line, COMPLIANCE_AUDIT_CHANGE_MAX);
    rc = compliance_audit_erase(keys, text, &read,
             (compliance_str_t) { members + 1, strlen(members) - 2 }, &buf);
    free(members);

    if (rc != COMPLIANCE_OK) {
        ctl_die(CTL_CONTENT, "a record is too long to take the name out");
    }

    return (compliance_str_t) { buf.data, buf.len };
}


typedef struct {
    compliance_audit_keys_t *keys;
    ctl_person_t            *person;
    ctl_rewrite_t           *out;
} count_t;

static bool
count_one(void *data, const ctl_entry_t *entry)
{
    count_t   *count = data;
    ctl_mark_t mark = ctl_mark();

    (void) without(count->person, count->keys, entry->text, count->out);
    ctl_release(mark);

    return true;
}


void
ctl_rewrite_count(ctl_t *ctl, ctl_stream_t *stream,
    compliance_audit_keys_t *keys, ctl_person_t *person, ctl_rewrite_t *out)
{
    ctl_stream_t at = *stream;
    count_t      count = { keys, person, out };

    memset(out, 0, sizeof(*out));
    ctl_audit_each(ctl, &at, 0, UINT64_MAX, count_one, &count);
}


/* One record into the copy: its fields as they are, but for the line. */
static void
send_copy(ctl_t *ctl, const char *key, const redisReply *element,
    ctl_person_t *person, const compliance_audit_keys_t *keys,
    ctl_rewrite_t *out)
{
    size_t            n;
    ctl_mark_t        mark = ctl_mark();
    const redisReply *fields = element->element[1];
    compliance_str_t  line;
    const char      **argv = ctl_alloc_array(fields->elements + 3,
                                             sizeof(*argv));
    size_t           *lens = ctl_alloc_array(fields->elements + 3,
                                             sizeof(*lens));

    argv[0] = "XADD";
    argv[1] = key;
    argv[2] = element->element[0]->str;

    for (n = 0; n < 3; n++) {
        lens[n] = strlen(argv[n]);
    }

    for (size_t i = 0; i < fields->elements; i++) {
        line = (compliance_str_t) { fields->element[i]->str,
                                    fields->element[i]->len };

        if (i % 2 == 1 && strcmp(fields->element[i - 1]->str, "r") == 0) {
            compliance_str_t other = without(person, keys, line, out);

            line = other.data != NULL ? other : line;
        }

        argv[n] = line.data;
        lens[n] = line.len;
        n++;
    }

    ctl_store_send_bytes(ctl, n, argv, lens);
    ctl_release(mark);
}


/* Checked, and moves *stream on to the last of them. */
static void
check_page(const redisReply *reply, ctl_stream_t *stream)
{
    ctl_entry_t entry;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");

    for (size_t i = 0; i < reply->elements; i++) {
        if (!ctl_entry_read(reply->element[i], stream, &entry)) {
            ctl_die(CTL_CONTENT, "Redis answered something else than records; "
                    "is it Redis?");
        }
    }
}


static void
send_page(ctl_t *ctl, const ctl_stream_t *at)
{
    ctl_store_send(ctl, "XRANGE %s %s + COUNT %d", at->key,
                   at->ms == 0 && at->seq == 0
                   ? "-" : ctl_format("(%" PRIu64 "-%" PRIu64, at->ms,
                                      at->seq),
                   CTL_AUDIT_PAGE);
}


/* What the copy would lose: the last id that was given, and how many there
 * were, deleted ones among them. */
static void
send_ids(ctl_t *ctl, const redisReply *reply, const char *copy)
{
    const char *last = NULL, *deleted = NULL;
    long long   added = 0;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a stream's description");

    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *value = reply->element[i + 1];
        const char       *name = reply->element[i]->str;

        if (strcmp(name, "last-generated-id") == 0) {
            last = value->str;

        } else if (strcmp(name, "max-deleted-entry-id") == 0) {
            deleted = value->str;

        } else if (strcmp(name, "entries-added") == 0) {
            added = value->integer;
        }
    }

    if (last == NULL || deleted == NULL) {
        ctl_die(CTL_CONTENT, "Redis is older than 7.0: a stream cannot be "
                "copied with what Redis knows of it");
    }

    ctl_store_send(ctl, "XSETID %s %s ENTRIESADDED %lld MAXDELETEDID %s",
                   copy, last, added, deleted);
}


/* Behind what was copied: at most a page, or it is not yet time.  True: the
 * copy has taken the stream's place. */
static bool
swap(ctl_t *ctl, ctl_stream_t *at, const char *copy,
    compliance_audit_keys_t *keys, ctl_person_t *person, ctl_rewrite_t *out)
{
    ctl_stream_t  ahead = *at;
    ctl_rewrite_t more = *out;
    redisReply   *reply, *ids, *last;

    ctl_store_send(ctl, "WATCH %s", at->key);
    send_page(ctl, at);
    ctl_store_send(ctl, "XINFO STREAM %s", at->key);
    (void) ctl_store_receive(ctl);
    reply = ctl_store_receive(ctl);
    ids = ctl_store_receive(ctl);
    check_page(reply, &ahead);

    if (reply->elements == CTL_AUDIT_PAGE) {
        (void) ctl_store_ask(ctl, "UNWATCH");
        return false;
    }

    ctl_store_send(ctl, "MULTI");

    for (size_t i = 0; i < reply->elements; i++) {
        send_copy(ctl, copy, reply->element[i], person, keys, &more);
    }

    send_ids(ctl, ids, copy);
    ctl_store_send(ctl, "RENAME %s %s", copy, at->key);
    ctl_store_send(ctl, "EXEC");

    /* OK of MULTI, QUEUED of each copy, of XSETID and of RENAME */
    for (size_t i = 0; i < reply->elements + 3; i++) {
        (void) ctl_store_receive(ctl);
    }

    last = ctl_store_receive(ctl);

    if (last->type == REDIS_REPLY_NIL) {
        return false;
    }

    for (size_t i = 0; i < last->elements; i++) {
        if (last->element[i]->type == REDIS_REPLY_ERROR) {
            ctl_die(CTL_STORE, "Redis refused a part of the exchange of \"%s\" "
                    "(%s)", ctl_escape(ctl_str(at->key)),
                    ctl_escape(ctl_str(last->element[i]->str)));
        }
    }

    *out = more;

    return true;
}


/* Pages until there is less than one; then what is left goes with the swap. */
static void
copy_pages(ctl_t *ctl, ctl_stream_t *at, const char *copy,
    compliance_audit_keys_t *keys, ctl_person_t *person, ctl_rewrite_t *out)
{
    bool more = true;

    while (more) {
        ctl_mark_t   mark = ctl_mark();
        ctl_stream_t ahead = *at;
        redisReply  *reply;

        send_page(ctl, at);
        reply = ctl_store_receive(ctl);
        check_page(reply, &ahead);
        more = reply->elements == CTL_AUDIT_PAGE;

        if (reply->elements > 0) {
            for (size_t i = 0; i < reply->elements; i++) {
                send_copy(ctl, copy, reply->element[i], person, keys, out);
            }

            for (size_t i = 0; i < reply->elements; i++) {
                (void) ctl_store_receive(ctl);
            }

            *at = ahead;
        }

        ctl_release(mark);
    }
}


void
ctl_rewrite(ctl_t *ctl, ctl_stream_t *stream, compliance_audit_keys_t *keys,
    ctl_person_t *person, ctl_rewrite_t *out)
{
    bool         done = false;
    const char  *copy = ctl_key_erase(ctl, stream->node);
    ctl_stream_t at = *stream;

    memset(out, 0, sizeof(*out));
    at.ms = at.seq = 0;

    for (unsigned i = 0; i < SWAPS_MAX && !done; i++) {
        ctl_mark_t mark;

        copy_pages(ctl, &at, copy, keys, person, out);
        mark = ctl_mark();
        done = swap(ctl, &at, copy, keys, person, out);
        ctl_release(mark);
    }

    if (!done) {
        (void) ctl_store_ask(ctl, "DEL %s", copy);
        ctl_die(CTL_CONFLICT, "node %s appends without a pause; its records "
                "are as they were. Try again when there is less to do",
                ctl_escape(ctl_str(stream->node)));
    }
}
