/*
 * Enforcement groups: one table row a setting, with its reader and with what
 * an unreadable stored value becomes.  A setter that answers false has left
 * the group as it was; the strict side is chosen only for stored records,
 * where there is nobody to ask.
 */
#include "group.h"

#include <string.h>
#include <utf8proc.h>


#define COMPLIANCE_N(table)  (sizeof(table) / sizeof((table)[0]))

static const compliance_group_choice_t compliance_modes[] = {
    { "off", COMPLIANCE_MODE_OFF },
    { "report", COMPLIANCE_MODE_REPORT },
    { "enforce", COMPLIANCE_MODE_ENFORCE },
    { NULL, 0 }
};

static const compliance_group_choice_t compliance_requires[] = {
    { "known", COMPLIANCE_REQUIRE_KNOWN },
    { "managed", COMPLIANCE_REQUIRE_MANAGED },
    { "compliant", COMPLIANCE_REQUIRE_COMPLIANT },
    { NULL, 0 }
};

static const compliance_group_choice_t compliance_max_risks[] = {
    { "any", COMPLIANCE_RISK_UNKNOWN },
    { "none", COMPLIANCE_RISK_NONE },
    { "low", COMPLIANCE_RISK_LOW },
    { "medium", COMPLIANCE_RISK_MEDIUM },
    { "high", COMPLIANCE_RISK_HIGH },
    { NULL, 0 }
};

static const compliance_group_choice_t compliance_min_bindings[] = {
    { "asserted", COMPLIANCE_BINDING_ASSERTED },
    { "owner", COMPLIANCE_BINDING_OWNER },
    { "secret", COMPLIANCE_BINDING_SECRET },
    { "certificate", COMPLIANCE_BINDING_CERTIFICATE },
    { NULL, 0 }
};

static const compliance_group_choice_t compliance_block_or_allow[] = {
    { "block", false },
    { "allow", true },
    { NULL, 0 }
};

static const compliance_group_choice_t compliance_deny_or_stale[] = {
    { "deny", false },
    { "stale", true },
    { NULL, 0 }
};


static bool
compliance_choose(const compliance_group_choice_t *choices,
    compliance_str_t text, int *out)
{
    for (; choices->name != NULL; choices++) {
        if (compliance_str_eq(text,
                (compliance_str_t) { choices->name, strlen(choices->name) }))
        {
            *out = choices->value;
            return true;
        }
    }

    return false;
}


static bool
compliance_protocols_parse(compliance_str_t text, unsigned *out)
{
    unsigned         bits = 0;
    compliance_str_t item;

    while (compliance_list_item(&text, &item)) {
        compliance_protocol_t protocol = compliance_protocol_parse(item);

        if (protocol == COMPLIANCE_PROTOCOL_NONE) {
            return false;
        }

        bits |= COMPLIANCE_BIT(protocol);
    }

    *out = bits;

    return true;
}


/* The readers: each takes the field at row->offset, and leaves it alone where
 * it answers false. */

static bool
compliance_set_choice(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    int choice;

    if (!compliance_choose(row->choices, value, &choice)) {
        return false;
    }

    /* every choice is an enum, which has an int's size */
    memcpy((char *) group + row->offset, &choice, sizeof(choice));

    return true;
}


static bool
compliance_set_switch(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    int  choice;
    bool on;

    if (!compliance_choose(row->choices, value, &choice)) {
        return false;
    }

    on = choice;
    memcpy((char *) group + row->offset, &on, sizeof(on));

    return true;
}


static bool
compliance_set_seconds(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    int64_t seconds;

    if (!compliance_parse_uint(value, &seconds)) {
        return false;
    }

    memcpy((char *) group + row->offset, &seconds, sizeof(seconds));

    return true;
}


static bool
compliance_set_percent(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    int64_t  percent;
    unsigned small;

    if (!compliance_parse_uint(value, &percent) || percent > 100) {
        return false;
    }

    small = (unsigned) percent;
    memcpy((char *) group + row->offset, &small, sizeof(small));

    return true;
}


/* "all", "none", or a list; an empty list is refused where it would be a
 * second, silent way to switch a group off. */
static bool
compliance_set_protocols(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    unsigned bits = 0;
    bool     may_be_none = strcmp(row->standard, "none") == 0;

    if (value.data == NULL) {
        return false;
    }

    if (compliance_str_eq(value, compliance_str("all"))) {
        bits = COMPLIANCE_ALL_PROTOCOLS;

    } else if (value.len == 0
               || compliance_str_eq(value, compliance_str("none")))
    {
        if (!may_be_none) {
            return false;
        }

    } else if (!compliance_protocols_parse(value, &bits)) {
        return false;
    }

    memcpy((char *) group + row->offset, &bits, sizeof(bits));

    return true;
}


