/*
 * Mail logins: a SASL PLAIN message into its parts, and a login into name and
 * device.  The login tag is a credential: it is taken off here and nothing but
 * the device id it names leaves this file.
 */
#include "identify_mail.h"
#include "names.h"

#include <string.h>


/* A tag without an HMAC.  Record ids may hold dots, ids in a tag may not: the
 * first dot begins the HMAC. */
static compliance_rc_t
tag_device(compliance_str_t id, compliance_device_id_t *device)
{
    if (id.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    return compliance_device_id_parse(id, device);
}


static compliance_rc_t
parse_login(compliance_str_t login, const compliance_keyring_t *keys,
    compliance_principal_t *name, compliance_device_id_t *device,
    compliance_tag_t *tag)
{
    const char       *hash, *dot;
    compliance_str_t  id, mac;
    compliance_rc_t   rc;

    if (login.data == NULL || login.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    hash = memchr(login.data, '#', login.len);

    if (hash == NULL) {
        return compliance_principal_parse(login, name);
    }

    id.data = hash + 1;
    id.len = login.len - (size_t) (id.data - login.data);

    if (memchr(id.data, '#', id.len) != NULL) {
        return COMPLIANCE_AMBIGUOUS;
    }

    login.len = (size_t) (hash - login.data);
    rc = compliance_principal_parse(login, name);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    dot = memchr(id.data, '.', id.len);

    if (dot == NULL) {
        *tag = COMPLIANCE_TAG_ASSERTED;
        return tag_device(id, device);
    }

    mac.data = dot + 1;
    mac.len = id.len - (size_t) (mac.data - id.data);
    id.len = (size_t) (dot - id.data);
    rc = tag_device(id, device);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (keys == NULL
        || compliance_tag_verify(keys, name, device, mac) != COMPLIANCE_OK)
    {
        return COMPLIANCE_FORGED;
    }

    *tag = COMPLIANCE_TAG_SIGNED;
    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_login_parse(compliance_str_t login,
    const compliance_keyring_t *keys, compliance_principal_t *name,
    compliance_device_id_t *device, compliance_tag_t *tag)
{
    compliance_rc_t rc;

    name->len = 0;
    name->data[0] = '\0';
    device->len = 0;
    device->data[0] = '\0';
    *tag = COMPLIANCE_TAG_NONE;

    rc = parse_login(login, keys, name, device, tag);

    /* Half an identity must not look like one. */
    if (rc != COMPLIANCE_OK) {
        name->len = 0;
        name->data[0] = '\0';
        device->len = 0;
        device->data[0] = '\0';
        *tag = COMPLIANCE_TAG_NONE;
    }

    return rc;
}


compliance_rc_t
compliance_sasl_plain(compliance_str_t message, compliance_str_t *login,
    compliance_str_t *password)
{
    const char       *first, *second;
    compliance_str_t  authzid, authcid, passwd;

    *login = compliance_absent;
    *password = compliance_absent;

    if (message.data == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    first = memchr(message.data, '\0', message.len);

    if (first == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    authzid = (compliance_str_t) { message.data,
                                   (size_t) (first - message.data) };
    authcid.data = first + 1;
    second = memchr(authcid.data, '\0', message.len - authzid.len - 1);

    if (second == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    authcid.len = (size_t) (second - authcid.data);
    passwd.data = second + 1;
    passwd.len = message.len - authzid.len - authcid.len - 2;

    if (authcid.len == 0 || passwd.len == 0
        || memchr(passwd.data, '\0', passwd.len) != NULL)
    {
        return COMPLIANCE_MALFORMED;
    }

    if (authzid.len != 0 && !compliance_str_eq(authzid, authcid)) {
        return COMPLIANCE_AMBIGUOUS;
    }

    *login = authcid;
    *password = passwd;
    return COMPLIANCE_OK;
}
