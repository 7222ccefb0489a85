/*
 * Store replies -> facts.  Values are matched byte for byte against their
 * tables: " compliant", "COMPLIANT" or "compliant\0" is no state at all.  What
 * cannot be read becomes the value that admits least.
 */
#include "facts.h"
#include "names.h"

#include <string.h>
#include <utf8proc.h>


#define COMPLIANCE_N(table)  (sizeof(table) / sizeof((table)[0]))

static const char *const compliance_states[] = {
    [COMPLIANCE_STATE_UNKNOWN] = "unknown",
    [COMPLIANCE_STATE_COMPLIANT] = "compliant",
    [COMPLIANCE_STATE_NONCOMPLIANT] = "noncompliant",
    [COMPLIANCE_STATE_GRACE] = "grace",
    [COMPLIANCE_STATE_RETIRED] = "retired",
};

static const char *const compliance_risks[] = {
    [COMPLIANCE_RISK_UNKNOWN] = "unknown",
    [COMPLIANCE_RISK_NONE] = "none",
    [COMPLIANCE_RISK_LOW] = "low",
    [COMPLIANCE_RISK_MEDIUM] = "medium",
    [COMPLIANCE_RISK_HIGH] = "high",
};

static const char *const compliance_managements[] = {
    [COMPLIANCE_MANAGEMENT_UNKNOWN] = "unknown",
    [COMPLIANCE_MANAGEMENT_NONE] = "none",
    [COMPLIANCE_MANAGEMENT_MAM] = "mam",
    [COMPLIANCE_MANAGEMENT_MDM] = "mdm",
};

static const char *const compliance_overrides[] = {
    [COMPLIANCE_OVERRIDE_NONE] = "none",
    [COMPLIANCE_OVERRIDE_BLOCK] = "block",
    [COMPLIANCE_OVERRIDE_GRACE] = "grace",
};

/* The order of the fields below; a record's reader indexes by these. */
enum {
    COMPLIANCE_DEVICE_OWNER = 0,
    COMPLIANCE_DEVICE_STATE,
    COMPLIANCE_DEVICE_RISK,
    COMPLIANCE_DEVICE_MANAGEMENT,
    COMPLIANCE_DEVICE_OVERRIDE,
    COMPLIANCE_DEVICE_OVERRIDE_UNTIL,
    COMPLIANCE_DEVICE_GRACE_UNTIL,
    COMPLIANCE_DEVICE_LAST_CHECKIN
};

const char *const compliance_device_fields[COMPLIANCE_DEVICE_FIELDS] = {
    [COMPLIANCE_DEVICE_OWNER] = "owner",
    [COMPLIANCE_DEVICE_STATE] = "state",
    [COMPLIANCE_DEVICE_RISK] = "risk",
    [COMPLIANCE_DEVICE_MANAGEMENT] = "management",
    [COMPLIANCE_DEVICE_OVERRIDE] = "override",
    [COMPLIANCE_DEVICE_OVERRIDE_UNTIL] = "override_until",
    [COMPLIANCE_DEVICE_GRACE_UNTIL] = "grace_until",
    [COMPLIANCE_DEVICE_LAST_CHECKIN] = "last_checkin",
};

enum {
    COMPLIANCE_DETAIL_REASONS = 0,
    COMPLIANCE_DETAIL_PLATFORM,
    COMPLIANCE_DETAIL_OS_VERSION,
    COMPLIANCE_DETAIL_MODEL,
    COMPLIANCE_DETAIL_NAME,
    COMPLIANCE_DETAIL_POLICY,
    COMPLIANCE_DETAIL_SOURCE,
    COMPLIANCE_DETAIL_UPDATED
};

const char *const compliance_detail_fields[COMPLIANCE_DETAIL_FIELDS] = {
    [COMPLIANCE_DETAIL_REASONS] = "reasons",
    [COMPLIANCE_DETAIL_PLATFORM] = "platform",
    [COMPLIANCE_DETAIL_OS_VERSION] = "os_version",
    [COMPLIANCE_DETAIL_MODEL] = "model",
    [COMPLIANCE_DETAIL_NAME] = "name",
    [COMPLIANCE_DETAIL_POLICY] = "policy",
    [COMPLIANCE_DETAIL_SOURCE] = "source",
    [COMPLIANCE_DETAIL_UPDATED] = "updated",
};

enum {
    COMPLIANCE_USER_GROUPS = 0,
    COMPLIANCE_USER_BREAK_GLASS,
    COMPLIANCE_USER_IS_BLOCKED,
    COMPLIANCE_USER_DISPLAY_NAME,
    COMPLIANCE_USER_LOCALE
};

