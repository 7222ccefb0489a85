/*
 * What the claims and names of a request came to.  Claims that lead to
 * different devices, and names that lead to different persons, make the
 * request ambiguous: nobody picks one of them.  What was not answered, or only
 * in part, is UNKNOWN: the missing half could disagree.
 */
#include "resolve.h"
#include "names.h"

#include <string.h>


const compliance_source_t
    compliance_sources[COMPLIANCE_DEVICE_FROM_CERTIFICATE + 1] = {
    [COMPLIANCE_DEVICE_FROM_NONE] =
        { COMPLIANCE_ALIAS_NONE, false, COMPLIANCE_BINDING_NONE },
    [COMPLIANCE_DEVICE_FROM_EAS] =
        { COMPLIANCE_ALIAS_EAS, true, COMPLIANCE_BINDING_ASSERTED },
    [COMPLIANCE_DEVICE_FROM_TAG] =
        { COMPLIANCE_ALIAS_LOGIN, true, COMPLIANCE_BINDING_ASSERTED },
    [COMPLIANCE_DEVICE_FROM_SIGNED_TAG] =
        { COMPLIANCE_ALIAS_LOGIN, true, COMPLIANCE_BINDING_SECRET },
    [COMPLIANCE_DEVICE_FROM_COOKIE] =
        { COMPLIANCE_ALIAS_NONE, true, COMPLIANCE_BINDING_SECRET },
    [COMPLIANCE_DEVICE_FROM_VARIABLE] =
        { COMPLIANCE_ALIAS_NONE, true, COMPLIANCE_BINDING_ASSERTED },
    [COMPLIANCE_DEVICE_FROM_CERTIFICATE] =
        { COMPLIANCE_ALIAS_CERT, false, COMPLIANCE_BINDING_CERTIFICATE },
};

/* What a claim or a name came to. */
typedef struct {
    compliance_presence_t      presence;
    bool                       ambiguous;
    bool                       aliased;
    compliance_device_id_t     id;        /* len 0: a certificate that leads
                                             nowhere */
} compliance_claimed_t;

typedef struct {
    compliance_presence_t      presence;
    bool                       ambiguous;
    compliance_principal_t     principal;
} compliance_named_t;


size_t
compliance_lookup_claims(const compliance_lookup_t *lookup)
{
    return lookup->request->device_free ? 0 : lookup->request->n_claims;
}


static compliance_claimed_t
compliance_claim_resolve(const compliance_lookup_t *lookup, size_t i)
{
    compliance_claimed_t  claimed;
    compliance_presence_t own = lookup->claims[i].presence;
    compliance_presence_t alias = lookup->claims[i].alias_presence;

    memset(&claimed, 0, sizeof(claimed));
    claimed.id = lookup->request->claims[i].id;

    if (!compliance_sources[lookup->request->claims[i].source].record) {
        claimed.id.len = 0;
        claimed.id.data[0] = '\0';
    }

    /* a round answered in part proves nothing: the other half may disagree */
    if (own == COMPLIANCE_PRESENCE_UNKNOWN
        || alias == COMPLIANCE_PRESENCE_UNKNOWN)
    {
        return claimed;
    }

    if (alias == COMPLIANCE_MISSING) {
        claimed.presence = own;
        return claimed;
    }

    claimed.aliased = true;

    if (own == COMPLIANCE_PRESENT) {
        claimed.presence = own;
        claimed.ambiguous = !compliance_device_id_eq(&claimed.id,
            &lookup->claims[i].alias);
        return claimed;
    }

    claimed.id = lookup->claims[i].alias;
    claimed.presence = lookup->claims[i].target_presence;

    return claimed;
}


