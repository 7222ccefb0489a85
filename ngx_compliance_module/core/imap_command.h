/*
 * IMAP before login (RFC 9051, RFC 3501): which command did the client send?
 *
 * The scanner keeps no state: it is given everything that came since the
 * command's first byte, as often as more comes, so that no split of the stream
 * can change what is understood.  Nothing is copied; slices point into `in`.
 */
#ifndef COMPLIANCE_IMAP_COMMAND_H
#define COMPLIANCE_IMAP_COMMAND_H

#include "compliance.h"


/* What nginx's own proxy repeats to the back end, and no more. */
#define COMPLIANCE_IMAP_TAG_MAX     32

/* RFC 2971 3.3: "implementations MUST NOT send more than 30 field-value
 * pairs". */
#define COMPLIANCE_IMAP_ID_PAIRS_MAX  30

#define COMPLIANCE_IMAP_ARGS_MAX    2

typedef enum {
    COMPLIANCE_IMAP_OTHER = 0,       /* not a command before login */
    COMPLIANCE_IMAP_LOGIN,
    COMPLIANCE_IMAP_AUTHENTICATE,
    COMPLIANCE_IMAP_CAPABILITY,
    COMPLIANCE_IMAP_NOOP,
    COMPLIANCE_IMAP_LOGOUT,
    COMPLIANCE_IMAP_STARTTLS,
    COMPLIANCE_IMAP_ID
} compliance_imap_command_t;

typedef enum {
    COMPLIANCE_IMAP_MORE = 0,   /* incomplete: wait */
    COMPLIANCE_IMAP_CONTINUE,   /* a literal waits for "+": grant or refuse */
    COMPLIANCE_IMAP_COMPLETE,
    COMPLIANCE_IMAP_BAD,        /* breaks the grammar; `used` ends its line */
    COMPLIANCE_IMAP_LOST        /* as BAD, and nobody can tell where the next
                                   command begins: close */
} compliance_imap_status_t;

/* An atom, what stands between quotes, or a literal. */
typedef struct {
    compliance_str_t raw;
    bool             quoted;     /* raw may hold \" and \\ */
} compliance_imap_string_t;

typedef struct {
    compliance_imap_command_t command;
    compliance_str_t          tag;      /* absent: it is not a tag */
    size_t                    n_args;   /* LOGIN: 2; AUTHENTICATE: 1 or 2 */
    compliance_imap_string_t  args[COMPLIANCE_IMAP_ARGS_MAX];
    compliance_imap_string_t  id_name;     /* of ID; raw absent: not given */
    compliance_imap_string_t  id_version;
    size_t                    used;     /* bytes of `in` that are done with:
                                           COMPLETE, BAD, CONTINUE */
    const char               *why;      /* BAD, LOST: a literal, for the log */
} compliance_imap_t;

/*
 * max: the most bytes a command may take; what does not fit is BAD (a literal
 * that was announced, and not sent) or LOST.  granted: how many synchronizing
 * literals of this command were answered with "+"; CONTINUE asks for one more.
 * COMPLETE needs n_args of its command to be right; an initial response of
 * AUTHENTICATE is not decoded here.
 */
compliance_imap_status_t compliance_imap_scan(compliance_str_t in,
    size_t max, unsigned granted, compliance_imap_t *out);

/* A line of a SASL exchange, without its end.  COMPLETE, MORE, or LOST where
 * it takes more than max bytes. */
compliance_imap_status_t compliance_imap_line(compliance_str_t in,
    size_t max, compliance_str_t *line, size_t *used);

/* Writes the string's value, escapes undone; TOO_LONG over cap. */
compliance_rc_t compliance_imap_string_copy(
    const compliance_imap_string_t *string, char *out, size_t cap,
    size_t *len);

#endif
