/*
 * Decision -> one escaped JSON line, chained by SHA-256 to the one before it.
 * A chain belongs to one worker process of one node (its lane), so that no
 * worker waits for another; verification walks every lane of a stream.
 */
#ifndef COMPLIANCE_AUDIT_RECORD_H
#define COMPLIANCE_AUDIT_RECORD_H

#include "decide.h"


#define COMPLIANCE_AUDIT_RECORD_MAX  4096
#define COMPLIANCE_AUDIT_HASH_LEN    64    /* SHA-256 in lower-case hex */
#define COMPLIANCE_LANE_MAX          40

typedef struct {
    char     lane[COMPLIANCE_LANE_MAX + 1];   /* unique per process start */
    uint64_t seq;                             /* of the last record; 0: none */
    char     hash[COMPLIANCE_AUDIT_HASH_LEN + 1];  /* of the last record; 64
                                                      zeros before the first */
    struct evp_md_ctx_st *hasher;   /* borrowed: a context that SHA-256 was
                                       begun in, to be used again and again;
                                       NULL: a new one for each record */
} compliance_audit_chain_t;

/* Letters, digits and ".-_:" of lane, at most LANE_MAX; others become '_'. */
void compliance_audit_chain_init(compliance_audit_chain_t *chain,
    compliance_str_t lane);

/* What the record tells beside the decision; slices are escaped here. No field
 * may hold a credential: there is none among them. */
typedef struct {
    int64_t              time_ms;       /* Unix milliseconds */
    const char          *decision_id;
    compliance_str_t     node;
    compliance_str_t     client;        /* address as text */
    compliance_str_t     command;       /* EAS command, IMAP mechanism ... */
} compliance_audit_context_t;

/*
 * Appends to the chain and writes the line: {"v":1,"lane":..,"seq":..,
 * "prev":..,"time":..,"id":..,"node":..,"protocol":..,"verdict":..,
 * "reason":..,"would_block":..,"group":..,"user":..,"device":..,"binding":..,
 * "client":..,"device_type":..,"user_agent":..,"command":..,"hash":..}.
 * hash is SHA-256 over the line up to and without `,"hash"`.  would_block is
 * the reason or "".  A device without a record is named as it presented
 * itself, a certificate as "cert:<fingerprint>".  facts may be NULL.  On an
 * error the chain is untouched, and what was added to out is to be thrown away.
 */
compliance_rc_t compliance_audit_record(compliance_audit_chain_t *chain,
    const compliance_audit_context_t *context,
    const compliance_request_t *request, const compliance_facts_t *facts,
    const compliance_decision_t *decision, compliance_buf_t *out);

/* A counted gap: `dropped` records were lost before this one: lane, seq, prev,
 * time, node, dropped, hash. */
compliance_rc_t compliance_audit_gap(compliance_audit_chain_t *chain,
    int64_t time_ms, compliance_str_t node, uint64_t dropped,
    compliance_buf_t *out);

/* Checks one line's own hash, and that it follows `chain` (which a first line
 * of a lane starts: seq 1 and prev all zeros).  On OK chain moves on to it.
 * AMBIGUOUS: the line is sound but does not follow.  FORGED: its hash is not
 * its own. */
compliance_rc_t compliance_audit_verify(compliance_audit_chain_t *chain,
    compliance_str_t line);

#endif
