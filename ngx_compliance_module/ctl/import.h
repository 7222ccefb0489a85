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
 * where --max-change wants to know first, twice (import->pass); it must read
 * the same both times. */
typedef void ctl_import_read_t(ctl_t *ctl, ctl_import_t *import,
    const char *source);

ctl_exit_t ctl_import_run(ctl_t *ctl, const char *name,
    ctl_import_read_t *read);


/* records.c: a stream of bytes -> JSON records, one at a time, however long
 * the whole is.  Takes NDJSON, an array, one or more {"value": [...]} pages
 * end to end; memory is one record's. */
typedef struct ctl_records_s  ctl_records_t;

/* read: as fread; 0 at the end, -1 on an error (*why set). */
typedef ssize_t ctl_read_t(void *data, char *out, size_t cap,
    const char **why);

ctl_records_t *ctl_records_open(ctl_read_t *read, void *data);
ctl_records_t *ctl_records_file(const char *path);   /* "-": stdin */
/* The next record (the caller's reference), or NULL at the end.  A record that
 * is no JSON: *why says so, *record is NULL, and true: go on.  False: the end;
 * *why not NULL: the stream itself is broken. */
bool ctl_records_next(ctl_records_t *records, json_t **record,
    const char **where, const char **why);
/* The string member beside the array ("@odata.nextLink"), seen so far. */
const char *ctl_records_member(const ctl_records_t *records,
    const char *name);
void ctl_records_close(ctl_records_t *records);

#endif
