/*
 * What report users, blocks and trend share: the recorded accesses that the
 * filters leave, counted.  Memory goes by the different rows, not by the
 * accesses.
 */
#ifndef COMPLIANCE_CTL_REPORT_ACCESS_H
#define COMPLIANCE_CTL_REPORT_ACCESS_H

#include "output.h"
#include "record.h"
#include "tally.h"


typedef struct ctl_report_s  ctl_report_t;

struct ctl_report_s {
    ctl_t                *ctl;
    ctl_access_filter_t   filter;
    compliance_protocol_t protocol;    /* NONE: any */
    compliance_reason_t   reason;      /* NONE: any */
    const char           *group;       /* NULL: any */
    /* Of the group, sorted; of "default": of every other, so whoever is in
     * none of them is its member. */
    struct {
        size_t            n;
        const char      **names;
    }                    *members;
    size_t                n_members;   /* sets */
    ctl_changes_t         device;      /* what its device must be */
    int64_t               bucket;      /* of trend, seconds */
    int64_t               limit;
    ctl_tally_t          *tally;
    void                (*keys)(const ctl_report_t *report,
                                const ctl_access_t *access, const char *user,
                                const char **keys);
};

/* Reads the filters; dies on a bad one.  keys is the caller's to set. */
void ctl_report_begin(ctl_t *ctl, ctl_report_t *report);
/* Rows by their keys. */
ctl_tally_row_t **ctl_report_collect(ctl_report_t *report, size_t *n);
/* Adds up the rows from *i on that share keys[0]; *i is behind them then. */
ctl_tally_row_t ctl_report_merge(ctl_tally_row_t *const *rows, size_t n,
    size_t *i);
/* True where no group is asked for. */
bool ctl_report_member(const ctl_report_t *report, const char *user);

#endif
