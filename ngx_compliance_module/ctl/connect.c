/*
 * The connection: where Redis is, who we are there, and whether the store is
 * one that we know.
 */
#include "backup.h"
#include "store_private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define DEFAULT_SOCKET   "/run/redis/redis-server.sock"
#define DEFAULT_HOST     "127.0.0.1"
#define DEFAULT_PORT     6379
#define TIMEOUT_MS       2000
#define PASSWORD_MAX     4096


struct timeval
ctl_milliseconds(int64_t ms)
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

    if (compliance_str_eq(schema, compliance_str(CTL_RESTORING))) {
        if (strcmp(ctl->command->name, "restore") == 0) {
            return;
        }

        ctl_die(CTL_CONTENT, "the store is being restored, or its restoration "
                "was interrupted: then run it again (compliancectl restore "
                "FILE)");
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


static CTL_NORETURN void
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


ctl_store_t *
ctl_store_connected(ctl_t *ctl)
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
    timeout = ctl_milliseconds(store->timeout_ms);

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
        ctl_store_lost(store);
    }

    ctl->store = store;

    authenticate(ctl);

    if (db != 0) {
        (void) ctl_store_ask(ctl, "SELECT %lld", (long long) db);
    }

    check_schema(ctl);

    return store;
}


void
ctl_store_open(ctl_t *ctl)
{
    (void) ctl_store_connected(ctl);
}


void
ctl_store_close(ctl_t *ctl)
{
    if (ctl->store != NULL) {
        redisFree(ctl->store->context);
        ctl->store = NULL;
    }
}
