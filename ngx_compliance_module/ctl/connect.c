/*
 * The connection: where Redis is, who we are there, and whether the store is
 * one that we know.
 */
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


#define FORMS  "unix:/path, host:port or tls://host:port"

/* How an address begins, and what it then is. */
static const struct {
    const char *begins;
    bool        tls;
} schemes[] = {
    { "redis://", false },
    { "tcp://", false },
    { "rediss://", true },
    { "tls://", true },
};


/* host:port, [v6]:port, or a host alone. */
static bool
parse_host(char *host, ctl_endpoint_t *out)
{
    char   *colon = strrchr(host, ':'), *end;
    int64_t port = DEFAULT_PORT;

    if (host[0] == '[') {
        end = strchr(host, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }

        colon = end[1] == ':' ? end + 1 : NULL;
        *end = '\0';
        host++;

    } else if (colon != NULL && memchr(host, ':', (size_t) (colon - host))) {
        return false;   /* IPv6 without brackets: where would the port be? */
    }

    if (colon != NULL) {
        *colon = '\0';

        if (!compliance_parse_uint(ctl_str(colon + 1), &port)) {
            return false;
        }
    }

    out->host = host;
    out->port = (uint16_t) port;

    return host[0] != '\0' && strpbrk(host, "/ ") == NULL && port >= 1
           && port <= 65535;
}


/* An option for TLS that could not act must not be passed over in silence,
 * unless it only stands in a weaker place than the address. */
static void
check_tls(const ctl_t *ctl, const ctl_endpoint_t *endpoint)
{
    static const ctl_opt_t opts[] = { CTL_OPT_TLS_CA, CTL_OPT_TLS_CERT,
                                      CTL_OPT_TLS_KEY };

    if ((endpoint->tls_cert == NULL) != (endpoint->tls_key == NULL)) {
        ctl_die_usage(ctl, "--tls-cert and --tls-key need each other");
    }

    for (size_t i = 0; !endpoint->tls && i < sizeof(opts) / sizeof(opts[0]);
         i++)
    {
        if (ctl_given(ctl, opts[i])
            && ctl->origins[opts[i]] >= ctl->origins[CTL_OPT_REDIS])
        {
            ctl_die_usage(ctl, "--%s needs an address with TLS: --redis "
                          "tls://host:port", ctl_option_name(opts[i]));
        }
    }
}


static void
parse_address(const ctl_t *ctl, const char *address, ctl_endpoint_t *out)
{
    const char *rest = address;

    memset(out, 0, sizeof(*out));

    if (strchr(address, '@') != NULL && strncmp(address, "unix:", 5) != 0
        && address[0] != '/')
    {
        /* it may hold a password: it is not repeated */
        ctl_die_usage(ctl, "--redis takes no user and no password: give "
                      "--redis-user and --password-file");
    }

    if (strncmp(address, "unix:", 5) == 0) {
        if (address[5] != '/') {
            ctl_die_usage(ctl, "--redis \"%s\": the socket's path must be "
                          "absolute", ctl_escape(ctl_str(address)));
        }

        out->path = address + 5;

    } else if (address[0] == '/') {
        out->path = address;

    } else {
        for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
            if (strncmp(address, schemes[i].begins, strlen(schemes[i].begins))
                == 0)
            {
                rest = address + strlen(schemes[i].begins);
                out->tls = schemes[i].tls;
            }
        }

        if (!parse_host(ctl_dup(ctl_str(rest)), out)) {
            ctl_die_usage(ctl, "--redis \"%s\" is no address; it expects "
                          FORMS, ctl_escape(ctl_str(address)));
        }
    }

    out->tls_ca = ctl->options[CTL_OPT_TLS_CA];
    out->tls_cert = ctl->options[CTL_OPT_TLS_CERT];
    out->tls_key = ctl->options[CTL_OPT_TLS_KEY];
    check_tls(ctl, out);
}


static ctl_transport_t *
connect_address(const ctl_t *ctl, const char *address, int64_t timeout_ms)
{
    ctl_endpoint_t endpoint;

    parse_address(ctl, address, &endpoint);

    return ctl_transport_open(&endpoint, timeout_ms);
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

    if (compliance_str_eq(schema, ctl_str(CTL_SCHEMA_RESTORING))) {
        if (ctl->command->run == ctl_restore) {
            return;
        }

        ctl_die(CTL_CONTENT, "a restore was cut off, or goes on now; gateways "
                "deny until it is finished. Run it again: compliancectl "
                "restore FILE");
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
            "Name another with --redis " FORMS " or COMPLIANCE_REDIS", tried,
            why);
}


static ctl_transport_t *
connect_default(const ctl_t *ctl, int64_t timeout_ms, const char **address)
{
    ctl_transport_t *transport;

    if (access(DEFAULT_SOCKET, F_OK) == 0) {
        *address = "unix:" DEFAULT_SOCKET;
        transport = connect_address(ctl, *address, timeout_ms);

        if (ctl_transport_error(transport) == NULL) {
            return transport;
        }

        if (ctl_transport_errno(transport) == EACCES) {
            unreachable(*address, "permission denied");
        }

        ctl_transport_close(transport);
    }

    *address = DEFAULT_HOST ":6379";
    transport = connect_address(ctl, *address, timeout_ms);

    if (ctl_transport_error(transport) != NULL) {
        unreachable("unix:" DEFAULT_SOCKET " and " DEFAULT_HOST ":6379",
                    ctl_transport_error(transport));
    }

    return transport;
}


ctl_store_t *
ctl_store_connected(ctl_t *ctl)
{
    const char    *given = ctl->options[CTL_OPT_REDIS];
    ctl_store_t   *store;
    int64_t        db;

    if (ctl->store != NULL) {
        return ctl->store;
    }

    store = ctl_alloc(sizeof(*store));
    store->timeout_ms = ctl_option_count(ctl, CTL_OPT_TIMEOUT, 1, 600000,
                                         TIMEOUT_MS);
    db = ctl_option_count(ctl, CTL_OPT_DB, 0, 1000000, 0);

    if (given == NULL) {
        store->transport = connect_default(ctl, store->timeout_ms,
                                           &store->address);

    } else {
        store->transport = connect_address(ctl, given, store->timeout_ms);
        store->address = ctl_escape(ctl_str(given));

        if (ctl_transport_error(store->transport) != NULL) {
            unreachable(store->address,
                        ctl_transport_error(store->transport));
        }
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
        ctl_transport_close(ctl->store->transport);
        ctl->store = NULL;
    }
}
