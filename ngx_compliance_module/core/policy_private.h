/*
 * A parsed policy; private to policy*.c.
 * Every text and value belongs to `root`.
 */
#ifndef COMPLIANCE_POLICY_PRIVATE_H
#define COMPLIANCE_POLICY_PRIVATE_H

#include "policy.h"


#define COMPLIANCE_RULES_MAX      64
#define COMPLIANCE_OPERATORS_MAX  8    /* of one rule */
#define COMPLIANCE_GRACE_DAYS_MAX 3650

typedef struct compliance_operator_s  compliance_operator_t;

/* One row an operator: what its operand must be, and whether a value of the
 * inventory (never absent) satisfies it. */
struct compliance_operator_s {
    const char *name;
    const char *expects;
    bool      (*valid)(const json_t *operand);
    bool      (*holds)(const json_t *operand, const json_t *value,
                       int64_t now);
};

extern const compliance_operator_t compliance_operators[];
extern const size_t                compliance_operators_n;

/* An attribute, and what is asked of it. */
typedef struct {
    const char   *attribute;
    const json_t *exists;       /* that operator's operand, or NULL */
    size_t        n;
    struct {
        const compliance_operator_t *operator;
        const json_t                *operand;
    } operators[COMPLIANCE_OPERATORS_MAX];
} compliance_demand_t;

typedef struct {
    compliance_demand_t condition;
    compliance_demand_t when;     /* attribute NULL: always */
    const char            *reason;
    bool                   optional; /* only judged where it is reported */
    bool                   own_grace; /* else the policy's */
    int64_t                grace_days;
    const json_t          *platforms; /* an array, or NULL: the policy's */
} compliance_rule_t;

struct compliance_policy_s {
    json_t           *root;
    const char       *name;
    const json_t     *platforms;    /* an array, or NULL: all */
    const json_t     *remediation;  /* an object, or NULL */
    bool              mdm_ignored;
    int64_t           grace_days;
    size_t            n_rules;
    compliance_rule_t rules[COMPLIANCE_RULES_MAX];
};

/* Is the platform in the array?  NULL holds every one. */
bool compliance_platform_in(const json_t *platforms, compliance_str_t platform);

/* The line on which `path` stands, or as much of it as is there. */
unsigned compliance_policy_line(compliance_str_t text, const char *path);

/* inventory may be NULL: then nothing is reported. */
bool compliance_rule_holds(const compliance_rule_t *rule,
    const json_t *inventory, int64_t now);

#endif