/* All claims together: the record they lead to, if they lead to one. */
static void
compliance_claims_resolve(compliance_lookup_t *lookup,
    compliance_facts_t *facts)
{
    size_t               n = compliance_lookup_claims(lookup), found = n;
    bool                 unknown = false;
    compliance_binding_t binding;
    compliance_claimed_t claimed[COMPLIANCE_CLAIMS_MAX];

    facts->device_claimed = n > 0;
    facts->device_presence = COMPLIANCE_MISSING;

    for (size_t i = 0; i < n; i++) {
        claimed[i] = compliance_claim_resolve(lookup, i);
        binding = compliance_sources[lookup->request->claims[i].source].binding;
        facts->ambiguous |= claimed[i].ambiguous;
        unknown |= claimed[i].presence == COMPLIANCE_PRESENCE_UNKNOWN;

        if (claimed[i].presence == COMPLIANCE_PRESENT
            && (found == n || binding > facts->binding))
        {
            found = i;
            facts->binding = binding;
            facts->device = lookup->claims[i].device;
        }
    }

    for (size_t i = 0; found < n && i < n; i++) {
        bool nowhere = claimed[i].presence == COMPLIANCE_MISSING
                       && !claimed[i].aliased;

        /* somebody else's certificate, or the id a program made up for itself
         * beside a proof of the device it runs on */
        if (claimed[i].presence == COMPLIANCE_PRESENCE_UNKNOWN
            || compliance_device_id_eq(&claimed[i].id, &facts->device.id)
            || (nowhere && (claimed[i].id.len == 0
                            || facts->binding >= COMPLIANCE_BINDING_SECRET)))
        {
            continue;
        }

        facts->ambiguous = true;
    }

    for (size_t i = 0; found == n && i < n; i++) {
        binding = compliance_sources[lookup->request->claims[i].source].binding;

        if (claimed[i].id.len == 0) {
            /* proves something, but not which device */
            if (facts->device.id.len == 0) {
                facts->binding = binding;
            }

        } else if (facts->device.id.len == 0) {
            facts->device.id = claimed[i].id;
            facts->binding = binding;

        } else if (compliance_device_id_eq(&claimed[i].id, &facts->device.id)) {
            if (binding > facts->binding) {
                facts->binding = binding;
            }

        } else if (!unknown) {
            facts->ambiguous = true;
        }
    }

    if (found < n) {
        facts->device_presence = COMPLIANCE_PRESENT;
    }

    if (unknown) {
        compliance_device_id_t id = facts->device.id;

        memset(&facts->device, 0, sizeof(facts->device));
        facts->device.id = id;
        facts->device_presence = COMPLIANCE_PRESENCE_UNKNOWN;
        facts->binding = COMPLIANCE_BINDING_NONE;
    }
}


static compliance_named_t
compliance_name_resolve(const compliance_lookup_t *lookup, size_t i)
{
    compliance_named_t    named;
    compliance_presence_t own = lookup->names[i].presence;
    compliance_presence_t alias = lookup->names[i].alias_presence;
    bool                  elsewhere;

    memset(&named, 0, sizeof(named));
    named.principal = lookup->names[i].name;

    if (own == COMPLIANCE_PRESENCE_UNKNOWN
        || alias == COMPLIANCE_PRESENCE_UNKNOWN)
    {
        return named;
    }

    elsewhere = alias == COMPLIANCE_PRESENT
                && !compliance_principal_eq(&lookup->names[i].alias,
                    &lookup->names[i].name);

    if (own == COMPLIANCE_PRESENT || !elsewhere) {
        named.presence = own;
        named.ambiguous = elsewhere;
        return named;
    }

    named.principal = lookup->names[i].alias;
    named.presence = lookup->names[i].target_presence;

    /* an alias of an alias: who is it? */
    if (lookup->names[i].target_alias_presence == COMPLIANCE_PRESENT
        && !compliance_principal_eq(&lookup->names[i].target_alias,
            &lookup->names[i].alias))
    {
        named.ambiguous = true;
    }

    if (lookup->names[i].target_alias_presence == COMPLIANCE_PRESENCE_UNKNOWN) {
        named.presence = COMPLIANCE_PRESENCE_UNKNOWN;
    }

    return named;
}


/* "dom\alice" and "alice@example.com" both have the name part "alice". */
static bool
compliance_name_part_is(const compliance_principal_t *name,
    const compliance_principal_t *part)
{
    const char *begin = name->data, *end = name->data + name->len, *p;

    p = memchr(begin, '\\', name->len);

    if (p != NULL) {
        begin = p + 1;
    }

    p = memchr(begin, '@', (size_t) (end - begin));

    if (p != NULL) {
        end = p;
    }

    return (size_t) (end - begin) == part->len
           && memcmp(begin, part->data, part->len) == 0;
}


/* May both names be the same person's?  A hint the store knows nothing of is
 * taken for the user's only where it spells the user's own name. */
