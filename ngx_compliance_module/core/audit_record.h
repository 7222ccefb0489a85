/*
 * Decision -> one escaped JSON line, chained to the one before it.  A chain
 * belongs to one worker process of one node (its lane), so that no worker
 * waits for another; verification walks every lane of a stream.
 *
 * A line has two parts:
 *
 *   {"v":2,"lane":..,"seq":..,"prev":..,"time":..[,"kid":..],...
 *    ,"personal":"D","hash":"H","salt":"S","user":..,...}
 *
 * H is HMAC-SHA256 (without "kid": SHA-256) over the bytes in front of
 * `,"hash"`.  What tells of a person stands behind it, and only its salted
 * SHA-256 D, over the bytes behind H's closing quote up to the end, is in the
 * hashed part.  So a person can be taken out of a record:
 *
 *   ...,"personal":"D","hash":"H","erased":"KID:E","user":..,...}
 *
 * where E is HMAC-SHA256 over H and the new bytes behind E's closing quote
 * ("plain:E", SHA-256, without a key), and the chain still holds.
 */
#ifndef COMPLIANCE_AUDIT_RECORD_H
#define COMPLIANCE_AUDIT_RECORD_H

#include "decide.h"
#include "link.h"


#define COMPLIANCE_AUDIT_RECORD_MAX  4096    /* of a decision or a gap */
#define COMPLIANCE_AUDIT_CHANGE_MAX  16384   /* of an administrator's change */
#define COMPLIANCE_AUDIT_HASH_LEN    64      /* SHA-256 in lower-case hex */
#define COMPLIANCE_AUDIT_SALT_LEN    16      /* bytes */
#define COMPLIANCE_LANE_MAX          40
#define COMPLIANCE_ADMIN_LANE        "admin"

/* What hashes a chain: prepared once, used for every record, by one thread at
 * a time. */
typedef struct compliance_audit_keys_s  compliance_audit_keys_t;

/* ring NULL or empty: plain SHA-256.  Else the first key makes the chain and
 * every key verifies.  NULL: no memory. */
compliance_audit_keys_t *compliance_audit_keys_create(
    const compliance_keyring_t *ring);
void compliance_audit_keys_free(compliance_audit_keys_t *keys);

typedef struct {
    char     lane[COMPLIANCE_LANE_MAX + 1];   /* unique per process start */
    uint64_t seq;                             /* of the last record; 0: none */
    char     hash[COMPLIANCE_AUDIT_HASH_LEN + 1];  /* of the last record; 64
                                                      zeros before the first */
    compliance_audit_keys_t *keys;            /* borrowed */
} compliance_audit_chain_t;

/* Letters, digits and ".-_:" of lane, at most LANE_MAX; others become '_'. */
void compliance_audit_chain_init(compliance_audit_chain_t *chain,
    compliance_str_t lane, compliance_audit_keys_t *keys);

/* What the record tells beside the decision; slices are escaped here. No field
 * may hold a credential: there is none among them. */
typedef struct {
    int64_t              time_ms;       /* Unix milliseconds */
    const char          *decision_id;
    compliance_str_t     node;
    compliance_str_t     client;        /* address as text */
    compliance_str_t     command;       /* EAS command, IMAP mechanism ... */
    compliance_str_t     candidate;     /* what the candidate set would do
                                           otherwise; empty: no such member */
    const uint8_t       *salt;          /* SALT_LEN random bytes, used once */
} compliance_audit_context_t;

/*
 * Appends to the chain and writes the line: lane, seq, prev, time, [kid,] id,
 * node, protocol, verdict, reason, would_block, group, binding, command,
 * [candidate,] and, as the personal part, user, device, client, device_type,
 * user_agent.  would_block is the reason or "".  A device without a record is
 * named as it presented itself, a certificate as "cert:<fingerprint>".  facts
 * may be NULL.  On an error the chain is untouched, and what was added to out
 * is to be thrown away.
 */
compliance_rc_t compliance_audit_record(compliance_audit_chain_t *chain,
    const compliance_audit_context_t *context,
    const compliance_request_t *request, const compliance_facts_t *facts,
    const compliance_decision_t *decision, compliance_buf_t *out);

/* A counted gap: `dropped` records were lost before this one: lane, seq, prev,
 * time, [kid,] node, dropped.  It has no personal part. */
compliance_rc_t compliance_audit_gap(compliance_audit_chain_t *chain,
    int64_t time_ms, compliance_str_t node, uint64_t dropped,
    compliance_buf_t *out);

/* What an administrator did. */
typedef struct {
    int64_t                 time_ms;
    const char             *id;         /* of the change */
    compliance_str_t        who;
    compliance_str_t        command;
    const compliance_str_t *changes;    /* JSON values, valid and compact */
    size_t                  n;
    const uint8_t          *salt;
} compliance_audit_change_t;

/* lane, seq, prev, time, [kid,] id, node, writes (n), and as the personal part
 * who, command, changes: as many as there is room for; of what does not go in
 * left_off is the count and all_sha256 the digest of all of them, each
 * followed by a line feed. */
compliance_rc_t compliance_audit_change(compliance_audit_chain_t *chain,
    const compliance_audit_change_t *change, compliance_buf_t *out);


/* What is known of one line by itself. */
typedef enum {
    COMPLIANCE_AUDIT_PLAIN = 0,    /* anyone can make such a hash */
    COMPLIANCE_AUDIT_KEYED,        /* holds under a key that we have */
    COMPLIANCE_AUDIT_KEY_MISSING   /* nothing is known of the hash */
} compliance_audit_proof_t;

typedef struct {
    compliance_str_t         lane, prev, hash;   /* slices of the line */
    compliance_str_t         personal;   /* the members, without salt or mark:
                                            `"user":..,..`; empty: none */
    int64_t                  seq, time_ms, kid;  /* kid -1: plain */
    compliance_audit_proof_t proof;
    bool                     erased;
    compliance_audit_proof_t erased_proof;
} compliance_audit_line_t;

/* OK, MALFORMED, NO_MEMORY, or FORGED: the hash or the personal digest is not
 * its own; then *line is filled in all the same. */
compliance_rc_t compliance_audit_read(const compliance_audit_keys_t *keys,
    compliance_str_t text, compliance_audit_line_t *line);

/* Whether a line is the next one of `chain` (seq 1 and prev all zeros begin a
 * lane).  True: chain has moved on to it. */
bool compliance_audit_follows(compliance_audit_chain_t *chain,
    const compliance_audit_line_t *line);

/* Both at once; AMBIGUOUS: sound, but it does not follow. */
compliance_rc_t compliance_audit_verify(compliance_audit_chain_t *chain,
    compliance_str_t text);

/* The same record with other personal members, marked as erased.  line: what
 * compliance_audit_read() made of `text`; members as in line->personal. */
compliance_rc_t compliance_audit_erase(const compliance_audit_keys_t *keys,
    compliance_str_t text, const compliance_audit_line_t *line,
    compliance_str_t members, compliance_buf_t *out);

/* An anchor's text, to be known again: HMAC-SHA256 by the first key, or
 * without one SHA-256 and *kid -1.  False: no memory. */
bool compliance_audit_sign(const compliance_audit_keys_t *keys,
    compliance_str_t text, int64_t *kid,
    char out[COMPLIANCE_AUDIT_HASH_LEN + 1]);
/* False: it is not what was signed. */
bool compliance_audit_signed(const compliance_audit_keys_t *keys,
    compliance_str_t text, int64_t kid, compliance_str_t mac,
    compliance_audit_proof_t *proof);

#endif