static bool
compliance_client_valid(compliance_str_t client)
{
    if (client.len == 0 || client.len > COMPLIANCE_CLIENT_TEXT_MAX) {
        return false;
    }

    for (size_t i = 0; i < client.len; i++) {
        if (client.data[i] < 0x20 || client.data[i] > 0x7e) {
            return false;
        }
    }

    return true;
}


static bool
compliance_set_clients(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    unsigned         n = 0;
    compliance_str_t list = value, item;

    (void) row;

    if (value.data == NULL) {
        return false;
    }

    if (value.len == 0) {
        group->clients_restricted = false;
        group->n_clients = 0;
        return true;
    }

    /* first look, then write: a bad item leaves the group untouched */
    while (compliance_list_item(&list, &item)) {
        if (n++ == COMPLIANCE_CLIENTS_MAX || !compliance_client_valid(item)) {
            return false;
        }
    }

    group->clients_restricted = true;
    group->n_clients = 0;

    while (compliance_list_item(&value, &item)) {
        char *client = group->clients[group->n_clients++];

        memcpy(client, item.data, item.len);
        client[item.len] = '\0';
    }

    return true;
}


static bool
compliance_set_networks(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    unsigned             n = 0;
    compliance_str_t     item;
    compliance_network_t networks[COMPLIANCE_NETWORKS_MAX];

    (void) row;

    if (value.data == NULL) {
        return false;
    }

    if (value.len == 0) {
        group->n_networks = 0;
        return true;
    }

    while (compliance_list_item(&value, &item)) {
        if (n == COMPLIANCE_NETWORKS_MAX
            || compliance_network_parse(item, &networks[n]) != COMPLIANCE_OK)
        {
            return false;
        }

        n++;
    }

    memcpy(group->networks, networks, n * sizeof(networks[0]));
    group->n_networks = n;

    return true;
}


/* What an admin writes for people to read: UTF-8, one line. */
static bool
compliance_set_line(compliance_group_t *group, compliance_str_t value,
    const compliance_group_setting_t *row)
{
    size_t i = 0;
    char  *out = (char *) group + row->offset;

    if (value.data == NULL || value.len >= row->size) {
        return false;
    }

    while (i < value.len) {
        utf8proc_int32_t c;
        utf8proc_ssize_t len;

        len = utf8proc_iterate((const utf8proc_uint8_t *) value.data + i,
            (utf8proc_ssize_t) (value.len - i), &c);

        if (len <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)
            || c == 0x2028 || c == 0x2029)
        {
            return false;
        }

        i += (size_t) len;
    }

    memcpy(out, value.data, value.len);
    out[value.len] = '\0';

    return true;
}


#define COMPLIANCE_PROTOCOL_LIST                                              \
    "eas, web, ews, mapi, dav, autodiscover, imap, pop3, smtp"

#define COMPLIANCE_AT(field)                                                  \
    offsetof(compliance_group_t, field),                                      \
    sizeof(((compliance_group_t *) NULL)->field)

/* name, expects, default, what an unreadable value becomes, reader, field,
 * choices */
