/*
 * Redis keys: prefix, type, name.  Nothing here checks names: they are
 * canonical before they come here (names.c), and a canonical name holds no
 * byte that could end one part of a key and begin another.
 */
#include "keys.h"

#include <string.h>


static const char *const compliance_alias_kinds[] = {
    [COMPLIANCE_ALIAS_NONE] = "none",
    [COMPLIANCE_ALIAS_EAS] = "eas",
    [COMPLIANCE_ALIAS_CERT] = "cert",
    [COMPLIANCE_ALIAS_SERIAL] = "serial",
    [COMPLIANCE_ALIAS_LOGIN] = "login",
};

_Static_assert(sizeof(compliance_alias_kinds)
    / sizeof(compliance_alias_kinds[0]) == COMPLIANCE_ALIAS_KINDS,
    "every kind has its row");


/* prefix, then the NULL-ended list of literal parts, then name.  A NUL in any
 * of them would make a shorter key of it for a C reader: no key. */
static size_t
compliance_key(char *out, size_t cap, compliance_str_t prefix,
    const char *type, const char *kind, compliance_str_t name)
{
    compliance_buf_t buf;

    compliance_buf_init(&buf, out, cap);
    compliance_buf_add(&buf, prefix.data, prefix.len);
    compliance_buf_str(&buf, type);

    if (kind != NULL) {
        compliance_buf_str(&buf, kind);
        compliance_buf_str(&buf, ":");
    }

    compliance_buf_add(&buf, name.data, name.len);

    if (buf.overflow || memchr(out, '\0', buf.len) != NULL) {
        return 0;
    }

    return buf.len;
}


const char *
compliance_alias_kind_name(compliance_alias_kind_t kind)
{
    if ((size_t) kind >= COMPLIANCE_ALIAS_KINDS) {
        return compliance_alias_kinds[COMPLIANCE_ALIAS_NONE];
    }

    return compliance_alias_kinds[kind];
}


compliance_alias_kind_t
compliance_alias_kind_parse(compliance_str_t name)
{
    for (size_t i = COMPLIANCE_ALIAS_EAS; i < COMPLIANCE_ALIAS_KINDS; i++) {
        const char *row = compliance_alias_kinds[i];

        if (name.data != NULL && strlen(row) == name.len
            && memcmp(row, name.data, name.len) == 0)
        {
            return (compliance_alias_kind_t) i;
        }
    }

    return COMPLIANCE_ALIAS_NONE;
}


size_t
compliance_key_device(char *out, size_t cap, compliance_str_t prefix,
    const compliance_device_id_t *id)
{
    if (id->len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, "device:", NULL,
        (compliance_str_t) { id->data, id->len });
}


size_t
compliance_key_alias(char *out, size_t cap, compliance_str_t prefix,
    compliance_alias_kind_t kind, compliance_str_t value)
{
    if (kind <= COMPLIANCE_ALIAS_NONE || kind >= COMPLIANCE_ALIAS_KINDS
        || value.len == 0)
    {
        return 0;
    }

    return compliance_key(out, cap, prefix, "alias:",
        compliance_alias_kinds[kind], value);
}


size_t
compliance_key_user(char *out, size_t cap, compliance_str_t prefix,
    const compliance_principal_t *principal)
{
    if (principal->len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, "user:", NULL,
        (compliance_str_t) { principal->data, principal->len });
}


size_t
compliance_key_user_alias(char *out, size_t cap, compliance_str_t prefix,
    const compliance_principal_t *name)
{
    if (name->len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, "alias:", "user",
        (compliance_str_t) { name->data, name->len });
}


size_t
compliance_key_group(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t name)
{
    if (name.len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, "group:", NULL, name);
}


size_t
compliance_key_groups(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, "groups", NULL,
        compliance_absent);
}


size_t
compliance_key_meta(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, "meta", NULL, compliance_absent);
}


size_t
compliance_key_audit(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t node)
{
    if (node.len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, "audit:", NULL, node);
}


size_t
compliance_key_index(char *out, size_t cap, compliance_str_t prefix,
    const char *field, compliance_str_t value)
{
    return compliance_key(out, cap, prefix, "index:", field, value);
}
