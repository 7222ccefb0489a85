/*
 * Which records does a request rest on?  A lookup is a small state machine
 * that asks for records in rounds and is fed with replies; nginx feeds it from
 * the event loop, the CLI from a blocking connection, a cache from memory.
 * One round where the presented device id is a record's own, one more for an
 * alias, one more where the user follows from the device or where the owner's
 * name has to be resolved before he counts as somebody else.
 */
#ifndef COMPLIANCE_LOOKUP_H
#define COMPLIANCE_LOOKUP_H

#include "facts.h"
#include "keys.h"


typedef enum {
    COMPLIANCE_DEVICE_FROM_NONE = 0,
    COMPLIANCE_DEVICE_FROM_EAS,          /* alias kind eas, asserted */
    COMPLIANCE_DEVICE_FROM_TAG,          /* alias kind login, asserted */
    COMPLIANCE_DEVICE_FROM_SIGNED_TAG,   /* alias kind login, secret */
    COMPLIANCE_DEVICE_FROM_COOKIE,       /* a record id, secret */
    COMPLIANCE_DEVICE_FROM_VARIABLE,     /* a record id, asserted */
    COMPLIANCE_DEVICE_FROM_CERTIFICATE   /* alias kind cert, certificate */
} compliance_device_source_t;

typedef struct {
    compliance_device_source_t source;
    compliance_device_id_t     id;       /* all but certificate */
    char                       fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];
} compliance_claim_t;

#define COMPLIANCE_CLAIMS_MAX  4

/* Who vouches for the user's name. */
typedef enum {
    COMPLIANCE_USER_FROM_NONE = 0,
    COMPLIANCE_USER_FROM_CREDENTIAL,   /* the back end will check it */
    COMPLIANCE_USER_FROM_OWNER,        /* the owner of a proven device */
    COMPLIANCE_USER_FROM_LOGIN         /* a name about to log in: break-glass
                                          by its own certificate only */
} compliance_user_source_t;

/* Everything a request says, canonical.  Slices are borrowed for as long as
 * the request is being judged. */
typedef struct {
    compliance_protocol_t    protocol;
    compliance_rc_t          identity;       /* OK, or why it has none:
                                                MALFORMED, AMBIGUOUS */
    bool                     device_free;    /* EAS OPTIONS, Autodiscover: the
                                                user's rules alone */
    size_t                   n_claims;
    compliance_claim_t       claims[COMPLIANCE_CLAIMS_MAX];
    compliance_user_source_t user_source;
    compliance_principal_t   user;           /* len 0 for NONE and OWNER */
    compliance_principal_t   user_hint;      /* a second name for the same
                                                person (EAS User=), or len 0 */
    compliance_str_t         device_type;    /* for allowed_clients */
    compliance_str_t         user_agent;
    bool                     has_address;
    uint8_t                  address[16];    /* IPv4 as ::ffff:a.b.c.d */
    bool                     dry_run;        /* the location only reports */

    /* Judged again for the portal: what its sealed link vouches for. */
    compliance_binding_t     vouched_binding;  /* at least this */
    bool                     vouched_client;   /* allowed_clients held */
} compliance_request_t;


typedef enum {
    COMPLIANCE_ASK_DEVICE = 1,   /* HMGET key compliance_device_fields */
    COMPLIANCE_ASK_USER,         /* HMGET key compliance_user_fields */
    COMPLIANCE_ASK_STRING        /* GET key: one value */
} compliance_ask_kind_t;

typedef struct {
    compliance_ask_kind_t kind;
    size_t                key_len;
    char                  key[COMPLIANCE_KEY_TEXT_MAX];
    /* private to lookup.c: what the answer is for */
    unsigned              slot;
} compliance_ask_t;

/* Two for every claim, two for the user, two for the hint. */
#define COMPLIANCE_ASKS_MAX  (2 * COMPLIANCE_CLAIMS_MAX + 4)

typedef struct {
    const compliance_request_t *request;
    compliance_str_t            prefix;
    unsigned                    round;
    bool                        failed;
    size_t                      n_asks;
    compliance_ask_t            asks[COMPLIANCE_ASKS_MAX];
    compliance_facts_t          facts;
    /* private: what is known so far of each claim and name.  target: the
     * record an alias leads to */
    struct {
        compliance_presence_t   presence;      /* of the record */
        compliance_presence_t   alias_presence;
        compliance_presence_t   target_presence;
        compliance_device_id_t  alias;         /* where the alias leads */
        compliance_device_t     device;
    } claims[COMPLIANCE_CLAIMS_MAX];
    struct {
        compliance_principal_t  name;          /* as presented; len 0: none */
        compliance_presence_t   presence;
        compliance_presence_t   alias_presence;
        compliance_presence_t   target_presence;
        compliance_presence_t   target_alias_presence;
        compliance_principal_t  alias;
        compliance_principal_t  target_alias;
        compliance_user_t       user;
    } names[2];                                /* user, hint */
    bool                        owner_due;     /* is the owner the user, by
                                                  another name? */
    compliance_principal_t      owner;
    compliance_presence_t       owner_alias_presence;
    compliance_principal_t      owner_alias;   /* the owner's canonical name */
} compliance_lookup_t;

/* request and prefix are borrowed until the lookup is done. */
void compliance_lookup_init(compliance_lookup_t *lookup,
    const compliance_request_t *request, compliance_str_t prefix);

/* The next round: fills lookup->asks and returns their number; 0: done, and
 * lookup->facts is complete. Every ask of a round is answered before the next
 * call. */
size_t compliance_lookup_next(compliance_lookup_t *lookup);

/* The answer to asks[i]: n values (DEVICE_FIELDS, USER_FIELDS, 1). */
void compliance_lookup_answer(compliance_lookup_t *lookup, size_t i,
    const compliance_value_t *values, size_t n);

/* The store failed: what is not known stays UNKNOWN; the next call of
 * compliance_lookup_next() returns 0. */
void compliance_lookup_fail(compliance_lookup_t *lookup);

#endif
