/*
 * settings set, settings show.
 */
#include "record.h"
#include "settings.h"

#include <string.h>


const ctl_setting_t ctl_settings[] = {
    { "audit_days", 0, 36500, 0,
      "days that audit records are kept by audit trim; 0: for ever" },
    { "seen_days", 0, 3650, 0,
      "days that audit trim leaves counted accesses; 0: as the gateways say" },
    { "max_block", 0, 100, 10,
      "percent of a group's accesses that enforcing it may block" },
    { "max_change", 0, 100, 10,
      "percent of the devices that an import may block or retire" },
};

const size_t ctl_settings_n = sizeof(ctl_settings) / sizeof(ctl_settings[0]);


static const ctl_setting_t *
find(compliance_str_t name)
{
    for (size_t i = 0; i < ctl_settings_n; i++) {
        if (compliance_str_eq(name, ctl_str(ctl_settings[i].name))) {
            return &ctl_settings[i];
        }
    }

    return NULL;
}


static bool
parse(const ctl_setting_t *setting, compliance_str_t text, int64_t *value)
{
    return compliance_parse_uint(text, value) && *value >= setting->min
           && *value <= setting->max;
}


int64_t
ctl_setting(ctl_t *ctl, const char *name)
{
    int64_t              value;
    compliance_str_t     text;
    const ctl_setting_t *setting = find(ctl_str(name));

    text = ctl_reply_text(ctl_store_ask(ctl, "HGET %s %s", ctl_key_meta(ctl),
                                        name));

    if (text.data == NULL) {
        return setting->standard;
    }

    if (!parse(setting, text, &value)) {
        ctl_die(CTL_CONTENT, "the setting %s is stored as \"%s\" and should "
                "be from %lld to %lld: compliancectl settings set %s=%lld",
                name, ctl_escape(text), (long long) setting->min,
                (long long) setting->max, name,
                (long long) setting->standard);
    }

    return value;
}


typedef struct {
    size_t                n;
    const ctl_setting_t **settings;
    compliance_str_t     *values;   /* absent: the standard again */
} wanted_t;


static void
assign(const ctl_t *ctl, const char *word, wanted_t *wanted)
{
    int64_t              number;
    const char          *names[8], *nearest;
    compliance_str_t     field, value;
    const ctl_setting_t *setting;

    ctl_assignment(ctl, word, &field, &value);
    setting = find(field);

    if (setting == NULL) {
        for (size_t i = 0; i < ctl_settings_n; i++) {
            names[i] = ctl_settings[i].name;
        }

        nearest = ctl_nearest(ctl_dup(field), names, ctl_settings_n);

        if (nearest != NULL) {
            ctl_die_usage(ctl, "there is no setting \"%s\"; did you mean %s?",
                          ctl_escape(field), nearest);
        }

        ctl_die_usage(ctl, "there is no setting \"%s\"; see: compliancectl "
                      "settings show", ctl_escape(field));
    }

    if (value.len > 0 && !parse(setting, value, &number)) {
        ctl_die_usage(ctl, "%s=\"%s\" is not a number from %lld to %lld",
                      setting->name, ctl_escape(value),
                      (long long) setting->min, (long long) setting->max);
    }

    wanted->settings[wanted->n] = setting;
    wanted->values[wanted->n] = value.len > 0 ? value : compliance_absent;
    wanted->n++;
}


static void
plan(ctl_t *ctl, void *data)
{
    const wanted_t *wanted = data;

    for (size_t i = 0; i < wanted->n; i++) {
        if (wanted->values[i].data == NULL) {
            ctl_write_hdel(ctl, ctl_key_meta(ctl), wanted->settings[i]->name);

        } else {
            ctl_write_hset(ctl, ctl_key_meta(ctl), wanted->settings[i]->name,
                           wanted->values[i]);
        }
    }
}


ctl_exit_t
ctl_settings_show(ctl_t *ctl)
{
    static const char *const headings[] = {
        "SETTING", "VALUE", "FROM", "TO", "WHAT"
    };
    const char  *cells[5];
    int64_t      value;
    json_t      *object = ctl_json_object();
    ctl_table_t *table = ctl_table(5, headings);

    for (size_t i = 0; i < ctl_settings_n; i++) {
        value = ctl_setting(ctl, ctl_settings[i].name);
        ctl_json_set(object, ctl_settings[i].name, ctl_json_int(value));
        cells[0] = ctl_settings[i].name;
        cells[1] = ctl_format("%lld", (long long) value);
        cells[2] = ctl_format("%lld", (long long) ctl_settings[i].min);
        cells[3] = ctl_format("%lld", (long long) ctl_settings[i].max);
        cells[4] = ctl_settings[i].summary;
        ctl_table_row(table, cells);
    }

    if (ctl->json) {
        ctl_json_print(object);
        return CTL_DONE;
    }

    json_decref(object);
    ctl_table_print(table);

    return CTL_DONE;
}


ctl_exit_t
ctl_settings_set(ctl_t *ctl)
{
    wanted_t wanted;

    memset(&wanted, 0, sizeof(wanted));
    wanted.settings = ctl_alloc_array(ctl->n_args, sizeof(ctl_setting_t *));
    wanted.values = ctl_alloc_array(ctl->n_args, sizeof(*wanted.values));

    for (size_t i = 0; i < ctl->n_args; i++) {
        assign(ctl, ctl->args[i], &wanted);
    }

    ctl_store_transact(ctl, plan, &wanted);

    return ctl_settings_show(ctl);
}


void
ctl_settings_details(void)
{
    for (size_t i = 0; i < ctl_settings_n; i++) {
        printf("  %-12s %s (%lld to %lld; %lld)\n", ctl_settings[i].name,
               ctl_settings[i].summary, (long long) ctl_settings[i].min,
               (long long) ctl_settings[i].max,
               (long long) ctl_settings[i].standard);
    }

    puts("\nAn empty value takes the setting away: audit_days=");
}
