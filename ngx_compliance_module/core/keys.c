/*
 * Redis keys: prefix, type, name.  Nothing here checks names: they are
 * canonical before they come here (names.c), and a canonical name holds no
 * byte that could end one part of a key and begin another.
 */
#include "keys.h"

#include <string.h>


/* A kind's name stands between "alias:" and ":" of its part of a key. */
static const struct {
    const char       *name;
    compliance_str_t  part;
} compliance_alias_kinds[] = {
#define KIND(name)  { name, { "alias:" name ":", sizeof("alias:" name ":") - 1 } }
    [COMPLIANCE_ALIAS_NONE] = { "none", { NULL, 0 } },
    [COMPLIANCE_ALIAS_EAS] = KIND("eas"),
    [COMPLIANCE_ALIAS_CERT] = KIND("cert"),
    [COMPLIANCE_ALIAS_SERIAL] = KIND("serial"),
    [COMPLIANCE_ALIAS_LOGIN] = KIND("login"),
#undef KIND
};

_Static_assert(sizeof(compliance_alias_kinds)
    / sizeof(compliance_alias_kinds[0]) == COMPLIANCE_ALIAS_KINDS,
    "every kind has its row");


/* prefix, part and name in turn.  A NUL in the name would make a shorter key
 * of it for a C reader: no key. */
static size_t
compliance_key(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t part, compliance_str_t name)
{
    char  *p = out;
    size_t len = prefix.len + part.len + name.len;

    if (len < name.len || len >= cap
        || (name.len > 0 && memchr(name.data, '\0', name.len) != NULL))
    {
        return 0;
    }

    if (prefix.len > 0) {
        memcpy(p, prefix.data, prefix.len);
        p += prefix.len;
    }

    memcpy(p, part.data, part.len);
    p += part.len;

    if (name.len > 0) {
        memcpy(p, name.data, name.len);
        p += name.len;
    }

    *p = '\0';

    return len;
}


const char *
compliance_alias_kind_name(compliance_alias_kind_t kind)
{
    if ((size_t) kind >= COMPLIANCE_ALIAS_KINDS) {
        return compliance_alias_kinds[COMPLIANCE_ALIAS_NONE].name;
    }

    return compliance_alias_kinds[kind].name;
}


compliance_alias_kind_t
compliance_alias_kind_parse(compliance_str_t name)
{
    for (size_t i = COMPLIANCE_ALIAS_EAS; i < COMPLIANCE_ALIAS_KINDS; i++) {
        const char *row = compliance_alias_kinds[i].name;

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

    return compliance_key(out, cap, prefix, compliance_str("device:"),
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

    return compliance_key(out, cap, prefix,
        compliance_alias_kinds[kind].part, value);
}


size_t
compliance_key_user(char *out, size_t cap, compliance_str_t prefix,
    const compliance_principal_t *principal)
{
    if (principal->len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("user:"),
        (compliance_str_t) { principal->data, principal->len });
}


size_t
compliance_key_user_alias(char *out, size_t cap, compliance_str_t prefix,
    const compliance_principal_t *name)
{
    if (name->len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("alias:user:"),
        (compliance_str_t) { name->data, name->len });
}


size_t
compliance_key_group(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t name)
{
    if (name.len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("group:"), name);
}


size_t
compliance_key_groups(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, compliance_str("groups"),
        compliance_absent);
}


size_t
compliance_key_meta(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, compliance_str("meta"),
        compliance_absent);
}


size_t
compliance_key_audit(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t node)
{
    if (node.len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("audit:"), node);
}


size_t
compliance_key_erase(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t node)
{
    if (node.len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("erase:"), node);
}


size_t
compliance_key_policy(char *out, size_t cap, compliance_str_t prefix,
    compliance_str_t name)
{
    if (name.len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("policy:"), name);
}


size_t
compliance_key_policies(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, compliance_str("policies"),
        compliance_absent);
}


size_t
compliance_key_inventory(char *out, size_t cap, compliance_str_t prefix,
    const compliance_device_id_t *id)
{
    if (id->len == 0) {
        return 0;
    }

    return compliance_key(out, cap, prefix, compliance_str("inventory:"),
        (compliance_str_t) { id->data, id->len });
}


/* Days since 1970-01-01 -> the civil date (Gregorian, proleptic); era: 400
 * years, beginning in March, so that the leap day is the last of a year. */
void
compliance_day(int64_t time, char out[COMPLIANCE_DAY_LEN + 1])
{
    static const int64_t max = INT64_C(253402300799);   /* 9999-12-31 */
    int64_t              days, era, of_era, year, of_year, month, day, number;

    time = time < 0 ? 0 : time > max ? max : time;

    days = time / 86400 + 719468;
    era = days / 146097;
    of_era = days % 146097;
    year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153;
    day = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2 ? 1 : 0);
    number = year * 10000 + month * 100 + day;

    for (size_t i = COMPLIANCE_DAY_LEN; i > 0; i--) {
        out[i - 1] = (char) ('0' + number % 10);
        number /= 10;
    }

    out[COMPLIANCE_DAY_LEN] = '\0';
}


size_t
compliance_key_seen(char *out, size_t cap, compliance_str_t prefix,
    int64_t time, const compliance_principal_t *principal)
{
    char             text[sizeof("seen:") + COMPLIANCE_DAY_LEN + 1];
    char             day[COMPLIANCE_DAY_LEN + 1];
    compliance_buf_t part;

    if (principal->len == 0) {
        return 0;
    }

    compliance_day(time, day);
    compliance_buf_init(&part, text, sizeof(text));
    compliance_buf_str(&part, "seen:");
    compliance_buf_str(&part, day);
    compliance_buf_str(&part, ":");

    return compliance_key(out, cap, prefix,
        (compliance_str_t) { part.data, part.len },
        (compliance_str_t) { principal->data, principal->len });
}


size_t
compliance_key_candidate(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, compliance_str("candidate"),
        compliance_absent);
}


size_t
compliance_key_undo(char *out, size_t cap, compliance_str_t prefix)
{
    return compliance_key(out, cap, prefix, compliance_str("undo"),
        compliance_absent);
}


size_t
compliance_key_index(char *out, size_t cap, compliance_str_t prefix,
    const char *field, compliance_str_t value)
{
    char             text[COMPLIANCE_KEY_TEXT_MAX];
    compliance_buf_t part;

    compliance_buf_init(&part, text, sizeof(text));
    compliance_buf_str(&part, "index:");
    compliance_buf_str(&part, field);
    compliance_buf_str(&part, ":");

    if (part.overflow) {
        return 0;
    }

    return compliance_key(out, cap, prefix,
        (compliance_str_t) { part.data, part.len }, value);
}


bool
compliance_key_is_history(compliance_str_t key)
{
    static const compliance_str_t parts[] = {
        { "audit:", 6 }, { "erase:", 6 },
        { "seen:", 5 }, { "index:seen:", 11 }
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (key.len >= parts[i].len
            && memcmp(key.data, parts[i].data, parts[i].len) == 0)
        {
            return true;
        }
    }

    return false;
}
