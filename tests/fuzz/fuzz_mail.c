/*
 * SASL PLAIN messages, and logins with a tag.
 */
#include <stdlib.h>
#include <string.h>

#include "identify_mail.h"
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
check_login(compliance_str_t text, const compliance_keyring_t *keys)
{
    compliance_principal_t name, folded;
    compliance_device_id_t device;
    compliance_tag_t       tag;
    const char            *hash;
    compliance_str_t       head = text;

    if (compliance_login_parse(text, keys, &name, &device, &tag)
        != COMPLIANCE_OK)
    {
        check(name.len == 0 && device.len == 0 && tag == COMPLIANCE_TAG_NONE);
        return;
    }

    hash = memchr(text.data, '#', text.len);
    check((hash == NULL) == (tag == COMPLIANCE_TAG_NONE));
    check((device.len == 0) == (tag == COMPLIANCE_TAG_NONE));
    check(memchr(name.data, '#', name.len) == NULL);
    check(memchr(device.data, '.', device.len) == NULL);
    check(keys != NULL || tag != COMPLIANCE_TAG_SIGNED);

    if (hash != NULL) {
        head.len = (size_t) (hash - text.data);
    }

    check(compliance_principal_parse(head, &folded) == COMPLIANCE_OK
          && compliance_principal_eq(&folded, &name));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static compliance_keyring_t keys;

    compliance_str_t text = { (const char *) data, size };
    compliance_str_t login, password;

    if (keys.n == 0) {
        keys.n = 1;
        keys.keys[0].id = 1;
        keys.keys[0].len = COMPLIANCE_KEY_MIN_BYTES;
    }

    check_login(text, NULL);
    check_login(text, &keys);

    if (compliance_sasl_plain(text, &login, &password) == COMPLIANCE_OK) {
        check(login.len != 0 && password.len != 0);
        check(memchr(login.data, '\0', login.len) == NULL);
        check(memchr(password.data, '\0', password.len) == NULL);
        check(password.data + password.len == text.data + text.len);
        check_login(login, &keys);
    }

    return 0;
}
