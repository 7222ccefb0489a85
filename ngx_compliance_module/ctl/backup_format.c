/*
 * Bytes as JSON, and the sum over a backup's lines.
 */
#include "backup.h"

#include <string.h>


void
ctl_sum_begin(ctl_sum_t *sum)
{
    sum->context = EVP_MD_CTX_new();

    if (sum->context == NULL
        || EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) != 1)
    {
        ctl_die(CTL_STORE, "out of memory");
    }
}


void
ctl_sum_add(ctl_sum_t *sum, const char *data, size_t len)
{
    if (EVP_DigestUpdate(sum->context, data, len) != 1) {
        ctl_die(CTL_STORE, "out of memory");
    }
}


void
ctl_sum_end(ctl_sum_t *sum, char out[CTL_BACKUP_HASH_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned          n = 0;
    uint8_t           digest[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(sum->context, digest, &n) != 1
        || n != CTL_BACKUP_HASH_LEN / 2)
    {
        ctl_die(CTL_STORE, "out of memory");
    }

    EVP_MD_CTX_free(sum->context);
    sum->context = NULL;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 0xf];
    }

    out[CTL_BACKUP_HASH_LEN] = '\0';
}


json_t *
ctl_bytes_json(compliance_str_t bytes)
{
    json_t          *text = NULL, *object;
    size_t           cap = bytes.len / 3 * 4 + 8;
    compliance_buf_t out;

    if (bytes.len == 0) {
        return ctl_json_text(compliance_str(""));
    }

    if (memchr(bytes.data, '\0', bytes.len) == NULL) {
        text = json_stringn(bytes.data, bytes.len);   /* NULL: no UTF-8 */
    }

    if (text != NULL) {
        return text;
    }

    compliance_buf_init(&out, ctl_alloc(cap), cap);
    compliance_base64_encode(&out, (const uint8_t *) bytes.data, bytes.len);
    object = ctl_json_object();
    ctl_json_set(object, "base64",
                 ctl_json_text((compliance_str_t) { out.data, out.len }));

    return object;
}


compliance_str_t
ctl_bytes_read(const json_t *value)
{
    size_t           len = 0;
    uint8_t         *bytes;
    const json_t    *coded = json_object_get(value, "base64");
    compliance_str_t text;

    if (json_is_string(value)) {
        return (compliance_str_t) { json_string_value(value),
                                    json_string_length(value) };
    }

    if (!json_is_string(coded)) {
        return compliance_absent;
    }

    text = (compliance_str_t) { json_string_value(coded),
                                json_string_length(coded) };
    bytes = ctl_alloc(text.len + 1);

    if (compliance_base64_decode(text, bytes, text.len, &len)
        != COMPLIANCE_OK)
    {
        return compliance_absent;
    }

    return (compliance_str_t) { (const char *) bytes, len };
}
