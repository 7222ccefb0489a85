/*
 * Administrators' changes on their way to audit:@admin: within the transaction
 * that makes the change, so that there is neither without the other.  The
 * chain goes on from the stream's last record, which is read under WATCH.
 */
#include "audit.h"
#include "history.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>


#define VALUE_MAX    1024   /* bytes of a value that is shown whole */
#define VALUE_BEGIN  200    /* of a longer one */
#define HEAD_SEARCH  100    /* records that may be none of ours */

/* Fields that may hold what nobody is to read, by a part of their name. */
static const char *const private_fields[] = {
    "password", "secret", "token", "credential"
};


static void
random_bytes(uint8_t *out, size_t len)
{
    if (RAND_bytes(out, (int) len) != 1) {
        ctl_die(CTL_STORE, "the system has no random bytes");
    }
}


static const char *
sha256(compliance_str_t text)
{
    char    *out = ctl_alloc(COMPLIANCE_AUDIT_HASH_LEN + 1);
    uint8_t  digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(text.data, text.len, digest, &n, EVP_sha256(), NULL) != 1
        || n != COMPLIANCE_AUDIT_HASH_LEN / 2)
    {
        ctl_die(CTL_STORE, "out of memory");
    }

    for (size_t i = 0; i < n; i++) {
        static const char hex[] = "0123456789abcdef";

        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 0xf];
    }

    return out;
}


/* A value as it goes into the record: a long one by its beginning, its length
 * and its digest. */
static json_t *
shown(const json_t *value)
{
    size_t           len;
    json_t          *cut;
    compliance_str_t text;

    if (!json_is_string(value) || json_string_length(value) <= VALUE_MAX) {
        return json_deep_copy(value);
    }

    text = (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
    len = VALUE_BEGIN;

    while (len > 0 && ((uint8_t) text.data[len] & 0xc0) == 0x80) {
        len--;
    }

    cut = ctl_json_object();
    ctl_json_set(cut, "begins",
                 ctl_json_text((compliance_str_t) { text.data, len }));
    ctl_json_set(cut, "bytes", ctl_json_int((int64_t) text.len));
    ctl_json_set(cut, "sha256", ctl_json_text(ctl_str(sha256(text))));

    return cut;
}


static bool
is_private(const char *field)
{
    for (size_t i = 0;
         field != NULL && i < sizeof(private_fields) / sizeof(*private_fields);
         i++)
    {
        if (strstr(field, private_fields[i]) != NULL) {
            return true;
        }
    }

    return false;
}


static void
hide(json_t *object, const char *key)
{
    if (json_is_string(json_object_get(object, key))) {
        ctl_json_set(object, key, ctl_json_text(ctl_str("(not shown)")));
    }
}


/* One write of history.h as the record tells it. */
static json_t *
change_json(json_t *write)
{
    json_t     *change = ctl_json_object(), *fields;
    json_t     *copy;
    const char *key, *name;

    json_object_foreach(write, key, copy) {
        ctl_json_set(change, key, shown(copy));
    }

    if (is_private(json_string_value(json_object_get(change, "field")))) {
        hide(change, "old");
        hide(change, "new");
    }

    fields = json_object_get(change, "old");

    if (!json_is_object(fields) || json_object_get(write, "type") == NULL) {
        return change;
    }

    json_object_foreach(json_object_get(write, "old"), name, copy) {
        ctl_json_set(fields, name, shown(copy));

        if (is_private(name)) {
            hide(fields, name);
        }
    }

    return change;
}


static compliance_str_t
dumped(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(text, free);
    json_decref(value);

    return ctl_str(text);
}


/* Goes on from the stream's last record that is one; a record that somebody
 * else has put there is left for `audit verify` to name. */
static void
find_head(ctl_t *ctl, const char *key, compliance_audit_chain_t *chain)
{
    redisReply             *reply;
    ctl_entry_t             entry;
    ctl_stream_t            stream = { .node = COMPLIANCE_ADMIN_NODE,
                                       .key = key };
    compliance_audit_line_t line;

    compliance_audit_chain_init(chain, compliance_str(COMPLIANCE_ADMIN_LANE),
                                chain->keys);

    reply = ctl_store_ask(ctl, "TYPE %s", key);

    if (strcmp(reply->str, "none") != 0 && strcmp(reply->str, "stream") != 0) {
        ctl_die(CTL_CONTENT, "key \"%s\" is a %s and should be a stream; it "
                "was not written by this gateway's tools. Nothing was "
                "written", ctl_escape(ctl_str(key)), reply->str);
    }

    reply = ctl_store_ask(ctl, "XREVRANGE %s + - COUNT %d", key, HEAD_SEARCH);
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "records");

    for (size_t i = 0; i < reply->elements; i++) {
        if (ctl_entry_read(reply->element[i], &stream, &entry)
            && compliance_audit_read(chain->keys, entry.text, &line)
               == COMPLIANCE_OK
            && compliance_str_eq(line.lane,
                                 compliance_str(COMPLIANCE_ADMIN_LANE)))
        {
            chain->seq = (uint64_t) line.seq;
            memcpy(chain->hash, line.hash.data, COMPLIANCE_AUDIT_HASH_LEN);
            return;
        }
    }
}


