/*
 * Allowed accesses as texts.  A member that a client may fill is cut to its
 * budget, so that every access has a text, and what a terminal or a reader of
 * the store could trip over is escaped.
 */
#include "seen.h"

#include <arpa/inet.h>
#include <string.h>


static const char *const compliance_user_sources[] = {
    [COMPLIANCE_USER_FROM_NONE] = "none",
    [COMPLIANCE_USER_FROM_CREDENTIAL] = "credential",
    [COMPLIANCE_USER_FROM_OWNER] = "owner",
    [COMPLIANCE_USER_FROM_LOGIN] = "login",
};

static const char *const compliance_device_sources[] = {
    [COMPLIANCE_DEVICE_FROM_NONE] = "none",
    [COMPLIANCE_DEVICE_FROM_EAS] = "eas",
    [COMPLIANCE_DEVICE_FROM_TAG] = "tag",
    [COMPLIANCE_DEVICE_FROM_SIGNED_TAG] = "signed_tag",
    [COMPLIANCE_DEVICE_FROM_COOKIE] = "cookie",
    [COMPLIANCE_DEVICE_FROM_VARIABLE] = "variable",
    [COMPLIANCE_DEVICE_FROM_CERTIFICATE] = "certificate",
};

#define COMPLIANCE_N(table)  (sizeof(table) / sizeof((table)[0]))

/* What stands in the flags' member, one letter each. */
#define COMPLIANCE_SEEN_FREE   'f'   /* the request needed no device */
#define COMPLIANCE_SEEN_KNOWN  'k'   /* the device had a record */


/* The text, cut at a character's begin, and closed by a NUL; one that holds a
 * NUL ends there. */
static void
compliance_seen_copy(char *out, size_t cap, compliance_str_t text)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;

    if (text.data == NULL) {
        out[0] = '\0';
        return;
    }

    while (len > 0 && len < text.len
           && ((uint8_t) text.data[len] & 0xc0) == 0x80)
    {
        len--;
    }

    memcpy(out, text.data, len);
    out[len] = '\0';
}


static void
compliance_seen_device(const compliance_request_t *request,
    const compliance_facts_t *facts, compliance_seen_t *out)
{
    const compliance_claim_t *claim;
    compliance_buf_t          text;

    if (request->device_free || request->n_claims == 0) {
        return;
    }

    /* the claim that proves most says how the device was named */
    claim = &request->claims[0];

    for (size_t i = 1; i < request->n_claims && i < COMPLIANCE_CLAIMS_MAX; i++)
    {
        if (request->claims[i].source > claim->source) {
            claim = &request->claims[i];
        }
    }

    out->source = claim->source;
    out->known = facts->device_presence == COMPLIANCE_PRESENT;

    if (facts->device.id.len > 0) {
        compliance_seen_copy(out->device, sizeof(out->device),
            (compliance_str_t) { facts->device.id.data,
                                 facts->device.id.len });

    } else if (claim->id.len > 0) {
        compliance_seen_copy(out->device, sizeof(out->device),
            (compliance_str_t) { claim->id.data, claim->id.len });

    } else if (claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE) {
        compliance_buf_init(&text, out->device, sizeof(out->device));
        compliance_buf_str(&text, "cert:");
        compliance_buf_add(&text, claim->fingerprint,
            strnlen(claim->fingerprint, COMPLIANCE_FINGERPRINT_LEN));
    }
}


static void
compliance_seen_address(const compliance_request_t *request,
    compliance_seen_t *out)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    bool                 v4;

    if (!request->has_address) {
        return;
    }

    v4 = memcmp(request->address, mapped, sizeof(mapped)) == 0;

    if (inet_ntop(v4 ? AF_INET : AF_INET6,
            request->address + (v4 ? sizeof(mapped) : 0), out->address,
            sizeof(out->address)) == NULL)
    {
        out->address[0] = '\0';
    }
}


void
compliance_seen_of(const compliance_request_t *request,
    const compliance_facts_t *facts, const compliance_decision_t *decision,
    compliance_seen_t *out)
{
    memset(out, 0, sizeof(*out));

    out->protocol = request->protocol;
    out->reason = decision->reason;
    out->user_source = request->user_source;
    out->device_free = request->device_free;
    out->binding = decision->binding;

    compliance_seen_device(request, facts, out);
    compliance_seen_address(request, out);
    compliance_seen_copy(out->device_type, sizeof(out->device_type),
                         request->device_type);
    compliance_seen_copy(out->user_agent, sizeof(out->user_agent),
                         request->user_agent);
}


/* A member and its closing '|'.  "\p" is '|', "\b" the backslash, "\xHH" a
 * control character or DEL. */
static void
compliance_seen_member(compliance_buf_t *out, const char *text)
{
    static const char hex[] = "0123456789abcdef";

    for ( ; *text != '\0'; text++) {
        uint8_t c = (uint8_t) *text;

        if (c == '|') {
            compliance_buf_str(out, "\\p");

        } else if (c == '\\') {
            compliance_buf_str(out, "\\b");

        } else if (c < 0x20 || c == 0x7f) {
            compliance_buf_str(out, "\\x");
            compliance_buf_add(out, &hex[c >> 4], 1);
            compliance_buf_add(out, &hex[c & 0xf], 1);

        } else {
            compliance_buf_add(out, text, 1);
        }
    }

    compliance_buf_str(out, "|");
}


