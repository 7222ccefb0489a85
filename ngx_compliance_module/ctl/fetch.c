/*
 * One request at a time, by libcurl's easy interface.  What fails for a moment
 * is tried again; what is refused is not.
 */
#include "fetch.h"
#include "bulk.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define ATTEMPTS        6
#define REDIRECTS       5
#define WAIT_FIRST_MS   INT64_C(500)   /* doubled each time */
#define WAIT_MAX_S      300      /* of a Retry-After: more is not waited */
#define BODY_FIRST      65536


static bool
is_loopback(const char *host)
{
    struct in_addr address;

    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0
           || (inet_pton(AF_INET, host, &address) == 1
               && ntohl(address.s_addr) >> 24 == 127);
}


/* A part of a URL in memory of ours, or NULL. */
static const char *
part_of(CURLU *url, CURLUPart part)
{
    char       *text = NULL;
    const char *copy;

    if (curl_url_get(url, part, &text, part == CURLUPART_PORT
                                       ? CURLU_DEFAULT_PORT : 0) != CURLUE_OK)
    {
        return NULL;
    }

    copy = ctl_dup(ctl_str(text));
    curl_free(text);

    return copy;
}


static void
free_url(void *url)
{
    curl_url_cleanup(url);
}


static CURLU *
parse_url(const char *text)
{
    CURLU *url = curl_url();

    if (url == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(url, free_url);

    return curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK ? url : NULL;
}


bool
ctl_fetch_is_allowed(const ctl_credentials_t *credentials, const char *text,
    const char **why)
{
    CURLU      *url = parse_url(text);
    const char *scheme, *host;

    if (url == NULL) {
        *why = "it is no URL";
        return false;
    }

    scheme = part_of(url, CURLUPART_SCHEME);
    host = part_of(url, CURLUPART_HOST);

    if (scheme == NULL || host == NULL) {
        *why = "it names no host";
        return false;
    }

    if (part_of(url, CURLUPART_USER) != NULL
        || part_of(url, CURLUPART_PASSWORD) != NULL)
    {
        *why = "it holds a user name: credentials go into a file "
               "(--credentials)";
        return false;
    }

    if (strcmp(scheme, "https") == 0
        || (strcmp(scheme, "http") == 0 && credentials->plain
            && is_loopback(host)))
    {
        return true;
    }

    *why = "it must begin with https:// (http:// is for this machine, with "
           "plain = yes in the credentials file)";

    return false;
}


bool
ctl_fetch_is_same(ctl_fetch_t *fetch, const char *text)
{
    static const CURLUPart parts[] = {
        CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT
    };

    CURLU      *url = parse_url(text);
    const char *a, *b, *why;

    if (url == NULL || !ctl_fetch_is_allowed(fetch->credentials, text, &why)) {
        return false;
    }

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        a = part_of(fetch->origin, parts[i]);
        b = part_of(url, parts[i]);

        if (a == NULL || b == NULL || strcasecmp(a, b) != 0) {
            return false;
        }
    }

    return true;
}


static size_t
take_body(char *bytes, size_t size, size_t n, void *data)
{
    ctl_fetch_t *fetch = data;
    size_t       more = size * n, cap;
    char        *body;

    if (more > FETCH_BODY_MAX - fetch->len) {
        fetch->too_large = true;
        return 0;    /* ends the transfer */
    }

    if (more > fetch->cap - fetch->len) {
        cap = fetch->cap * 2 + more + BODY_FIRST;
        body = realloc(fetch->body, cap);

        if (body == NULL) {
            return 0;
        }

        fetch->body = body;
        fetch->cap = cap;
    }

    memcpy(fetch->body + fetch->len, bytes, more);
    fetch->len += more;

    return more;
}


static void
set_text(ctl_fetch_t *fetch, CURLoption option, const char *text)
{
    if (curl_easy_setopt(fetch->curl, option, text) != CURLE_OK) {
        ctl_die(CTL_STORE, "libcurl refuses option %d; is its version the one "
                "compliancectl was built with?", (int) option);
    }
}


static void
set_number(ctl_fetch_t *fetch, CURLoption option, long number)
{
    if (curl_easy_setopt(fetch->curl, option, number) != CURLE_OK) {
        ctl_die(CTL_STORE, "libcurl refuses option %d; is its version the one "
                "compliancectl was built with?", (int) option);
    }
}


