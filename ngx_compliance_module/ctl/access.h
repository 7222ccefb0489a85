/*
 * Recorded accesses: the allowed ones that seen:<day>:<principal> counts, and
 * those that left a record in a gateway's audit (blocks, would-blocks,
 * temporary failures, break-glass).  Reports, device pending, replay and the
 * safety checks all read the past through here.
 */
#ifndef COMPLIANCE_CTL_ACCESS_H
#define COMPLIANCE_CTL_ACCESS_H

#include "store.h"

#include "../core/decide.h"
#include "../core/seen.h"


typedef struct {
    bool                  audited;     /* from an audit stream, not counted */
    bool                  erased;      /* audited: its person was taken out */
    bool                  other;       /* counted without its details: `seen` is
                                          empty, no request can be made of it */
    int64_t               first, last; /* Unix seconds; of a counted one: the
                                          day's begin and end */
    int64_t               count;
    compliance_str_t      node;        /* audited: the gateway's */
    compliance_str_t      id;          /* audited: the decision's id */
    compliance_str_t      user;        /* empty: it named none */
    compliance_str_t      group;       /* audited: that decided */
    compliance_str_t      command;     /* audited */
    compliance_str_t      candidate;   /* audited: what the candidate set would
                                          have done, or empty */
    compliance_verdict_t  verdict;
    bool                  would_block;
    compliance_reason_t   reason;      /* of a would-block: the would_reason */
    compliance_seen_t     seen;        /* the rest; reason as recorded */
} ctl_access_t;

/* What is asked for; absent and 0: any. */
typedef struct {
    int64_t               since, until;
    compliance_str_t      user;        /* a principal */
    bool                  audited_only;
} ctl_access_filter_t;

/* Calls visit() for every recorded access within [since, until], in no
 * particular order; the access and its texts are the visitor's until it
 * returns.  Reads page by page: memory does not grow with their number. */
typedef void (*ctl_access_pt)(void *data, const ctl_access_t *access);
void ctl_access_each(ctl_t *ctl, const ctl_access_filter_t *filter,
    ctl_access_pt visit, void *data);

#endif
