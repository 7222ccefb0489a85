/*
 * The connection to the directory.  The surroundings' ldap.conf and LDAP*
 * variables are not read: what holds is the settings file.  Certificates are
 * always verified; referrals are never followed, for they would take the
 * password to servers that nobody named.
 */
#include "directory.h"

#define LDAP_DEPRECATED 0
#include <ldap.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


#define SYSTEM_CA       "/etc/ssl/certs/ca-certificates.crt"
#define PASSWORD_MAX    4096
#define EMPTY_PAGES     1000     /* of a server that goes on and on */
#define CONTROL_PAGED   LDAP_CONTROL_PAGEDRESULTS
#define CAPABILITY_AD   "1.2.840.113556.1.4.800"

struct directory_ldap_s {
    LDAP *ld;
    bool  paged;
    bool  chain_rule;
};

struct directory_entry_s {
    directory_t *directory;
    LDAPMessage *message;
};


/* What a server says, and what to do. */
static const struct {
    int         code;
    const char *advice;
} advices[] = {
    { LDAP_SERVER_DOWN, "is it running there, does its certificate name that "
      "host, and is it signed by an authority of ca_file?" },
    { LDAP_CONNECT_ERROR, "check its certificate, ca_file and starttls" },
    { LDAP_TIMEOUT, "timeout gives it longer" },
    { LDAP_TIMELIMIT_EXCEEDED, "the server's own limit is too short for this "
      "search: a smaller page_size, or another limit for bind_dn" },
    { LDAP_INVALID_CREDENTIALS, "check bind_dn and password_file" },
    { LDAP_INAPPROPRIATE_AUTH, "check bind_dn and password_file" },
    { LDAP_INSUFFICIENT_ACCESS, "bind_dn may not read that" },
    { LDAP_CONFIDENTIALITY_REQUIRED, "it wants TLS: ldaps://, or starttls = "
      "yes" },
    { LDAP_STRONG_AUTH_REQUIRED, "it wants TLS or a bind_dn" },
    { LDAP_OPERATIONS_ERROR, "Active Directory says so where bind_dn is "
      "missing" },
    { LDAP_NO_SUCH_OBJECT, "there is no such entry, or bind_dn may not see "
      "it: check user_base and the DNs of group.*" },
    { LDAP_INVALID_DN_SYNTAX, "check user_base and the DNs of group.*" },
    { LDAP_REFERRAL, "that entry is on another server: name that one as url" },
    { LDAP_FILTER_ERROR, "check the filters" },
    { LDAP_SIZELIMIT_EXCEEDED, "it gives only so many entries: it must allow "
      "bind_dn paged results, or no limit" },
    { LDAP_ADMINLIMIT_EXCEEDED, "a limit of the server: a smaller page_size, "
      "or another limit for bind_dn" },
    { LDAP_UNAVAILABLE_CRITICAL_EXTENSION, "it does not page after all" },
    { LDAP_PROTOCOL_ERROR, "does it speak TLS at that port?" },
};


/* Nothing has been written yet, whatever fails here. */
static CTL_NORETURN void
failed(const directory_t *directory, int code, const char *doing)
{
    const char *advice = "see its log";
    char       *told = NULL;

    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (advices[i].code == code) {
            advice = advices[i].advice;
        }
    }

    (void) ldap_get_option(directory->ldap->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE,
                           &told);

    /* GnuTLS' way of saying that a certificate is another's */
    if (told != NULL && strcmp(told, "(unknown error code)") == 0) {
        told[0] = '\0';
    }

    ctl_die(CTL_STORE, "%s %s: %s%s%s%s; %s. Nothing was written",
            ctl_escape(ctl_str(directory->settings->url)), doing,
            ldap_err2string(code), told != NULL && told[0] != '\0' ? " (" : "",
            told != NULL ? ctl_escape(ctl_str(told)) : "",
            told != NULL && told[0] != '\0' ? ")" : "", advice);
}


