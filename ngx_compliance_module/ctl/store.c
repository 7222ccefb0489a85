/*
 * Redis, blocking and with timeouts.  Writes are collected as formatted
 * commands and leave between MULTI and EXEC: a type error inside EXEC would
 * leave the others applied, so every key's type is checked under WATCH first.
 */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define DEFAULT_SOCKET   "/run/redis/redis-server.sock"
#define DEFAULT_HOST     "127.0.0.1"
#define DEFAULT_PORT     6379
#define TIMEOUT_MS       2000
#define ATTEMPTS         8      /* of a transaction that others disturb */
#define PASSWORD_MAX     4096

/* A reply over this is none of ours: the largest is a page of an audit. */
#define READER_MAX       (64u << 20)

typedef struct {
    ctl_type_t  type;
    const char *key;
    char       *command;   /* RESP, hiredis' memory */
    int         len;
} write_t;

struct ctl_store_s {
    redisContext *context;
    const char   *address;    /* as shown */
    int64_t       timeout_ms;
    size_t        pending;    /* sent and not yet received */
    size_t        n_writes;
    size_t        cap;
    write_t      *writes;
    bool          watching;
};

static const char *const types[] = {
    [CTL_TYPE_STRING] = "string",
    [CTL_TYPE_HASH] = "hash",
    [CTL_TYPE_SET] = "set",
    [CTL_TYPE_ANY] = "any",
};

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


static _Noreturn void
refused(const ctl_store_t *store, const redisReply *reply)
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


static _Noreturn void
lost(const ctl_store_t *store)
{
    bool late = errno == EAGAIN || errno == EWOULDBLOCK;

    if (store->context->err == REDIS_ERR_IO && late) {
        ctl_die(CTL_STORE, "Redis at %s did not answer within %lld ms; "
                "--timeout gives it longer", store->address,
                (long long) store->timeout_ms);
    }

    ctl_die(CTL_STORE, "lost Redis at %s: %s", store->address,
            store->context->errstr[0] != '\0' ? store->context->errstr
                                              : "no reason given");
}


static struct timeval
milliseconds(int64_t ms)
{
    return (struct timeval) { .tv_sec = (time_t) (ms / 1000),
                              .tv_usec = (suseconds_t) (ms % 1000) * 1000 };
}


/* host:port, [v6]:port, or a host alone. */
static redisContext *
connect_tcp(const ctl_t *ctl, const char *address, struct timeval timeout)
{
    char            *host = ctl_dup(ctl_str(address));
    char            *colon = strrchr(host, ':');
    const char      *end;
    int64_t          port = DEFAULT_PORT;

    if (host[0] == '[') {
        end = strchr(host, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            colon = NULL;
            host[0] = '\0';

        } else {
            colon = end[1] == ':' ? host + (end - host) + 1 : NULL;
            host[end - host] = '\0';
            host++;
        }
    }

    if (colon != NULL) {
        *colon = '\0';

        if (!compliance_parse_uint(ctl_str(colon + 1), &port)) {
            port = 0;
        }
    }

    if (host[0] == '\0' || strpbrk(host, "/: ") != NULL || port < 1
        || port > 65535)
    {
        ctl_die_usage(ctl, "--redis \"%s\" is no address; it expects "
                      "unix:/path or host:port",
                      ctl_escape(ctl_str(address)));
    }

    return redisConnectWithTimeout(host, (int) port, timeout);
}


static redisContext *
connect_address(const ctl_t *ctl, const char *address, struct timeval timeout)
{
    if (strncmp(address, "unix:", 5) == 0) {
        if (address[5] != '/') {
            ctl_die_usage(ctl, "--redis \"%s\": the socket's path must be "
                          "absolute", ctl_escape(ctl_str(address)));
        }

        return redisConnectUnixWithTimeout(address + 5, timeout);
    }

    if (address[0] == '/') {
        return redisConnectUnixWithTimeout(address, timeout);
    }

    return connect_tcp(ctl, address, timeout);
}