const compliance_group_setting_t compliance_group_settings[] = {
    { "mode", "off, report or enforce", "report", "enforce",
      compliance_set_choice, COMPLIANCE_AT(mode), compliance_modes },

    { "enforce_from", "a time in Unix seconds, 0: at once", "0", "0",
      compliance_set_seconds, COMPLIANCE_AT(enforce_from), NULL },

    { "rollout_percent", "a number from 0 to 100", "100", "100",
      compliance_set_percent, COMPLIANCE_AT(rollout_percent), NULL },

    { "protocols",
      "all, or a comma-separated list of " COMPLIANCE_PROTOCOL_LIST,
      "all", "all",
      compliance_set_protocols, COMPLIANCE_AT(protocols), NULL },

    { "deny_protocols",
      "none, all, or a comma-separated list of " COMPLIANCE_PROTOCOL_LIST,
      "none", "all",
      compliance_set_protocols, COMPLIANCE_AT(deny_protocols), NULL },

    { "require", "compliant, managed or known", "compliant", "compliant",
      compliance_set_choice, COMPLIANCE_AT(require), compliance_requires },

    { "max_risk", "any, none, low, medium or high", "any", "none",
      compliance_set_choice, COMPLIANCE_AT(max_risk), compliance_max_risks },

    { "max_checkin_age", "seconds, 0: no limit", "0", "1",
      compliance_set_seconds, COMPLIANCE_AT(max_checkin_age), NULL },

    { "unknown_device", "block or allow", "block", "block",
      compliance_set_switch, COMPLIANCE_AT(unknown_device_allow),
      compliance_block_or_allow },

    { "min_binding", "asserted, owner, secret or certificate", "owner",
      "certificate",
      compliance_set_choice, COMPLIANCE_AT(min_binding),
      compliance_min_bindings },

    { "allowed_clients",
      "a comma-separated list of at most 16 patterns with * and ? for "
      "DeviceType or User-Agent, empty: any", "", NULL,
      compliance_set_clients, COMPLIANCE_AT(clients), NULL },

    { "exempt_networks",
      "a comma-separated list of at most 64 addresses or networks such as "
      "10.0.0.0/8, empty: none", "", "",
      compliance_set_networks, COMPLIANCE_AT(networks), NULL },

    { "on_error", "deny or stale", "deny", "deny",
      compliance_set_switch, COMPLIANCE_AT(on_error_stale),
      compliance_deny_or_stale },

    { "max_stale", "seconds", "0", "0",
      compliance_set_seconds, COMPLIANCE_AT(max_stale), NULL },

    { "unknown_user", "block or allow", "allow", "block",
      compliance_set_switch, COMPLIANCE_AT(unknown_user_allow),
      compliance_block_or_allow },

    { "support_contact", "one line of at most 256 bytes", "", "",
      compliance_set_line, COMPLIANCE_AT(support_contact), NULL },

    { "message", "one line of at most 512 bytes", "", "",
      compliance_set_line, COMPLIANCE_AT(message), NULL },
};

const size_t compliance_group_settings_n
    = COMPLIANCE_N(compliance_group_settings);


static const compliance_group_setting_t *
compliance_group_setting(compliance_str_t field)
{
    for (size_t i = 0; i < COMPLIANCE_N(compliance_group_settings); i++) {
        const char *name = compliance_group_settings[i].name;

        if (compliance_str_eq(field,
                (compliance_str_t) { name, strlen(name) }))
        {
            return &compliance_group_settings[i];
        }
    }

    return NULL;
}


static bool
compliance_setting_text(compliance_group_t *group,
    const compliance_group_setting_t *row, const char *text)
{
    return row->set(group, (compliance_str_t) { text, strlen(text) }, row);
}


static void
compliance_setting_strictest(compliance_group_t *group,
    const compliance_group_setting_t *row)
{
    if (row->strictest != NULL) {
        (void) compliance_setting_text(group, row, row->strictest);
        return;
    }

    /* allowed_clients: restricted to nobody, which no text can say */
    group->clients_restricted = true;
    group->n_clients = 0;
}


void
compliance_group_defaults(compliance_group_t *group, const char *name)
{
    memset(group, 0, sizeof(*group));

    for (size_t i = 0; i < COMPLIANCE_N(compliance_group_settings); i++) {
        const compliance_group_setting_t *row = &compliance_group_settings[i];

        (void) compliance_setting_text(group, row, row->standard);
    }

    strncpy(group->name, name, sizeof(group->name) - 1);
}


compliance_rc_t
compliance_group_set(compliance_group_t *group, compliance_str_t field,
    compliance_str_t value)
{
    const compliance_group_setting_t *row = compliance_group_setting(field);

    if (row == NULL) {
        return COMPLIANCE_ABSENT;
    }

    return row->set(group, value, row) ? COMPLIANCE_OK : COMPLIANCE_MALFORMED;
}


bool
compliance_group_put(compliance_group_t *group, compliance_str_t field,
    compliance_str_t value)
{
    const compliance_group_setting_t *row = compliance_group_setting(field);

    if (row == NULL || row->set(group, value, row)) {
        return true;
    }

    if (value.data != NULL && value.len == 0) {
        return compliance_setting_text(group, row, row->standard);
    }

    compliance_setting_strictest(group, row);

    return false;
}


unsigned
compliance_group_read(compliance_group_t *group, const char *name,
    const compliance_value_t *pairs, size_t n_pairs, const char **first_bad)
{
    unsigned bad = 0;

    compliance_group_defaults(group, name);
    *first_bad = NULL;

    for (size_t i = 0; i < n_pairs; i++) {
        const compliance_group_setting_t *row;

        row = compliance_group_setting(pairs[2 * i]);

        if (row == NULL || row->set(group, pairs[2 * i + 1], row)) {
            continue;
        }

        compliance_setting_strictest(group, row);

        if (bad++ == 0) {
            *first_bad = row->name;
        }
    }

    return bad;
}
