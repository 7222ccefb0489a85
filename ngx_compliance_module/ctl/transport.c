/*
 * Sockets that do not block, and poll() with a timeout around every one of
 * their calls.  The first error stays: what follows it fails as well.
 */
#include "ctl.h"
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>


#define OUT_FLUSH   262144         /* buffered before it leaves unasked */
#define IN_SIZE     131072         /* of one read */
#define IN_KEPT     1048576  /* of the reader's buffer, while idle */
#define ERROR_MAX   512

struct ctl_transport_s {
    int            fd;
    SSL           *ssl;           /* NULL: none */
    int64_t        timeout_ms;
    redisReader   *reader;
    char          *out;
    size_t         len;
    size_t         cap;
    bool           failed;
    bool           late;
    bool           heard;         /* something was received */
    bool           proven;        /* we have a certificate */
    int            error_no;
    char           error[ERROR_MAX];
    char           in[IN_SIZE];
};

static redisReplyObjectFunctions limited;      /* hiredis' own, and limits */
static void *(*plain_array)(const redisReadTask *task, int n);


static void *
limited_array(const redisReadTask *task, int n)
{
    return n > CTL_REPLY_ELEMENTS_MAX ? NULL : plain_array(task, n);
}


static bool
fail(ctl_transport_t *t, int error_no, const char *why)
{
    if (!t->failed) {
        t->failed = true;
        t->error_no = error_no;
        (void) snprintf(t->error, sizeof(t->error), "%s", why);
    }

    return false;
}


static bool
fail_errno(ctl_transport_t *t)
{
    int error_no = errno;

    /* TLS 1.3 refuses a client after its handshake, and the reset that follows
     * overtakes the alert that would have said why */
    if (t->ssl != NULL && !t->heard && !t->proven
        && (error_no == ECONNRESET || error_no == EPIPE))
    {
        return fail(t, error_no, "it ends the connection right behind the TLS "
                    "handshake; does it want a client certificate? See "
                    "--tls-cert and --tls-key");
    }

    return fail(t, error_no, strerror(error_no));
}


static bool
await(ctl_transport_t *t, short events)
{
    struct pollfd fd = { .fd = t->fd, .events = events };
    int           n;

    do {
        n = poll(&fd, 1, t->timeout_ms > INT32_MAX ? INT32_MAX
                                                   : (int) t->timeout_ms);
    } while (n < 0 && errno == EINTR);

    if (n < 0) {
        return fail_errno(t);
    }

    if (n == 0) {
        t->late = true;
        return fail(t, ETIMEDOUT, "timed out");
    }

    return true;
}


static bool
connect_to(ctl_transport_t *t, const struct sockaddr *address, socklen_t len)
{
    int       error = 0, on = 1;
    socklen_t size = sizeof(error);

    t->failed = t->late = false;
    t->fd = socket(address->sa_family,
                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd < 0) {
        return fail_errno(t);
    }

    if (connect(t->fd, address, len) != 0) {
        if (errno != EINPROGRESS) {
            return fail_errno(t);
        }

        if (!await(t, POLLOUT)) {
            return false;
        }

        if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            return fail_errno(t);
        }

        if (error != 0) {
            return fail(t, error, strerror(error));
        }
    }

    if (address->sa_family != AF_UNIX) {
        (void) setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void) setsockopt(t->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }

    return true;
}


static bool
connect_unix(ctl_transport_t *t, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(t, ENAMETOOLONG, "the socket's path is too long");
    }

    memcpy(address.sun_path, path, strlen(path) + 1);

    return connect_to(t, (const struct sockaddr *) &address, sizeof(address));
}


