/*
 * Store replies -> facts.  A fact is three-valued: what the store did not say
 * is UNKNOWN, never "no"; a value outside its list is UNKNOWN too.
 */
#ifndef COMPLIANCE_FACTS_H
#define COMPLIANCE_FACTS_H

#include "verdict.h"


/* One value of a reply: absent slice = nil. */
typedef compliance_str_t compliance_value_t;

typedef enum {
    COMPLIANCE_PRESENCE_UNKNOWN = 0,   /* the store did not answer */
    COMPLIANCE_MISSING,                /* it answered: no such record */
    COMPLIANCE_PRESENT
} compliance_presence_t;

typedef enum {
    COMPLIANCE_STATE_UNKNOWN = 0,
    COMPLIANCE_STATE_COMPLIANT,
    COMPLIANCE_STATE_NONCOMPLIANT,
    COMPLIANCE_STATE_GRACE,
    COMPLIANCE_STATE_RETIRED
} compliance_state_t;

typedef enum {
    COMPLIANCE_RISK_UNKNOWN = 0,
    COMPLIANCE_RISK_NONE,
    COMPLIANCE_RISK_LOW,
    COMPLIANCE_RISK_MEDIUM,
    COMPLIANCE_RISK_HIGH
} compliance_risk_t;

typedef enum {
    COMPLIANCE_MANAGEMENT_UNKNOWN = 0,
    COMPLIANCE_MANAGEMENT_NONE,
    COMPLIANCE_MANAGEMENT_MAM,
    COMPLIANCE_MANAGEMENT_MDM
} compliance_management_t;

typedef enum {
    COMPLIANCE_OVERRIDE_NONE = 0,
    COMPLIANCE_OVERRIDE_BLOCK,   /* also what an unreadable override means */
    COMPLIANCE_OVERRIDE_GRACE
} compliance_override_t;

/* name tables, exact lower-case; parse returns the 0 value for anything else */
const char *compliance_state_name(compliance_state_t state);
compliance_state_t compliance_state_parse(compliance_str_t text);
const char *compliance_risk_name(compliance_risk_t risk);
compliance_risk_t compliance_risk_parse(compliance_str_t text);
const char *compliance_management_name(compliance_management_t management);
compliance_management_t compliance_management_parse(compliance_str_t text);
const char *compliance_override_name(compliance_override_t override);


/* What a decision needs of a device record, and no more: this is what a cache
 * holds.  Names, reasons and versions are for people: see details below. */
typedef struct {
    compliance_device_id_t  id;
    compliance_principal_t  owner;           /* len 0: none, or unreadable */
    compliance_state_t      state;
    compliance_risk_t       risk;
    compliance_management_t management;
    compliance_override_t   override;
    int64_t                 override_until;  /* 0: without end */
    int64_t                 grace_until;     /* 0: none */
    int64_t                 last_checkin;    /* 0: unknown */
} compliance_device_t;

/* The fields to HMGET, in the order compliance_device_read() wants. */
#define COMPLIANCE_DEVICE_FIELDS  8
extern const char *const compliance_device_fields[COMPLIANCE_DEVICE_FIELDS];

/* A record of which every field is nil is MISSING: out->id is still set.
 * Unreadable numbers read as the strict side: grace_until and last_checkin 0,
 * override_until of an override grace 1 (long over), of an override block 0
 * (without end). */
compliance_presence_t compliance_device_read(
    const compliance_device_id_t *id,
    const compliance_value_t values[COMPLIANCE_DEVICE_FIELDS],
    compliance_device_t *out);

/* What people are shown of a device: portal and CLI only. */
typedef struct {
    char    reasons[512];      /* codes, comma-separated */
    char    platform[32];
    char    os_version[64];
    char    model[96];
    char    name[128];
    char    policy[COMPLIANCE_GROUP_NAME_MAX + 1];
    char    source[64];
    int64_t updated;
} compliance_device_details_t;

#define COMPLIANCE_DETAIL_FIELDS  8
extern const char *const compliance_detail_fields[COMPLIANCE_DETAIL_FIELDS];

/* Over-long text is cut at a UTF-8 boundary, control characters become '?'. */
void compliance_details_read(
    const compliance_value_t values[COMPLIANCE_DETAIL_FIELDS],
    compliance_device_details_t *out);


#define COMPLIANCE_USER_GROUPS_MAX  1024   /* bytes of the groups field */

typedef struct {
    compliance_principal_t principal;
    bool                   break_glass;      /* exactly "1" */
    bool                   blocked;          /* anything but absent, "", "0" */
    bool                   groups_unreadable;/* too long or ill-formed */
    /* last: what is behind its NUL is not cleared */
    char                   groups[COMPLIANCE_USER_GROUPS_MAX + 1];
} compliance_user_t;

/* groups break_glass blocked display_name locale: a record of which all five
 * are nil is MISSING. */
#define COMPLIANCE_USER_FIELDS  5
extern const char *const compliance_user_fields[COMPLIANCE_USER_FIELDS];

compliance_presence_t compliance_user_read(
    const compliance_principal_t *principal,
    const compliance_value_t values[COMPLIANCE_USER_FIELDS],
    compliance_user_t *out);


/* Everything the store knows that a decision may rest on. */
typedef struct {
    bool                  ambiguous;       /* names led to different records */
    bool                  device_claimed;  /* the request presented a device */
    compliance_presence_t device_presence;
    compliance_device_t   device;
    compliance_binding_t  binding;         /* of the claim that found it; the
                                              owner rung is decide()'s */
    bool                  user_claimed;
    compliance_presence_t user_presence;   /* MISSING: no record, no alias */
    compliance_user_t     user;            /* principal is set if claimed;
                                              last, as its groups are */
} compliance_facts_t;

/* Nothing claimed, nothing known. */
void compliance_facts_init(compliance_facts_t *facts);

#endif