/* Everything that keeps a request within its bounds. */
static void
set_options(ctl_fetch_t *fetch)
{
    const ctl_credentials_t *credentials = fetch->credentials;

    curl_easy_reset(fetch->curl);
    set_text(fetch, CURLOPT_PROTOCOLS_STR,
             credentials->plain ? "https,http" : "https");
    set_number(fetch, CURLOPT_FOLLOWLOCATION, 0);
    set_number(fetch, CURLOPT_SSL_VERIFYPEER, 1);
    set_number(fetch, CURLOPT_SSL_VERIFYHOST, 2);
    set_number(fetch, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_number(fetch, CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set_number(fetch, CURLOPT_NOSIGNAL, 1);
    set_number(fetch, CURLOPT_CONNECTTIMEOUT, (long) credentials->timeout_s);
    set_number(fetch, CURLOPT_TIMEOUT, (long) credentials->timeout_s);
    set_number(fetch, CURLOPT_MAXREDIRS, 0);
    set_text(fetch, CURLOPT_ACCEPT_ENCODING, "");
    set_text(fetch, CURLOPT_USERAGENT, "compliancectl");

    if (credentials->ca_file != NULL) {
        set_text(fetch, CURLOPT_CAINFO, credentials->ca_file);
        (void) curl_easy_setopt(fetch->curl, CURLOPT_CAPATH, NULL);
    }

    if (curl_easy_setopt(fetch->curl, CURLOPT_WRITEFUNCTION, take_body)
        != CURLE_OK
        || curl_easy_setopt(fetch->curl, CURLOPT_WRITEDATA, fetch)
           != CURLE_OK
        || curl_easy_setopt(fetch->curl, CURLOPT_ERRORBUFFER, fetch->error)
           != CURLE_OK)
    {
        ctl_die(CTL_STORE, "libcurl takes no function");
    }
}


static struct curl_slist *
add_header(struct curl_slist *headers, const char *text)
{
    struct curl_slist *longer = curl_slist_append(headers, text);

    if (longer == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return longer;
}


static void
free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *one = headers; one != NULL; one = one->next) {
        explicit_bzero(one->data, strlen(one->data));
    }

    curl_slist_free_all(headers);
}


/* "Authorization: Bearer ...", in memory that is wiped. */
static struct curl_slist *
add_token(struct curl_slist *headers, const char *token)
{
    size_t len = strlen(token) + sizeof("Authorization: Bearer ");
    char  *text = malloc(len);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    (void) snprintf(text, len, "Authorization: Bearer %s", token);
    headers = add_header(headers, text);
    explicit_bzero(text, len);
    free(text);

    return headers;
}


static const char *
reason(const ctl_fetch_t *fetch, CURLcode code)
{
    const char *advice = "";

    if (fetch->too_large) {
        return ctl_format("the answer is larger than %d MiB",
                          FETCH_BODY_MAX / 1024 / 1024);
    }

    if (code == CURLE_PEER_FAILED_VERIFICATION
        || code == CURLE_SSL_CACERT_BADFILE)
    {
        advice = "; its authority goes into ca_file of the credentials file";

    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        advice = "; timeout in the credentials file gives it longer";
    }

    return ctl_format("%s%s", fetch->error[0] != '\0'
                      ? ctl_escape(ctl_str(fetch->error))
                      : curl_easy_strerror(code), advice);
}


bool
ctl_fetch_request(ctl_fetch_t *fetch, const char *url, const char *form,
    const char **why)
{
    struct curl_slist *headers;
    CURLcode           code;
    curl_off_t         wait = 0;

    set_options(fetch);
    set_text(fetch, CURLOPT_URL, url);
    headers = add_header(NULL, "Accept: application/json");

    if (form != NULL) {
        set_text(fetch, CURLOPT_POSTFIELDS, form);
    } else if (fetch->token != NULL) {
        headers = add_token(headers, fetch->token);
    }

    if (curl_easy_setopt(fetch->curl, CURLOPT_HTTPHEADER, headers)
        != CURLE_OK)
    {
        ctl_die(CTL_STORE, "libcurl takes no headers");
    }

    fetch->len = 0;
    fetch->too_large = false;
    fetch->error[0] = '\0';
    fetch->status = 0;
    fetch->retry_after_s = -1;

    code = curl_easy_perform(fetch->curl);
    free_headers(headers);

    if (code != CURLE_OK) {
        *why = reason(fetch, code);
        return false;
    }

    (void) curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE,
                             &fetch->status);
    (void) curl_easy_getinfo(fetch->curl, CURLINFO_RETRY_AFTER, &wait);
    fetch->retry_after_s = wait > 0 ? (int64_t) wait : -1;

    return true;
}


