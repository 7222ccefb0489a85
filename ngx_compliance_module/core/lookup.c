/*
 * Which records a request rests on, asked for in rounds: every round asks for
 * whatever is still missing and can already be named, so the last one asks for
 * nothing.  What the answers amount to is resolve.c's; next comes decide.c.
 */
#include "resolve.h"
#include "names.h"

#include <string.h>


/* Own record, alias, owner's alias: four at most; one more is a caller that
 * does not answer what it was asked. */
#define COMPLIANCE_ROUNDS_MAX  6

/* What an answer is for: the high bits of a slot, the low ones are the claim
 * or name. */
enum {
    COMPLIANCE_SLOT_CLAIM = 1,
    COMPLIANCE_SLOT_CLAIM_ALIAS,
    COMPLIANCE_SLOT_CLAIM_TARGET,
    COMPLIANCE_SLOT_NAME,
    COMPLIANCE_SLOT_NAME_ALIAS,
    COMPLIANCE_SLOT_NAME_TARGET,
    COMPLIANCE_SLOT_NAME_TARGET_ALIAS,
    COMPLIANCE_SLOT_OWNER_ALIAS
};

#define COMPLIANCE_SLOT(what, i)  ((what) * 16u + (unsigned) (i))


/* What an answer fills in later is left as it is: the whole of it takes as long
 * to clear as the rest of a lookup. */
void
compliance_lookup_init(compliance_lookup_t *lookup,
    const compliance_request_t *request, compliance_str_t prefix)
{
    compliance_device_source_t source;

    lookup->request = request;
    lookup->prefix = prefix;
    lookup->round = 0;
    lookup->failed = false;
    lookup->n_asks = 0;
    lookup->owner_due = false;
    lookup->owner_alias_presence = COMPLIANCE_PRESENCE_UNKNOWN;
    compliance_facts_init(&lookup->facts);

    /* until a round says otherwise: claimed, and UNKNOWN */
    lookup->facts.device_claimed = true;
    lookup->facts.user_claimed = true;

    for (size_t i = 0; i < COMPLIANCE_NAMES; i++) {
        lookup->names[i].name.len = 0;
        lookup->names[i].presence = COMPLIANCE_PRESENCE_UNKNOWN;
        lookup->names[i].alias_presence = COMPLIANCE_PRESENCE_UNKNOWN;
        lookup->names[i].target_presence = COMPLIANCE_PRESENCE_UNKNOWN;
        lookup->names[i].target_alias_presence = COMPLIANCE_PRESENCE_UNKNOWN;
    }

    if (request->user_source == COMPLIANCE_USER_FROM_CREDENTIAL
        || request->user_source == COMPLIANCE_USER_FROM_LOGIN)
    {
        lookup->names[COMPLIANCE_NAME_USER].name = request->user;

        if (request->user.len > 0 && request->user_hint.len > 0
            && !compliance_principal_eq(&request->user, &request->user_hint))
        {
            lookup->names[COMPLIANCE_NAME_HINT].name = request->user_hint;
        }
    }

    for (size_t i = 0; i < request->n_claims && i < COMPLIANCE_CLAIMS_MAX; i++)
    {
        source = request->claims[i].source;

        lookup->claims[i].presence = COMPLIANCE_PRESENCE_UNKNOWN;
        lookup->claims[i].alias_presence = COMPLIANCE_PRESENCE_UNKNOWN;
        lookup->claims[i].target_presence = COMPLIANCE_PRESENCE_UNKNOWN;

        if (source > COMPLIANCE_DEVICE_FROM_CERTIFICATE) {
            continue;
        }

        if (!compliance_sources[source].record) {
            lookup->claims[i].presence = COMPLIANCE_MISSING;
        }

        if (compliance_sources[source].alias == COMPLIANCE_ALIAS_NONE) {
            lookup->claims[i].alias_presence = COMPLIANCE_MISSING;
        }
    }
}


/* The next free ask, or NULL: no room, which the array's size rules out. */
static compliance_ask_t *
compliance_ask(compliance_lookup_t *lookup, compliance_ask_kind_t kind,
    unsigned slot)
{
    compliance_ask_t *ask;

    if (lookup->n_asks == COMPLIANCE_ASKS_MAX) {
        lookup->failed = true;
        return NULL;
    }

    ask = &lookup->asks[lookup->n_asks++];
    ask->kind = kind;
    ask->slot = slot;
    ask->key_len = 0;

    return ask;
}


static void
compliance_ask_device(compliance_lookup_t *lookup, unsigned slot,
    const compliance_device_id_t *id)
{
    compliance_ask_t *ask;

    ask = compliance_ask(lookup, COMPLIANCE_ASK_DEVICE, slot);

    if (ask != NULL) {
        ask->key_len = compliance_key_device(ask->key, sizeof(ask->key),
            lookup->prefix, id);
        lookup->failed |= ask->key_len == 0;
    }
}


