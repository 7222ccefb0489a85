/*
 * Audit lines.  The order of members is fixed and the hash covers the bytes of
 * the line, so that verification needs no canonical JSON.  Every member that a
 * client can fill has a budget of escaped bytes: no request can make its own
 * record too long to be written.
 */
#include "audit_record.h"
#include "answer_http.h"

#include <openssl/evp.h>
#include <string.h>


/* Bytes as they came; the escaped form may take twice that. */
#define COMPLIANCE_AUDIT_NODE_MAX       64
#define COMPLIANCE_AUDIT_CLIENT_MAX     64
#define COMPLIANCE_AUDIT_COMMAND_MAX    64
#define COMPLIANCE_AUDIT_TYPE_MAX       64
#define COMPLIANCE_AUDIT_AGENT_MAX      256

/* What stands before a member's value. */
#define MEMBER(name)  compliance_str(",\"" name "\":\"")

#define COMPLIANCE_AUDIT_TAIL  "\"}"
#define COMPLIANCE_AUDIT_HASH  ",\"hash\":\""
#define COMPLIANCE_AUDIT_BEGIN "{\"v\":1,\"lane\":\""


void
compliance_audit_chain_init(compliance_audit_chain_t *chain,
    compliance_str_t lane)
{
    size_t n = 0;

    memset(chain, 0, sizeof(*chain));

    /* what is written unescaped below must need no escaping */
    for (size_t i = 0; i < lane.len && n < COMPLIANCE_LANE_MAX; i++) {
        char c = lane.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                     || (c >= '0' && c <= '9') || c == '.' || c == '-'
                     || c == '_' || c == ':';

        chain->lane[n++] = plain ? c : '_';
    }

    memset(chain->hash, '0', COMPLIANCE_AUDIT_HASH_LEN);
}


static bool
compliance_sha256(EVP_MD_CTX *hasher, const char *data, size_t len,
    uint8_t digest[EVP_MAX_MD_SIZE], unsigned *n)
{
    if (hasher == NULL) {
        return EVP_Digest(data, len, digest, n, EVP_sha256(), NULL) == 1;
    }

    return EVP_DigestInit_ex(hasher, NULL, NULL) == 1
           && EVP_DigestUpdate(hasher, data, len) == 1
           && EVP_DigestFinal_ex(hasher, digest, n) == 1;
}


static bool
compliance_sha256_hex(EVP_MD_CTX *hasher, const char *data, size_t len,
    char out[COMPLIANCE_AUDIT_HASH_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned          n = 0;
    uint8_t           digest[EVP_MAX_MD_SIZE];

    if (!compliance_sha256(hasher, data, len, digest, &n)
        || n != COMPLIANCE_AUDIT_HASH_LEN / 2)
    {
        return false;
    }

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 0xf];
    }

    out[COMPLIANCE_AUDIT_HASH_LEN] = '\0';

    return true;
}


static compliance_str_t
compliance_text(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


/* The first len bytes of text, or fewer: never half a character. */
static compliance_str_t
compliance_cut(compliance_str_t text, size_t len)
{
    if (len >= text.len) {
        return text;
    }

    while (len > 0 && ((uint8_t) text.data[len] & 0xc0) == 0x80) {
        len--;
    }

    return (compliance_str_t) { text.data, len };
}


/* Adds the name's opening, see MEMBER, the value and its closing quote.  The
 * value is cut to max bytes, or to fewer where its escaped form takes more
 * than twice as many. */
static void
compliance_audit_member(compliance_buf_t *out, compliance_str_t opening,
    compliance_str_t value, size_t max)
{
    char             escaped[2 * COMPLIANCE_PRINCIPAL_MAX + 64];
    size_t           cap = 2 * max + 1;
    compliance_buf_t buf;

    if (cap > sizeof(escaped)) {
        cap = sizeof(escaped);
    }

    if (value.data == NULL) {
        value = compliance_str("");
    }

    value = compliance_cut(value, max);

    for ( ;; ) {
        compliance_buf_init(&buf, escaped, cap);
        compliance_json_escape(&buf, value);

        if (!buf.overflow || value.len == 0) {
            break;
        }

        value = compliance_cut(value, value.len - value.len / 4 - 1);
    }

    compliance_buf_add(out, opening.data, opening.len);
    compliance_buf_add(out, buf.data, buf.len);
    compliance_buf_add(out, "\"", 1);
}


static void
compliance_audit_number(compliance_buf_t *out, const char *name, int64_t value)
{
    compliance_buf_str(out, ",\"");
    compliance_buf_str(out, name);
    compliance_buf_str(out, "\":");
    compliance_buf_int(out, value);
}


static void
compliance_audit_begin(const compliance_audit_chain_t *chain, int64_t time_ms,
    compliance_buf_t *out)
{
    compliance_buf_str(out, COMPLIANCE_AUDIT_BEGIN);
    compliance_buf_str(out, chain->lane);
    compliance_buf_str(out, "\"");
    compliance_audit_number(out, "seq", (int64_t) (chain->seq + 1));
    compliance_buf_str(out, ",\"prev\":\"");
    compliance_buf_str(out, chain->hash);
    compliance_buf_str(out, "\"");
    compliance_audit_number(out, "time", time_ms);
}


/* begin: where the line starts in out */
static compliance_rc_t
compliance_audit_end(compliance_audit_chain_t *chain, compliance_buf_t *out,
    size_t begin)
{
    char hash[COMPLIANCE_AUDIT_HASH_LEN + 1];

    if (out->overflow) {
        return COMPLIANCE_TOO_LONG;
    }

    if (!compliance_sha256_hex(chain->hasher, out->data + begin,
            out->len - begin, hash))
    {
        return COMPLIANCE_NO_MEMORY;
    }

    compliance_buf_str(out, COMPLIANCE_AUDIT_HASH);
    compliance_buf_str(out, hash);
    compliance_buf_str(out, COMPLIANCE_AUDIT_TAIL);

    if (out->overflow) {
        return COMPLIANCE_TOO_LONG;
    }

    memcpy(chain->hash, hash, sizeof(hash));
    chain->seq++;

    return COMPLIANCE_OK;
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
    char             text[COMPLIANCE_FINGERPRINT_LEN + 8];
    size_t           begin = out->len;
    compliance_buf_t device;

    compliance_buf_init(&device, text, sizeof(text));
    compliance_audit_device(request, facts, &device);

    compliance_audit_begin(chain, context->time_ms, out);

    const struct {
        compliance_str_t opening;
        compliance_str_t value;
        size_t           max;
    } members[] = {
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
        { MEMBER("user"), compliance_audit_user(request, facts),
          COMPLIANCE_PRINCIPAL_MAX },
        { MEMBER("device"), (compliance_str_t) { device.data, device.len },
          COMPLIANCE_FINGERPRINT_LEN + 8 },
        { MEMBER("binding"),
          compliance_text(compliance_binding_name(decision->binding)), 32 },
        { MEMBER("client"), context->client, COMPLIANCE_AUDIT_CLIENT_MAX },
        { MEMBER("device_type"), request->device_type,
          COMPLIANCE_AUDIT_TYPE_MAX },
        { MEMBER("user_agent"), request->user_agent,
          COMPLIANCE_AUDIT_AGENT_MAX },
        { MEMBER("command"), context->command, COMPLIANCE_AUDIT_COMMAND_MAX },
    };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        compliance_audit_member(out, members[i].opening, members[i].value,
            members[i].max);
    }

    return compliance_audit_end(chain, out, begin);
}


