/*
 * RESP out, and hiredis' reader in with replies out of an arena: an import
 * reads some fifty values a device, and freeing each apart would cost more
 * than looking at them.
 */
#include "wire.h"
#include "store_private.h"

#include <stdlib.h>
#include <string.h>


#define OUT_STEP    ((size_t) 1024 * 1024)
#define NUMBER_MAX  24

struct ctl_wire_s {
    ctl_t        ctl;        /* a copy: with a connection of its own */
    char        *out;
    size_t       len;
    size_t       cap;
    ctl_arena_t  replies;
};


static redisReply *
new_reply(const redisReadTask *task, int type)
{
    ctl_wire_t *wire = task->privdata;
    redisReply *reply, *parent;

    reply = ctl_arena_alloc(&wire->replies, sizeof(*reply));
    memset(reply, 0, sizeof(*reply));
    reply->type = type;

    if (task->parent != NULL) {
        parent = task->parent->obj;
        parent->element[task->idx] = reply;
    }

    return reply;
}


static void *
create_string(const redisReadTask *task, char *text, size_t len)
{
    ctl_wire_t *wire = task->privdata;
    redisReply *reply = new_reply(task, task->type);

    reply->str = ctl_arena_alloc(&wire->replies, len + 1);
    memcpy(reply->str, text, len);
    reply->str[len] = '\0';
    reply->len = len;

    return reply;
}


static void *
create_array(const redisReadTask *task, int n)
{
    ctl_wire_t *wire = task->privdata;
    size_t      elements = n > 0 ? (size_t) n : 0;
    redisReply *reply;

    if (n > CTL_REPLY_ELEMENTS_MAX) {
        return NULL;
    }

    reply = new_reply(task, REDIS_REPLY_ARRAY);
    reply->elements = elements;
    reply->element = ctl_arena_alloc(&wire->replies,
                                     elements * sizeof(void *));
    memset(reply->element, 0, elements * sizeof(void *));

    return reply;
}


static void *
create_integer(const redisReadTask *task, long long value)
{
    redisReply *reply = new_reply(task, REDIS_REPLY_INTEGER);

    reply->integer = value;

    return reply;
}


static void *
create_nil(const redisReadTask *task)
{
    return new_reply(task, REDIS_REPLY_NIL);
}


static void
free_nothing(void *reply)
{
    (void) reply;
}


static redisReplyObjectFunctions functions = {
    create_string, create_array, create_integer, create_nil, free_nothing
};


ctl_wire_t *
ctl_wire_open(const ctl_t *ctl)
{
    ctl_wire_t *wire = ctl_alloc(sizeof(*wire));

    wire->ctl = *ctl;
    wire->ctl.store = NULL;
    ctl_store_open(&wire->ctl);
    ctl_transport_functions(wire->ctl.store->transport, &functions, wire);

    return wire;
}


void
ctl_wire_close(ctl_wire_t *wire)
{
    ctl_store_close(&wire->ctl);
    ctl_arena_free(&wire->replies);
    free(wire->out);
    wire->out = NULL;
}


static char *
room(ctl_wire_t *wire, size_t more)
{
    char  *out;
    size_t cap;

    if (more > wire->cap - wire->len) {
        cap = wire->cap + more + OUT_STEP;
        out = cap < wire->cap ? NULL : realloc(wire->out, cap);

        if (out == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        wire->out = out;
        wire->cap = cap;
    }

    return wire->out + wire->len;
}


/* "*3\r\n", "$11\r\n" */
static char *
put_number(char *p, char mark, size_t n)
{
    char   digits[NUMBER_MAX];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char) ('0' + n % 10);
        n /= 10;
    } while (n > 0);

    *p++ = mark;
    memcpy(p, digits + i, sizeof(digits) - i);
    p += sizeof(digits) - i;
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


void
ctl_wire_word(ctl_wire_t *wire, compliance_str_t word)
{
    char *p = put_number(room(wire, word.len + NUMBER_MAX + 8), '$', word.len);

    if (word.len > 0) {
        memcpy(p, word.data, word.len);
    }

    p += word.len;
    *p++ = '\r';
    *p++ = '\n';
    wire->len = (size_t) (p - wire->out);
}


void
ctl_wire_begin(ctl_wire_t *wire, const char *command, size_t n)
{
    char *p = put_number(room(wire, NUMBER_MAX + 8), '*', n);

    wire->len = (size_t) (p - wire->out);
    ctl_wire_word(wire, ctl_str(command));
}


void
ctl_wire_words(ctl_wire_t *wire, const char *command, size_t n,
    const compliance_str_t *words)
{
    ctl_wire_begin(wire, command, n + 1);

    for (size_t i = 0; i < n; i++) {
        ctl_wire_word(wire, words[i]);
    }
}


void
ctl_wire_flush(ctl_wire_t *wire)
{
    ctl_transport_t *transport = wire->ctl.store->transport;

    if (wire->len == 0) {
        return;
    }

    if (!ctl_transport_send(transport, wire->out, wire->len)
        || !ctl_transport_flush(transport))
    {
        ctl_store_lost(wire->ctl.store);
    }

    wire->len = 0;
}


const redisReply *
ctl_wire_next(ctl_wire_t *wire)
{
    redisReply *reply;
    void       *got;

    if (!ctl_transport_receive(wire->ctl.store->transport, &got)) {
        ctl_store_lost(wire->ctl.store);
    }

    reply = got;

    if (reply->type == REDIS_REPLY_ERROR) {
        ctl_wire_refused(wire, reply);
    }

    return reply;
}


void
ctl_wire_reset(ctl_wire_t *wire)
{
    ctl_arena_reset(&wire->replies);
}


CTL_NORETURN void
ctl_wire_refused(ctl_wire_t *wire, const redisReply *reply)
{
    ctl_store_refused(wire->ctl.store, reply);
}
