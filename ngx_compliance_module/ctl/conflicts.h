/*
 * Asserted device ids that more than one user or client presents: a copied id,
 * a shared device, or somebody who made one up.
 */
#ifndef COMPLIANCE_CTL_CONFLICTS_H
#define COMPLIANCE_CTL_CONFLICTS_H

#include "tally.h"


typedef struct {
    const char *device;
    const char *users, *clients;    /* names between commas; live until
                                       ctl_release() */
    size_t      n_users, n_clients; /* different ones */
    int64_t     first, last, count;
} ctl_conflict_t;

/* False: it proves its device, names none, or its person was erased. */
bool ctl_conflict_concerned(const ctl_access_t *access);
/* Counts it for ctl_conflicts_each(). */
void ctl_conflict_add(ctl_tally_t *tally, const ctl_access_t *access);
/* Those of the tally that are in conflict, by device. */
typedef void (*ctl_conflict_pt)(void *data, const ctl_conflict_t *conflict);
void ctl_conflicts_each(ctl_tally_t *tally, ctl_conflict_pt visit,
    void *data);

/* A first look at all accesses that keeps 40 bytes a device, and no name:
 * whether it may be in conflict.  Freed at the end of the program. */
typedef struct ctl_suspects_s  ctl_suspects_t;

ctl_suspects_t *ctl_suspects(void);
void ctl_suspects_add(ctl_suspects_t *suspects, const ctl_access_t *access);
bool ctl_suspects_have(const ctl_suspects_t *suspects,
    const ctl_access_t *access);
bool ctl_suspects_any(const ctl_suspects_t *suspects);

#endif
