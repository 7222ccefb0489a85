/*
 * What a value must be to be stored.  What is refused here would read as
 * "unknown" at the gateway, or be cut where people are shown it.
 */
#include "checks.h"

#include "../core/group.h"

#include <string.h>
#include <utf8proc.h>


/* What people are shown is cut behind these (facts.h): refuse to be cut. */
#define REASONS_MAX     511
#define PLATFORM_MAX    31
#define OS_VERSION_MAX  63
#define MODEL_MAX       95
#define NAME_MAX_BYTES  127
#define SOURCE_MAX      63
#define LOCALE_MAX      35


static bool
is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}


bool
ctl_check_state(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    (void) ctl;
    (void) field;

    *out = in;

    return compliance_state_parse(in) != COMPLIANCE_STATE_UNKNOWN
           || compliance_str_eq(in, compliance_str("unknown"));
}


bool
ctl_check_risk(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    (void) ctl;
    (void) field;

    *out = in;

    return compliance_risk_parse(in) != COMPLIANCE_RISK_UNKNOWN
           || compliance_str_eq(in, compliance_str("unknown"));
}


bool
ctl_check_management(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    (void) ctl;
    (void) field;

    *out = in;

    return compliance_management_parse(in) != COMPLIANCE_MANAGEMENT_UNKNOWN;
}


/* "none" is how one says it; a record without an override has no such field */
bool
ctl_check_override(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    (void) ctl;
    (void) field;

    if (compliance_str_eq(in, compliance_str("none"))) {
        *out = compliance_absent;
        return true;
    }

    *out = in;

    return compliance_str_eq(in, compliance_str("block"))
           || compliance_str_eq(in, compliance_str("grace"));
}


bool
ctl_check_principal(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    compliance_principal_t name;

    (void) ctl;
    (void) field;

    if (compliance_principal_parse(in, &name) != COMPLIANCE_OK) {
        return false;
    }

    *out = ctl_str(ctl_dup((compliance_str_t) { name.data, name.len }));

    return true;
}


bool
ctl_check_time(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    int64_t time;

    (void) field;

    if (!ctl_time_parse(in, ctl->now, &time)) {
        return false;
    }

    *out = ctl_str(ctl_format("%lld", (long long) time));

    return true;
}


bool
ctl_check_flag(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    static const char *const yes[] = { "1", "yes", "true", "on" };
    static const char *const no[] = { "0", "no", "false", "off" };

    (void) ctl;
    (void) field;

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (compliance_str_is(in, yes[i])) {
            *out = compliance_str("1");
            return true;
        }

        if (compliance_str_is(in, no[i])) {
            *out = compliance_str("0");
            return true;
        }
    }

    return false;
}


static bool
is_punctuation(char c)
{
    return c == '.' || c == '_' || c == '-';
}


/* One line of valid UTF-8 that shows as what it is. */
static bool
one_line(compliance_str_t in, size_t max)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n;

    if (in.len > max) {
        return false;
    }

    for (size_t i = 0; i < in.len; i += (size_t) n) {
        n = utf8proc_iterate((const utf8proc_uint8_t *) in.data + i,
                             (utf8proc_ssize_t) (in.len - i), &c);

        if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)
            || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
        {
            return false;
        }
    }

    return true;
}


bool
ctl_check_text(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    static const struct {
        const char *field;
        size_t      max;
    } limits[] = {
        { "os_version", OS_VERSION_MAX },
        { "model", MODEL_MAX },
        { "source", SOURCE_MAX },
    };

    size_t max = NAME_MAX_BYTES;

    (void) ctl;

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strcmp(limits[i].field, field->name) == 0) {
            max = limits[i].max;
        }
    }

    *out = in;

    return one_line(in, max);
}


/* "iOS" and "ios" are one platform: an index knows it by one name. */
bool
ctl_check_platform(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    char *text = ctl_dup(in);

    (void) ctl;
    (void) field;

    for (size_t i = 0; i < in.len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z') {
            text[i] = (char) (text[i] | 0x20);
        }

        if (!is_lower_or_digit(text[i]) && text[i] != '-' && text[i] != '_') {
            return false;
        }
    }

    *out = (compliance_str_t) { text, in.len };

    return in.len <= PLATFORM_MAX;
}


/* Codes between single commas, blanks around them taken off. */
bool
ctl_check_reasons(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    char            *text = ctl_alloc(in.len + 1);
    size_t           n = 0;
    compliance_str_t item;

    (void) ctl;
    (void) field;

    while (compliance_list_item(&in, &item)) {
        for (size_t i = 0; i < item.len; i++) {
            if (!is_lower_or_digit(item.data[i])
                && !is_punctuation(item.data[i]))
            {
                return false;
            }
        }

        if (item.len == 0) {
            return false;
        }

        if (n > 0) {
            text[n++] = ',';
        }

        memcpy(text + n, item.data, item.len);
        n += item.len;
    }

    *out = (compliance_str_t) { text, n };

    return n <= REASONS_MAX;
}


bool
ctl_check_group_name(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    (void) ctl;
    (void) field;

    *out = in;

    return compliance_group_name_valid(in);
}


/* Sorted by nothing: the order of groups decides nothing.  A name twice is
 * kept once. */
bool
ctl_check_groups(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    char            *text = ctl_alloc(in.len + 1);
    size_t           n = 0;
    bool             twice;
    compliance_str_t item, seen, before;

    (void) ctl;
    (void) field;

    while (compliance_list_item(&in, &item)) {
        if (!compliance_group_name_valid(item)) {
            return false;
        }

        seen = (compliance_str_t) { n > 0 ? text : NULL, n };
        twice = false;

        while (compliance_list_item(&seen, &before)) {
            twice = twice || compliance_str_eq(before, item);
        }

        if (twice) {
            continue;
        }

        if (n > 0) {
            text[n++] = ',';
        }

        memcpy(text + n, item.data, item.len);
        n += item.len;
    }

    *out = (compliance_str_t) { text, n };

    return n <= COMPLIANCE_USER_GROUPS_MAX;
}


/* A language tag such as "de" or "pt-BR". */
bool
ctl_check_locale(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    (void) ctl;
    (void) field;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];

        if (!is_lower_or_digit((char) (c | 0x20)) && (c != '-' || i == 0)) {
            return false;
        }
    }

    *out = in;

    return in.len >= 2 && in.len <= LOCALE_MAX;
}


/* Spans and times are written as people write them, and stored as seconds. */
bool
ctl_check_setting(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out)
{
    compliance_group_t group;
    int64_t            number;

    *out = in;

    if (field->show == CTL_SHOW_TIME) {
        if (!ctl_time_parse(in, ctl->now, &number)) {
            return false;
        }

        *out = ctl_str(ctl_format("%lld", (long long) number));

    } else if (strcmp(field->name, "max_checkin_age") == 0
               || strcmp(field->name, "max_stale") == 0)
    {
        if (!ctl_span_parse(in, &number)) {
            return false;
        }

        *out = ctl_str(ctl_format("%lld", (long long) number));
    }

    compliance_group_defaults(&group, "check");

    return compliance_group_set(&group, ctl_str(field->name), *out)
           == COMPLIANCE_OK;
}
