/*
 * Compliance policies over inventory attributes.  Evaluated when inventory
 * arrives, never on a request.  docs/policies.md is the format's reference.
 */
#ifndef COMPLIANCE_POLICY_H
#define COMPLIANCE_POLICY_H

#include "facts.h"

#include <jansson.h>


#define COMPLIANCE_POLICY_TEXT_MAX   262144   /* bytes of a policy's JSON */
#define COMPLIANCE_POLICIES_MAX      64
#define COMPLIANCE_REASONS_MAX       511      /* bytes of a device's reasons */

typedef struct compliance_policy_s  compliance_policy_t;

/* Where it is wrong and what is expected there, for a person. */
typedef struct {
    unsigned line;         /* of the text; 0: not known */
    char     path[128];    /* "require[2].min_version" */
    char     message[256];
} compliance_policy_error_t;

/* NULL: *error says why.  The caller frees it. */
compliance_policy_t *compliance_policy_parse(compliance_str_t text,
    compliance_policy_error_t *error);
void compliance_policy_free(compliance_policy_t *policy);

const char *compliance_policy_name(const compliance_policy_t *policy);
/* All of it, as it was written; borrowed. */
const json_t *compliance_policy_json(const compliance_policy_t *policy);
/* platform: lower case, or absent where it is not known. */
bool compliance_policy_concerns(const compliance_policy_t *policy,
    compliance_str_t platform);
/* What its author wrote on how to put `reason` right on this platform, in the
 * best of the languages that `locale` ("de-AT") stands for, else in English;
 * NULL: nothing.  Lives as long as the policy. */
const char *compliance_policy_remediation(const compliance_policy_t *policy,
    compliance_str_t platform, compliance_str_t reason,
    compliance_str_t locale);

/* What is known of a device when it is judged. */
typedef struct {
    compliance_str_t   platform;
    const json_t      *inventory;          /* an object, or NULL: none came */
    compliance_state_t mdm_state;          /* the MDM's own verdict */
    bool               mdm_said;           /* it has one */
    compliance_str_t   mdm_reasons;        /* its reasons, or absent */
    int64_t            mdm_grace_until;
    int64_t            noncompliant_since; /* as stored; 0: was compliant */
    int64_t            now;                /* when the inventory was true */
} compliance_inventory_t;

typedef struct {
    compliance_state_t state;
    int64_t            grace_until;         /* 0: none */
    int64_t            noncompliant_since;  /* 0: it is compliant */
    char               reasons[COMPLIANCE_REASONS_MAX + 1];
    char               policy[COMPLIANCE_GROUP_NAME_MAX + 1]; /* that decided:
                                               the first that failed, else the
                                               first that concerns it; "" */
} compliance_judgement_of_device_t;

/* The worst of all policies that concern the device, and of the MDM's verdict
 * where they do not say otherwise.  policies may hold NULLs. */
void compliance_policies_judge(const compliance_policy_t *const *policies,
    size_t n, const compliance_inventory_t *device,
    compliance_judgement_of_device_t *out);

#endif
