/*
 * Writes are collected as formatted commands and leave between MULTI and EXEC.
 * A type error inside EXEC would leave the others applied, so every key's type
 * is checked under WATCH first.
 */
#include "store_private.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>


#define ATTEMPTS  64   /* of a transaction that others disturb: all of them
                         append to one audit stream */
#define PAUSE_MS  10   /* at most, before the next one */

static const char *const types[] = {
    [CTL_TYPE_STRING] = "string",
    [CTL_TYPE_HASH] = "hash",
    [CTL_TYPE_SET] = "set",
    [CTL_TYPE_LIST] = "list",
    [CTL_TYPE_STREAM] = "stream",
    [CTL_TYPE_ANY] = "any",
};


void
ctl_store_watch(ctl_t *ctl, const char *key)
{
    (void) ctl_store_ask(ctl, "WATCH %s", key);
    ctl->store->watching = true;
}


static void
drop_writes(ctl_store_t *store)
{
    for (size_t i = 0; i < store->n_writes; i++) {
        redisFreeCommand(store->writes[i].command);
    }

    store->n_writes = 0;
}


static ctl_write_t *
add_write(ctl_t *ctl, ctl_op_t op, ctl_type_t type, const char *key)
{
    ctl_store_t *store = ctl_store_connected(ctl);
    ctl_write_t *write, *writes;

    if (ctl->command->role < CTL_OPERATOR) {
        ctl_die(CTL_USAGE, "\"%s\" is a viewer's command and writes nothing",
                ctl->command->name);
    }

    if (store->n_writes == store->cap) {
        writes = ctl_alloc_array(store->cap * 2 + 16, sizeof(*writes));

        if (store->n_writes > 0) {
            memcpy(writes, store->writes, store->n_writes * sizeof(*writes));
        }

        store->writes = writes;
        store->cap = store->cap * 2 + 16;
    }

    write = &store->writes[store->n_writes];
    memset(write, 0, sizeof(*write));
    write->op = op;
    write->type = type;
    write->key = key;

    return write;
}


/* The write is whole from here on. */
static void
take_command(ctl_t *ctl, ctl_write_t *write, const char *format, va_list args)
{
    write->len = redisvFormatCommand(&write->command, format, args);

    if (write->len < 0) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl->store->n_writes++;
}


static void
format_write(ctl_t *ctl, ctl_write_t *write, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    take_command(ctl, write, format, args);
    va_end(args);
}


void
ctl_store_write(ctl_t *ctl, ctl_type_t type, const char *key,
    const char *format, ...)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_OTHER, type, key);
    va_list      args;

    va_start(args, format);
    take_command(ctl, write, format, args);
    va_end(args);
}


void
ctl_write_hset(ctl_t *ctl, const char *key, const char *field,
    compliance_str_t value)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_HSET, CTL_TYPE_HASH, key);

    write->field = field;
    write->value = value;
    format_write(ctl, write, "HSET %s %s %b", key, field, value.data,
                 value.len);
}


void
ctl_write_hdel(ctl_t *ctl, const char *key, const char *field)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_HDEL, CTL_TYPE_HASH, key);

    write->field = field;
    format_write(ctl, write, "HDEL %s %s", key, field);
}


void
ctl_write_sadd(ctl_t *ctl, const char *key, compliance_str_t member)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_SADD, CTL_TYPE_SET, key);

    write->value = member;
    format_write(ctl, write, "SADD %s %b", key, member.data, member.len);
}


void
ctl_write_srem(ctl_t *ctl, const char *key, compliance_str_t member)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_SREM, CTL_TYPE_SET, key);

    write->value = member;
    format_write(ctl, write, "SREM %s %b", key, member.data, member.len);
}


void
ctl_write_set(ctl_t *ctl, const char *key, compliance_str_t value)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_SET, CTL_TYPE_STRING, key);

    write->value = value;
    format_write(ctl, write, "SET %s %b", key, value.data, value.len);
}