static void
append(ctl_t *ctl, compliance_audit_change_t *change)
{
    char                    *text = ctl_alloc(COMPLIANCE_AUDIT_CHANGE_MAX);
    uint8_t                  salt[COMPLIANCE_AUDIT_SALT_LEN];
    const char              *key = ctl_key_audit(ctl, COMPLIANCE_ADMIN_NODE);
    compliance_buf_t         buf;
    compliance_audit_chain_t chain = { .keys = ctl_audit_keys(ctl) };

    ctl_store_watch(ctl, key);
    find_head(ctl, key, &chain);

    random_bytes(salt, sizeof(salt));
    change->salt = salt;
    change->time_ms = ctl->now * 1000;
    compliance_buf_init(&buf, text, COMPLIANCE_AUDIT_CHANGE_MAX);

    if (compliance_audit_change(&chain, change, &buf) != COMPLIANCE_OK) {
        ctl_die(CTL_STORE, "the audit record could not be made; nothing was "
                "written");
    }

    change->salt = NULL;
    ctl_store_write(ctl, CTL_TYPE_STREAM, key, "XADD %s * r %b", key,
                    buf.data, buf.len);
}


/* The indexes follow from the records: they would only be noise. */
void
ctl_audit_change(ctl_t *ctl, const json_t *entry)
{
    size_t                    i, n = 0;
    json_t                   *write;
    const json_t             *writes = json_object_get(entry, "writes");
    const char               *index, *key;
    compliance_str_t         *changes;
    compliance_audit_change_t change;

    index = ctl_key_show(ctl, ctl_key_index(ctl, "", compliance_str("")));
    changes = ctl_alloc_array(json_array_size(writes), sizeof(*changes));

    json_array_foreach(writes, i, write) {
        key = json_string_value(json_object_get(write, "key"));

        if (key == NULL || strncmp(key, index, strlen(index) - 1) != 0) {
            changes[n++] = dumped(change_json(write));
        }
    }

    memset(&change, 0, sizeof(change));
    change.id = json_string_value(json_object_get(entry, "id"));
    change.who = ctl_str(json_string_value(json_object_get(entry, "who")));
    change.command = ctl_str(json_string_value(json_object_get(entry,
                                                               "command")));
    change.changes = changes;
    change.n = n;
    append(ctl, &change);
}


void
ctl_audit_summary_plan(ctl_t *ctl, const char *command, json_t *array)
{
    size_t                    i;
    json_t                   *one;
    compliance_str_t         *changes;
    compliance_audit_change_t change;

    changes = ctl_alloc_array(json_array_size(array), sizeof(*changes));

    json_array_foreach(array, i, one) {
        changes[i] = dumped(json_incref(one));
    }

    memset(&change, 0, sizeof(change));
    change.id = ctl_change_id();
    change.who = ctl_str(ctl_actor());
    change.command = ctl_str(command != NULL ? command
                                             : ctl_command_text(ctl));
    change.changes = changes;
    change.n = json_array_size(array);
    json_decref(array);
    append(ctl, &change);
}


static void
plan_summary(ctl_t *ctl, void *data)
{
    json_t *array = ctl_json_array();

    ctl_json_add(array, json_incref(data));
    ctl_audit_summary_plan(ctl, NULL, array);
}


void
ctl_audit_summary(ctl_t *ctl, json_t *summary)
{
    ctl_store_transact(ctl, plan_summary, summary);
    json_decref(summary);
}
