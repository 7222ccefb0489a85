/*
 * The recorded accesses of the gateways' audit streams.  A record that stands
 * twice, as it may after an outage, counts once: a lane's numbers only grow.
 */
#include "access_private.h"

#include <stdlib.h>
#include <string.h>


#define PAGE  500

typedef struct {
    ctl_t                     *ctl;
    const ctl_access_filter_t *filter;
    ctl_access_pt              visit;
    void                      *data;
    const char                *node;
    json_t                    *lanes;    /* lane -> its last number */
} walk_t;


static compliance_str_t
member(const json_t *record, const char *name)
{
    const json_t *value = json_object_get(record, name);

    if (!json_is_string(value)) {
        return compliance_str("");
    }

    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


static void
copy(char *out, size_t cap, compliance_str_t text)
{
    size_t n = text.len < cap - 1 ? text.len : cap - 1;

    while (n > 0 && n < text.len && ((uint8_t) text.data[n] & 0xc0) == 0x80) {
        n--;
    }

    memcpy(out, text.data, n);
    out[n] = '\0';
}


/* True where the record was seen before. */
static bool
repeated(walk_t *walk, const json_t *record)
{
    const char *lane = json_string_value(json_object_get(record, "lane"));
    json_int_t  seq = json_integer_value(json_object_get(record, "seq"));

    if (lane == NULL || seq <= 0) {
        return false;
    }

    if (seq <= json_integer_value(json_object_get(walk->lanes, lane))) {
        return true;
    }

    ctl_json_set(walk->lanes, lane, ctl_json_int(seq));

    return false;
}


/* A record tells less than a counter does: how the device was named follows
 * from the protocol and from what it proved. */
static compliance_device_source_t
source_of(const compliance_seen_t *seen)
{
    bool web = seen->protocol == COMPLIANCE_WEB;

    if (seen->device[0] == '\0') {
        return COMPLIANCE_DEVICE_FROM_NONE;
    }

    if (strncmp(seen->device, "cert:", 5) == 0) {
        return COMPLIANCE_DEVICE_FROM_CERTIFICATE;
    }

    switch (seen->binding) {

    case COMPLIANCE_BINDING_CERTIFICATE:
        return COMPLIANCE_DEVICE_FROM_CERTIFICATE;

    case COMPLIANCE_BINDING_SECRET:
        return web ? COMPLIANCE_DEVICE_FROM_COOKIE
                   : COMPLIANCE_DEVICE_FROM_SIGNED_TAG;

    case COMPLIANCE_BINDING_NONE:
    case COMPLIANCE_BINDING_ASSERTED:
    case COMPLIANCE_BINDING_OWNER:
        break;
    }

    return seen->protocol == COMPLIANCE_EAS ? COMPLIANCE_DEVICE_FROM_EAS
           : web ? COMPLIANCE_DEVICE_FROM_VARIABLE
                 : COMPLIANCE_DEVICE_FROM_TAG;
}


static compliance_verdict_t
verdict_of(compliance_str_t text)
{
    for (int i = COMPLIANCE_ALLOW; i <= COMPLIANCE_TEMPFAIL; i++) {
        if (compliance_str_eq(text, ctl_str(compliance_verdict_name(
                (compliance_verdict_t) i))))
        {
            return (compliance_verdict_t) i;
        }
    }

    return COMPLIANCE_UNDECIDED;
}


static void
read_seen(const json_t *record, compliance_reason_t reason,
    compliance_seen_t *seen)
{
    seen->protocol = compliance_protocol_parse(member(record, "protocol"));
    seen->reason = reason;
    seen->user_source = seen->protocol == COMPLIANCE_WEB
                        ? COMPLIANCE_USER_FROM_OWNER
                        : COMPLIANCE_USER_FROM_CREDENTIAL;
    seen->binding = compliance_binding_parse(member(record, "binding"));
    copy(seen->device, sizeof(seen->device), member(record, "device"));
    copy(seen->address, sizeof(seen->address), member(record, "client"));
    copy(seen->device_type, sizeof(seen->device_type),
         member(record, "device_type"));
    copy(seen->user_agent, sizeof(seen->user_agent),
         member(record, "user_agent"));
    seen->source = source_of(seen);
    seen->device_free = seen->protocol == COMPLIANCE_AUTODISCOVER
                        || (seen->protocol == COMPLIANCE_EAS
                            && seen->device[0] == '\0');
    seen->known = seen->device[0] != '\0'
                  && reason != COMPLIANCE_DEVICE_UNKNOWN;
}


static void
visit_record(walk_t *walk, const json_t *record, int64_t ms)
{
    ctl_access_t     access;
    compliance_str_t would = member(record, "would_block");

    if (json_object_get(record, "verdict") == NULL || repeated(walk, record)) {
        return;   /* a gap's count, or a record that stands twice */
    }

    memset(&access, 0, sizeof(access));
    access.user = member(record, "user");

    if (walk->filter->user.data != NULL
        && !compliance_str_eq(access.user, walk->filter->user))
    {
        return;
    }

    access.audited = true;
    access.erased = json_object_get(record, "erased") != NULL;
    access.first = access.last = ms / 1000;
    access.count = 1;
    access.node = ctl_str(walk->node);
    access.id = member(record, "id");
    access.group = member(record, "group");
    access.command = member(record, "command");
    access.candidate = member(record, "candidate");
    access.verdict = verdict_of(member(record, "verdict"));
    access.would_block = would.len > 0;
    access.reason = compliance_reason_parse(access.would_block
                        ? would : member(record, "reason"));
    read_seen(record, access.reason, &access.seen);

    walk->visit(walk->data, &access);
}


/* [id, [field, value, ...]]; its id, for the next page. */
static const char *
visit_entry(walk_t *walk, const redisReply *entry)
{
    json_t           *record;
    const redisReply *fields;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2
        || entry->element[0]->type != REDIS_REPLY_STRING
        || entry->element[1]->type != REDIS_REPLY_ARRAY)
    {
        ctl_die(CTL_CONTENT, "Redis answered something else than records; is "
                "it Redis?");
    }

    fields = entry->element[1];

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        compliance_str_t name = ctl_reply_text(fields->element[i]);
        compliance_str_t text = ctl_reply_text(fields->element[i + 1]);

        if (!compliance_str_eq(name, compliance_str("r"))) {
            continue;
        }

        /* one that cannot be read is audit verify's to name */
        record = json_loadb(text.data, text.len, 0, NULL);

        if (json_is_object(record)) {
            visit_record(walk, record,
                         strtoll(entry->element[0]->str, NULL, 10));
        }

        json_decref(record);
    }

    return entry->element[0]->str;
}


