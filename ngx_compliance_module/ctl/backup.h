/*
 * The backup file: JSON, one object a line.
 *
 *   {"compliance_backup": 1, "schema": 1, "created": T, "prefix": "..."}
 *   {"key": "device:X", "type": "hash", "value": {"state": "compliant", ...}}
 *   {"key": "alias:eas:Y", "type": "string", "value": "X"}
 *   {"key": "index:state:compliant", "type": "set", "value": ["X", ...]}
 *   {"key": "undo", "type": "list", "value": ["...", ...]}
 *   {"key": "audit:node", "type": "stream", "value": [[ID, FIELD, VALUE], ...]}
 *   {"end": true, "lines": N, "sha256": "..."}
 *
 * Keys stand without the prefix.  A large set, list or stream takes several
 * lines, in order.  "expires" is Unix milliseconds.  Bytes that are no UTF-8
 * text, or hold a NUL, are {"base64": "..."}.  The last line's sum is over the
 * bytes of all lines before it.
 */
#ifndef COMPLIANCE_CTL_BACKUP_H
#define COMPLIANCE_CTL_BACKUP_H

#include "store.h"

#include <openssl/evp.h>


#define CTL_BACKUP_VERSION   1
#define CTL_BACKUP_LINE_MAX  (64 * 1024 * 1024)
#define CTL_BACKUP_HASH_LEN  64

/* What a store says in meta while it is being restored: every gateway and every
 * command but restore refuses it. */
#define CTL_RESTORING  "restoring"

/* A sum over what passes. */
typedef struct {
    EVP_MD_CTX *context;
} ctl_sum_t;

void ctl_sum_begin(ctl_sum_t *sum);
void ctl_sum_add(ctl_sum_t *sum, const char *data, size_t len);
/* Ends it: lower-case hex. */
void ctl_sum_end(ctl_sum_t *sum, char out[CTL_BACKUP_HASH_LEN + 1]);

/* Bytes <-> a text or {"base64": ...}; absent where it is neither.  What comes
 * back is kept until ctl_release(). */
json_t *ctl_bytes_json(compliance_str_t bytes);
compliance_str_t ctl_bytes_read(const json_t *value);

#endif