bool
compliance_seen_write(const compliance_seen_t *seen, compliance_buf_t *out)
{
    char flags[3];
    size_t n = 0;

    if (seen->device_free) {
        flags[n++] = COMPLIANCE_SEEN_FREE;
    }

    if (seen->known) {
        flags[n++] = COMPLIANCE_SEEN_KNOWN;
    }

    flags[n] = '\0';

    compliance_seen_member(out, compliance_protocol_name(seen->protocol));
    compliance_seen_member(out, compliance_reason_name(seen->reason));
    compliance_seen_member(out,
        (size_t) seen->user_source < COMPLIANCE_N(compliance_user_sources)
        ? compliance_user_sources[seen->user_source] : "none");
    compliance_seen_member(out, flags);
    compliance_seen_member(out,
        (size_t) seen->source < COMPLIANCE_N(compliance_device_sources)
        ? compliance_device_sources[seen->source] : "none");
    compliance_seen_member(out, compliance_binding_name(seen->binding));
    compliance_seen_member(out, seen->device);
    compliance_seen_member(out, seen->address);
    compliance_seen_member(out, seen->device_type);
    compliance_seen_member(out, seen->user_agent);

    return !out->overflow;
}


/* The next member, unescaped. */
static compliance_rc_t
compliance_seen_take(compliance_str_t *text, char *out, size_t cap)
{
    size_t n = 0, i = 0;

    while (i < text->len && text->data[i] != '|') {
        char c = text->data[i++];

        if (c == '\\') {
            if (i == text->len) {
                return COMPLIANCE_MALFORMED;
            }

            c = text->data[i++];

            if (c == 'p') {
                c = '|';

            } else if (c == 'b') {
                c = '\\';

            } else if (c == 'x' && text->len - i >= 2
                       && compliance_hex_digit(text->data[i]) >= 0
                       && compliance_hex_digit(text->data[i + 1]) >= 0)
            {
                c = (char) (compliance_hex_digit(text->data[i]) << 4
                            | compliance_hex_digit(text->data[i + 1]));
                i += 2;

            } else {
                return COMPLIANCE_MALFORMED;
            }
        }

        if (c == '\0') {
            return COMPLIANCE_MALFORMED;
        }

        if (n + 1 == cap) {
            return COMPLIANCE_TOO_LONG;
        }

        out[n++] = c;
    }

    if (i == text->len) {
        return COMPLIANCE_MALFORMED;
    }

    out[n] = '\0';
    text->data += i + 1;
    text->len -= i + 1;

    return COMPLIANCE_OK;
}


/* The text's place in the table, or false. */
static bool
compliance_seen_named(const char *const *names, size_t n, const char *text,
    int *out)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = (int) i;
            return true;
        }
    }

    return false;
}


static compliance_rc_t
compliance_seen_flags(const char *flags, compliance_seen_t *out)
{
    for ( ; *flags != '\0'; flags++) {
        switch (*flags) {

        case COMPLIANCE_SEEN_FREE:
            out->device_free = true;
            break;

        case COMPLIANCE_SEEN_KNOWN:
            out->known = true;
            break;

        default:
            return COMPLIANCE_MALFORMED;
        }
    }

    return COMPLIANCE_OK;
}


/* The members that are names of a table. */
static compliance_rc_t
compliance_seen_names(compliance_str_t *text, compliance_seen_t *out)
{
    int              user = 0, device = 0;
    char             members[6][40];
    compliance_str_t name;
    compliance_rc_t  rc;

    for (size_t i = 0; i < COMPLIANCE_N(members); i++) {
        rc = compliance_seen_take(text, members[i], sizeof(members[i]));

        if (rc != COMPLIANCE_OK) {
            return rc;
        }
    }

    name = (compliance_str_t) { members[0], strlen(members[0]) };
    out->protocol = compliance_protocol_parse(name);
    name = (compliance_str_t) { members[1], strlen(members[1]) };
    out->reason = compliance_reason_parse(name);
    name = (compliance_str_t) { members[5], strlen(members[5]) };
    out->binding = compliance_binding_parse(name);

    if (out->protocol == COMPLIANCE_PROTOCOL_NONE
        || out->reason == COMPLIANCE_REASON_NONE
        || !compliance_seen_named(compliance_user_sources,
               COMPLIANCE_N(compliance_user_sources), members[2], &user)
        || !compliance_seen_named(compliance_device_sources,
               COMPLIANCE_N(compliance_device_sources), members[4], &device))
    {
        return COMPLIANCE_MALFORMED;
    }

    out->user_source = (compliance_user_source_t) user;
    out->source = (compliance_device_source_t) device;

    return compliance_seen_flags(members[3], out);
}


compliance_rc_t
compliance_seen_read(compliance_str_t text, compliance_seen_t *out)
{
    compliance_rc_t rc;

    memset(out, 0, sizeof(*out));

    if (text.data == NULL || text.len > COMPLIANCE_SEEN_TEXT_MAX) {
        return COMPLIANCE_MALFORMED;
    }

    rc = compliance_seen_names(&text, out);

    if (rc == COMPLIANCE_OK) {
        rc = compliance_seen_take(&text, out->device, sizeof(out->device));
    }

    if (rc == COMPLIANCE_OK) {
        rc = compliance_seen_take(&text, out->address, sizeof(out->address));
    }

    if (rc == COMPLIANCE_OK) {
        rc = compliance_seen_take(&text, out->device_type,
                                  sizeof(out->device_type));
    }

    if (rc == COMPLIANCE_OK) {
        rc = compliance_seen_take(&text, out->user_agent,
                                  sizeof(out->user_agent));
    }

    if (rc == COMPLIANCE_OK && text.len > 0) {
        return COMPLIANCE_MALFORMED;
    }

    return rc;
}