const char *const compliance_user_fields[COMPLIANCE_USER_FIELDS] = {
    [COMPLIANCE_USER_GROUPS] = "groups",
    [COMPLIANCE_USER_BREAK_GLASS] = "break_glass",
    [COMPLIANCE_USER_IS_BLOCKED] = "blocked",
    [COMPLIANCE_USER_DISPLAY_NAME] = "display_name",
    [COMPLIANCE_USER_LOCALE] = "locale",
};


static bool
compliance_is(compliance_str_t text, const char *literal)
{
    return text.data != NULL && text.len == strlen(literal)
           && memcmp(text.data, literal, text.len) == 0;
}


/* The index of text in names, or 0: row 0 is what anything unlisted reads as */
static size_t
compliance_table_find(const char *const *names, size_t n,
    compliance_str_t text)
{
    for (size_t i = 1; i < n; i++) {
        if (compliance_is(text, names[i])) {
            return i;
        }
    }

    return 0;
}


static const char *
compliance_table_name(const char *const *names, size_t n, size_t i)
{
    return names[i < n ? i : 0];
}


const char *
compliance_state_name(compliance_state_t state)
{
    return compliance_table_name(compliance_states,
        COMPLIANCE_N(compliance_states), (size_t) state);
}


compliance_state_t
compliance_state_parse(compliance_str_t text)
{
    return (compliance_state_t) compliance_table_find(compliance_states,
        COMPLIANCE_N(compliance_states), text);
}


const char *
compliance_risk_name(compliance_risk_t risk)
{
    return compliance_table_name(compliance_risks,
        COMPLIANCE_N(compliance_risks), (size_t) risk);
}


compliance_risk_t
compliance_risk_parse(compliance_str_t text)
{
    return (compliance_risk_t) compliance_table_find(compliance_risks,
        COMPLIANCE_N(compliance_risks), text);
}


const char *
compliance_management_name(compliance_management_t management)
{
    return compliance_table_name(compliance_managements,
        COMPLIANCE_N(compliance_managements), (size_t) management);
}


compliance_management_t
compliance_management_parse(compliance_str_t text)
{
    return (compliance_management_t) compliance_table_find(
        compliance_managements, COMPLIANCE_N(compliance_managements), text);
}


const char *
compliance_override_name(compliance_override_t override)
{
    return compliance_table_name(compliance_overrides,
        COMPLIANCE_N(compliance_overrides), (size_t) override);
}


static bool
compliance_all_nil(const compliance_value_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i].data != NULL) {
            return false;
        }
    }

    return true;
}


/* Absent reads as 0; what is there but no number reads as `unreadable`. */
static int64_t
compliance_time_read(compliance_value_t value, int64_t unreadable)
{
    int64_t time;

    if (value.data == NULL) {
        return 0;
    }

    return compliance_parse_uint(value, &time) ? time : unreadable;
}


static compliance_override_t
compliance_override_read(compliance_value_t value)
{
    if (value.data == NULL || value.len == 0
        || compliance_is(value, compliance_overrides[COMPLIANCE_OVERRIDE_NONE]))
    {
        return COMPLIANCE_OVERRIDE_NONE;
    }

    if (compliance_is(value, compliance_overrides[COMPLIANCE_OVERRIDE_GRACE])) {
        return COMPLIANCE_OVERRIDE_GRACE;
    }

    /* somebody wanted to override something, and admitting is the wrong guess */
    return COMPLIANCE_OVERRIDE_BLOCK;
}


compliance_presence_t
compliance_device_read(const compliance_device_id_t *id,
    const compliance_value_t values[COMPLIANCE_DEVICE_FIELDS],
    compliance_device_t *out)
{
    compliance_principal_t owner;

    memset(out, 0, sizeof(*out));
    out->id = *id;

    if (compliance_all_nil(values, COMPLIANCE_DEVICE_FIELDS)) {
        return COMPLIANCE_MISSING;
    }

    if (values[COMPLIANCE_DEVICE_OWNER].data != NULL
        && compliance_principal_parse(values[COMPLIANCE_DEVICE_OWNER], &owner)
           == COMPLIANCE_OK)
    {
        out->owner = owner;
    }

    out->state = compliance_state_parse(values[COMPLIANCE_DEVICE_STATE]);
    out->risk = compliance_risk_parse(values[COMPLIANCE_DEVICE_RISK]);
    out->management = compliance_management_parse(
        values[COMPLIANCE_DEVICE_MANAGEMENT]);
    out->override = compliance_override_read(
        values[COMPLIANCE_DEVICE_OVERRIDE]);

    /* 1: a grace that ended long ago; 0: a block that never ends */
    out->override_until = compliance_time_read(
        values[COMPLIANCE_DEVICE_OVERRIDE_UNTIL],
        out->override == COMPLIANCE_OVERRIDE_GRACE ? 1 : 0);
    out->grace_until = compliance_time_read(
        values[COMPLIANCE_DEVICE_GRACE_UNTIL], 0);
    out->last_checkin = compliance_time_read(
        values[COMPLIANCE_DEVICE_LAST_CHECKIN], 0);

    return COMPLIANCE_PRESENT;
}


