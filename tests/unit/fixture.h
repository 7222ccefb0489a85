/*
 * What most tests of the core need: slices of literals, canonical names, and a
 * request, facts and snapshot that are plainly allowed, to be spoilt by the
 * test that uses them.
 */
#ifndef COMPLIANCE_TEST_FIXTURE_H
#define COMPLIANCE_TEST_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "decide.h"
#include "names.h"


#define TEST_NOW  1700000000

static inline compliance_str_t
str(const char *text)
{
    return text == NULL ? compliance_absent
                        : (compliance_str_t) { text, strlen(text) };
}


static inline compliance_principal_t
principal(const char *name)
{
    compliance_principal_t out;

    memset(&out, 0, sizeof(out));

    if (name != NULL && *name != '\0') {
        cr_assert_eq(compliance_principal_parse(str(name), &out),
            COMPLIANCE_OK, "principal %s", name);
    }

    return out;
}


static inline compliance_device_id_t
device_id(const char *id)
{
    compliance_device_id_t out;

    memset(&out, 0, sizeof(out));

    if (id != NULL && *id != '\0') {
        cr_assert_eq(compliance_device_id_parse(str(id), &out),
            COMPLIANCE_OK, "device %s", id);
    }

    return out;
}


static inline void
claim(compliance_request_t *request, compliance_device_source_t source,
    const char *id)
{
    compliance_claim_t *c = &request->claims[request->n_claims++];

    memset(c, 0, sizeof(*c));
    c->source = source;

    if (source == COMPLIANCE_DEVICE_FROM_CERTIFICATE) {
        memset(c->fingerprint, *id, COMPLIANCE_FINGERPRINT_LEN);

    } else {
        c->id = device_id(id);
    }
}


/* Alice asks by ActiveSync with her password, from PHONE1. */
static inline compliance_request_t
alice_by_eas(void)
{
    compliance_request_t request;

    memset(&request, 0, sizeof(request));
    request.protocol = COMPLIANCE_EAS;
    request.user_source = COMPLIANCE_USER_FROM_CREDENTIAL;
    request.user = principal("alice");
    request.device_type = str("iPhone");
    request.user_agent = str("Apple-iPhone14C2/2102.80");
    claim(&request, COMPLIANCE_DEVICE_FROM_EAS, "PHONE1");

    return request;
}

#endif