static bool
compliance_hint_agrees(const compliance_named_t *hint,
    const compliance_named_t *user, const compliance_principal_t *presented)
{
    if (compliance_principal_eq(&hint->principal, &user->principal)) {
        return true;
    }

    if (hint->presence == COMPLIANCE_PRESENT) {
        return false;
    }

    return compliance_name_part_is(&user->principal, &hint->principal)
           || compliance_name_part_is(presented, &hint->principal);
}


static void
compliance_names_resolve(compliance_lookup_t *lookup,
    compliance_facts_t *facts)
{
    compliance_named_t user, hint;

    /* the owner of a device that nobody could read is somebody unknown, which
     * is not the same as nobody */
    facts->user_claimed
        = lookup->names[COMPLIANCE_NAME_USER].name.len > 0
          || (lookup->request->user_source == COMPLIANCE_USER_FROM_OWNER
              && facts->device_presence == COMPLIANCE_PRESENCE_UNKNOWN);
    facts->user_presence = COMPLIANCE_MISSING;

    if (!facts->user_claimed) {
        return;
    }

    user = compliance_name_resolve(lookup, COMPLIANCE_NAME_USER);
    facts->ambiguous |= user.ambiguous;
    facts->user_presence = user.presence;

    if (lookup->names[COMPLIANCE_NAME_HINT].name.len > 0) {
        hint = compliance_name_resolve(lookup, COMPLIANCE_NAME_HINT);
        facts->ambiguous |= hint.ambiguous;

        if (hint.presence == COMPLIANCE_PRESENCE_UNKNOWN) {
            facts->user_presence = COMPLIANCE_PRESENCE_UNKNOWN;

        } else if (user.presence != COMPLIANCE_PRESENCE_UNKNOWN
                   && !compliance_hint_agrees(&hint, &user,
                        &lookup->names[COMPLIANCE_NAME_USER].name))
        {
            facts->ambiguous = true;
        }
    }

    if (facts->user_presence == COMPLIANCE_PRESENT) {
        facts->user = lookup->names[COMPLIANCE_NAME_USER].user;
    }

    facts->user.principal = user.principal;
}


/* An owner written in one of his other spellings is the owner still. */
static void
compliance_owner_resolve(compliance_lookup_t *lookup,
    compliance_facts_t *facts)
{
    bool other;

    lookup->owner_due = false;

    other = facts->device_presence == COMPLIANCE_PRESENT
                 && facts->device.owner.len > 0
                 && facts->user_claimed
                 && facts->user_presence == COMPLIANCE_PRESENT
                 && !compliance_principal_eq(&facts->device.owner,
                        &facts->user.principal);

    if (!other) {
        return;
    }

    switch (lookup->owner_alias_presence) {

    case COMPLIANCE_PRESENT:
        facts->device.owner = lookup->owner_alias;
        break;

    case COMPLIANCE_MISSING:
        break;

    case COMPLIANCE_PRESENCE_UNKNOWN:

        /* he spelled himself as the record does, and the alias said who he
         * is: that was an answer too */
        if (compliance_principal_eq(&facts->device.owner,
                &lookup->names[COMPLIANCE_NAME_USER].name))
        {
            facts->device.owner = facts->user.principal;
            break;
        }

        /* or his name has to be asked for; until then, he may be anybody */
        lookup->owner_due = true;
        lookup->owner = facts->device.owner;
        facts->device_presence = COMPLIANCE_PRESENCE_UNKNOWN;
        facts->binding = COMPLIANCE_BINDING_NONE;
        break;
    }
}


void
compliance_lookup_resolve(compliance_lookup_t *lookup)
{
    bool                        ambiguous = lookup->facts.ambiguous;
    const compliance_request_t *request = lookup->request;
    compliance_facts_t         *facts = &lookup->facts;

    compliance_facts_init(facts);
    facts->ambiguous = ambiguous;

    compliance_claims_resolve(lookup, facts);

    if (request->user_source == COMPLIANCE_USER_FROM_OWNER
        && facts->device_presence == COMPLIANCE_PRESENT
        && facts->binding >= COMPLIANCE_BINDING_SECRET
        && !facts->ambiguous)
    {
        lookup->names[COMPLIANCE_NAME_USER].name = facts->device.owner;
    }

    compliance_names_resolve(lookup, facts);
    compliance_owner_resolve(lookup, facts);
}
