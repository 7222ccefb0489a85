/*
 * Questions to the decision: what somebody asks about, made a request as the
 * gateway would build it, looked up in Redis and decided by core.  explain,
 * impact, replay and the safety checks all ask through here, so that there is
 * one way to build a request and one to answer it.
 */
#ifndef COMPLIANCE_CTL_QUESTION_H
#define COMPLIANCE_CTL_QUESTION_H

#include "store.h"

#include "../core/decide.h"


#define CTL_STEPS_MAX      64    /* more than all rounds of a lookup can ask */
#define CTL_CASES_AT_ONCE  256   /* looked up in one pipeline */

/* A request in a person's words; NULL: not said.  Borrowed until the case is
 * done. */
typedef struct {
    const char *protocol;
    const char *user;
    const char *device;
    const char *cert;         /* SHA-256 */
    const char *binding;      /* asserted, secret, certificate */
    const char *address;
    const char *client_type;
    const char *user_agent;
    const char *at;
    const char *hint;         /* a second name for the user: EAS User= */
    bool        login;
    bool        dry_run;
    bool        options;      /* they are command line options: a message says
                                 "--binding" */
} ctl_question_t;

/* One question of the lookup and its answer, in order. */
typedef struct {
    const char *key;          /* without the prefix */
    const char *answer;       /* "found", "none", "-> DEV1" */
} ctl_step_t;

typedef struct {
    size_t     n;
    ctl_step_t items[CTL_STEPS_MAX];
} ctl_steps_t;

/* A request and all that is known about it. */
typedef struct {
    compliance_request_t request;
    int64_t              at;
    compliance_lookup_t  lookup;
    ctl_steps_t         *steps;    /* filled by the lookup; NULL: nobody asks */
    compliance_binding_t proven;   /* by what is not asked again: a recorded
                                      access names the record */
} ctl_case_t;

/* False: *why says what is wrong with it, and the way out.  A name that no
 * client may present is no error: the request is malformed, as it is at the
 * gateway. */
bool ctl_question_read(ctl_t *ctl, const ctl_question_t *question,
    ctl_case_t *out, const char **why);

/* How this protocol's clients name a device. */
compliance_device_source_t ctl_device_source(compliance_protocol_t protocol,
    compliance_binding_t binding, const char *device);
/* The next claim of the request, emptied.  At most CLAIMS_MAX. */
compliance_claim_t *ctl_claim_add(compliance_request_t *request,
    compliance_device_source_t source);

/* Fills the facts of n cases, round by round, all of a round in one pipeline.
 * Everything it needs of memory is released again, but for steps. */
void ctl_cases_look_up(ctl_t *ctl, ctl_case_t *const *cases, size_t n);

compliance_decision_t ctl_case_decide(const ctl_case_t *of,
    const compliance_snapshot_t *snapshot, compliance_trace_t *trace);

#endif
