/*
 * What the importers share.  An adapter (import_intune.c, import_jamf.c,
 * import_csv.c, import_json.c) turns its source's records into
 * ctl_bulk_device_t and hands them to ctl_import_device(); full and delta,
 * vanished devices, --max-change, progress and the report are import.c's.
 */
#ifndef COMPLIANCE_CTL_IMPORT_H
#define COMPLIANCE_CTL_IMPORT_H

#include "bulk.h"


typedef struct ctl_import_s  ctl_import_t;

/* One device; where: "line 17", "page 3, record 12". */
void ctl_import_device(ctl_import_t *import, const ctl_bulk_device_t *device,
    const char *where);
/* A record that cannot be used: told and counted, the rest goes on. */
void ctl_import_refuse(ctl_import_t *import, const char *where,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The source is broken from here on: what came is kept, nothing is retired,
 * and the command ends with CTL_CONTENT. */
void ctl_import_broken(ctl_import_t *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An adapter: reads the whole source named by ctl->args[0].  Called once or,
 * where --max-change wants to know first, twice; it must read the same both
 * times, and tell each record once, by ctl_import_device() or _refuse(), in
 * the same order. */
typedef void ctl_import_read_t(ctl_t *ctl, ctl_import_t *import,
    const char *source);

ctl_exit_t ctl_import_run(ctl_t *ctl, const char *name,
    ctl_import_read_t *read);


/* A file of the source, "-" being stdin, told apart where it is read twice, and
 * watched by the progress.  Dies where it cannot be opened. */
FILE *ctl_import_open(ctl_import_t *import, const char *path);
/* How far the source is, for the progress: of a file ctl_import_open() knows. */
void ctl_import_progress(ctl_import_t *import, int64_t done, int64_t total);
/* Nobody else's file, and without a name: for what cannot be read twice. */
FILE *ctl_import_spool(void);
/* Before each record, by a reader that can pass one over: false where the
 * first reading has shown that there is nothing to do. */
bool ctl_import_wants(ctl_import_t *import);

/* "2026-11-20T08:00:00.1234567Z" (or with an offset), Unix seconds, or
 * milliseconds; Graph's and .NET's 0001-01-01 is 0: none.  False: no time. */
bool ctl_import_time(compliance_str_t text, int64_t *out);


/* records.c: a stream of bytes -> JSON records, one at a time, however long
 * the whole is (core/json_split.h has what it takes). */
typedef struct ctl_records_s  ctl_records_t;

/* read: as fread; 0 at the end, -1 on an error (*why set). */
typedef ssize_t ctl_read_t(void *data, char *out, size_t cap,
    const char **why);

/* import: whose records these are, so that those it does not want are passed
 * over; NULL: nobody's. */
ctl_records_t *ctl_records_open(ctl_import_t *import, ctl_read_t *read,
    void *data);
ctl_records_t *ctl_records_file(ctl_import_t *import, FILE *file);
/* The next record, an object.  It, and every JSON value made since, lives only
 * until the next call, and need not be freed.  One that is no JSON object: *why
 * says so, *record is NULL, and true: go on.  False: the end; *why not NULL:
 * the stream itself is broken. */
bool ctl_records_next(ctl_records_t *records, json_t **record,
    const char **where, const char **why);
/* The string member beside the list of the present page ("@odata.nextLink");
 * NULL: none was seen so far. */
const char *ctl_records_member(const ctl_records_t *records,
    const char *name);
void ctl_records_close(ctl_records_t *records);

#endif