static void
authenticate(ctl_t *ctl)
{
    const char      *user = ctl->options[CTL_OPT_REDIS_USER];
    const char      *path = ctl->options[CTL_OPT_PASSWORD_FILE];
    compliance_str_t password;
    struct stat      info;
    size_t           len = 0;

    if (path == NULL) {
        if (user != NULL) {
            ctl_die_usage(ctl, "--redis-user needs --password-file");
        }

        return;
    }

    password = ctl_read_file(path, PASSWORD_MAX);

    while (len < password.len && password.data[len] != '\n'
           && password.data[len] != '\r')
    {
        len++;
    }

    if (len == 0) {
        ctl_die(CTL_USAGE, "the first line of \"%s\" is empty: there is no "
                "password", ctl_escape(ctl_str(path)));
    }

    if (stat(path, &info) == 0 && (info.st_mode & S_IROTH)) {
        ctl_warn("everyone on this machine can read \"%s\"; chmod 640 it",
                 ctl_escape(ctl_str(path)));
    }

    if (user != NULL) {
        (void) ctl_store_ask(ctl, "AUTH %s %b", user, password.data, len);
    } else {
        (void) ctl_store_ask(ctl, "AUTH %b", password.data, len);
    }
}


static void
check_schema(ctl_t *ctl)
{
    compliance_str_t schema;
    int64_t          version;

    schema = ctl_reply_text(ctl_store_ask(ctl, "HGET %s schema",
                                          ctl_key_meta(ctl)));
    if (schema.data == NULL) {
        return;
    }

    if (!compliance_parse_uint(schema, &version)
        || version != COMPLIANCE_SCHEMA_VERSION)
    {
        ctl_die(CTL_CONTENT, "the store has schema \"%s\", this compliancectl "
                "knows %d; use the compliancectl of the version that wrote it "
                "(key %s, field schema)", ctl_escape(schema),
                COMPLIANCE_SCHEMA_VERSION,
                ctl_escape(ctl_str(ctl_key_meta(ctl))));
    }
}


static _Noreturn void
unreachable(const char *tried, const char *why)
{
    ctl_die(CTL_STORE, "cannot reach Redis at %s: %s; is it running there? "
            "Name another with --redis unix:/path|host:port or "
            "COMPLIANCE_REDIS", tried, why);
}


static redisContext *
connect_default(const ctl_t *ctl, struct timeval timeout, const char **address)
{
    redisContext *context = NULL;

    if (access(DEFAULT_SOCKET, F_OK) == 0) {
        *address = "unix:" DEFAULT_SOCKET;
        context = connect_address(ctl, *address, timeout);

        if (context != NULL && context->err == 0) {
            return context;
        }

        if (errno == EACCES) {
            unreachable(*address, "permission denied");
        }

        if (context != NULL) {
            redisFree(context);
        }
    }

    *address = DEFAULT_HOST ":6379";
    context = connect_address(ctl, *address, timeout);

    if (context == NULL || context->err != 0) {
        unreachable("unix:" DEFAULT_SOCKET " and " DEFAULT_HOST ":6379",
                    context == NULL ? "out of memory" : context->errstr);
    }

    return context;
}


static ctl_store_t *
ctl_store(ctl_t *ctl)
{
    const char    *given = ctl->options[CTL_OPT_REDIS];
    ctl_store_t   *store;
    struct timeval timeout;
    int64_t        db;

    if (ctl->store != NULL) {
        return ctl->store;
    }

    store = ctl_alloc(sizeof(*store));
    store->timeout_ms = ctl_option_count(ctl, CTL_OPT_TIMEOUT, 1, 600000,
                                         TIMEOUT_MS);
    db = ctl_option_count(ctl, CTL_OPT_DB, 0, 1000000, 0);
    timeout = milliseconds(store->timeout_ms);

    if (given == NULL) {
        store->context = connect_default(ctl, timeout, &store->address);

    } else {
        store->address = ctl_escape(ctl_str(given));
        store->context = connect_address(ctl, given, timeout);

        if (store->context == NULL || store->context->err != 0) {
            unreachable(store->address, store->context == NULL
                        ? "out of memory" : store->context->errstr);
        }
    }

    if (redisSetTimeout(store->context, timeout) != REDIS_OK) {
        lost(store);
    }

    store->context->reader->maxbuf = READER_MAX;
    ctl->store = store;

    authenticate(ctl);

    if (db != 0) {
        (void) ctl_store_ask(ctl, "SELECT %lld", (long long) db);
    }

    check_schema(ctl);

    return store;
}