static void
check(const directory_t *directory, int code, const char *doing)
{
    if (code != LDAP_SUCCESS) {
        failed(directory, code, doing);
    }
}


static void
set(const directory_t *directory, int option, const void *value)
{
    if (ldap_set_option(directory->ldap->ld, option, value)
        != LDAP_OPT_SUCCESS)
    {
        ctl_die(CTL_STORE, "libldap refuses option 0x%x; is its version the "
                "one compliancectl was built with?", (unsigned) option);
    }
}


/* libldap's TLS handshake knows no timeout: a server that accepts and says
 * nothing would hold us for ever.  The timer closes the connection under it,
 * which ends the handshake as the peer's end does. */
static volatile sig_atomic_t handshake_fd = -1;
static volatile sig_atomic_t handshake_late;


static void
on_alarm(int number)
{
    (void) number;

    handshake_late = 1;

    if (handshake_fd >= 0) {
        (void) shutdown(handshake_fd, SHUT_RDWR);
    }
}


static int
on_connected(LDAP *ld, Sockbuf *sb, LDAPURLDesc *url, struct sockaddr *address,
    struct ldap_conncb *callbacks)
{
    ber_socket_t fd = -1;

    (void) ld;
    (void) url;
    (void) address;
    (void) callbacks;

    if (ber_sockbuf_ctrl(sb, LBER_SB_OPT_GET_FD, &fd) == 1) {
        handshake_fd = fd;
    }

    return 0;
}


static void
on_closed(LDAP *ld, Sockbuf *sb, struct ldap_conncb *callbacks)
{
    (void) ld;
    (void) sb;
    (void) callbacks;

    handshake_fd = -1;
}


static ldap_conncb handshake_callbacks = { on_connected, on_closed, NULL };


static void
begin_handshake(const directory_t *directory)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm;
    handshake_late = 0;

    if (sigaction(SIGALRM, &action, NULL) != 0) {
        ctl_die(CTL_STORE, "cannot set a timer: %s", strerror(errno));
    }

    /* connecting has the timeout for itself */
    (void) alarm(2 * (unsigned) directory->settings->timeout_s);
}


static int
end_handshake(int code)
{
    (void) alarm(0);

    return code != LDAP_SUCCESS && handshake_late ? LDAP_TIMEOUT : code;
}


