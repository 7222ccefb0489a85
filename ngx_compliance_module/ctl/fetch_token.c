/*
 * OAuth 2.0 client credentials: the file that holds them, and the token that
 * they are exchanged for.  Neither ever shows in a message.
 */
#include "fetch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>


#define FILE_MAX_BYTES  65536
#define TIMEOUT_S       120
#define TIMEOUT_MAX_S   3600
#define TENANT_MAX      128
#define TOKEN_MAX       65536
#define EARLY_S         60       /* a token is renewed before it ends */
#define LIFE_S          300      /* of one that does not say */

#define MICROSOFT        "https://login.microsoftonline.com/"
#define MICROSOFT_TOKEN  "/oauth2/v2.0/token"
#define GRAPH_SCOPE      "https://graph.microsoft.com/.default"


static CTL_NORETURN void
wrong(const ctl_credentials_t *credentials, unsigned line, const char *what)
{
    ctl_die(CTL_USAGE, "\"%s\" line %u: %s",
            ctl_escape(ctl_str(credentials->path)), line, what);
}


/* A tenant's id or domain, as a part of Microsoft's token URL. */
static void
set_tenant(ctl_credentials_t *credentials, const char *value, unsigned line)
{
    if (strlen(value) > TENANT_MAX
        || value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] != '\0')
    {
        wrong(credentials, line, "tenant is neither an id nor a domain");
    }

    credentials->token_url = ctl_format("%s%s%s", MICROSOFT, value,
                                        MICROSOFT_TOKEN);

    if (credentials->scope == NULL) {
        credentials->scope = GRAPH_SCOPE;
    }
}


/* False: there is no such key. */
static bool
set_text(ctl_credentials_t *credentials, const char *key, const char *value)
{
    const struct {
        const char  *key;
        const char **field;
    } texts[] = {
        { "token_url", &credentials->token_url },
        { "client_id", &credentials->client_id },
        { "client_secret", &credentials->client_secret },
        { "scope", &credentials->scope },
        { "ca_file", &credentials->ca_file },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            *texts[i].field = value;
            return true;
        }
    }

    return false;
}


static void
set(ctl_credentials_t *credentials, const char *key, const char *value,
    unsigned line)
{
    if (set_text(credentials, key, value)) {
        return;
    }

    if (strcmp(key, "tenant") == 0) {
        set_tenant(credentials, value, line);

    } else if (strcmp(key, "plain") == 0) {
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            wrong(credentials, line, "plain expects yes or no");
        }

        credentials->plain = value[0] == 'y';

    } else if (strcmp(key, "timeout") == 0) {
        if (!ctl_span_parse(ctl_str(value), &credentials->timeout_s)
            || credentials->timeout_s < 1
            || credentials->timeout_s > TIMEOUT_MAX_S)
        {
            wrong(credentials, line, "timeout expects a span from 1s to 1h");
        }

    } else {
        /* not shown: a secret may stand in the place of a key */
        wrong(credentials, line, "no such setting; it expects tenant, "
              "token_url, client_id, client_secret, scope, ca_file, timeout "
              "or plain");
    }
}


static void
check(const ctl_credentials_t *credentials)
{
    const char *why = "";
    size_t      given = (credentials->token_url != NULL)
                        + (credentials->client_id != NULL)
                        + (credentials->client_secret != NULL);

    if (given != 0 && given != 3) {
        ctl_die(CTL_USAGE, "\"%s\": tenant (or token_url), client_id and "
                "client_secret go together",
                ctl_escape(ctl_str(credentials->path)));
    }

    if (credentials->token_url != NULL
        && !ctl_fetch_is_allowed(credentials, credentials->token_url, &why))
    {
        ctl_die(CTL_USAGE, "\"%s\": token_url: %s",
                ctl_escape(ctl_str(credentials->path)), why);
    }
}


static void
check_mode(const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && (info.st_mode & (S_IRWXO | S_IWGRP))) {
        ctl_die(CTL_USAGE, "others on this machine can read or change \"%s\", "
                "which holds a secret; chmod 640 it",
                ctl_escape(ctl_str(path)));
    }
}