static bool
connect_tcp(ctl_transport_t *t, const ctl_endpoint_t *endpoint)
{
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    char             port[8];
    int              rc;

    (void) snprintf(port, sizeof(port), "%u", (unsigned) endpoint->port);
    rc = getaddrinfo(endpoint->host, port, &hints, &found);

    if (rc != 0) {
        return fail(t, 0, gai_strerror(rc));
    }

    for (const struct addrinfo *each = found; each != NULL;
         each = each->ai_next)
    {
        if (connect_to(t, each->ai_addr, each->ai_addrlen)) {
            break;
        }

        if (each->ai_next != NULL && t->fd >= 0) {
            (void) close(t->fd);
            t->fd = -1;
        }
    }

    freeaddrinfo(found);

    return !t->failed;
}


/* After an SSL call that returned rc: true, call it again. */
static bool
again(ctl_transport_t *t, int rc, const char *doing)
{
    switch (SSL_get_error(t->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        return await(t, POLLIN);

    case SSL_ERROR_WANT_WRITE:
        return await(t, POLLOUT);

    case SSL_ERROR_ZERO_RETURN:
        return fail(t, ECONNRESET, "Redis closed the connection");

    case SSL_ERROR_SYSCALL:
        if (errno != 0) {
            return fail_errno(t);
        }

        return fail(t, ECONNRESET, "Redis closed the connection");

    default:
        return fail(t, 0, ctl_tls_why(t->ssl, doing));
    }
}


static bool
handshake(ctl_transport_t *t, const ctl_endpoint_t *endpoint)
{
    const char *why;
    int         rc;

    t->ssl = ctl_tls_new(endpoint, &why);

    if (t->ssl == NULL) {
        return fail(t, 0, why);
    }

    if (SSL_set_fd(t->ssl, t->fd) != 1) {
        return fail(t, 0, "out of memory");
    }

    do {
        ERR_clear_error();
        errno = 0;
        rc = SSL_connect(t->ssl);
    } while (rc != 1 && again(t, rc, "no TLS"));

    return rc == 1;
}


ctl_transport_t *
ctl_transport_open(const ctl_endpoint_t *endpoint, int64_t timeout_ms)
{
    ctl_transport_t *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return NULL;
    }

    t->fd = -1;
    t->timeout_ms = timeout_ms;
    t->proven = endpoint->tls_cert != NULL;
    t->reader = redisReaderCreate();

    if (t->reader == NULL) {
        free(t);
        return NULL;
    }

    t->reader->maxbuf = IN_KEPT;
    limited = *t->reader->fn;
    plain_array = limited.createArray;
    limited.createArray = limited_array;
    t->reader->fn = &limited;

    /* a server that goes away is an error with a message */
    (void) signal(SIGPIPE, SIG_IGN);

    if (endpoint->path != NULL ? connect_unix(t, endpoint->path)
                               : connect_tcp(t, endpoint))
    {
        if (endpoint->tls) {
            (void) handshake(t, endpoint);
        }
    }

    (void) signal(SIGPIPE, SIG_DFL);

    return t;
}


void
ctl_transport_close(ctl_transport_t *t)
{
    if (t == NULL) {
        return;
    }

    if (t->ssl != NULL) {
        (void) signal(SIGPIPE, SIG_IGN);

        if (!t->failed) {
            (void) SSL_shutdown(t->ssl);
        }

        (void) signal(SIGPIPE, SIG_DFL);
        SSL_free(t->ssl);
        ERR_clear_error();
    }

    if (t->fd >= 0) {
        (void) close(t->fd);
    }

    redisReaderFree(t->reader);
    free(t->out);
    free(t);
}


const char *
ctl_transport_error(const ctl_transport_t *t)
{
    if (t == NULL) {
        return "out of memory";
    }

    return t->failed ? t->error : NULL;
}


bool
ctl_transport_late(const ctl_transport_t *t)
{
    return t->late;
}


int
ctl_transport_errno(const ctl_transport_t *t)
{
    return t == NULL ? ENOMEM : t->error_no;
}


void
ctl_transport_timeout(ctl_transport_t *t, int64_t timeout_ms)
{
    t->timeout_ms = timeout_ms;
}


