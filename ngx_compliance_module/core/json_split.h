/*
 * A stream of bytes -> JSON records, one at a time, however long the whole is.
 * It finds where a record begins and ends; whether it is JSON is its reader's
 * to say.  Takes lines (NDJSON), one array, or pages ({"value": [...]}) end to
 * end.  A broken record costs itself: the next line, or the next one that is
 * indented alike, is looked for.
 */
#ifndef COMPLIANCE_JSON_SPLIT_H
#define COMPLIANCE_JSON_SPLIT_H

#include "compliance.h"


/* A device as MDMs tell it has 2 to 20 KiB; more is no device, and must not
 * become our memory. */
#define COMPLIANCE_RECORD_MAX  ((size_t) 1024 * 1024)

typedef enum {
    COMPLIANCE_SPLIT_MORE = 0,   /* give it more bytes */
    COMPLIANCE_SPLIT_RECORD,     /* text is one */
    COMPLIANCE_SPLIT_BROKEN,     /* there was one, why says what of it */
    COMPLIANCE_SPLIT_MEMBERS,    /* text: the members of a page beside its
                                    list, without the braces */
    COMPLIANCE_SPLIT_FAILED,     /* the stream is none of these: no more comes */
    COMPLIANCE_SPLIT_END
} compliance_split_event_t;

typedef enum {
    COMPLIANCE_SPLIT_TOP = 0,    /* between values */
    COMPLIANCE_SPLIT_LINES,      /* a record a line */
    COMPLIANCE_SPLIT_VALUE,      /* in an object: record or page? */
    COMPLIANCE_SPLIT_LIST,       /* between the records of a list */
    COMPLIANCE_SPLIT_ELEMENT,    /* in one of them */
    COMPLIANCE_SPLIT_RESYNC,     /* looks for the next one */
    COMPLIANCE_SPLIT_TAIL,       /* behind the list of a page */
    COMPLIANCE_SPLIT_REST,       /* of a line that is no record */
    COMPLIANCE_SPLIT_OVER
} compliance_split_state_t;

/* Zeroed, it stands at the beginning. */
typedef struct {
    compliance_str_t text;       /* of the event; within the data given */
    const char      *why;
    size_t           consumed;   /* of the data: the caller drops it */
    int64_t          line;       /* of the record, from 1; 0: in a list */
    int64_t          page;       /* from 1; 0: in no page */
    int64_t          record;     /* in its list, or of all; from 1 */

    /* its own */
    compliance_split_state_t state;
    size_t           at;         /* looked at so far */
    size_t           begin;      /* of the record */
    size_t           key;        /* of the member that holds a page's list */
    uint64_t         offset;     /* of data[0] in the stream */
    uint64_t         newline;    /* behind the last one, in the stream */
    uint64_t         column;     /* of the record */
    int64_t          newlines;
    unsigned         depth;
    uint64_t         arrays;     /* a bit a level: it is an array */
    char             last;       /* the last that was no blank */
    unsigned char    naming;     /* how far "value": [ has come */
    bool             in_string, escaped, in_page, wants_comma, discards;
    bool             one_line, begun;
} compliance_split_t;

/* data: what was not consumed, and what came behind it; last: nothing more
 * will.  After MORE with last it is called no more. */
compliance_split_event_t compliance_json_split(compliance_split_t *split,
    const char *data, size_t len, bool last);

#endif
