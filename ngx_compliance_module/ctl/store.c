/*
 * Questions and answers.  An error reply is no answer: it ends the program and
 * says what to do about it.
 */
#include "store_private.h"

#include <stdarg.h>
#include <string.h>


/* What Redis says when it refuses, and what to do. */
static const struct {
    const char *begins;
    ctl_exit_t  code;
    const char *advice;
} refusals[] = {
    { "NOAUTH", CTL_STORE, "give --redis-user and --password-file" },
    { "WRONGPASS", CTL_STORE, "check --redis-user and --password-file" },
    { "ERR AUTH", CTL_STORE,
      "this Redis has no password: leave --password-file out" },
    { "ERR invalid DB", CTL_STORE, "check --db" },
    { "ERR DB index", CTL_STORE, "check --db" },
    { "NOPERM", CTL_STORE,
      "this Redis user may not: take an administrator's with --redis-user" },
    { "READONLY", CTL_STORE, "this is a replica: name the master" },
    { "LOADING", CTL_STORE,
      "Redis is still loading its data: try again in a moment" },
    { "BUSY", CTL_STORE, "a script keeps Redis busy: try again" },
    { "OOM", CTL_STORE, "Redis has reached its maxmemory: give it more" },
    { "MISCONF", CTL_STORE,
      "Redis cannot save to disk and refuses writes: see its log" },
    { "EXECABORT", CTL_STORE, "nothing was written" },
    { "MASTERDOWN", CTL_STORE, "the replica has lost its master" },
    { "MOVED", CTL_STORE, "a Redis Cluster is not supported: name a server "
      "that holds all keys" },
    { "CROSSSLOT", CTL_STORE, "a Redis Cluster is not supported" },
    { "CLUSTERDOWN", CTL_STORE, "a Redis Cluster is not supported" },
    { "DENIED", CTL_STORE, "Redis runs in protected mode: connect from its "
      "own machine, or give it a password" },
    { "WRONGTYPE", CTL_CONTENT,
      "a key holds something that was not written by this gateway's tools; "
      "look at it with redis-cli, or choose another --prefix" },
};


CTL_NORETURN void
ctl_store_refused(const ctl_store_t *store, const redisReply *reply)
{
    compliance_str_t text = { reply->str, reply->len };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        size_t len = strlen(refusals[i].begins);

        if (reply->len >= len
            && memcmp(reply->str, refusals[i].begins, len) == 0)
        {
            ctl_die(refusals[i].code, "Redis at %s refuses (%s); %s",
                    store->address, ctl_escape(text), refusals[i].advice);
        }
    }

    ctl_die(CTL_STORE, "Redis at %s answers an error: %s", store->address,
            ctl_escape(text));
}


CTL_NORETURN void
ctl_store_lost(const ctl_store_t *store)
{
    const char *why = ctl_transport_error(store->transport);

    if (ctl_transport_late(store->transport)) {
        ctl_die(CTL_STORE, "Redis at %s did not answer within %lld ms; "
                "--timeout gives it longer", store->address,
                (long long) store->timeout_ms);
    }

    ctl_die(CTL_STORE, "lost Redis at %s: %s", store->address,
            why == NULL ? "no reason given" : why);
}


/* Takes over `command`, as hiredis has made it. */
static void
send_command(ctl_t *ctl, char *command, int len)
{
    bool ok;

    if (len < 0) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ok = ctl_transport_send(ctl->store->transport, command, (size_t) len);
    redisFreeCommand(command);

    if (!ok) {
        ctl_store_lost(ctl->store);
    }

    ctl->store->pending++;
}


static void
send_formatted(ctl_t *ctl, const char *format, va_list args)
{
    char *command = NULL;
    int   len;

    (void) ctl_store_connected(ctl);
    len = redisvFormatCommand(&command, format, args);
    send_command(ctl, command, len);
}


void
ctl_store_send(ctl_t *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_formatted(ctl, format, args);
    va_end(args);
}


void
ctl_store_send_bytes(ctl_t *ctl, size_t n, const char **words,
    const size_t *lens)
{
    char *command = NULL;
    int   len;

    (void) ctl_store_connected(ctl);
    len = redisFormatCommandArgv(&command, (int) n, words, lens);
    send_command(ctl, command, len);
}


void
ctl_store_send_words(ctl_t *ctl, size_t n, const char *const *words)
{
    const char **argv = ctl_alloc_array(n, sizeof(*argv));

    memcpy(argv, words, n * sizeof(*argv));
    ctl_store_send_bytes(ctl, n, argv, NULL);
}


redisReply *
ctl_store_receive(ctl_t *ctl)
{
    ctl_store_t *store = ctl->store;
    void        *reply;

    if (!ctl_transport_receive(store->transport, &reply)) {
        ctl_store_lost(store);
    }

    ctl_keep(reply, freeReplyObject);
    store->pending--;

    if (((redisReply *) reply)->type == REDIS_REPLY_ERROR) {
        ctl_store_refused(store, reply);
    }

    return reply;
}


redisReply *
ctl_store_receive_within(ctl_t *ctl, int64_t wait_ms)
{
    ctl_store_t *store = ctl->store;
    redisReply  *reply;

    ctl_transport_timeout(store->transport, store->timeout_ms + wait_ms);
    reply = ctl_store_receive(ctl);
    ctl_transport_timeout(store->transport, store->timeout_ms);

    return reply;
}


redisReply *
ctl_store_ask(ctl_t *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_formatted(ctl, format, args);
    va_end(args);

    return ctl_store_receive(ctl);
}


compliance_str_t
ctl_reply_text(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL) {
        return compliance_absent;
    }

    ctl_reply_expect(reply, REDIS_REPLY_STRING, "a value");

    return (compliance_str_t) { reply->str, reply->len };
}


void
ctl_reply_expect(const redisReply *reply, int type, const char *what)
{
    if (reply->type != type) {
        ctl_die(CTL_CONTENT, "Redis answered something else than %s; is it "
                "Redis?", what);
    }
}
