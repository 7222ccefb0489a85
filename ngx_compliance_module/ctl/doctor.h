/*
 * What doctor's parts share: each finding is said with the command that mends
 * it.
 */
#ifndef COMPLIANCE_CTL_DOCTOR_H
#define COMPLIANCE_CTL_DOCTOR_H

#include "record.h"


typedef enum {
    CTL_HEALTH_OK = 0,
    CTL_HEALTH_WARNING,
    CTL_HEALTH_ERROR
} ctl_health_t;

typedef struct {
    ctl_t       *ctl;
    json_t      *findings;
    ctl_health_t worst;
    int64_t      store_now;   /* Unix seconds, by Redis' clock */
} ctl_doctor_t;

/* How often a fault was seen, and where first: no memory of ctl_mark(). */
typedef struct {
    size_t n;
    char   names[512];
} ctl_faults_t;

/* Of one index set, one member that it has or should have.  It is right where
 * the record (or the alias) named by `source` says `value`, whatever else is
 * written meanwhile: all that a repair has to watch. */
typedef struct {
    const char        *index;    /* the set's key */
    const char        *member;
    const char        *source;   /* NULL: no record can stand behind it */
    const ctl_field_t *field;    /* NULL: source is an alias */
    const char        *value;
} ctl_link_t;

#define CTL_DOCTOR_SAMPLE  5000    /* of a kind, without --full */
#define CTL_DOCTOR_BATCH   500     /* questions asked at once */

/* mend NULL: there is nothing to do. */
void ctl_doctor_say(ctl_doctor_t *doctor, ctl_health_t health,
    const char *check, const char *what, const char *mend);

/* doctor_faults.c */
void ctl_fault(ctl_faults_t *faults, const char *name);
void ctl_faults_say(ctl_doctor_t *doctor, const ctl_faults_t *faults,
    ctl_health_t health, const char *check, const char *what,
    const char *mend);
/* Every how many of n are looked at. */
size_t ctl_doctor_step(const ctl_t *ctl, size_t n);
/* " (--full: all)", or nothing. */
const char *ctl_doctor_part(size_t looked, size_t n);
/* Everything a key function writes before the name, given a key whose name has
 * one letter. */
const char *ctl_doctor_begin(const char *key);
/* NULL: the name is not canonical. */
const char *ctl_doctor_key(const ctl_t *ctl, const ctl_kind_t *kind,
    const char *name);

/* doctor_link.c */
/* "index:<field>:<value>" -> link->field and ->value, of either kind. */
bool ctl_link_of_key(const ctl_t *ctl, const char *index, ctl_link_t *link,
    const ctl_kind_t **kind);
void ctl_link_ask(ctl_t *ctl, const ctl_link_t *link);
/* What the source answered: does it stand behind the member? */
bool ctl_link_holds(const ctl_link_t *link, const redisReply *reply);
/* Puts all of them right, in one transaction that is planned anew where a
 * source was written meanwhile. */
void ctl_links_mend(ctl_t *ctl, const ctl_link_t *links, size_t n);

/* doctor_records.c: users and devices, and whether the indexes have them. */
void ctl_doctor_records(ctl_doctor_t *doctor, const ctl_kind_t *kind,
    const char *begin);
/* doctor_index.c: whether records stand behind the indexes' members. */
void ctl_doctor_indexes(ctl_doctor_t *doctor);
/* doctor_alias.c: other names, there and back. */
void ctl_doctor_aliases(ctl_doctor_t *doctor);
/* doctor_conflicts.c: device ids that more than one presents. */
void ctl_doctor_conflicts(ctl_doctor_t *doctor);
/* doctor_store.c: groups, and all of the above. */
void ctl_doctor_store(ctl_doctor_t *doctor);

#endif
