/*
 * A saved store: gzip, JSON lines.
 *   {"format": "compliance-backup", "version": 1, "created", "history": bool}
 *   {"key", "type", "part", "value", "expires"}   one or more a key; part
 *                         counts from 0, key is without the prefix, expires
 *                         (Unix ms) only where it does
 *   {"end": true, "lines", "sha256"}              of all bytes before it
 * value: a string; [member...] of a set and a list; [field, value, ...] of a
 * hash; [[id, [field, value, ...]]...] of a stream.  A text that is no UTF-8
 * is {"hex": "..."}.
 */
#ifndef COMPLIANCE_CTL_BACKUP_H
#define COMPLIANCE_CTL_BACKUP_H

#include "store.h"


#define CTL_BACKUP_FORMAT    "compliance-backup"
#define CTL_BACKUP_VERSION   1
#define CTL_BACKUP_LINE_MAX  ((size_t) 256 * 1024 * 1024)

/* backup_read.c: calls line() for each key's line; dies on the first fault,
 * with its line.  Returns how many there were. */
int64_t ctl_backup_read(const char *path, bool *history,
    void (*line)(void *data, const json_t *line), void *data);

/* A text of the file; lives until ctl_release(). */
compliance_str_t ctl_backup_text(const json_t *value);

#endif
