/*
 * Many devices at once: read under WATCH, judged by the policies, compared and
 * written in transactions of some hundred devices, the next batch being read
 * while Redis writes the last one.  A reader never sees half a device; a
 * record that did not change is not written; older never overwrites newer; an
 * override is never touched.  It keeps no history entry: the command that uses
 * it audits a summary (history.h).
 *
 * It has a connection of its own: the caller may ask the store between two
 * devices.
 */
#ifndef COMPLIANCE_CTL_BULK_H
#define COMPLIANCE_CTL_BULK_H

#include "store.h"

#include "../core/policy.h"


typedef struct ctl_bulk_s  ctl_bulk_t;

/* One device as a source tells it.  Texts are as the source spells them and
 * are borrowed until the call returns; absent: the source does not say, the
 * record keeps what it has. */
typedef struct {
    int64_t            nth;            /* the caller's number of it */
    compliance_str_t   id;             /* record id, any spelling */
    compliance_str_t   owner;          /* a login; led home through aliases */
    compliance_str_t   eas[2];         /* aliases; a second one is rare */
    compliance_str_t   cert;
    compliance_str_t   serial;
    compliance_str_t   login;
    compliance_str_t   platform, os_version, model, name;
    compliance_str_t   management, risk;
    bool               mdm_said;       /* the source has a verdict */
    compliance_state_t mdm_state;
    compliance_str_t   mdm_reasons;
    int64_t            grace_until;
    int64_t            last_checkin;
    int64_t            updated;        /* the source's time of this record */
    const json_t      *inventory;      /* attributes for the policies, stored
                                          as inventory:<id>; NULL: none */
} ctl_bulk_device_t;

/* What became of a device. */
typedef enum {
    CTL_BULK_UNCHANGED = 0,
    CTL_BULK_CREATED,
    CTL_BULK_CHANGED,
    CTL_BULK_RETIRED,
    CTL_BULK_OLDER,
    CTL_BULK_REFUSED,
    CTL_BULK_CONTESTED   /* dry run: refused, unless the device that holds a
                            name of it turns out to be gone */
} ctl_bulk_outcome_t;

typedef struct {
    int64_t read;        /* devices handed in */
    int64_t created, changed, unchanged;
    int64_t older;       /* left alone: the record is newer */
    int64_t refused;     /* reported and skipped */
    int64_t newly_blocked;  /* was compliant or in grace, is no longer */
    int64_t retired;
    int64_t returned;       /* were retired, are no longer */
} ctl_bulk_counts_t;

typedef struct {
    const char *source;                        /* "intune" */
    const compliance_policy_t *const *policies;
    size_t      n_policies;
    bool        dry_run;                       /* count, and write nothing */
    /* Told of each change of state before it is written; NULL: nobody. */
    void      (*changed)(void *data, const char *id, compliance_str_t owner,
                    compliance_str_t old_state,
                    const compliance_judgement_of_device_t *judged);
    /* A device that is refused, and why; where: "page 3, record 17". */
    void      (*refused)(void *data, const char *where, const char *why);
    /* Once for each device that was added; NULL: nobody. */
    void      (*settled)(void *data, int64_t nth, ctl_bulk_outcome_t outcome);
    /* A device of this source that it no longer knows: its other names may
     * move to the one that claims them now.  NULL: only retired ones are. */
    bool      (*gone)(void *data, const char *id);
    /* A device of this source was refused only for another's names, and
     * whether that one is gone shows only at the end: CONTESTED, and nobody is
     * told. */
    bool        contest;
    void       *data;
} ctl_bulk_options_t;

ctl_bulk_t *ctl_bulk_begin(ctl_t *ctl, const ctl_bulk_options_t *options);
/* where: shown if it is refused.  May write a batch. */
void ctl_bulk_add(ctl_bulk_t *bulk, const ctl_bulk_device_t *device,
    const char *where);
/* A device of which nothing new is known is judged again by the policies, from
 * its stored record and inventory. */
void ctl_bulk_judge(ctl_bulk_t *bulk, const char *id);
/* state=retired, reasons=vanished. */
void ctl_bulk_retire(ctl_bulk_t *bulk, const char *id);
/* Writes what is left; the counts live until ctl_bulk_end(). */
const ctl_bulk_counts_t *ctl_bulk_flush(ctl_bulk_t *bulk);
const ctl_bulk_counts_t *ctl_bulk_counts(const ctl_bulk_t *bulk);
void ctl_bulk_end(ctl_bulk_t *bulk);


/* progress.c: a bar on a terminal, plain lines elsewhere, on stderr; "3 m 20 s
 * to go" once there is something to tell it from.  total 0: not known. */
typedef struct ctl_progress_s  ctl_progress_t;

ctl_progress_t *ctl_progress_begin(const char *what, int64_t total);
/* Known only later. */
void ctl_progress_total(ctl_progress_t *progress, int64_t total);
void ctl_progress_at(ctl_progress_t *progress, int64_t done);
/* Takes the bar from the terminal before another line is written there. */
void ctl_progress_hide(void);
void ctl_progress_end(ctl_progress_t *progress);

#endif
