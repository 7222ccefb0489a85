/*
 * What the claims and names of a request came to; private to lookup.c and
 * resolve.c.
 */
#ifndef COMPLIANCE_RESOLVE_H
#define COMPLIANCE_RESOLVE_H

#include "lookup.h"


#define COMPLIANCE_NAME_USER  0
#define COMPLIANCE_NAME_HINT  1
#define COMPLIANCE_NAMES      2

/* How a source's claims are looked up, and what they prove. */
typedef struct {
    compliance_alias_kind_t alias;
    bool                    record;    /* the value itself may be a record's */
    compliance_binding_t    binding;
} compliance_source_t;

extern const compliance_source_t
    compliance_sources[COMPLIANCE_DEVICE_FROM_CERTIFICATE + 1];

/* The claims that count: none where the request needs no device. */
size_t compliance_lookup_claims(const compliance_lookup_t *lookup);

/* Writes lookup->facts from all answers so far, names[0].name where the user
 * follows from the device, and owner_due. */
void compliance_lookup_resolve(compliance_lookup_t *lookup);

#endif
