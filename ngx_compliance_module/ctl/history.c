/*
 * What a transaction is about to change, with what was there before.  It is
 * read under the transaction's own WATCH, so that it is still true at EXEC,
 * and written by the same EXEC: no change without its way back.
 */
#include "history.h"
#include "store_private.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>


#define ID_BYTES  8

const char *
ctl_change_id(void)
{
    uint8_t bytes[ID_BYTES];
    char   *text = ctl_alloc(2 * ID_BYTES + 1);

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        ctl_die(CTL_STORE, "the system has no random bytes");
    }

    for (size_t i = 0; i < sizeof(bytes); i++) {
        static const char hex[] = "0123456789abcdef";

        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 0xf];
    }

    return text;
}


const char *
ctl_command_text(const ctl_t *ctl)
{
    char *text = ctl_format("%s", ctl->command->name);

    for (size_t i = 0; i < ctl->n_args; i++) {
        text = ctl_format("%s %s", text, ctl->args[i]);
    }

    return ctl_given(ctl, CTL_OPT_FORCE) ? ctl_format("%s --force", text)
                                         : text;
}


static void
ask_before(ctl_t *ctl, const ctl_write_t *write)
{
    switch (write->op) {

    case CTL_WRITE_HSET:
    case CTL_WRITE_HDEL:
        ctl_store_send(ctl, "HGET %s %s", write->key, write->field);
        return;

    case CTL_WRITE_SADD:
    case CTL_WRITE_SREM:
        ctl_store_send(ctl, "SISMEMBER %s %b", write->key, write->value.data,
                       write->value.len);
        return;

    case CTL_WRITE_SET:
        ctl_store_send(ctl, "GET %s", write->key);
        return;

    case CTL_WRITE_DEL:
        ctl_store_send(ctl, write->type == CTL_TYPE_HASH ? "HGETALL %s"
                            : write->type == CTL_TYPE_SET ? "SMEMBERS %s"
                            : "GET %s", write->key);
        return;

    case CTL_WRITE_OTHER:
        return;
    }
}


static json_t *
reply_json(const redisReply *reply, bool pairs)
{
    json_t *value;

    if (reply->type != REDIS_REPLY_ARRAY) {
        return ctl_json_text(ctl_reply_text(reply));
    }

    value = pairs ? ctl_json_object() : ctl_json_array();

    for (size_t i = 0; i < reply->elements; i++) {
        json_t *text;

        if (pairs && i + 1 == reply->elements) {
            break;
        }

        text = ctl_json_text(ctl_reply_text(reply->element[pairs ? i + 1
                                                                 : i]));

        if (pairs) {
            ctl_json_set(value, ctl_dup(ctl_reply_text(reply->element[i])),
                         text);
            i++;

        } else {
            ctl_json_add(value, text);
        }
    }

    return value;
}


static bool
same_member(const redisReply *reply, bool is)
{
    return (reply->integer != 0) == is;
}


/* The write as an element of "writes", or NULL where it changes nothing. */
static json_t *
write_json(ctl_t *ctl, const ctl_write_t *write, const redisReply *before)
{
    json_t     *json;
    bool        is = write->op == CTL_WRITE_SADD;
    const char *op = NULL, *type = NULL;

    switch (write->op) {

    case CTL_WRITE_HSET:
    case CTL_WRITE_SET:
        if (compliance_str_eq(ctl_reply_text(before), write->value)) {
            return NULL;
        }

        op = write->op == CTL_WRITE_SET ? "set" : "hset";
        break;

    case CTL_WRITE_HDEL:
        if (before->type == REDIS_REPLY_NIL) {
            return NULL;
        }

        op = "hset";
        break;

    case CTL_WRITE_SADD:
    case CTL_WRITE_SREM:
        if (same_member(before, is)) {
            return NULL;
        }

        op = "member";
        break;

    case CTL_WRITE_DEL:
        if (before->type == REDIS_REPLY_NIL
            || (before->type == REDIS_REPLY_ARRAY && before->elements == 0))
        {
            return NULL;
        }

        op = "del";
        type = write->type == CTL_TYPE_HASH ? "hash"
               : write->type == CTL_TYPE_SET ? "set" : "string";
        break;

    case CTL_WRITE_OTHER:
        return NULL;
    }

    json = ctl_json_object();
    ctl_json_set(json, "op", ctl_json_text(ctl_str(op)));
    ctl_json_set(json, "key",
                 ctl_json_text(ctl_str(ctl_key_show(ctl, write->key))));

    if (write->op == CTL_WRITE_SADD || write->op == CTL_WRITE_SREM) {
        ctl_json_set(json, "member", ctl_json_text(write->value));
        ctl_json_set(json, "old", ctl_json_bool(!is));
        ctl_json_set(json, "new", ctl_json_bool(is));
        return json;
    }

    if (type != NULL) {
        ctl_json_set(json, "type", ctl_json_text(ctl_str(type)));
        ctl_json_set(json, "old",
                     reply_json(before, write->type == CTL_TYPE_HASH));
        return json;
    }

    if (write->field != NULL) {
        ctl_json_set(json, "field", ctl_json_text(ctl_str(write->field)));
    }

    ctl_json_set(json, "old", ctl_json_text(ctl_reply_text(before)));
    ctl_json_set(json, "new", ctl_json_text(write->value));

    return json;
}


static void
keep_entry(ctl_t *ctl, const json_t *entry)
{
    char       *text = json_dumps(entry, JSON_COMPACT);
    const char *key = ctl_key_undo(ctl);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(text, free);
    ctl_store_write(ctl, CTL_TYPE_LIST, key, "LPUSH %s %s", key, text);
    ctl_store_write(ctl, CTL_TYPE_LIST, key, "LTRIM %s 0 %d", key,
                    CTL_UNDO_MAX - 1);
}


void
ctl_history(ctl_t *ctl, ctl_history_t what)
{
    ctl_store_connected(ctl)->history = what;
}


void
ctl_history_plan(ctl_t *ctl)
{
    size_t       n = ctl->store->n_writes;
    json_t      *entry, *writes = ctl_json_array(), *one;

    if (ctl->store->history == CTL_HISTORY_NONE) {
        json_decref(writes);
        return;
    }

    for (size_t i = 0; i < n; i++) {
        ask_before(ctl, &ctl->store->writes[i]);
    }

    for (size_t i = 0; i < n; i++) {
        const ctl_write_t *write = &ctl->store->writes[i];

        if (write->op != CTL_WRITE_OTHER) {
            one = write_json(ctl, write, ctl_store_receive(ctl));

            if (one != NULL) {
                ctl_json_add(writes, one);
            }
        }
    }

    if (json_array_size(writes) == 0) {
        json_decref(writes);
        return;
    }

    entry = ctl_json_object();
    ctl_json_set(entry, "id", ctl_json_text(ctl_str(ctl_change_id())));
    ctl_json_set(entry, "time", ctl_json_int(ctl->now));
    ctl_json_set(entry, "who", ctl_json_text(ctl_str(ctl_actor())));
    ctl_json_set(entry, "command",
                 ctl_json_text(ctl_str(ctl_command_text(ctl))));
    ctl_json_set(entry, "writes", writes);

    if (ctl->store->history == CTL_HISTORY_WHOLE) {
        keep_entry(ctl, entry);
    }

    ctl_audit_change(ctl, entry);
    json_decref(entry);
}
