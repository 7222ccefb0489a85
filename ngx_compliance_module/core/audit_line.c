/*
 * The spelling of an audit line: a hashed part, and behind its hash what tells
 * of a person.  The digest and the hash are filled in at the end.
 */
#include "audit_private.h"
#include "answer_http.h"

#include <string.h>


/* The largest budget of a member. */
#define COMPLIANCE_AUDIT_MEMBER_MAX  512


void
compliance_audit_chain_init(compliance_audit_chain_t *chain,
    compliance_str_t lane, compliance_audit_keys_t *keys)
{
    size_t n = 0;

    memset(chain, 0, sizeof(*chain));
    chain->keys = keys;

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
    char             escaped[2 * COMPLIANCE_AUDIT_MEMBER_MAX + 1];
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


void
compliance_audit_number(compliance_buf_t *out, const char *name, int64_t value)
{
    compliance_buf_str(out, ",\"");
    compliance_buf_str(out, name);
    compliance_buf_str(out, "\":");
    compliance_buf_int(out, value);
}


void
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

    if (compliance_audit_kid(chain->keys) >= 0) {
        compliance_audit_number(out, "kid", compliance_audit_kid(chain->keys));
    }
}


void
compliance_audit_members(compliance_buf_t *out,
    const compliance_audit_member_t *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        compliance_audit_member(out, members[i].opening, members[i].value,
            members[i].max);
    }
}


/* Ends the hashed part, with places for what is known only later, and begins
 * the personal one where there is a salt. */
void
compliance_audit_turn(compliance_buf_t *out, const uint8_t *salt,
    compliance_audit_parts_t *parts)
{
    char zeros[COMPLIANCE_AUDIT_HASH_LEN];
    char text[2 * COMPLIANCE_AUDIT_SALT_LEN + 1];

    memset(zeros, '0', sizeof(zeros));
    parts->personal = 0;

    if (salt != NULL) {
        compliance_buf_str(out, COMPLIANCE_AUDIT_PERSONAL);
        parts->personal = out->len;
        compliance_buf_add(out, zeros, sizeof(zeros));
        compliance_buf_add(out, "\"", 1);
    }

    parts->hash = out->len;
    compliance_buf_str(out, COMPLIANCE_AUDIT_HASH);
    compliance_buf_add(out, zeros, sizeof(zeros));
    compliance_buf_add(out, "\"", 1);
    parts->tail = out->len;

    if (salt == NULL) {
        return;
    }

    compliance_audit_hex(salt, COMPLIANCE_AUDIT_SALT_LEN, text);
    compliance_buf_str(out, COMPLIANCE_AUDIT_SALT);
    compliance_buf_str(out, text);
    compliance_buf_add(out, "\"", 1);
}


/* Closes the line, and fills in the digest and then the hash. */
compliance_rc_t
compliance_audit_end(compliance_audit_chain_t *chain, compliance_buf_t *out,
    const compliance_audit_parts_t *parts)
{
    char             hash[COMPLIANCE_AUDIT_HASH_LEN + 1];
    compliance_str_t none = compliance_str("");

    compliance_buf_add(out, "}", 1);

    if (out->overflow) {
        return COMPLIANCE_TOO_LONG;
    }

    if (parts->personal > 0) {
        if (!compliance_audit_hash(chain->keys, COMPLIANCE_AUDIT_CHAIN, -1,
                (compliance_str_t) { out->data + parts->tail,
                                     out->len - parts->tail }, none, hash))
        {
            return COMPLIANCE_NO_MEMORY;
        }

        memcpy(out->data + parts->personal, hash, COMPLIANCE_AUDIT_HASH_LEN);
    }

    if (!compliance_audit_hash(chain->keys, COMPLIANCE_AUDIT_CHAIN,
            compliance_audit_kid(chain->keys),
            (compliance_str_t) { out->data + parts->begin,
                                 parts->hash - parts->begin }, none, hash))
    {
        return COMPLIANCE_NO_MEMORY;
    }

    memcpy(out->data + parts->tail - 1 - COMPLIANCE_AUDIT_HASH_LEN, hash,
        COMPLIANCE_AUDIT_HASH_LEN);
    memcpy(chain->hash, hash, sizeof(hash));
    chain->seq++;

    return COMPLIANCE_OK;
}
