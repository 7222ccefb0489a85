/*
 * The audit streams as the tool reads them: one a gateway node, and that of
 * the administrators.  docs/audit.md tells what a record holds.
 */
#ifndef COMPLIANCE_CTL_AUDIT_H
#define COMPLIANCE_CTL_AUDIT_H

#include "store.h"

#include "../core/audit_record.h"


#define CTL_NODES_MAX    256
#define CTL_AUDIT_PAGE   500    /* records of one answer */

typedef struct {
    const char *node;
    const char *key;
    uint64_t    ms, seq;       /* of the last record seen */
} ctl_stream_t;

typedef struct {
    uint64_t         ms, seq;  /* the stream id */
    const char      *node;
    compliance_str_t text;     /* the record as stored; empty: none */
} ctl_entry_t;


/* audit_stream.c */

/* Streams of --node or, without it, of all nodes, in order of names.  Dies
 * where the named one is not there. */
size_t ctl_audit_streams(ctl_t *ctl, const char *only, ctl_stream_t **streams);
/* One element of XRANGE's kind of answer. */
bool ctl_entry_read(const redisReply *reply, ctl_stream_t *stream,
    ctl_entry_t *entry);
/* "1700000000000-0" */
bool ctl_id_parse(const char *id, uint64_t *ms, uint64_t *seq);
const char *ctl_entry_id(const ctl_entry_t *entry);
/* NULL where it is no JSON object; the caller's to free. */
json_t *ctl_entry_json(const ctl_entry_t *entry);

/* Every record of one stream within [from, until] (Unix ms; 0 and UINT64_MAX:
 * all), page by page; the entry is the visitor's until it returns.  False from
 * the visitor ends it. */
typedef bool (*ctl_entry_pt)(void *data, const ctl_entry_t *entry);
void ctl_audit_each(ctl_t *ctl, ctl_stream_t *stream, uint64_t from,
    uint64_t until, ctl_entry_pt visit, void *data);
/* The same of several streams at once, in order of time. */
void ctl_audit_merge(ctl_t *ctl, ctl_stream_t *streams, size_t n,
    uint64_t from, uint64_t until, ctl_entry_pt visit, void *data);


/* audit_print.c: one record for a person; with --json byte for byte, since a
 * hash is taken over it. */
void ctl_audit_print(const ctl_t *ctl, const ctl_entry_t *entry,
    const json_t *record);
/* "-" where there is none. */
const char *ctl_audit_text(const json_t *record, const char *key);


/* audit_filter.c: --user, --device, --client-type and the like, and words that
 * have to stand in it. */
typedef struct {
    uint64_t     from, until;         /* Unix ms */
    const char  *user;                /* canonical */
    const char  *device;
    size_t       n_words;
    const char **words;
} ctl_audit_filter_t;

void ctl_audit_filter(ctl_t *ctl, ctl_audit_filter_t *filter);
bool ctl_audit_matches(const ctl_t *ctl, const ctl_audit_filter_t *filter,
    const ctl_entry_t *entry, const json_t *record);


/* secret.c: from --secret-file.  False, and *keys empty, where it was not
 * given; dies where it cannot be read.  To be wiped by the caller. */
bool ctl_keyring(const ctl_t *ctl, compliance_keyring_t *keys);
/* Plain ones where there is no --secret-file; kept until ctl_release(). */
compliance_audit_keys_t *ctl_audit_keys(const ctl_t *ctl);


/* audit_lanes.c: the chains of one stream, followed from its first record to
 * its last. */
typedef struct {
    char     lane[COMPLIANCE_LANE_MAX + 1];
    int64_t  first_seq, seq;          /* in the stream now */
    char     first_prev[COMPLIANCE_AUDIT_HASH_LEN + 1];
    char     hash[COMPLIANCE_AUDIT_HASH_LEN + 1];    /* of the last record */
    uint64_t ms, id_seq;              /* its stream id */
    int64_t  time_ms;                 /* as the last record tells */
    int64_t  records, repeats, gaps, lost, erased;
    int64_t  plain, key_missing, erased_plain, erased_key_missing;
    int64_t  plain_time_ms;           /* of the last plain one */
} ctl_lane_t;

typedef struct {
    const char  *node;
    size_t       n, cap;
    ctl_lane_t **lanes;               /* in order of their first records */
    int64_t      records, findings;
    uint64_t     first_ms, first_seq; /* stream ids */
    uint64_t     last_ms, last_seq;
} ctl_lanes_t;

/* NULL: nobody wants to know. */
typedef struct {
    /* What is wrong with a record; lane NULL: it is none. */
    void (*fault)(void *data, const ctl_entry_t *entry, const char *lane,
        int64_t seq, const char *fault);
    /* Every record that is one, its lane having moved on to it. */
    void (*line)(void *data, const ctl_entry_t *entry, const ctl_lane_t *lane,
        const compliance_audit_line_t *line, bool sound);
    void  *data;
} ctl_lanes_told_t;

/* Kept until ctl_release(). */
ctl_lanes_t *ctl_audit_lanes(ctl_t *ctl, ctl_stream_t *stream, uint64_t from,
    uint64_t until, compliance_audit_keys_t *keys,
    const ctl_lanes_told_t *told);
ctl_lane_t *ctl_lane_find(ctl_lanes_t *lanes, const char *lane);

#endif
