/*
 * What the audit's files share: how a line is spelt, and what hashes it.
 */
#ifndef COMPLIANCE_AUDIT_PRIVATE_H
#define COMPLIANCE_AUDIT_PRIVATE_H

#include "audit_record.h"
#include "mac.h"


#define COMPLIANCE_AUDIT_BEGIN     "{\"v\":2,\"lane\":\""
#define COMPLIANCE_AUDIT_PERSONAL  ",\"personal\":\""
#define COMPLIANCE_AUDIT_HASH      ",\"hash\":\""
#define COMPLIANCE_AUDIT_SALT      ",\"salt\":\""
#define COMPLIANCE_AUDIT_ERASED    ",\"erased\":\""
#define COMPLIANCE_AUDIT_NO_KEY    "plain"

/* The keys are derived each for its purpose. */
typedef enum {
    COMPLIANCE_AUDIT_CHAIN = 0,
    COMPLIANCE_AUDIT_ERASE,
    COMPLIANCE_AUDIT_ANCHOR,
    COMPLIANCE_AUDIT_PURPOSES
} compliance_audit_purpose_t;

/* The kid new records carry; -1: plain. */
int64_t compliance_audit_kid(const compliance_audit_keys_t *keys);
bool compliance_audit_has_kid(const compliance_audit_keys_t *keys,
    int64_t kid);

/* Lower case, with a NUL. */
void compliance_audit_hex(const uint8_t *data, size_t len, char *out);

/* Of two texts, one behind the other, in hex and with a NUL; kid -1: SHA-256.
 * False: no such key, or no memory. */
bool compliance_audit_hash(const compliance_audit_keys_t *keys,
    compliance_audit_purpose_t purpose, int64_t kid, compliance_str_t text,
    compliance_str_t more, char out[COMPLIANCE_AUDIT_HASH_LEN + 1]);


/* audit_line.c: a line is begun, gets members, turns to its personal part if
 * it has one, gets more members, and is ended. */

/* A member and its budget. */
typedef struct {
    compliance_str_t opening;
    compliance_str_t value;
    size_t           max;
} compliance_audit_member_t;

/* A line in the making: where its parts begin in the output. */
typedef struct {
    size_t begin;
    size_t personal;   /* the digest's place; 0: there is no personal part */
    size_t hash;       /* of `,"hash"` */
    size_t tail;       /* behind the hash's closing quote */
} compliance_audit_parts_t;

/* What stands before a member's value. */
#define MEMBER(name)  compliance_str(",\"" name "\":\"")

void compliance_audit_begin(const compliance_audit_chain_t *chain,
    int64_t time_ms, compliance_buf_t *out);
/* Escaped, and cut to its budget. */
void compliance_audit_members(compliance_buf_t *out,
    const compliance_audit_member_t *members, size_t n);
void compliance_audit_number(compliance_buf_t *out, const char *name,
    int64_t value);
/* salt NULL: there is no personal part. */
void compliance_audit_turn(compliance_buf_t *out, const uint8_t *salt,
    compliance_audit_parts_t *parts);
/* Moves the chain on. */
compliance_rc_t compliance_audit_end(compliance_audit_chain_t *chain,
    compliance_buf_t *out, const compliance_audit_parts_t *parts);

#endif