static void
walk_stream(walk_t *walk, const char *key)
{
    char        from[64], to[64];
    size_t      n;
    ctl_mark_t  mark;
    redisReply *reply;

    (void) snprintf(from, sizeof(from), "%lld",
                    (long long) walk->filter->since * 1000);
    (void) snprintf(to, sizeof(to), "+");

    if (walk->filter->until > 0) {
        (void) snprintf(to, sizeof(to), "%lld",
                        (long long) walk->filter->until * 1000 + 999);
    }

    do {
        mark = ctl_mark();
        reply = ctl_store_ask(walk->ctl, "XRANGE %s %s %s COUNT %d", key, from,
                              to, PAGE);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");
        n = reply->elements;

        for (size_t i = 0; i < n; i++) {
            const char *id = visit_entry(walk, reply->element[i]);

            (void) snprintf(from, sizeof(from), "(%.60s", id);
        }

        ctl_release(mark);

    } while (n == PAGE);
}


void
ctl_access_audited(ctl_t *ctl, const ctl_access_filter_t *filter,
    ctl_access_pt visit, void *data)
{
    size_t       n;
    walk_t       walk = { ctl, filter, visit, data, NULL, NULL };
    const char **nodes, *key, *begin = ctl_key_audit(ctl, "x");

    nodes = ctl_store_scan(ctl, ctl_dup((compliance_str_t) { begin,
                                            strlen(begin) - 1 }), &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(nodes[i], COMPLIANCE_ADMIN_NODE) == 0) {
            continue;
        }

        key = ctl_key_audit(ctl, nodes[i]);

        if (strcmp(ctl_store_ask(ctl, "TYPE %s", key)->str, "stream") != 0) {
            continue;
        }

        walk.node = nodes[i];
        walk.lanes = ctl_json_object();
        walk_stream(&walk, key);
        json_decref(walk.lanes);
    }
}