void
ctl_write_del(ctl_t *ctl, ctl_type_t type, const char *key)
{
    ctl_write_t *write = add_write(ctl, CTL_WRITE_DEL, type, key);

    format_write(ctl, write, "DEL %s", key);
}


/* Watched first, so that the type is still true at EXEC. */
static void
check_types(ctl_t *ctl)
{
    ctl_store_t     *store = ctl->store;
    compliance_str_t have;
    redisReply      *reply;

    for (size_t i = 0; i < store->n_writes; i++) {
        ctl_store_send(ctl, "WATCH %s", store->writes[i].key);
        ctl_store_send(ctl, "TYPE %s", store->writes[i].key);
    }

    for (size_t i = 0; i < store->n_writes; i++) {
        (void) ctl_store_receive(ctl);
        reply = ctl_store_receive(ctl);
        ctl_reply_expect(reply, REDIS_REPLY_STATUS, "a type");
        have = (compliance_str_t) { reply->str, reply->len };

        if (store->writes[i].type != CTL_TYPE_ANY
            && !compliance_str_eq(have, compliance_str("none"))
            && !compliance_str_eq(have,
                                  ctl_str(types[store->writes[i].type])))
        {
            ctl_die(CTL_CONTENT, "key \"%s\" is a %s and should be a %s; it "
                    "was not written by this gateway's tools. Nothing was "
                    "written; look at it with redis-cli, or choose another "
                    "--prefix", ctl_escape(ctl_str(store->writes[i].key)),
                    ctl_escape(have), types[store->writes[i].type]);
        }
    }
}


static void
check_results(ctl_t *ctl, const redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            ctl_die(CTL_STORE, "Redis refused a part of the transaction (%s, "
                    "key \"%s\"): look at what is stored, and repeat it",
                    ctl_escape((compliance_str_t) { reply->element[i]->str,
                                                    reply->element[i]->len }),
                    i < ctl->store->n_writes
                        ? ctl_escape(ctl_str(ctl->store->writes[i].key)) : "");
        }
    }
}


bool
ctl_store_commit(ctl_t *ctl)
{
    ctl_store_t *store = ctl_store_connected(ctl);
    redisReply  *reply;

    if (store->n_writes == 0) {
        if (store->watching) {
            (void) ctl_store_ask(ctl, "UNWATCH");
            store->watching = false;
        }

        return true;
    }

    ctl_store_write(ctl, CTL_TYPE_HASH, ctl_key_meta(ctl),
                    "HSETNX %s schema %d", ctl_key_meta(ctl),
                    COMPLIANCE_SCHEMA_VERSION);
    check_types(ctl);
    ctl_history_plan(ctl);

    ctl_store_send(ctl, "MULTI");

    for (size_t i = 0; i < store->n_writes; i++) {
        if (!ctl_transport_send(store->transport, store->writes[i].command,
                                (size_t) store->writes[i].len))
        {
            ctl_store_lost(store);
        }

        store->pending++;
    }

    ctl_store_send(ctl, "EXEC");

    /* an error at queueing ends us here; Redis then aborts the EXEC */
    while (store->pending > 1) {
        (void) ctl_store_receive(ctl);
    }

    reply = ctl_store_receive(ctl);

    store->watching = false;

    if (reply->type == REDIS_REPLY_NIL) {
        drop_writes(store);
        return false;
    }

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a transaction's result");
    check_results(ctl, reply);
    drop_writes(store);

    return true;
}


void
ctl_store_transact(ctl_t *ctl, ctl_plan_pt plan, void *data)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        ctl_notes_drop();
        plan(ctl, data);

        if (ctl_store_commit(ctl)) {
            ctl_notes_flush();
            return;
        }

        /* whoever was quicker gets on with it, and not all come back at once */
        (void) usleep((useconds_t) getpid() * (i + 7) % (PAUSE_MS * 1000));
    }

    ctl_die(CTL_CONFLICT, "others keep changing the same records; nothing was "
            "written, try again");
}
