/*
 * HTTPS, for the importers that read from an MDM's own interface.  One host:
 * the one of the URL that was given.  Neither a link in a page nor a redirect
 * leads to another, for the token would go along.  Certificates are always
 * verified, every request has a timeout and a largest answer, and what a busy
 * server asks for (429, Retry-After) is done.
 */
#ifndef COMPLIANCE_CTL_FETCH_H
#define COMPLIANCE_CTL_FETCH_H

#include "ctl.h"

#include <curl/curl.h>


#define FETCH_BODY_MAX  33554432   /* 32 MiB */

/* The credentials file (docs/intune.md). */
typedef struct {
    const char *path;            /* NULL: none was given */
    const char *token_url;
    const char *client_id;
    const char *client_secret;
    const char *scope;
    const char *ca_file;
    bool        plain;           /* http:// on this machine */
    int64_t     timeout_s;
} ctl_credentials_t;

typedef struct ctl_fetch_s  ctl_fetch_t;

struct ctl_fetch_s {
    const ctl_credentials_t *credentials;
    CURL    *curl;
    CURLU   *origin;             /* where everything must come from */
    char     error[CURL_ERROR_SIZE];
    char    *token;              /* malloc'ed; NULL: none yet */
    int64_t  token_until;
    char    *body;               /* of the last answer */
    size_t   len;
    size_t   cap;
    bool     too_large;
    long     status;
    int64_t  retry_after_s;      /* -1: not told */
};

/* fetch_token.c: dies where the file is not to be used. */
void ctl_credentials_read(const ctl_t *ctl, ctl_credentials_t *credentials);
/* False: *why.  A token that is still good is kept, unless renew. */
bool ctl_fetch_token(ctl_fetch_t *fetch, bool renew, const char **why);

/* fetch.c */
ctl_fetch_t *ctl_fetch_open(const ctl_credentials_t *credentials,
    const char *url);
/* The whole answer to a GET, or false: *why.  Lives until the next one. */
bool ctl_fetch_get(ctl_fetch_t *fetch, const char *url,
    compliance_str_t *body, const char **why);
/* Is that URL of the same scheme, host and port as the first one? */
bool ctl_fetch_is_same(ctl_fetch_t *fetch, const char *url);

/* What fetch_token.c needs of it: one request, no retries. */
bool ctl_fetch_request(ctl_fetch_t *fetch, const char *url, const char *form,
    const char **why);
/* https, or http on this machine where it was asked for. */
bool ctl_fetch_is_allowed(const ctl_credentials_t *credentials,
    const char *url, const char **why);
/* Waits as the last answer asks, or longer each time; false: not again. */
bool ctl_fetch_wait(ctl_fetch_t *fetch, unsigned attempt);

#endif