static void
compliance_ask_user(compliance_lookup_t *lookup, unsigned slot,
    const compliance_principal_t *name)
{
    compliance_ask_t *ask = compliance_ask(lookup, COMPLIANCE_ASK_USER, slot);

    if (ask != NULL) {
        ask->key_len = compliance_key_user(ask->key, sizeof(ask->key),
            lookup->prefix, name);
        lookup->failed |= ask->key_len == 0;
    }
}


static void
compliance_ask_user_alias(compliance_lookup_t *lookup, unsigned slot,
    const compliance_principal_t *name)
{
    compliance_ask_t *ask;

    ask = compliance_ask(lookup, COMPLIANCE_ASK_STRING, slot);

    if (ask != NULL) {
        ask->key_len = compliance_key_user_alias(ask->key, sizeof(ask->key),
            lookup->prefix, name);
        lookup->failed |= ask->key_len == 0;
    }
}


/* The target of one claim's alias is often another claim's own record, which
 * came in the same round: a certificate beside the EAS id of the same phone. */
static bool
compliance_claim_borrow(compliance_lookup_t *lookup, size_t i)
{
    const compliance_claim_t *claims = lookup->request->claims;

    for (size_t k = 0; k < compliance_lookup_claims(lookup); k++) {
        if (compliance_sources[claims[k].source].record
            && compliance_device_id_eq(&claims[k].id, &lookup->claims[i].alias)
            && lookup->claims[k].presence != COMPLIANCE_PRESENCE_UNKNOWN)
        {
            lookup->claims[i].target_presence = lookup->claims[k].presence;

            if (k != i) {
                lookup->claims[i].device = lookup->claims[k].device;
            }

            return true;
        }
    }

    return false;
}


static void
compliance_ask_claim(compliance_lookup_t *lookup, size_t i)
{
    const compliance_claim_t *claim = &lookup->request->claims[i];
    compliance_alias_kind_t   kind = compliance_sources[claim->source].alias;
    compliance_ask_t         *ask;
    compliance_str_t          value;

    if (lookup->claims[i].presence == COMPLIANCE_PRESENCE_UNKNOWN) {
        compliance_ask_device(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_CLAIM, i), &claim->id);
    }

    if (lookup->claims[i].alias_presence == COMPLIANCE_PRESENCE_UNKNOWN) {
        ask = compliance_ask(lookup, COMPLIANCE_ASK_STRING,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_CLAIM_ALIAS, i));

        if (ask == NULL) {
            return;
        }

        if (kind == COMPLIANCE_ALIAS_CERT) {
            value.data = claim->fingerprint;
            value.len = strnlen(claim->fingerprint,
                sizeof(claim->fingerprint));

        } else {
            value.data = claim->id.data;
            value.len = claim->id.len;
        }

        ask->key_len = compliance_key_alias(ask->key, sizeof(ask->key),
            lookup->prefix, kind, value);
        lookup->failed |= ask->key_len == 0;
        return;
    }

    if (lookup->claims[i].presence == COMPLIANCE_MISSING
        && lookup->claims[i].alias_presence == COMPLIANCE_PRESENT
        && lookup->claims[i].target_presence == COMPLIANCE_PRESENCE_UNKNOWN
        && !compliance_claim_borrow(lookup, i))
    {
        compliance_ask_device(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_CLAIM_TARGET, i),
            &lookup->claims[i].alias);
    }
}


static void
compliance_ask_name(compliance_lookup_t *lookup, size_t i)
{
    if (lookup->names[i].name.len == 0) {
        return;
    }

    if (lookup->names[i].presence == COMPLIANCE_PRESENCE_UNKNOWN) {
        compliance_ask_user(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_NAME, i),
            &lookup->names[i].name);
        compliance_ask_user_alias(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_NAME_ALIAS, i),
            &lookup->names[i].name);
        return;
    }

    if (lookup->names[i].presence == COMPLIANCE_MISSING
        && lookup->names[i].alias_presence == COMPLIANCE_PRESENT
        && lookup->names[i].target_presence == COMPLIANCE_PRESENCE_UNKNOWN
        && !compliance_principal_eq(&lookup->names[i].alias,
               &lookup->names[i].name))
    {
        compliance_ask_user(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_NAME_TARGET, i),
            &lookup->names[i].alias);
        compliance_ask_user_alias(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_NAME_TARGET_ALIAS, i),
            &lookup->names[i].alias);
    }
}


static bool
compliance_request_sound(const compliance_request_t *request)
{
    if (request->identity != COMPLIANCE_OK
        || request->n_claims > COMPLIANCE_CLAIMS_MAX)
    {
        return false;
    }

    for (size_t i = 0; i < request->n_claims; i++) {
        if (request->claims[i].source <= COMPLIANCE_DEVICE_FROM_NONE
            || request->claims[i].source > COMPLIANCE_DEVICE_FROM_CERTIFICATE)
        {
            return false;
        }
    }

    return true;
}


