/*
 * The history of administrators' changes: the newest ones can be undone, all
 * of them stand in the audit of the node "@admin".
 *
 * An entry of the undo log is a JSON object:
 *   {"id", "time", "who", "command", "writes": [...]}
 * and a write, whose key stands without the prefix, is one of
 *   {"op": "hset", "key", "field", "old", "new"}     old null: it had none,
 *                                                    new null: removed
 *   {"op": "set", "key", "old", "new"}
 *   {"op": "member", "key", "member", "old": bool, "new": bool}
 *   {"op": "del", "key", "type", "old"}              old: an object of fields,
 *                                                    a string, a list of
 *                                                    members
 */
#ifndef COMPLIANCE_CTL_HISTORY_H
#define COMPLIANCE_CTL_HISTORY_H

#include "store.h"


#define CTL_UNDO_MAX  100   /* entries kept */

/* Called once with what a transaction is about to change (an entry as above),
 * before it leaves: adds the audit record to the transaction. */
void ctl_audit_change(ctl_t *ctl, const json_t *entry);

/* The same for work that is no single transaction, such as an import: audits
 * {"command", "who", "summary": ...} by a transaction of its own.  Takes over
 * `summary`. */
void ctl_audit_summary(ctl_t *ctl, json_t *summary);
/* Several summaries in one record, as a part of the caller's own transaction;
 * command NULL: as it was given.  Takes over each of the array, and it. */
void ctl_audit_summary_plan(ctl_t *ctl, const char *command, json_t *array);

/* What becomes of the changes of a command; without a word, all of it. */
typedef enum {
    CTL_HISTORY_WHOLE = 0,
    CTL_HISTORY_AUDIT,     /* audited, and no entry to take it back */
    CTL_HISTORY_NONE       /* the command audits by itself */
} ctl_history_t;

void ctl_history(ctl_t *ctl, ctl_history_t what);

/* "group mode sales enforce": the command as it was given, without what stands
 * in files and in the environment. */
const char *ctl_command_text(const ctl_t *ctl);
/* A new change's id. */
const char *ctl_change_id(void);

#endif
