/*
 * Tokens, tags, keyrings and return paths of any bytes.  The key here signed
 * nothing that is in the corpus, so no input opens; what is sealed from the
 * input opens as what it was.
 */
#include <stdlib.h>
#include <string.h>

#include "link.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const compliance_keyring_t ring = {
    .keys = { { .id = 1, .len = 32, .secret = "0123456789abcdefghijklmnopqrstu" } },
    .n = 1
};


static void
forge(compliance_str_t text)
{
    compliance_link_t      link;
    compliance_device_id_t device = { 6, "PHONE1" };
    compliance_principal_t user = { 5, "alice" };

    switch (compliance_link_open(&ring, text, 1700000000, &link)) {

    case COMPLIANCE_MALFORMED:
    case COMPLIANCE_FORGED:
        break;

    case COMPLIANCE_OK:
    case COMPLIANCE_EXPIRED:
    case COMPLIANCE_ABSENT:
    case COMPLIANCE_AMBIGUOUS:
    case COMPLIANCE_TOO_LONG:
    case COMPLIANCE_NO_MEMORY:
        abort();
    }

    if (compliance_tag_verify(&ring, &user, &device, text) == COMPLIANCE_OK) {
        abort();
    }
}


static void
round_trip(const uint8_t *data, size_t size)
{
    char              token[COMPLIANCE_LINK_TOKEN_MAX];
    size_t            len;
    const uint8_t     nonce[16] = { 42 };
    compliance_rc_t   rc;
    compliance_buf_t  buf;
    compliance_link_t in, out;

    memset(&in, 0, sizeof(in));
    in.protocol = COMPLIANCE_EAS;
    in.expires = 1700000001;

    if (size > 2) {
        in.reason = (compliance_reason_t) (data[0] % (COMPLIANCE_REASONS + 1));
        in.binding = (compliance_binding_t) (data[1] % 6);
        len = size - 2 < COMPLIANCE_RETURN_MAX ? size - 2
                                               : COMPLIANCE_RETURN_MAX;
        memcpy(in.return_path, data + 2, len);
    }

    compliance_buf_init(&buf, token, sizeof(token));
    rc = compliance_link_seal(&ring, &in, nonce, &buf);

    if (rc != COMPLIANCE_OK) {
        return;
    }

    if (compliance_link_open(&ring, (compliance_str_t) { buf.data, buf.len },
            1700000000, &out) != COMPLIANCE_OK
        || out.reason != in.reason || out.binding != in.binding
        || strcmp(out.return_path, in.return_path) != 0)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned             line;
    const char          *why;
    compliance_str_t     text = { (const char *) data, size };
    compliance_keyring_t keys;

    forge(text);
    round_trip(data, size);

    if (compliance_return_path_valid(text)
        && (text.data[0] != '/' || (size > 1 && text.data[1] == '/')))
    {
        abort();
    }

    if ((compliance_keyring_parse(text, &keys, &line, &why) == COMPLIANCE_OK)
        != (keys.n > 0))
    {
        abort();
    }

    return 0;
}
