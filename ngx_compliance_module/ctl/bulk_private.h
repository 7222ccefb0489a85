/*
 * What the parts of the bulk writer share.  A batch goes through them in this
 * order:
 *   bulk.c         collects devices; which batch is where in the pipeline
 *   bulk_device.c  a source's spelling -> canonical values
 *   bulk_ask.c     what is stored of the batch, under WATCH
 *   bulk_plan.c    what is to become of each device
 *   bulk_names.c   other names: whose they are, and what a clash means
 *   bulk_write.c   the plan as one MULTI..EXEC, and what EXEC said
 */
#ifndef COMPLIANCE_CTL_BULK_PRIVATE_H
#define COMPLIANCE_CTL_BULK_PRIVATE_H

#include "bulk.h"
#include "wire.h"

#include "../core/names.h"


/* Redis looks through all keys a client watches at each WATCH, and serves
 * nobody else during an EXEC: more devices make both longer. */
#define BULK_BATCH      128
#define BULK_ALIASES    5      /* eas twice, cert, serial, login */
#define BULK_CLAIMS     8      /* the same, and the id as an alias */
#define BULK_OWNERS     16384  /* resolved owners kept */
#define BULK_TABLE      4096   /* slots of a batch's names; a power of two */
#define BULK_GROUPS     64     /* index sets that are written by one command */
#define BULK_CLOCK_SKEW 86400  /* seconds that a source may be ahead */

/* The fields that a source writes, in the order of the record. */
typedef enum {
    BULK_STATE = 0,
    BULK_OWNER,
    BULK_REASONS,
    BULK_GRACE_UNTIL,
    BULK_RISK,
    BULK_MANAGEMENT,
    BULK_PLATFORM,
    BULK_OS_VERSION,
    BULK_MODEL,
    BULK_NAME,
    BULK_LAST_CHECKIN,
    BULK_POLICY,
    BULK_MDM_STATE,
    BULK_NONCOMPLIANT_SINCE,
    BULK_SOURCE,
    BULK_UPDATED,
    BULK_FIELDS
} bulk_field_t;

typedef struct {
    compliance_str_t name;
    bool             indexed;
} bulk_field_row_t;

extern const bulk_field_row_t bulk_fields[BULK_FIELDS];

typedef enum {
    BULK_ADD = 0,
    BULK_JUDGE,
    BULK_RETIRE
} bulk_op_t;

/* A name that is to lead to the device, or that must not lead elsewhere. */
typedef struct {
    compliance_alias_kind_t kind;
    compliance_str_t        value;
    bool                    wanted;   /* an alias; else the id itself */
    compliance_str_t        held;     /* the id it leads to, or absent */
    bool                    moved;    /* it is taken from there */
    bool                    lost;     /* to somebody else, in EXEC */
    size_t                  result;   /* its place in EXEC's answer, or 0 */
} bulk_claim_t;

typedef struct {
    bulk_op_t          op;
    compliance_state_t mdm_state;
    int64_t            nth;
    const char        *where;
    compliance_device_id_t id;
    compliance_str_t   told[BULK_FIELDS];
    compliance_str_t   mdm_reasons;
    int64_t            mdm_grace_until;
    int64_t            updated;
    compliance_str_t   inventory;      /* JSON text, or absent */
    compliance_judgement_of_device_t judgement;
    size_t             n_claims;
    bulk_claim_t       claims[BULK_CLAIMS];
    compliance_str_t   owner;          /* canonical, not led home */

    /* what is stored, and what becomes of it */
    compliance_str_t   stored[BULK_FIELDS];
    compliance_str_t   stored_inventory;
    int64_t            own_records;    /* of its aliases' values */
    compliance_str_t   after[BULK_FIELDS];
    ctl_bulk_outcome_t outcome;

    bool               mdm_said;
    bool               judged;         /* as one that was compliant so far */
    bool               owner_asked;    /* in this round */
    bool               exists;
    bool               set_inventory;
    bool               blocked, returned;
    bool               announced;
} bulk_item_t;

typedef struct {
    size_t       n;
    bulk_item_t *items;
    ctl_arena_t  arena;          /* the items' texts */
    uint64_t     ids[BULK_TABLE];
    /* the writes on their way */
    bool         writing;
    bool         unwatching;     /* nothing to write: UNWATCH is */
    size_t       n_replies;      /* of the queued commands */
} bulk_batch_t;

typedef struct {
    char    *name;       /* a principal, or NULL: a free slot */
    char    *leads;      /* the record it stands for; NULL: itself */
} bulk_owner_t;

/* One write to an index set, chained with those to the same set. */
typedef struct {
    bulk_field_t     field;
    compliance_str_t value;
    bool             add;
    const bulk_item_t *item;
} bulk_index_t;

struct ctl_bulk_s {
    const ctl_t       *ctl;
    ctl_bulk_options_t options;
    ctl_wire_t        *wire;
    ctl_bulk_counts_t  counts;
    bulk_batch_t       batches[3];
    bulk_batch_t      *filling;
    bulk_batch_t      *reading;   /* its questions are on their way */
    bulk_batch_t      *written;   /* its EXEC is on its way */
    bulk_owner_t       owners[BULK_OWNERS];
    ctl_arena_t        plan;      /* of one turn */
    uint64_t           names[BULK_TABLE];  /* claimed in this transaction */
    size_t             n_indexes;
    bulk_index_t       indexes[BULK_BATCH * 8];
};


/* bulk_device.c: false where it was refused. */
bool bulk_item_fill(ctl_bulk_t *bulk, bulk_item_t *item, ctl_arena_t *arena,
    const ctl_bulk_device_t *device, const char **why);

/* bulk_ask.c: [from, to) of a batch. */
void bulk_ask(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to);
void bulk_hear(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to);
void bulk_owners_free(ctl_bulk_t *bulk);

/* bulk_names.c */
void bulk_names_settle(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from,
    size_t to);
bool bulk_table_add(uint64_t *table, char kind, compliance_str_t name);

/* bulk_plan.c */
void bulk_plan(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to);
void bulk_refuse(ctl_bulk_t *bulk, bulk_item_t *item, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* bulk_write.c: queues the transaction. */
void bulk_write(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to);
/* False: others were there before, nothing was written. */
bool bulk_written(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from,
    size_t to);
/* What EXEC said of the names; nothing else may be on its way. */
void bulk_names_lost(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from,
    size_t to);

/* keys as texts of the plan */
compliance_str_t bulk_key_device(const ctl_bulk_t *bulk, ctl_arena_t *arena,
    compliance_str_t id);
compliance_str_t bulk_key_inventory(const ctl_bulk_t *bulk,
    ctl_arena_t *arena, compliance_str_t id);
compliance_str_t bulk_key_alias(const ctl_bulk_t *bulk, ctl_arena_t *arena,
    compliance_alias_kind_t kind, compliance_str_t value);
compliance_str_t bulk_key_index(const ctl_bulk_t *bulk, ctl_arena_t *arena,
    const char *field, compliance_str_t value);

#endif
