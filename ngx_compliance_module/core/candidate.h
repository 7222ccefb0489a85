/*
 * The candidate set's groups, laid over the live ones: what a change would
 * decide, beside what is decided.  docs/data-model.md has the format.
 */
#ifndef COMPLIANCE_CANDIDATE_H
#define COMPLIANCE_CANDIDATE_H

#include "group.h"


#define COMPLIANCE_CANDIDATE_TEXT_MAX  524288   /* bytes a gateway reads */
#define COMPLIANCE_CANDIDATE_ID_MAX    40

/* Changes *snapshot, which begins as a copy of the live one: a group of the
 * set keeps the settings that the set does not name, null takes a group away
 * ("default" excepted).  An empty value is the setting's default where it is
 * none of its values; an unreadable one the strictest, as in a stored group.
 * MALFORMED: not such a set; TOO_LONG: too many groups; NO_MEMORY.  Then
 * *snapshot is not to be used. */
compliance_rc_t compliance_candidate_apply(compliance_str_t text,
    compliance_snapshot_t *snapshot);

#endif
