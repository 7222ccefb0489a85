/*
 * The only place that names Redis keys.  Every function writes prefix + key
 * and a closing NUL to out, and returns the length without the NUL, or 0 where
 * the key does not fit (a caller treats that as a store failure).
 */
#ifndef COMPLIANCE_KEYS_H
#define COMPLIANCE_KEYS_H

#include "compliance.h"


#define COMPLIANCE_PREFIX_DEFAULT  "compliance:"
#define COMPLIANCE_PREFIX_MAX      64
#define COMPLIANCE_KEY_TEXT_MAX    512
#define COMPLIANCE_SCHEMA_VERSION  1

typedef enum {
    COMPLIANCE_ALIAS_NONE = 0,
    COMPLIANCE_ALIAS_EAS,
    COMPLIANCE_ALIAS_CERT,
    COMPLIANCE_ALIAS_SERIAL,
    COMPLIANCE_ALIAS_LOGIN,
    COMPLIANCE_ALIAS_KINDS
} compliance_alias_kind_t;

const char *compliance_alias_kind_name(compliance_alias_kind_t kind);
compliance_alias_kind_t compliance_alias_kind_parse(compliance_str_t name);

size_t compliance_key_device(char *out, size_t cap, compliance_str_t prefix,
    const compliance_device_id_t *id);
size_t compliance_key_alias(char *out, size_t cap, compliance_str_t prefix,
    compliance_alias_kind_t kind, compliance_str_t value);
size_t compliance_key_user(char *out, size_t cap, compliance_str_t prefix,
    const compliance_principal_t *principal);
size_t compliance_key_user_alias(char *out, size_t cap,
    compliance_str_t prefix, const compliance_principal_t *name);
size_t compliance_key_group(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t name);
size_t compliance_key_groups(char *out, size_t cap, compliance_str_t prefix);
size_t compliance_key_meta(char *out, size_t cap, compliance_str_t prefix);
size_t compliance_key_audit(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t node);
/* A copy of audit:<node> in the making, without somebody. */
size_t compliance_key_erase(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t node);
size_t compliance_key_policy(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t name);
size_t compliance_key_policies(char *out, size_t cap, compliance_str_t prefix);
size_t compliance_key_inventory(char *out, size_t cap, compliance_str_t prefix,
    const compliance_device_id_t *id);
/* seen:<day>:<principal>, the day of `time` (Unix seconds) as YYYYMMDD in
 * UTC; index:seen:<day> is the set of that day's principals. */
size_t compliance_key_seen(char *out, size_t cap, compliance_str_t prefix,
    int64_t time, const compliance_principal_t *principal);
#define COMPLIANCE_DAY_LEN  8
void compliance_day(int64_t time, char out[COMPLIANCE_DAY_LEN + 1]);
/* The candidate set of groups and policies; its id stands in meta. */
size_t compliance_key_candidate(char *out, size_t cap,
    compliance_str_t prefix);
/* The latest administrators' changes, newest first. */
size_t compliance_key_undo(char *out, size_t cap, compliance_str_t prefix);
/* The node name under which administrators' changes are audited. */
#define COMPLIANCE_ADMIN_NODE  "@admin"
/* index:<field>:<value>; index:break_glass:1 is what the groups snapshot
 * carries through an outage. */
size_t compliance_key_index(char *out, size_t cap, compliance_str_t prefix,
    const char *field, compliance_str_t value);
/* Of what happened, rather than of what is to hold: the audit and the counted
 * accesses.  key: without the prefix. */
bool compliance_key_is_history(compliance_str_t key);

#endif
