/*
 * What import.c (the course of an import), import_source.c (what is read) and
 * import_report.c (what is told of it) share.
 */
#ifndef COMPLIANCE_CTL_IMPORT_PRIVATE_H
#define COMPLIANCE_CTL_IMPORT_PRIVATE_H

#include "import.h"


#define IMPORT_TOLD_MAX     20      /* refused records told without --verbose */
#define IMPORT_RETIRED_MAX  10000   /* ids listed in the report */

typedef enum {
    IMPORT_LOOKS = 1,    /* counts what would change, writes nothing */
    IMPORT_WRITES
} import_pass_t;

/* Ids of a source, as hashes under a key of this run: a million of them in 16
 * MiB.  That two of them share one is less likely than a broken disk. */
typedef struct {
    size_t    n;
    size_t    cap;
    uint64_t *slots;
    uint8_t   key[16];
} import_ids_t;

/* A bit for each record of the source. */
typedef struct {
    size_t   cap;        /* in bytes */
    uint8_t *bytes;
} import_bits_t;

struct ctl_import_s {
    ctl_t          *ctl;
    const char     *noun;         /* "json", "intune" */
    const char     *source;
    bool            full, dry_run, verbose;
    int64_t         max_change;   /* per cent */

    import_pass_t   pass;
    bool            twice;        /* this is one of two readings */
    ctl_bulk_t     *bulk;
    int64_t         nth;          /* of the present record, from 1 */
    bool            counted;      /* ctl_import_wants() counts them */
    import_ids_t    ids;
    import_bits_t   again;        /* records that the second reading is for */
    int64_t         wanted;       /* how many */
    bool            broken;       /* the source, somewhere */
    bool            uncertain;    /* a record that has no readable id */

    ctl_bulk_counts_t looked;     /* by the first reading */
    ctl_bulk_counts_t total;
    int64_t         refused;      /* before they came to the bulk writer */
    int64_t         told;
    int64_t         devices;      /* of the source before, without retired */
    int64_t         admitted;     /* of all, compliant or in grace */
    bool            skipped_retiring;

    size_t          n_retired;
    char          **retired;

    FILE           *file;         /* that is being read */
    FILE           *spool;        /* what came on stdin */
    ctl_progress_t *progress;
};


/* import_source.c */
void import_ids_free(import_ids_t *ids);
/* False: it was there. */
bool import_ids_add(import_ids_t *ids, compliance_str_t id);
bool import_ids_have(const import_ids_t *ids, compliance_str_t id);
void import_bit_set(import_bits_t *bits, int64_t nth);
bool import_bit(const import_bits_t *bits, int64_t nth);
void import_progress_begin(ctl_import_t *import);
void import_progress_end(ctl_import_t *import);

/* import_report.c */
void import_tell(ctl_import_t *import, const char *where, const char *why);
json_t *import_summary(const ctl_import_t *import);
void import_report(const ctl_import_t *import);

#endif