void
ctl_transport_functions(ctl_transport_t *t,
    redisReplyObjectFunctions *functions, void *data)
{
    t->reader->fn = functions;
    t->reader->privdata = data;
}


/* All of it, waiting for room as often as it takes. */
static bool
write_all(ctl_transport_t *t, const char *data, size_t len)
{
    ssize_t n;

    while (len > 0) {
        errno = 0;

        if (t->ssl != NULL) {
            ERR_clear_error();
            n = SSL_write(t->ssl, data, len > IN_SIZE ? IN_SIZE : (int) len);

            if (n <= 0) {
                if (!again(t, (int) n, "TLS write")) {
                    return false;
                }

                continue;
            }

        } else {
            n = send(t->fd, data, len, MSG_NOSIGNAL);

            if (n < 0 && errno == EINTR) {
                continue;
            }

            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                if (!await(t, POLLOUT)) {
                    return false;
                }

                continue;
            }

            if (n < 0) {
                return fail_errno(t);
            }
        }

        data += n;
        len -= (size_t) n;
    }

    return true;
}


bool
ctl_transport_flush(ctl_transport_t *t)
{
    bool ok;

    if (t->failed) {
        return false;
    }

    if (t->len == 0) {
        return true;
    }

    (void) signal(SIGPIPE, SIG_IGN);
    ok = write_all(t, t->out, t->len);
    (void) signal(SIGPIPE, SIG_DFL);
    t->len = 0;

    return ok;
}


bool
ctl_transport_send(ctl_transport_t *t, const char *data, size_t len)
{
    char  *out;
    size_t cap;
    bool   ok;

    if (t->failed) {
        return false;
    }

    /* what is large is not copied once more */
    if (len >= OUT_FLUSH) {
        if (!ctl_transport_flush(t)) {
            return false;
        }

        (void) signal(SIGPIPE, SIG_IGN);
        ok = write_all(t, data, len);
        (void) signal(SIGPIPE, SIG_DFL);

        return ok;
    }

    if (len > t->cap - t->len) {
        cap = t->len + len > 2 * t->cap ? t->len + len : 2 * t->cap;
        out = realloc(t->out, cap);

        if (out == NULL) {
            return fail(t, ENOMEM, "out of memory");
        }

        t->out = out;
        t->cap = cap;
    }

    memcpy(t->out + t->len, data, len);
    t->len += len;

    return t->len < OUT_FLUSH || ctl_transport_flush(t);
}


static bool
read_some(ctl_transport_t *t)
{
    ssize_t n;

    for ( ;; ) {
        errno = 0;

        if (t->ssl != NULL) {
            ERR_clear_error();
            n = SSL_read(t->ssl, t->in, IN_SIZE);

            if (n > 0) {
                break;
            }

            if (!again(t, (int) n, "TLS")) {
                return false;
            }

            continue;
        }

        n = recv(t->fd, t->in, IN_SIZE, 0);

        if (n > 0) {
            break;
        }

        if (n == 0) {
            return fail(t, ECONNRESET, "Server closed the connection");
        }

        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!await(t, POLLIN)) {
                return false;
            }

        } else if (errno != EINTR) {
            return fail_errno(t);
        }
    }

    t->heard = true;

    if (t->reader->len - t->reader->pos > CTL_REPLY_BYTES_MAX) {
        return fail(t, 0, "an answer larger than any that is asked for");
    }

    if (redisReaderFeed(t->reader, t->in, (size_t) n) != REDIS_OK) {
        return fail(t, ENOMEM, t->reader->errstr);
    }

    return true;
}


bool
ctl_transport_receive(ctl_transport_t *t, void **reply)
{
    *reply = NULL;

    for ( ;; ) {
        if (t->failed) {
            return false;
        }

        if (redisReaderGetReply(t->reader, reply) != REDIS_OK) {
            return fail(t, 0, t->reader->errstr);
        }

        if (*reply != NULL) {
            return true;
        }

        if (!ctl_transport_flush(t) || !read_some(t)) {
            return false;
        }
    }
}