void
ctl_store_close(ctl_t *ctl)
{
    if (ctl->store != NULL) {
        redisFree(ctl->store->context);
        ctl->store = NULL;
    }
}


void
ctl_store_open(ctl_t *ctl)
{
    (void) ctl_store(ctl);
}


static void
send_formatted(ctl_t *ctl, const char *format, va_list args)
{
    ctl_store_t *store = ctl_store(ctl);

    if (redisvAppendCommand(store->context, format, args) != REDIS_OK) {
        lost(store);
    }

    store->pending++;
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
ctl_store_send_words(ctl_t *ctl, size_t n, const char *const *words)
{
    ctl_store_t *store = ctl_store(ctl);
    const char **argv = ctl_alloc_array(n, sizeof(*argv));

    memcpy(argv, words, n * sizeof(*argv));

    if (redisAppendCommandArgv(store->context, (int) n, argv, NULL)
        != REDIS_OK)
    {
        lost(store);
    }

    store->pending++;
}


redisReply *
ctl_store_receive(ctl_t *ctl)
{
    ctl_store_t *store = ctl->store;
    void        *reply = NULL;

    errno = 0;

    if (redisGetReply(store->context, &reply) != REDIS_OK || reply == NULL) {
        lost(store);
    }

    ctl_keep(reply, freeReplyObject);
    store->pending--;

    if (((redisReply *) reply)->type == REDIS_REPLY_ERROR) {
        refused(store, reply);
    }

    return reply;
}


redisReply *
ctl_store_receive_within(ctl_t *ctl, int64_t wait_ms)
{
    ctl_store_t *store = ctl->store;
    redisReply  *reply;

    if (redisSetTimeout(store->context,
                        milliseconds(store->timeout_ms + wait_ms))
        != REDIS_OK)
    {
        lost(store);
    }

    reply = ctl_store_receive(ctl);

    if (redisSetTimeout(store->context, milliseconds(store->timeout_ms))
        != REDIS_OK)
    {
        lost(store);
    }

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


void
ctl_store_write(ctl_t *ctl, ctl_type_t type, const char *key,
    const char *format, ...)
{
    ctl_store_t *store = ctl_store(ctl);
    write_t     *write, *writes;
    va_list      args;

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
    write->type = type;
    write->key = key;

    va_start(args, format);
    write->len = redisvFormatCommand(&write->command, format, args);
    va_end(args);

    if (write->len < 0) {
        ctl_die(CTL_STORE, "out of memory");
    }

    store->n_writes++;
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
    ctl_store_t *store = ctl_store(ctl);
    redisReply  *reply = NULL;

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

    ctl_store_send(ctl, "MULTI");

    for (size_t i = 0; i < store->n_writes; i++) {
        if (redisAppendFormattedCommand(store->context,
                                        store->writes[i].command,
                                        (size_t) store->writes[i].len)
            != REDIS_OK)
        {
            lost(store);
        }

        store->pending++;
    }

    ctl_store_send(ctl, "EXEC");

    /* an error at queueing ends us here; Redis then aborts the EXEC */
    while (store->pending > 0) {
        reply = ctl_store_receive(ctl);
    }

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
    }

    ctl_die(CTL_CONFLICT, "others keep changing the same records; nothing was "
            "written, try again");
}