void
ctl_credentials_read(const ctl_t *ctl, ctl_credentials_t *credentials)
{
    const char      *path = ctl->options[CTL_OPT_CREDENTIALS], *key, *value;
    compliance_str_t text;
    char            *rest, *line;
    unsigned         nth = 0;

    memset(credentials, 0, sizeof(*credentials));
    credentials->timeout_s = TIMEOUT_S;
    credentials->path = path;

    if (path == NULL) {
        return;
    }

    check_mode(path);
    text = ctl_read_file(path, FILE_MAX_BYTES);

    if (memchr(text.data, '\0', text.len) != NULL) {
        ctl_die(CTL_USAGE, "\"%s\" is no credentials file: it holds a NUL",
                ctl_escape(ctl_str(path)));
    }

    rest = ctl_dup(text);
    explicit_bzero(ctl_unconst(text.data), text.len);

    while ((line = strsep(&rest, "\n")) != NULL) {
        nth++;

        /* a line without '=' is told by its number alone */
        if (line[strspn(line, " \t\r")] != '\0'
            && line[strspn(line, " \t")] != '#' && strchr(line, '=') == NULL)
        {
            wrong(credentials, nth, "it is no \"key = value\"");
        }

        if (ctl_file_setting(path, line, nth, &key, &value)) {
            set(credentials, key, value, nth);
        }
    }

    check(credentials);
}


static char *
escaped(ctl_fetch_t *fetch, const char *text)
{
    char *out = curl_easy_escape(fetch->curl, text, 0);

    if (out == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return out;
}


/* The caller wipes it. */
static char *
form_of(ctl_fetch_t *fetch)
{
    const ctl_credentials_t *credentials = fetch->credentials;
    char  *id = escaped(fetch, credentials->client_id);
    char  *secret = escaped(fetch, credentials->client_secret);
    char  *scope = escaped(fetch, credentials->scope == NULL
                                  ? "" : credentials->scope);
    size_t cap = strlen(id) + strlen(secret) + strlen(scope) + 128;
    char  *form = malloc(cap);

    if (form == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    (void) snprintf(form, cap, "grant_type=client_credentials&client_id=%s"
                    "&client_secret=%s%s%s", id, secret,
                    scope[0] == '\0' ? "" : "&scope=", scope);

    explicit_bzero(secret, strlen(secret));
    curl_free(id);
    curl_free(secret);
    curl_free(scope);

    return form;
}


/* A token goes into a header: nothing that ends one. */
static bool
is_token(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }

    return len > 0 && len <= TOKEN_MAX;
}


static bool
take_token(ctl_fetch_t *fetch, const char **why)
{
    json_t     *answer = json_loadb(fetch->body, fetch->len, 0, NULL);
    const char *token, *error;
    json_int_t  life;
    bool        good;

    if (fetch->len > 0) {
        explicit_bzero(fetch->body, fetch->len);
    }

    token = json_string_value(json_object_get(answer, "access_token"));
    error = json_string_value(json_object_get(answer, "error"));
    life = json_integer_value(json_object_get(answer, "expires_in"));
    good = fetch->status == 200 && is_token(token);

    if (good) {
        fetch->token = strdup(token);
        fetch->token_until = (int64_t) time(NULL)
                             + (life > 0 ? (int64_t) life : LIFE_S) - EARLY_S;

        if (fetch->token == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

    } else if (error != NULL) {
        *why = ctl_format("no token: %s (status %ld); check the credentials "
                          "file", ctl_escape(ctl_str(error)), fetch->status);

    } else {
        *why = ctl_format("no token: status %ld; check token_url",
                          fetch->status);
    }

    json_decref(answer);

    return good;
}


static void
drop_token(ctl_fetch_t *fetch)
{
    if (fetch->token != NULL) {
        explicit_bzero(fetch->token, strlen(fetch->token));
        free(fetch->token);
        fetch->token = NULL;
    }
}


bool
ctl_fetch_token(ctl_fetch_t *fetch, bool renew, const char **why)
{
    const char *url = fetch->credentials->token_url, *reason = "";
    char       *form;
    bool        done = false;

    if (url == NULL
        || (!renew && fetch->token != NULL
            && (int64_t) time(NULL) < fetch->token_until))
    {
        return true;
    }

    drop_token(fetch);

    for (unsigned i = 0; !done; i++) {
        bool passing;

        form = form_of(fetch);
        passing = !ctl_fetch_request(fetch, url, form, &reason);
        explicit_bzero(form, strlen(form));
        free(form);

        if (!passing) {
            done = take_token(fetch, why);
            passing = fetch->status == 429 || fetch->status >= 500;

        } else {
            *why = ctl_format("no token: %s", reason);
        }

        if (!done && (!passing || !ctl_fetch_wait(fetch, i))) {
            return false;
        }
    }

    return true;
}