/* For people: valid UTF-8 without control characters, whole characters only. */
static void
compliance_text_read(compliance_value_t value, char *out, size_t cap)
{
    size_t i = 0, n = 0;

    while (value.data != NULL && i < value.len) {
        const utf8proc_uint8_t *at
            = (const utf8proc_uint8_t *) value.data + i;
        utf8proc_int32_t   c;
        utf8proc_ssize_t   len;
        size_t             step;
        bool               shown;

        len = utf8proc_iterate(at, (utf8proc_ssize_t) (value.len - i), &c);

        /* C0, DEL and C1, line and paragraph separators, bidi overrides */
        shown = len > 0 && c >= 0x20 && !(c >= 0x7f && c < 0xa0)
                && !(c >= 0x2028 && c <= 0x202e)
                && !(c >= 0x2066 && c <= 0x2069);
        step = len > 0 ? (size_t) len : 1;

        if (n + (shown ? step : 1) >= cap) {
            break;
        }

        if (shown) {
            memcpy(out + n, at, step);
            n += step;

        } else {
            out[n++] = '?';
        }

        i += step;
    }

    out[n] = '\0';
}


void
compliance_details_read(
    const compliance_value_t values[COMPLIANCE_DETAIL_FIELDS],
    compliance_device_details_t *out)
{
    compliance_text_read(values[COMPLIANCE_DETAIL_REASONS], out->reasons,
        sizeof(out->reasons));
    compliance_text_read(values[COMPLIANCE_DETAIL_PLATFORM], out->platform,
        sizeof(out->platform));
    compliance_text_read(values[COMPLIANCE_DETAIL_OS_VERSION],
        out->os_version, sizeof(out->os_version));
    compliance_text_read(values[COMPLIANCE_DETAIL_MODEL], out->model,
        sizeof(out->model));
    compliance_text_read(values[COMPLIANCE_DETAIL_NAME], out->name,
        sizeof(out->name));
    compliance_text_read(values[COMPLIANCE_DETAIL_POLICY], out->policy,
        sizeof(out->policy));
    compliance_text_read(values[COMPLIANCE_DETAIL_SOURCE], out->source,
        sizeof(out->source));

    out->updated = compliance_time_read(values[COMPLIANCE_DETAIL_UPDATED], 0);
}


/* "sales,pilot": valid names between single commas, nothing else.  "" is a
 * user without a group. */
static bool
compliance_groups_read(compliance_value_t value, char *out, size_t cap)
{
    size_t begin = 0;

    if (value.data == NULL || value.len == 0) {
        return true;
    }

    if (value.len >= cap) {
        return false;
    }

    for (size_t i = 0; i <= value.len; i++) {
        if (i < value.len && value.data[i] != ',') {
            continue;
        }

        if (!compliance_group_name_valid(
                (compliance_str_t) { value.data + begin, i - begin }))
        {
            return false;
        }

        begin = i + 1;
    }

    memcpy(out, value.data, value.len);
    out[value.len] = '\0';

    return true;
}


compliance_presence_t
compliance_user_read(const compliance_principal_t *principal,
    const compliance_value_t values[COMPLIANCE_USER_FIELDS],
    compliance_user_t *out)
{
    compliance_value_t blocked = values[COMPLIANCE_USER_IS_BLOCKED];

    memset(out, 0, offsetof(compliance_user_t, groups) + 1);
    out->principal = *principal;

    if (compliance_all_nil(values, COMPLIANCE_USER_FIELDS)) {
        return COMPLIANCE_MISSING;
    }

    out->break_glass = compliance_is(values[COMPLIANCE_USER_BREAK_GLASS], "1");
    out->blocked = blocked.data != NULL && blocked.len != 0
                   && !compliance_is(blocked, "0");
    out->groups_unreadable = !compliance_groups_read(
        values[COMPLIANCE_USER_GROUPS], out->groups, sizeof(out->groups));

    return COMPLIANCE_PRESENT;
}


void
compliance_facts_init(compliance_facts_t *facts)
{
    memset(facts, 0, offsetof(compliance_facts_t, user)
                     + offsetof(compliance_user_t, groups) + 1);
}