static void
sleep_ms(int64_t ms)
{
    struct timespec left = { (time_t) (ms / 1000), (ms % 1000) * 1000000 };

    while (nanosleep(&left, &left) != 0) {
        continue;
    }
}


bool
ctl_fetch_wait(ctl_fetch_t *fetch, unsigned attempt)
{
    int64_t ms = WAIT_FIRST_MS << attempt;

    if (attempt + 1 >= ATTEMPTS) {
        return false;
    }

    if (fetch->retry_after_s > 0) {
        if (fetch->retry_after_s > WAIT_MAX_S) {
            return false;
        }

        ms = fetch->retry_after_s * 1000;
        ctl_progress_hide();
        fprintf(stderr, "compliancectl: the server is busy (%ld) and asks to "
                "wait %lld s\n", fetch->status,
                (long long) fetch->retry_after_s);
    }

    sleep_ms(ms);

    return true;
}


static bool
is_passing(long status)
{
    return status == 429 || status == 408 || (status >= 500 && status <= 504);
}


/* Followed only within the same host. */
static bool
redirected(ctl_fetch_t *fetch, const char **url, const char **why)
{
    char *location = NULL;

    if (curl_easy_getinfo(fetch->curl, CURLINFO_REDIRECT_URL, &location)
        != CURLE_OK || location == NULL)
    {
        *why = ctl_format("status %ld without a place", fetch->status);
        return false;
    }

    if (!ctl_fetch_is_same(fetch, location)) {
        *why = ctl_format("it redirects to another host, \"%s\", which is not "
                          "followed", ctl_escape(ctl_str(location)));
        return false;
    }

    *url = ctl_dup(ctl_str(location));

    return true;
}


static const char *
status_text(const ctl_fetch_t *fetch)
{
    static const struct {
        long        status;
        const char *advice;
    } advices[] = {
        { 400, "it does not understand the URL" },
        { 401, "it does not accept the token: check the credentials file" },
        { 403, "these credentials may not read devices: Graph wants "
               "DeviceManagementManagedDevices.Read.All, Jamf Read Computers "
               "and Read Mobile Devices" },
        { 404, "there is nothing at that URL" },
        { 429, "it is too busy, or asks to wait too long" },
    };

    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (advices[i].status == fetch->status) {
            return ctl_format("status %ld: %s", fetch->status,
                              advices[i].advice);
        }
    }

    return ctl_format("status %ld", fetch->status);
}


bool
ctl_fetch_get(ctl_fetch_t *fetch, const char *url, compliance_str_t *body,
    const char **why)
{
    unsigned attempt = 0, redirects = 0;
    bool     renewed = false;

    for ( ;; ) {
        bool again;

        if (!ctl_fetch_token(fetch, false, why)) {
            return false;
        }

        if (!ctl_fetch_request(fetch, url, NULL, why)) {
            again = !fetch->too_large;

        } else if (fetch->status == 200) {
            *body = (compliance_str_t) { fetch->body, fetch->len };
            return true;

        } else if (fetch->status >= 301 && fetch->status <= 308) {
            if (++redirects > REDIRECTS) {
                *why = "it redirects again and again";
                return false;
            }

            if (!redirected(fetch, &url, why)) {
                return false;
            }

            continue;

        } else if (fetch->status == 401 && fetch->token != NULL && !renewed) {
            renewed = true;

            if (!ctl_fetch_token(fetch, true, why)) {
                return false;
            }

            continue;

        } else {
            *why = status_text(fetch);
            again = is_passing(fetch->status);
        }

        if (!again || !ctl_fetch_wait(fetch, attempt++)) {
            return false;
        }
    }
}


static void
free_fetch(void *data)
{
    ctl_fetch_t *fetch = data;

    curl_easy_cleanup(fetch->curl);

    if (fetch->token != NULL) {
        explicit_bzero(fetch->token, strlen(fetch->token));
        free(fetch->token);
    }

    free(fetch->body);
    free(fetch);
}


ctl_fetch_t *
ctl_fetch_open(const ctl_credentials_t *credentials, const char *url)
{
    ctl_fetch_t *fetch = calloc(1, sizeof(*fetch));
    const char  *why = "";

    if (fetch == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(fetch, free_fetch);
    fetch->credentials = credentials;
    fetch->curl = curl_easy_init();

    if (fetch->curl == NULL) {
        ctl_die(CTL_STORE, "libcurl does not start: out of memory?");
    }

    if (!ctl_fetch_is_allowed(credentials, url, &why)) {
        ctl_die(CTL_USAGE, "\"%s\": %s", ctl_escape(ctl_str(url)), why);
    }

    fetch->origin = parse_url(url);

    return fetch;
}
