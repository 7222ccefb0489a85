/*
 * Writing audit lines; audit_read.c reads them.  The order of members is fixed
 * and the hashes cover the bytes of the line, so that verification needs no
 * canonical JSON.  Every member that a client can fill has a budget of escaped
 * bytes: no request can make its own record too long to be written.
 */
#include "audit_private.h"
#include "keys.h"

#include <openssl/evp.h>
#include <string.h>


/* Bytes as they came; the escaped form may take twice that. */
#define COMPLIANCE_AUDIT_NODE_MAX       64
#define COMPLIANCE_AUDIT_CLIENT_MAX     64
#define COMPLIANCE_AUDIT_COMMAND_MAX    64
#define COMPLIANCE_AUDIT_TYPE_MAX       64
#define COMPLIANCE_AUDIT_AGENT_MAX      256
#define COMPLIANCE_AUDIT_CANDIDATE_MAX  128
#define COMPLIANCE_AUDIT_WHO_MAX        128
#define COMPLIANCE_AUDIT_LINE_MAX       512    /* an administrator's command */
#define COMPLIANCE_AUDIT_CHANGES_MAX    12288  /* all changes, with commas */


static compliance_str_t
compliance_text(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


/* The record's id; where no record was found, what was presented: an admin
 * enrols a device by it. */
static void
compliance_audit_device(const compliance_request_t *request,
    const compliance_facts_t *facts, compliance_buf_t *out)
{
    if (facts != NULL && facts->device.id.len > 0) {
        compliance_buf_add(out, facts->device.id.data, facts->device.id.len);
        return;
    }

    for (size_t i = 0; i < request->n_claims && i < COMPLIANCE_CLAIMS_MAX; i++)
    {
        const compliance_claim_t *claim = &request->claims[i];

        if (claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE) {
            compliance_buf_str(out, "cert:");
            compliance_buf_add(out, claim->fingerprint,
                strnlen(claim->fingerprint, COMPLIANCE_FINGERPRINT_LEN));
            return;
        }

        if (claim->id.len > 0) {
            compliance_buf_add(out, claim->id.data, claim->id.len);
            return;
        }
    }
}


static compliance_str_t
compliance_audit_user(const compliance_request_t *request,
    const compliance_facts_t *facts)
{
    const compliance_principal_t *user = &request->user;

    if (facts != NULL && facts->user.principal.len > 0) {
        user = &facts->user.principal;
    }

    return (compliance_str_t) { user->data, user->len };
}


compliance_rc_t
compliance_audit_record(compliance_audit_chain_t *chain,
    const compliance_audit_context_t *context,
    const compliance_request_t *request, const compliance_facts_t *facts,
    const compliance_decision_t *decision, compliance_buf_t *out)
{
    char                     text[COMPLIANCE_FINGERPRINT_LEN + 8];
    compliance_buf_t         device;
    compliance_audit_parts_t parts = { .begin = out->len };

    compliance_buf_init(&device, text, sizeof(text));
    compliance_audit_device(request, facts, &device);

    const compliance_audit_member_t members[] = {
        { MEMBER("id"), compliance_text(context->decision_id),
          COMPLIANCE_AUDIT_COMMAND_MAX },
        { MEMBER("node"), context->node, COMPLIANCE_AUDIT_NODE_MAX },
        { MEMBER("protocol"),
          compliance_text(compliance_protocol_name(request->protocol)), 32 },
        { MEMBER("verdict"),
          compliance_text(compliance_verdict_name(decision->verdict)), 32 },
        { MEMBER("reason"),
          compliance_text(compliance_reason_name(decision->reason)), 32 },
        { MEMBER("would_block"),
          decision->would_block
              ? compliance_text(compliance_reason_name(decision->would_reason))
              : compliance_str(""), 32 },
        { MEMBER("group"),
          decision->group != NULL ? compliance_text(decision->group->name)
                                  : compliance_str(""),
          COMPLIANCE_GROUP_NAME_MAX },
        { MEMBER("binding"),
          compliance_text(compliance_binding_name(decision->binding)), 32 },
        { MEMBER("command"), context->command, COMPLIANCE_AUDIT_COMMAND_MAX },
        { MEMBER("candidate"), context->candidate,
          COMPLIANCE_AUDIT_CANDIDATE_MAX },
    };
    const compliance_audit_member_t personal[] = {
        { MEMBER("user"), compliance_audit_user(request, facts),
          COMPLIANCE_PRINCIPAL_MAX },
        { MEMBER("device"), (compliance_str_t) { device.data, device.len },
          COMPLIANCE_FINGERPRINT_LEN + 8 },
        { MEMBER("client"), context->client, COMPLIANCE_AUDIT_CLIENT_MAX },
        { MEMBER("device_type"), request->device_type,
          COMPLIANCE_AUDIT_TYPE_MAX },
        { MEMBER("user_agent"), request->user_agent,
          COMPLIANCE_AUDIT_AGENT_MAX },
    };

    /* the last member is there only where it has something to say */
    compliance_audit_begin(chain, context->time_ms, out);
    compliance_audit_members(out, members,
        sizeof(members) / sizeof(members[0])
        - (context->candidate.len == 0 ? 1 : 0));
    compliance_audit_turn(out, context->salt, &parts);
    compliance_audit_members(out, personal,
        sizeof(personal) / sizeof(personal[0]));

    return compliance_audit_end(chain, out, &parts);
}


compliance_rc_t
compliance_audit_gap(compliance_audit_chain_t *chain, int64_t time_ms,
    compliance_str_t node, uint64_t dropped, compliance_buf_t *out)
{
    compliance_audit_parts_t        parts = { .begin = out->len };
    const compliance_audit_member_t member = { MEMBER("node"), node,
                                               COMPLIANCE_AUDIT_NODE_MAX };

    if (dropped > INT64_MAX) {
        dropped = INT64_MAX;
    }

    compliance_audit_begin(chain, time_ms, out);
    compliance_audit_members(out, &member, 1);
    compliance_audit_number(out, "dropped", (int64_t) dropped);
    compliance_audit_turn(out, NULL, &parts);

    return compliance_audit_end(chain, out, &parts);
}


/* As many as fit, in order; how many did not. */
static size_t
compliance_audit_changes(const compliance_audit_change_t *change,
    compliance_buf_t *out)
{
    size_t begin = out->len, left = 0;

    for (size_t i = 0; i < change->n; i++) {
        compliance_str_t text = change->changes[i];

        if (left > 0
            || out->len - begin + text.len > COMPLIANCE_AUDIT_CHANGES_MAX)
        {
            left++;
            continue;
        }

        if (i > 0) {
            compliance_buf_add(out, ",", 1);
        }

        compliance_buf_add(out, text.data, text.len);
    }

    return left;
}


/* Of all changes: what anybody who kept them can do again with sha256sum. */
static bool
compliance_audit_digest(const compliance_audit_change_t *change,
    char out[COMPLIANCE_AUDIT_HASH_LEN + 1])
{
    bool        ok;
    unsigned    n = 0;
    uint8_t     digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *hasher = EVP_MD_CTX_new();

    ok = hasher != NULL
         && EVP_DigestInit_ex(hasher, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < change->n; i++) {
        ok = EVP_DigestUpdate(hasher, change->changes[i].data,
                 change->changes[i].len) == 1
             && EVP_DigestUpdate(hasher, "\n", 1) == 1;
    }

    ok = ok && EVP_DigestFinal_ex(hasher, digest, &n) == 1
         && n == COMPLIANCE_AUDIT_HASH_LEN / 2;

    EVP_MD_CTX_free(hasher);

    if (ok) {
        compliance_audit_hex(digest, n, out);
    }

    return ok;
}


compliance_rc_t
compliance_audit_change(compliance_audit_chain_t *chain,
    const compliance_audit_change_t *change, compliance_buf_t *out)
{
    char                     all[COMPLIANCE_AUDIT_HASH_LEN + 1];
    size_t                   left;
    compliance_audit_parts_t parts = { .begin = out->len };

    const compliance_audit_member_t members[] = {
        { MEMBER("id"), compliance_text(change->id),
          COMPLIANCE_AUDIT_COMMAND_MAX },
        { MEMBER("node"), compliance_str(COMPLIANCE_ADMIN_NODE),
          COMPLIANCE_AUDIT_NODE_MAX },
    };
    const compliance_audit_member_t personal[] = {
        { MEMBER("who"), change->who, COMPLIANCE_AUDIT_WHO_MAX },
        { MEMBER("command"), change->command, COMPLIANCE_AUDIT_LINE_MAX },
    };

    compliance_audit_begin(chain, change->time_ms, out);
    compliance_audit_members(out, members,
        sizeof(members) / sizeof(members[0]));
    compliance_audit_number(out, "writes", (int64_t) change->n);
    compliance_audit_turn(out, change->salt, &parts);
    compliance_audit_members(out, personal,
        sizeof(personal) / sizeof(personal[0]));

    compliance_buf_str(out, ",\"changes\":[");
    left = compliance_audit_changes(change, out);
    compliance_buf_str(out, "]");

    if (left > 0) {
        if (!compliance_audit_digest(change, all)) {
            return COMPLIANCE_NO_MEMORY;
        }

        compliance_audit_number(out, "left_off", (int64_t) left);
        compliance_buf_str(out, ",\"all_sha256\":\"");
        compliance_buf_str(out, all);
        compliance_buf_str(out, "\"");
    }

    return compliance_audit_end(chain, out, &parts);
}