static void
set_options(const directory_t *directory)
{
    const directory_settings_t *settings = directory->settings;
    const char    *ca = settings->ca_file != NULL ? settings->ca_file
                                                  : SYSTEM_CA;
    int            version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND;
    int            tls12 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
    struct timeval timeout = { (time_t) settings->timeout_s, 0 };
    FILE          *file;

    set(directory, LDAP_OPT_PROTOCOL_VERSION, &version);
    set(directory, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    set(directory, LDAP_OPT_NETWORK_TIMEOUT, &timeout);
    set(directory, LDAP_OPT_TIMEOUT, &timeout);
    set(directory, LDAP_OPT_CONNECT_CB, &handshake_callbacks);

    if (strncmp(settings->url, "ldaps:", 6) != 0 && !settings->starttls) {
        return;
    }

    /* libldap would tell only that the connection failed */
    file = fopen(ca, "re");
    if (file == NULL) {
        ctl_die(CTL_USAGE, "cannot read the authorities in \"%s\": name a "
                "file that can be read as ca_file", ctl_escape(ctl_str(ca)));
    }

    (void) fclose(file);

    set(directory, LDAP_OPT_X_TLS_CACERTFILE, ca);
    set(directory, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    set(directory, LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls12);
    set(directory, LDAP_OPT_X_TLS_NEWCTX, &client);
}


static void
bind_simple(const directory_t *directory)
{
    const directory_settings_t *settings = directory->settings;
    struct timeval   timeout = { (time_t) settings->timeout_s, 0 };
    struct berval    credentials = { 0, NULL };
    compliance_str_t text = compliance_absent;
    LDAPMessage     *answer = NULL;
    int              id, code, rc;

    if (settings->password_file != NULL) {
        text = ctl_read_file(settings->password_file, PASSWORD_MAX);
        credentials.bv_val = ctl_unconst(text.data);

        while (credentials.bv_len < text.len
               && text.data[credentials.bv_len] != '\n'
               && text.data[credentials.bv_len] != '\r')
        {
            credentials.bv_len++;
        }

        /* an empty password would be taken for an anonymous bind */
        if (credentials.bv_len == 0) {
            ctl_die(CTL_USAGE, "the first line of \"%s\" is empty: there is no "
                    "password", ctl_escape(ctl_str(settings->password_file)));
        }
    }

    /* it connects, where nothing has yet */
    begin_handshake(directory);
    rc = ldap_sasl_bind(directory->ldap->ld,
                        settings->bind_dn == NULL ? "" : settings->bind_dn,
                        LDAP_SASL_SIMPLE, &credentials, NULL, NULL, &id);
    rc = end_handshake(rc);

    if (text.data != NULL) {
        explicit_bzero(ctl_unconst(text.data), text.len);
    }

    check(directory, rc, "does not let us in");

    rc = ldap_result(directory->ldap->ld, id, LDAP_MSG_ALL, &timeout, &answer);

    if (rc <= 0) {
        (void) ldap_get_option(directory->ldap->ld, LDAP_OPT_RESULT_CODE,
                               &code);
        failed(directory, rc == 0 ? LDAP_TIMEOUT : code,
               "does not let us in");
    }

    check(directory, ldap_parse_result(directory->ldap->ld, answer, &code,
                                       NULL, NULL, NULL, NULL, 1),
          "does not let us in");
    check(directory, code, "does not let us in");
}


static bool
holds(struct berval **values, const char *text)
{
    for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
        if (compliance_str_eq((compliance_str_t) { values[i]->bv_val,
                                                   values[i]->bv_len },
                              ctl_str(text)))
        {
            return true;
        }
    }

    return false;
}


static void
visit_root(void *data, directory_entry_t *entry)
{
    directory_ldap_t *ldap = data;

    ldap->paged = holds(directory_entry_values(entry, "supportedControl"),
                        CONTROL_PAGED);
    ldap->chain_rule = holds(directory_entry_values(entry,
                                                    "supportedCapabilities"),
                             CAPABILITY_AD);
}


static void
free_ldap(void *data)
{
    directory_ldap_t *ldap = data;

    if (ldap->ld != NULL) {
        (void) ldap_unbind_ext(ldap->ld, NULL, NULL);
        ldap->ld = NULL;
    }

    free(ldap);
}


void
directory_ldap_open(directory_t *directory)
{
    static const char *const attributes[] = {
        "supportedControl", "supportedCapabilities", NULL
    };

    const directory_settings_t *settings = directory->settings;
    directory_ldap_t *ldap;
    int               code;

    if (setenv("LDAPNOINIT", "1", 1) != 0) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ldap = calloc(1, sizeof(*ldap));
    if (ldap == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(ldap, free_ldap);
    directory->ldap = ldap;

    code = ldap_initialize(&ldap->ld, settings->url);
    if (code != LDAP_SUCCESS) {
        ctl_die(CTL_USAGE, "\"%s\": the url \"%s\" is not valid: %s",
                ctl_escape(ctl_str(settings->path)),
                ctl_escape(ctl_str(settings->url)), ldap_err2string(code));
    }

    set_options(directory);

    if (settings->starttls) {
        begin_handshake(directory);
        check(directory,
              end_handshake(ldap_start_tls_s(ldap->ld, NULL, NULL)),
              "gives no TLS");
    }

    bind_simple(directory);
    (void) directory_ldap_search(directory, "", true, "(objectClass=*)",
                                 attributes, visit_root, ldap);
}


void
directory_ldap_close(directory_t *directory)
{
    directory_ldap_t *ldap = directory->ldap;

    (void) ldap_unbind_ext(ldap->ld, NULL, NULL);
    ldap->ld = NULL;
}


bool
directory_ldap_has_chain_rule(const directory_t *directory)
{
    return directory->ldap->chain_rule;
}


/* One search, and the next page's cookie. */
typedef struct {
    directory_t       *directory;
    const char        *base;
    int                scope;
    const char        *filter;
    const char *const *attributes;
    directory_visit_t  visit;
    void              *data;
    struct berval      cookie;     /* libldap's memory */
    size_t             n;          /* entries of this page */
} search_t;


static int
send_page(const search_t *search)
{
    directory_t   *directory = search->directory;
    LDAP          *ld = directory->ldap->ld;
    LDAPControl   *control = NULL, *controls[2] = { NULL, NULL };
    struct timeval timeout = { (time_t) directory->settings->timeout_s, 0 };
    struct berval  cookie = search->cookie;
    int            id, code;

    if (directory->ldap->paged && search->scope == LDAP_SCOPE_SUBTREE) {
        code = ldap_create_page_control(ld,
                   (ber_int_t) directory->settings->page_size,
                   cookie.bv_len > 0 ? &cookie : NULL, 1, &control);
        check(directory, code, "cannot be asked");
        controls[0] = control;
    }

    code = ldap_search_ext(ld, search->base, search->scope, search->filter,
                           ctl_unconst(search->attributes), 0,
                           controls, NULL, &timeout, LDAP_NO_LIMIT, &id);
    ldap_control_free(control);
    check(directory, code, "cannot be asked");

    return id;
}


static void
take_cookie(search_t *search, LDAPControl **controls)
{
    LDAPControl  *control;
    ber_int_t     estimate;
    struct berval cookie = { 0, NULL };

    ber_memfree(search->cookie.bv_val);
    search->cookie = cookie;

    if (controls == NULL) {
        return;
    }

    control = ldap_control_find(CONTROL_PAGED, controls, NULL);

    if (control != NULL) {
        check(search->directory,
              ldap_parse_pageresponse_control(search->directory->ldap->ld,
                                              control, &estimate, &cookie),
              "answers a page that is none");
        search->cookie = cookie;
    }

    ldap_controls_free(controls);
}


static int
end_page(search_t *search, LDAPMessage *message)
{
    LDAPControl **controls = NULL;
    int           code = LDAP_OTHER;

    check(search->directory,
          ldap_parse_result(search->directory->ldap->ld, message, &code, NULL,
                            NULL, NULL, &controls, 0),
          "answers what is no result");
    take_cookie(search, controls);

    return code;
}


static void
take_entry(search_t *search, LDAPMessage *message)
{
    directory_entry_t entry = { search->directory, message };
    ctl_mark_t        mark = ctl_mark();

    search->n++;
    search->visit(search->data, &entry);
    ctl_release(mark);
}


/* The page's result code. */
static int
read_page(search_t *search)
{
    directory_t   *directory = search->directory;
    LDAP          *ld = directory->ldap->ld;
    struct timeval timeout = { (time_t) directory->settings->timeout_s, 0 };
    LDAPMessage   *message;
    int            id = send_page(search), rc, code = LDAP_OTHER;
    bool           more = true;

    search->n = 0;

    while (more) {
        message = NULL;
        rc = ldap_result(ld, id, LDAP_MSG_ONE, &timeout, &message);

        if (rc <= 0) {
            (void) ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
            failed(directory, rc == 0 ? LDAP_TIMEOUT : code,
                   "stopped answering");
        }

        switch (rc) {

        case LDAP_RES_SEARCH_ENTRY:
            take_entry(search, message);
            break;

        case LDAP_RES_SEARCH_REFERENCE:
            directory->n_references++;
            break;

        case LDAP_RES_SEARCH_RESULT:
            code = end_page(search, message);
            more = false;
            break;

        default:
            break;
        }

        (void) ldap_msgfree(message);
    }

    return code;
}


bool
directory_ldap_search(directory_t *directory, const char *base, bool base_only,
    const char *filter, const char *const *attributes, directory_visit_t visit,
    void *data)
{
    search_t search = { directory, base,
                        base_only ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE,
                        filter, attributes, visit, data, { 0, NULL }, 0 };
    size_t   empty = 0;
    int      code;

    do {
        code = read_page(&search);

        if (base_only && code == LDAP_NO_SUCH_OBJECT) {
            return false;
        }

        if (base_only && code == LDAP_REFERRAL) {
            directory->n_references++;
            directory_tell(directory, "%s: on another server, and not read",
                           ctl_escape(ctl_str(base)));
            return false;
        }

        if (code != LDAP_SUCCESS) {
            failed(directory, code, ctl_format("refuses to search \"%s\"",
                                               ctl_escape(ctl_str(base))));
        }

        empty = search.n == 0 ? empty + 1 : 0;

        if (empty > EMPTY_PAGES) {
            ctl_die(CTL_STORE, "%s answers one empty page after the other. "
                    "Nothing was written",
                    ctl_escape(ctl_str(directory->settings->url)));
        }
    } while (search.cookie.bv_len > 0);

    ber_memfree(search.cookie.bv_val);

    return true;
}


static void
free_text(void *text)
{
    ldap_memfree(text);
}


const char *
directory_entry_dn(directory_entry_t *entry)
{
    char *dn = ldap_get_dn(entry->directory->ldap->ld, entry->message);

    if (dn == NULL) {
        ctl_die(CTL_STORE, "out of memory, or an entry without a DN");
    }

    ctl_keep(dn, free_text);

    return dn;
}


static void
free_values(void *values)
{
    ldap_value_free_len(values);
}


struct berval **
directory_entry_values(directory_entry_t *entry, const char *attribute)
{
    struct berval **values;

    values = ldap_get_values_len(entry->directory->ldap->ld, entry->message,
                                 attribute);
    if (values != NULL) {
        ctl_keep(values, free_values);
    }

    return values;
}


/* "member;range=1500-2999" -> 3000, "...-*" -> -1; false: another attribute. */
static bool
is_range(const char *name, const char *attribute, long *next)
{
    size_t      len = strlen(attribute);
    const char *end;
    char       *rest;

    if (strncasecmp(name, attribute, len) != 0
        || strncasecmp(name + len, ";range=", 7) != 0)
    {
        return false;
    }

    end = strchr(name + len + 7, '-');

    if (end == NULL) {
        return false;
    }

    if (strcmp(end + 1, "*") == 0) {
        *next = -1;
        return true;
    }

    *next = strtol(end + 1, &rest, 10) + 1;

    return *rest == '\0' && *next > 0;
}


struct berval **
directory_entry_range(directory_entry_t *entry, const char *attribute,
    long *next)
{
    LDAP           *ld = entry->directory->ldap->ld;
    BerElement     *ber = NULL;
    char           *name;
    struct berval **values = directory_entry_values(entry, attribute);

    *next = -1;

    if (values != NULL && values[0] != NULL) {
        return values;
    }

    for (name = ldap_first_attribute(ld, entry->message, &ber); name != NULL;
         name = ldap_next_attribute(ld, entry->message, ber))
    {
        bool found = is_range(name, attribute, next);

        if (found) {
            values = directory_entry_values(entry, name);
        }

        ldap_memfree(name);

        if (found) {
            break;
        }
    }

    ber_free(ber, 0);

    return values;
}


const char *
directory_filter_escape(const char *text)
{
    char *out = ctl_alloc(strlen(text) * 3 + 1), *p = out;

    for (; *text != '\0'; text++) {
        if (strchr("*()\\", *text) != NULL) {
            p += sprintf(p, "\\%02x", (unsigned char) *text);
        } else {
            *p++ = *text;
        }
    }

    return out;
}
