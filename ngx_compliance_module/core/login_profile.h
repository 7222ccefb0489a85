/*
 * Login profiles: how a web mail's login request spells the name that is about
 * to log in.  One table row each: roundcube, sogo, owa, zimbra.
 */
#ifndef COMPLIANCE_LOGIN_PROFILE_H
#define COMPLIANCE_LOGIN_PROFILE_H

#include "compliance.h"


/* A login body over this is refused: real ones stay below 1 KiB. */
#define COMPLIANCE_LOGIN_BODY_MAX  16384

typedef struct compliance_login_profile_s compliance_login_profile_t;

/* NULL where no profile has that name. */
const compliance_login_profile_t *compliance_login_profile_find(
    compliance_str_t name);
const char *compliance_login_profile_name(
    const compliance_login_profile_t *profile);
/* The names of all profiles, for an error message: "roundcube, sogo, ...". */
const char *compliance_login_profile_names(void);

/*
 * Might this request be a login?  method, decoded path and raw query decide;
 * the answer is generous: where a back end could read a login out of the body,
 * the body has to be seen.
 */
bool compliance_login_profile_applies(
    const compliance_login_profile_t *profile, compliance_str_t method,
    compliance_str_t path, compliance_str_t query);

/*
 * Reads the name out of the body (content_type: the header, absent where
 * none).  OK: *name is the canonical principal.  ABSENT: the body, read as
 * that back end would read it, logs nobody in.  MALFORMED, AMBIGUOUS (the
 * field twice, or spelt so that the back end might see what we do not),
 * TOO_LONG: refuse the request.  The body holds a password: nothing is copied
 * but the name.
 */
compliance_rc_t compliance_login_profile_read(
    const compliance_login_profile_t *profile, compliance_str_t path,
    compliance_str_t query, compliance_str_t content_type,
    compliance_str_t body, compliance_principal_t *name);

#endif
