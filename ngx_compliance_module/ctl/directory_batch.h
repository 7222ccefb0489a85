/*
 * A batch of users on its way into the store: asked about without WATCH, and
 * only where something is to change once more under WATCH, then written in one
 * transaction.  directory_ask.c, directory_plan.c, directory_write.c.
 */
#ifndef COMPLIANCE_CTL_DIRECTORY_BATCH_H
#define COMPLIANCE_CTL_DIRECTORY_BATCH_H

#include "directory.h"


/* Redis looks through all keys a client watches at each WATCH. */
#define DIRECTORY_BATCH  64

typedef enum {
    DIRECTORY_NAME_KEEP = 0,   /* leads to the user already */
    DIRECTORY_NAME_SET,        /* free */
    DIRECTORY_NAME_MOVE,       /* from one who no longer claims it */
    DIRECTORY_NAME_FREE,       /* the user's own login, another's alias */
    DIRECTORY_NAME_DROP,       /* no longer the user's */
    DIRECTORY_NAME_LEAVE       /* not ours to give */
} directory_name_act_t;

typedef struct {
    const char          *name;
    bool                 stale;        /* in the record, no longer wanted */
    compliance_str_t     held;         /* whom it leads to, or absent */
    bool                 own_record;
    ctl_record_t         holder;       /* at the last go */
    directory_name_act_t act;
} directory_name_t;

typedef struct {
    const char        *login;
    directory_user_t  *user;           /* NULL: the directory has him no more */
    ctl_record_t       record;
    size_t             n_names;        /* the first is the login itself */
    directory_name_t  *names;
    ctl_changes_t      real;
    bool               refused;
    bool               again;          /* a name is another's: at the end */
    bool               writes;
    bool               changes_access; /* groups, or blocked */
} directory_item_t;

typedef struct directory_run_s  directory_run_t;

struct directory_run_s {
    directory_t *directory;
    ctl_wire_t  *wire;
    bool         dry_run;
    bool         full;
    bool         last;         /* names are settled now, one user at a time */
    bool         tells;
    size_t       n_commands;   /* of the transaction */
};

/* Fills in what is stored of the items. */
void directory_ask(directory_run_t *run, directory_item_t *items, size_t n,
    bool watch);
/* Decides; writes nothing. */
void directory_plan(directory_run_t *run, directory_item_t *item);
/* False: others changed something in between; nothing was written. */
bool directory_write(directory_run_t *run, directory_item_t *items, size_t n);

#endif
