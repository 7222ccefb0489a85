/*
 * Canonical names and strict base64: what is accepted is its own canonical
 * form, and has one spelling.
 */
#include <stdlib.h>
#include <string.h>

#include "names.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_principal(compliance_str_t text)
{
    compliance_principal_t name, again;
    compliance_str_t       folded = { name.data, 0 };

    if (compliance_principal_parse(text, &name) != COMPLIANCE_OK) {
        check(name.len == 0 && name.data[0] == '\0');
        return;
    }

    check(name.len != 0 && name.len <= COMPLIANCE_PRINCIPAL_MAX);
    check(strlen(name.data) == name.len);
    check(strpbrk(name.data, "*#\r\n") == NULL);
    folded.len = name.len;
    check(compliance_principal_parse(folded, &again) == COMPLIANCE_OK
          && compliance_principal_eq(&name, &again));
}


static void
check_ids(compliance_str_t text)
{
    compliance_device_id_t id, again;
    char                   fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1];

    if (compliance_device_id_parse(text, &id) == COMPLIANCE_OK) {
        check(strlen(id.data) == id.len && id.len == text.len);
        check(compliance_device_id_parse((compliance_str_t) { id.data, id.len },
                                         &again) == COMPLIANCE_OK
              && compliance_device_id_eq(&id, &again));
    }

    if (compliance_eas_device_id(text, &id) == COMPLIANCE_OK) {
        check(compliance_device_id_parse((compliance_str_t) { id.data, id.len },
                                         &again) == COMPLIANCE_OK
              && compliance_device_id_eq(&id, &again));
    }

    if (compliance_fingerprint_parse(text, fingerprint) == COMPLIANCE_OK) {
        check(strlen(fingerprint) == COMPLIANCE_FINGERPRINT_LEN);
    }

    if (compliance_group_name_valid(text)) {
        check(text.len != 0 && text.len <= COMPLIANCE_GROUP_NAME_MAX);
    }
}


static void
check_base64(compliance_str_t text)
{
    uint8_t         *bytes = malloc(text.len + 1);
    char            *again = malloc(text.len + 8);
    size_t           len;
    compliance_buf_t buf;

    check(bytes != NULL && again != NULL);

    if (compliance_base64_decode(text, bytes, text.len, &len)
        == COMPLIANCE_OK)
    {
        compliance_buf_init(&buf, again, text.len + 8);
        compliance_base64_encode(&buf, bytes, len);
        check(buf.len == text.len && memcmp(again, text.data, buf.len) == 0);
    }

    if (compliance_base64url_decode(text, bytes, text.len, &len)
        == COMPLIANCE_OK)
    {
        compliance_buf_init(&buf, again, text.len + 8);
        compliance_base64url_encode(&buf, bytes, len);
        check(buf.len == text.len && memcmp(again, text.data, buf.len) == 0);
    }

    free(bytes);
    free(again);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compliance_str_t text = { (const char *) data, size };

    check_principal(text);
    check_ids(text);

    if (size != 0) {
        check_base64(text);
    }

    return 0;
}
