/*
 * The fields of devices, users and groups; checks.c says what a value must be
 * to become one.
 */
#include "checks.h"

#include "../core/group.h"

#include <string.h>


static const ctl_field_t device_fields[] = {
    { "state", "compliant, noncompliant, grace, unknown or retired",
      ctl_check_state, CTL_INDEX_VALUE, CTL_SHOW_TEXT, "unknown" },
    { "owner", "a user's name", ctl_check_principal, CTL_INDEX_VALUE,
      CTL_SHOW_TEXT, NULL },
    { "reasons", "codes such as os_outdated,no_passcode: a-z, 0-9, '.', '_', "
      "'-'", ctl_check_reasons, CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "grace_until", CTL_TIME_EXPECTS, ctl_check_time, CTL_INDEX_NONE,
      CTL_SHOW_TIME, NULL },
    { "risk", "none, low, medium, high or unknown", ctl_check_risk,
      CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "management", "mdm, mam or none", ctl_check_management, CTL_INDEX_NONE,
      CTL_SHOW_TEXT, NULL },
    { "platform", "a name such as ios, android, windows or macos",
      ctl_check_platform, CTL_INDEX_VALUE, CTL_SHOW_TEXT, NULL },
    { "os_version", "one line of at most 63 bytes", ctl_check_text,
      CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "model", "one line of at most 95 bytes", ctl_check_text, CTL_INDEX_NONE,
      CTL_SHOW_TEXT, NULL },
    { "name", "one line of at most 127 bytes", ctl_check_text, CTL_INDEX_NONE,
      CTL_SHOW_TEXT, NULL },
    { "last_checkin", CTL_TIME_EXPECTS, ctl_check_time, CTL_INDEX_NONE,
      CTL_SHOW_TIME, NULL },
    { "policy", "a policy's name: a-z, 0-9, '.', '_', '-'",
      ctl_check_group_name, CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "mdm_state", "compliant, noncompliant, grace, unknown or retired: the "
      "MDM's own verdict", ctl_check_state, CTL_INDEX_NONE, CTL_SHOW_TEXT,
      NULL },
    { "noncompliant_since", CTL_TIME_EXPECTS, ctl_check_time, CTL_INDEX_NONE,
      CTL_SHOW_TIME, NULL },
    { "source", "one line of at most 63 bytes", ctl_check_text,
      CTL_INDEX_VALUE, CTL_SHOW_TEXT, NULL },
    { "updated", CTL_TIME_EXPECTS, ctl_check_time, CTL_INDEX_NONE,
      CTL_SHOW_TIME, NULL },
    { "override", "block, grace or none", ctl_check_override, CTL_INDEX_NONE,
      CTL_SHOW_TEXT, NULL },
    { "override_until", CTL_TIME_EXPECTS, ctl_check_time, CTL_INDEX_NONE,
      CTL_SHOW_TIME, NULL },
    { "override_by", NULL, NULL, CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
};

const ctl_kind_t ctl_device_kind = {
    "device", sizeof(device_fields) / sizeof(device_fields[0]), device_fields
};

static const ctl_field_t user_fields[] = {
    { "groups", "names of groups, comma-separated", ctl_check_groups,
      CTL_INDEX_ITEMS, CTL_SHOW_TEXT, NULL },
    { "break_glass", "1 or 0", ctl_check_flag, CTL_INDEX_ONE, CTL_SHOW_FLAG,
      "0" },
    { "blocked", "1 or 0", ctl_check_flag, CTL_INDEX_ONE, CTL_SHOW_FLAG, NULL },
    { "display_name", "one line of at most 127 bytes", ctl_check_text,
      CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "locale", "a language tag such as de or pt-BR", ctl_check_locale,
      CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "directory", "the name of a directory that import ldap keeps him "
      "from; none: nobody's but yours", ctl_check_group_name, CTL_INDEX_VALUE,
      CTL_SHOW_TEXT, NULL },
    { "directory_aliases", NULL, NULL, CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "blocked_by", NULL, NULL, CTL_INDEX_NONE, CTL_SHOW_TEXT, NULL },
    { "vanished_since", NULL, NULL, CTL_INDEX_NONE, CTL_SHOW_TIME, NULL },
};

const ctl_kind_t ctl_user_kind = {
    "user", sizeof(user_fields) / sizeof(user_fields[0]), user_fields
};


const ctl_kind_t *
ctl_group_kind(void)
{
    ctl_kind_t  *kind = ctl_alloc(sizeof(*kind));
    ctl_field_t *fields;

    fields = ctl_alloc_array(compliance_group_settings_n, sizeof(*fields));

    for (size_t i = 0; i < compliance_group_settings_n; i++) {
        const compliance_group_setting_t *row = &compliance_group_settings[i];

        fields[i].name = row->name;
        fields[i].expects = row->expects;
        fields[i].check = ctl_check_setting;

        if (strcmp(row->name, "mode") == 0) {
            fields[i].standard = row->standard;

        } else if (strcmp(row->name, "enforce_from") == 0) {
            fields[i].expects = CTL_TIME_EXPECTS "; 0: at once";
            fields[i].show = CTL_SHOW_TIME;

        } else if (strcmp(row->name, "max_checkin_age") == 0) {
            fields[i].expects = CTL_SPAN_EXPECTS "; 0: no limit";

        } else if (strcmp(row->name, "max_stale") == 0) {
            fields[i].expects = CTL_SPAN_EXPECTS;
        }
    }

    kind->noun = "group";
    kind->n = compliance_group_settings_n;
    kind->fields = fields;

    return kind;
}


const ctl_field_t *
ctl_field_find(const ctl_kind_t *kind, compliance_str_t name)
{
    for (size_t i = 0; i < kind->n; i++) {
        if (compliance_str_eq(name, ctl_str(kind->fields[i].name))) {
            return &kind->fields[i];
        }
    }

    return NULL;
}


void
ctl_fields_print(const ctl_kind_t *kind)
{
    puts("Fields (FIELD= takes a value away):");

    for (size_t i = 0; i < kind->n; i++) {
        if (kind->fields[i].check != NULL) {
            printf("  %-16s %s\n", kind->fields[i].name,
                   kind->fields[i].expects);
        }
    }
}
