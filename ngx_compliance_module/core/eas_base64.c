/*
 * The base64 form of an ActiveSync query (protocol 12.1 and later): a record
 * whose every length is checked and which leaves nothing over.
 */
#include "eas_query.h"
#include "names.h"


typedef struct {
    const uint8_t *p;
    size_t         left;
} reader_t;


static bool
read_u8(reader_t *in, uint8_t *out)
{
    if (in->left == 0) {
        return false;
    }

    *out = *in->p++;
    in->left--;
    return true;
}


/* u8 length, and as many bytes. */
static bool
read_counted(reader_t *in, compliance_str_t *out)
{
    uint8_t n;

    if (!read_u8(in, &n) || in->left < n) {
        return false;
    }

    *out = (compliance_str_t) { (const char *) in->p, n };
    in->p += n;
    in->left -= n;
    return true;
}


/* MS-ASHTTP 2.2.1.1.1.2.1, before the tags. */
static compliance_rc_t
parse_head(reader_t *in, compliance_eas_request_t *out, const char **why)
{
    uint8_t          version, command, locale;
    compliance_str_t id, key, type;
    compliance_rc_t  rc;

    *why = "protocol version";

    if (!read_u8(in, &version)
        || (version != 121 && version != 140 && version != 141
            && version != 160 && version != 161))
    {
        return COMPLIANCE_MALFORMED;
    }

    *why = "command code";

    if (!read_u8(in, &command) || command + 1 >= COMPLIANCE_EAS_COMMANDS) {
        return COMPLIANCE_MALFORMED;
    }

    out->version = version;
    out->command = out->options ? COMPLIANCE_EAS_NONE
                                : (compliance_eas_command_t) (command + 1);

    *why = "locale";

    for (size_t i = 0; i < 2; i++) {
        if (!read_u8(in, &locale)) {
            return COMPLIANCE_MALFORMED;
        }
    }

    *why = "DeviceId";

    if (!read_counted(in, &id)) {
        return COMPLIANCE_MALFORMED;
    }

    rc = compliance_eas_device_id(id, &out->device_id);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    *why = "policy key";

    if (!read_counted(in, &key) || (key.len != 0 && key.len != 4)) {
        return COMPLIANCE_MALFORMED;
    }

    if (key.len == 4) {
        const uint8_t *k = (const uint8_t *) key.data;

        out->has_policy_key = true;
        out->policy_key = (uint32_t) k[0] | (uint32_t) k[1] << 8
                          | (uint32_t) k[2] << 16 | (uint32_t) k[3] << 24;
    }

    *why = "DeviceType";

    if (!read_counted(in, &type)) {
        return COMPLIANCE_MALFORMED;
    }

    return compliance_eas_set_device_type(type, out);
}


/* MS-ASHTTP 2.2.1.1.1.2.3: the tags a client may send. */
enum {
    TAG_ATTACHMENT_NAME = 0,
    TAG_COLLECTION_ID   = 1,
    TAG_ITEM_ID         = 3,
    TAG_LONG_ID         = 4,
    TAG_OCCURRENCE      = 6,
    TAG_OPTIONS         = 7,
    TAG_USER            = 8
};

#define KNOWN_TAGS  (1u << TAG_ATTACHMENT_NAME | 1u << TAG_COLLECTION_ID      \
                     | 1u << TAG_ITEM_ID | 1u << TAG_LONG_ID                  \
                     | 1u << TAG_OCCURRENCE | 1u << TAG_OPTIONS               \
                     | 1u << TAG_USER)

#define OPTION_BITS  3u    /* SaveInSent, AcceptMultiPart */


static compliance_rc_t
parse_tags(reader_t *in, compliance_eas_request_t *out, const char **why)
{
    unsigned seen = 0;

    *why = "tag";

    while (in->left != 0) {
        uint8_t          tag;
        compliance_str_t value;

        if (!read_u8(in, &tag) || tag > TAG_USER
            || !(KNOWN_TAGS & 1u << tag) || !read_counted(in, &value))
        {
            return COMPLIANCE_MALFORMED;
        }

        if (seen & 1u << tag) {
            return COMPLIANCE_AMBIGUOUS;
        }

        seen |= 1u << tag;

        if (tag == TAG_OPTIONS) {
            if (value.len != 1
                || ((unsigned char) value.data[0] & ~OPTION_BITS))
            {
                return COMPLIANCE_MALFORMED;
            }

            continue;
        }

        for (size_t i = 0; i < value.len; i++) {
            if ((unsigned char) value.data[i] < 0x20
                || value.data[i] == 0x7f)
            {
                return COMPLIANCE_MALFORMED;
            }
        }

        if (tag == TAG_USER) {
            compliance_rc_t rc = compliance_eas_set_user(value, out);

            if (rc != COMPLIANCE_OK) {
                *why = "User";
                return rc;
            }
        }
    }

    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_eas_parse_base64(compliance_str_t query, compliance_eas_request_t *out,
    compliance_buf_t *canonical, const char **why)
{
    uint8_t         bytes[COMPLIANCE_EAS_QUERY_MAX / 4 * 3];
    reader_t        in = { bytes, 0 };
    compliance_rc_t rc;

    *why = "base64";
    rc = compliance_base64_decode(query, bytes, sizeof(bytes), &in.left);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    out->base64 = true;
    rc = parse_head(&in, out, why);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    rc = parse_tags(&in, out, why);

    if (rc == COMPLIANCE_OK) {
        compliance_buf_add(canonical, query.data, query.len);
    }

    return rc;
}