size_t
compliance_lookup_next(compliance_lookup_t *lookup)
{
    bool resolved = false;

    lookup->n_asks = 0;

    /* decide() refuses it for the same reason; there is nothing to look up */
    if (!compliance_request_sound(lookup->request)) {
        return 0;
    }

    if (lookup->round++ == COMPLIANCE_ROUNDS_MAX) {
        lookup->failed = true;
    }

    for (size_t i = 0; i < compliance_lookup_claims(lookup); i++) {
        compliance_ask_claim(lookup, i);
    }

    /* also finds out whose device it is, so that his name can be asked for; a
     * first round with questions has no answers to look at */
    if (lookup->round > 1 || lookup->n_asks == 0) {
        compliance_lookup_resolve(lookup);
        resolved = true;
    }

    for (size_t i = 0; i < COMPLIANCE_NAMES; i++) {
        compliance_ask_name(lookup, i);
    }

    if (lookup->owner_due) {
        compliance_ask_user_alias(lookup,
            COMPLIANCE_SLOT(COMPLIANCE_SLOT_OWNER_ALIAS, 0), &lookup->owner);
    }

    if (lookup->failed || lookup->facts.ambiguous) {
        lookup->n_asks = 0;
    }

    if (lookup->n_asks == 0 && !resolved) {
        compliance_lookup_resolve(lookup);
    }

    return lookup->n_asks;
}


/* A string that leads nowhere readable could have led anywhere. */
static compliance_presence_t
compliance_principal_answer(compliance_lookup_t *lookup,
    compliance_value_t value, compliance_principal_t *out)
{
    if (value.data == NULL) {
        return COMPLIANCE_MISSING;
    }

    if (compliance_principal_parse(value, out) != COMPLIANCE_OK) {
        memset(out, 0, sizeof(*out));
        lookup->facts.ambiguous = true;
    }

    return COMPLIANCE_PRESENT;
}


static compliance_presence_t
compliance_device_id_answer(compliance_lookup_t *lookup,
    compliance_value_t value, compliance_device_id_t *out)
{
    if (value.data == NULL) {
        return COMPLIANCE_MISSING;
    }

    if (compliance_device_id_parse(value, out) != COMPLIANCE_OK) {
        memset(out, 0, sizeof(*out));
        lookup->facts.ambiguous = true;
    }

    return COMPLIANCE_PRESENT;
}


static size_t
compliance_ask_values(compliance_ask_kind_t kind)
{
    switch (kind) {

    case COMPLIANCE_ASK_DEVICE:
        return COMPLIANCE_DEVICE_FIELDS;

    case COMPLIANCE_ASK_USER:
        return COMPLIANCE_USER_FIELDS;

    case COMPLIANCE_ASK_STRING:
        return 1;
    }

    return 0;
}


void
compliance_lookup_answer(compliance_lookup_t *lookup, size_t i,
    const compliance_value_t *values, size_t n)
{
    unsigned what, at;

    if (i >= lookup->n_asks
        || n != compliance_ask_values(lookup->asks[i].kind))
    {
        lookup->failed = true;
        return;
    }

    what = lookup->asks[i].slot / 16;
    at = lookup->asks[i].slot % 16;

    switch (what) {

    case COMPLIANCE_SLOT_CLAIM:
        lookup->claims[at].presence = compliance_device_read(
            &lookup->request->claims[at].id, values,
            &lookup->claims[at].device);
        break;

    case COMPLIANCE_SLOT_CLAIM_ALIAS:
        lookup->claims[at].alias_presence = compliance_device_id_answer(
            lookup, values[0], &lookup->claims[at].alias);
        break;

    case COMPLIANCE_SLOT_CLAIM_TARGET:
        lookup->claims[at].target_presence = compliance_device_read(
            &lookup->claims[at].alias, values, &lookup->claims[at].device);
        break;

    case COMPLIANCE_SLOT_NAME:
        lookup->names[at].presence = compliance_user_read(
            &lookup->names[at].name, values, &lookup->names[at].user);
        break;

    case COMPLIANCE_SLOT_NAME_ALIAS:
        lookup->names[at].alias_presence = compliance_principal_answer(
            lookup, values[0], &lookup->names[at].alias);
        break;

    case COMPLIANCE_SLOT_NAME_TARGET:
        lookup->names[at].target_presence = compliance_user_read(
            &lookup->names[at].alias, values, &lookup->names[at].user);
        break;

    case COMPLIANCE_SLOT_NAME_TARGET_ALIAS:
        lookup->names[at].target_alias_presence = compliance_principal_answer(
            lookup, values[0], &lookup->names[at].target_alias);
        break;

    case COMPLIANCE_SLOT_OWNER_ALIAS:
        lookup->owner_alias_presence = compliance_principal_answer(
            lookup, values[0], &lookup->owner_alias);
        break;
    }
}


void
compliance_lookup_fail(compliance_lookup_t *lookup)
{
    lookup->failed = true;
}
