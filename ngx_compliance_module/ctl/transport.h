/*
 * The bytes between us and Redis: a unix socket, TCP, or TLS over it, with a
 * timeout for everything that waits.  Commands are buffered and leave when an
 * answer is asked for, or when there are many.  hiredis reads the protocol, no
 * more: its connections know no TLS in the version that Debian has.
 */
#ifndef COMPLIANCE_CTL_TRANSPORT_H
#define COMPLIANCE_CTL_TRANSPORT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/* Of one answer.  A listing comes page by page: more than this is no answer to
 * anything we ask. */
#define CTL_REPLY_BYTES_MAX     1073741824
#define CTL_REPLY_ELEMENTS_MAX  16777216

typedef struct ctl_transport_s  ctl_transport_t;

/* Borrowed while the connection is made. */
typedef struct {
    const char *path;      /* of a unix socket, or NULL */
    const char *host;
    uint16_t    port;
    bool        tls;
    const char *tls_ca;    /* NULL: the authorities that the system trusts */
    const char *tls_cert;  /* NULL: we prove nothing */
    const char *tls_key;
} ctl_endpoint_t;

/* Never NULL but without memory; ask _error().  Freed by _close(). */
ctl_transport_t *ctl_transport_open(const ctl_endpoint_t *endpoint,
    int64_t timeout_ms);
void ctl_transport_close(ctl_transport_t *transport);

/* What went wrong, or NULL.  After an error nothing works any more. */
const char *ctl_transport_error(const ctl_transport_t *transport);
/* The error is that nothing came, or left, in time. */
bool ctl_transport_late(const ctl_transport_t *transport);
/* errno of the error, where it has one. */
int ctl_transport_errno(const ctl_transport_t *transport);

void ctl_transport_timeout(ctl_transport_t *transport, int64_t timeout_ms);
/* For replies that are made otherwise than hiredis makes them. */
void ctl_transport_functions(ctl_transport_t *transport,
    redisReplyObjectFunctions *functions, void *data);

/* All false on an error. */
bool ctl_transport_send(ctl_transport_t *transport, const char *data,
    size_t len);
bool ctl_transport_flush(ctl_transport_t *transport);
bool ctl_transport_receive(ctl_transport_t *transport, void **reply);

/* transport_tls.c: the SSL object of an endpoint, not yet connected.  NULL:
 * *why says what is wrong. */
struct ssl_st *ctl_tls_new(const ctl_endpoint_t *endpoint, const char **why);
/* What OpenSSL says, with the way out. */
const char *ctl_tls_why(struct ssl_st *ssl, const char *doing);

#endif