compliance_rc_t
compliance_audit_gap(compliance_audit_chain_t *chain, int64_t time_ms,
    compliance_str_t node, uint64_t dropped, compliance_buf_t *out)
{
    size_t begin = out->len;

    if (dropped > INT64_MAX) {
        dropped = INT64_MAX;
    }

    compliance_audit_begin(chain, time_ms, out);
    compliance_audit_member(out, MEMBER("node"), node,
        COMPLIANCE_AUDIT_NODE_MAX);
    compliance_audit_number(out, "dropped", (int64_t) dropped);

    return compliance_audit_end(chain, out, begin);
}


/* Takes a literal off the front. */
static bool
compliance_take(compliance_str_t *text, const char *literal)
{
    size_t len = strlen(literal);

    if (text->len < len || memcmp(text->data, literal, len) != 0) {
        return false;
    }

    text->data += len;
    text->len -= len;

    return true;
}


/* Takes what stands before `end` off the front, and `end` with it. */
static bool
compliance_take_until(compliance_str_t *text, char end, compliance_str_t *out)
{
    const char *at = memchr(text->data, end, text->len);

    if (at == NULL) {
        return false;
    }

    *out = (compliance_str_t) { text->data, (size_t) (at - text->data) };
    text->len -= out->len + 1;
    text->data = at + 1;

    return true;
}


compliance_rc_t
compliance_audit_verify(compliance_audit_chain_t *chain, compliance_str_t line)
{
    char             hash[COMPLIANCE_AUDIT_HASH_LEN + 1];
    size_t           tail;
    int64_t          seq;
    compliance_str_t text = line, lane, number, prev, end;

    tail = sizeof(COMPLIANCE_AUDIT_HASH) - 1 + COMPLIANCE_AUDIT_HASH_LEN
           + sizeof(COMPLIANCE_AUDIT_TAIL) - 1;

    if (line.data == NULL || line.len <= tail
        || line.len > COMPLIANCE_AUDIT_RECORD_MAX)
    {
        return COMPLIANCE_MALFORMED;
    }

    text.len -= tail;
    end = (compliance_str_t) { text.data + text.len, tail };

    if (!compliance_take(&end, COMPLIANCE_AUDIT_HASH)
        || memcmp(end.data + COMPLIANCE_AUDIT_HASH_LEN, COMPLIANCE_AUDIT_TAIL,
                  sizeof(COMPLIANCE_AUDIT_TAIL) - 1) != 0)
    {
        return COMPLIANCE_MALFORMED;
    }

    if (!compliance_sha256_hex(chain->hasher, text.data, text.len, hash)) {
        return COMPLIANCE_NO_MEMORY;
    }

    if (memcmp(end.data, hash, COMPLIANCE_AUDIT_HASH_LEN) != 0) {
        return COMPLIANCE_FORGED;
    }

    if (!compliance_take(&text, COMPLIANCE_AUDIT_BEGIN)
        || !compliance_take_until(&text, '"', &lane)
        || !compliance_take(&text, ",\"seq\":")
        || !compliance_take_until(&text, ',', &number)
        || !compliance_take(&text, "\"prev\":\"")
        || !compliance_take_until(&text, '"', &prev)
        || prev.len != COMPLIANCE_AUDIT_HASH_LEN
        || !compliance_parse_uint(number, &seq))
    {
        return COMPLIANCE_MALFORMED;
    }

    if (lane.len != strlen(chain->lane)
        || memcmp(lane.data, chain->lane, lane.len) != 0
        || (uint64_t) seq != chain->seq + 1
        || memcmp(prev.data, chain->hash, COMPLIANCE_AUDIT_HASH_LEN) != 0)
    {
        return COMPLIANCE_AMBIGUOUS;
    }

    memcpy(chain->hash, hash, sizeof(hash));
    chain->seq++;

    return COMPLIANCE_OK;
}
