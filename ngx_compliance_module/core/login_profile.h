/*
 * Login profiles: how a web mail's login request spells the name that is about
 * to log in.  One table row each: roundcube, sogo, owa, zimbra.
 */
#ifndef COMPLIANCE_LOGIN_PROFILE_H
#define COMPLIANCE_LOGIN_PROFILE_H

#include "compliance.h"


typedef struct compliance_login_profile_s compliance_login_profile_t;

/* NULL where no profile has that name. */
const compliance_login_profile_t *compliance_login_profile_find(
    compliance_str_t name);
const char *compliance_login_profile_name(
    const compliance_login_profile_t *profile);
/* The names of all profiles, for an error message: "roundcube, sogo, ...". */
const char *compliance_login_profile_names(void);

/*
 * Might this request be a login?  method, decoded path and raw query decide;
 * the answer is generous: where a back end could read a login out of the body,
 * the body has to be seen.  (Roundcube takes a login on every path and query
 * while nobody is logged in; SOGo on every method.)
 */
bool compliance_login_profile_applies(
    const compliance_login_profile_t *profile, compliance_str_t method,
    compliance_str_t path, compliance_str_t query);

/*
 * Reads the name out of a whole body in memory (content_type: the header,
 * absent where none).  OK: *name is the canonical principal.  ABSENT: the
 * body, read as that back end would read it, logs nobody in.  MALFORMED,
 * AMBIGUOUS (the field twice, or spelt so that the back end might see what we
 * do not), TOO_LONG: refuse the request.  The body holds a password: nothing
 * is copied but the name.  Where the login names a domain apart from the name,
 * AMBIGUOUS: use the scanner, which hands out both.
 */
compliance_rc_t compliance_login_profile_read(
    const compliance_login_profile_t *profile, compliance_str_t path,
    compliance_str_t query, compliance_str_t content_type,
    compliance_str_t body, compliance_principal_t *name);


/*
 * The same, fed with the body in pieces of any size: a constant amount of
 * memory however long the body is, so that a 25 MB upload is looked through as
 * surely as a login form.
 *
 *     if (compliance_login_profile_applies(profile, method, path, query)) {
 *         rc = compliance_login_scan_init(&scan, profile, path, query,
 *                                         content_type);
 *         -- OK: feed every buffer of the complete body, in order, from memory
 *            and from the temporary file (no body: nothing to feed);
 *            ABSENT: the request is no login, no look at the body needed;
 *            else: refuse --
 *         while (rc == COMPLIANCE_OK && more) {
 *             rc = compliance_login_scan_feed(&scan, data, len);
 *         }
 *         if (rc == COMPLIANCE_OK) {
 *             rc = compliance_login_scan_end(&scan, &name, &hint);
 *         }
 *         -- OK: judge `name` as COMPLIANCE_USER_FROM_LOGIN, and `hint`, where
 *            its len is not 0, as the request's user_hint; ABSENT: no login;
 *            else: 400 --
 *     }
 *
 * The caller refuses before (400) a request with two Content-Type headers, or
 * with any Content-Encoding: the back end must read the bytes that were
 * scanned.  Nothing may reach the back end before the end of the scan.
 */
#define COMPLIANCE_BOUNDARY_MAX     70    /* RFC 2046 5.1.1 */
#define COMPLIANCE_PART_LINE_MAX    1024  /* a part's header line: a file name
                                             of 255 bytes, thrice encoded */
#define COMPLIANCE_LOGIN_DEPTH_MAX  64    /* nesting of a JSON body */

typedef enum {
    COMPLIANCE_BODY_UNREAD = 0,  /* nothing the back end takes a login from */
    COMPLIANCE_BODY_URLENCODED,
    COMPLIANCE_BODY_MULTIPART,
    COMPLIANCE_BODY_JSON
} compliance_body_kind_t;

/* A value as it is collected; room for the delimiter that may turn out to
 * follow it. */
typedef struct {
    bool            seen;
    compliance_rc_t fault;    /* told only where the name was seen */
    size_t          len;
    char            data[COMPLIANCE_PRINCIPAL_MAX + COMPLIANCE_BOUNDARY_MAX
                         + 8];
} compliance_login_value_t;

/* Private to login_*.c; public for its size. */
typedef struct {
    const compliance_login_profile_t *profile;
    compliance_body_kind_t            kind;
    compliance_rc_t                   failed;   /* sticky; OK: go on */
    unsigned                          state;
    compliance_login_value_t          name;
    compliance_login_value_t          domain;
    compliance_login_value_t         *value;    /* being collected, or NULL */

    struct {                     /* the field name being read */
        char     data[24];
        size_t   len;
        bool     odd;            /* not spelt as the field is documented */
        bool     ended;          /* at a NUL or '[' */
        bool     too_long;
        unsigned n_escape;       /* 0: outside, 1: behind '%', 2: one digit */
        char     digit;          /* the first one of an escape */
        unsigned high;           /* its value */
    } field;

    struct {
        char     delimiter[COMPLIANCE_BOUNDARY_MAX + 4];  /* CR LF - - ... */
        size_t   len;
        uint8_t  fail[COMPLIANCE_BOUNDARY_MAX + 4];   /* Knuth-Morris-Pratt */
        uint8_t  bare_fail[COMPLIANCE_BOUNDARY_MAX + 2];
        size_t   matched;        /* of the delimiter */
        size_t   bare;           /* of the delimiter without its CR LF */
        bool     named;          /* the part has its Content-Disposition */
        size_t   line_len;
        char     line[COMPLIANCE_PART_LINE_MAX];
    } part;

    struct {
        unsigned    depth;
        uint64_t    arrays;      /* a bit for every level: 1 an array */
        bool        key;         /* the string being read is a key */
        unsigned    utf8_left;   /* continuation bytes to come */
        uint8_t     utf8_low, utf8_high;   /* bounds of the next one */
        unsigned    n_hex;
        unsigned    hex;
        bool        low;         /* the second half of a surrogate pair */
        const char *literal;     /* the rest of true, false, null */
        size_t      text_len;
        char        text[40];    /* a key of the outermost object, a number */
    } json;
} compliance_login_scan_t;

compliance_rc_t compliance_login_scan_init(compliance_login_scan_t *scan,
    const compliance_login_profile_t *profile, compliance_str_t path,
    compliance_str_t query, compliance_str_t content_type);
compliance_rc_t compliance_login_scan_feed(compliance_login_scan_t *scan,
    const char *data, size_t len);
compliance_rc_t compliance_login_scan_end(compliance_login_scan_t *scan,
    compliance_principal_t *name, compliance_principal_t *hint);

#endif
