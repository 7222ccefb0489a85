/*
 * Names and values of the documented format (docs/import.md) into a device.
 */
#include "import_fields.h"

#include <string.h>


static const compliance_str_t names[IMPORT_FIELDS] = {
#define NAME(text)  { (text), sizeof(text) - 1 }
    [IMPORT_FIELD_ATTRIBUTE] = NAME(""),
    [IMPORT_FIELD_ID] = NAME("id"),
    [IMPORT_FIELD_OWNER] = NAME("owner"),
    [IMPORT_FIELD_EAS] = NAME("eas"),
    [IMPORT_FIELD_CERT] = NAME("cert"),
    [IMPORT_FIELD_SERIAL] = NAME("serial"),
    [IMPORT_FIELD_LOGIN] = NAME("login"),
    [IMPORT_FIELD_PLATFORM] = NAME("platform"),
    [IMPORT_FIELD_OS_VERSION] = NAME("os_version"),
    [IMPORT_FIELD_MODEL] = NAME("model"),
    [IMPORT_FIELD_NAME] = NAME("name"),
    [IMPORT_FIELD_MANAGEMENT] = NAME("management"),
    [IMPORT_FIELD_RISK] = NAME("risk"),
    [IMPORT_FIELD_STATE] = NAME("state"),
    [IMPORT_FIELD_REASONS] = NAME("reasons"),
    [IMPORT_FIELD_GRACE_UNTIL] = NAME("grace_until"),
    [IMPORT_FIELD_LAST_CHECKIN] = NAME("last_checkin"),
    [IMPORT_FIELD_UPDATED] = NAME("updated"),
    [IMPORT_FIELD_INVENTORY] = NAME("inventory"),
#undef NAME
};


import_field_t
import_field_find(compliance_str_t name)
{
    for (size_t i = IMPORT_FIELD_ID; i < IMPORT_FIELDS; i++) {
        if (compliance_str_eq(name, names[i])) {
            return (import_field_t) i;
        }
    }

    return IMPORT_FIELD_ATTRIBUTE;
}


const char *
import_field_name(import_field_t field)
{
    return names[field].data;
}


static bool
set_time(int64_t *time, import_field_t field, compliance_str_t value,
    const char **why)
{
    if (ctl_import_time(value, time)) {
        return true;
    }

    *why = ctl_format("%s \"%s\" is no time: it expects Unix seconds or "
                      "2026-12-31T18:00:00Z", import_field_name(field),
                      ctl_escape(value));

    return false;
}


static bool
set_state(ctl_bulk_device_t *device, compliance_str_t value, const char **why)
{
    char   text[16];
    size_t len = value.len < sizeof(text) ? value.len : sizeof(text) - 1;

    for (size_t i = 0; i < len; i++) {
        char c = value.data[i];

        text[i] = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }

    text[len] = '\0';
    device->mdm_state = compliance_state_parse(ctl_str(text));
    device->mdm_said = true;

    if (device->mdm_state == COMPLIANCE_STATE_UNKNOWN
        && strcmp(text, "unknown") != 0)
    {
        *why = ctl_format("state \"%s\" is none that is known: compliant, "
                          "noncompliant, grace, unknown or retired",
                          ctl_escape(value));
        return false;
    }

    return true;
}


static bool
set_eas(ctl_bulk_device_t *device, compliance_str_t value, const char **why)
{
    compliance_str_t item;

    for (size_t i = 0; compliance_list_item(&value, &item); i++) {
        if (i == sizeof(device->eas) / sizeof(device->eas[0])) {
            *why = "it has more than two EAS ids";
            return false;
        }

        device->eas[i] = item;
    }

    return true;
}


bool
import_field_set(ctl_bulk_device_t *device, import_field_t field,
    compliance_str_t value, const char **why)
{
    if (value.len == 0) {
        return true;
    }

    switch (field) {

    case IMPORT_FIELD_ID:
        device->id = value;
        return true;

    case IMPORT_FIELD_OWNER:
        device->owner = value;
        return true;

    case IMPORT_FIELD_EAS:
        return set_eas(device, value, why);

    case IMPORT_FIELD_CERT:
        device->cert = value;
        return true;

    case IMPORT_FIELD_SERIAL:
        device->serial = value;
        return true;

    case IMPORT_FIELD_LOGIN:
        device->login = value;
        return true;

    case IMPORT_FIELD_PLATFORM:
        device->platform = value;
        return true;

    case IMPORT_FIELD_OS_VERSION:
        device->os_version = value;
        return true;

    case IMPORT_FIELD_MODEL:
        device->model = value;
        return true;

    case IMPORT_FIELD_NAME:
        device->name = value;
        return true;

    case IMPORT_FIELD_MANAGEMENT:
        device->management = value;
        return true;

    case IMPORT_FIELD_RISK:
        device->risk = value;
        return true;

    case IMPORT_FIELD_STATE:
        return set_state(device, value, why);

    case IMPORT_FIELD_REASONS:
        device->mdm_reasons = value;
        return true;

    case IMPORT_FIELD_GRACE_UNTIL:
        return set_time(&device->grace_until, field, value, why);

    case IMPORT_FIELD_LAST_CHECKIN:
        return set_time(&device->last_checkin, field, value, why);

    case IMPORT_FIELD_UPDATED:
        return set_time(&device->updated, field, value, why);

    case IMPORT_FIELD_ATTRIBUTE:
    case IMPORT_FIELD_INVENTORY:
    case IMPORT_FIELDS:
        break;
    }

    return true;
}


static bool
is_free(const json_t *attributes, const char *name)
{
    return json_object_get(attributes, name) == NULL;
}


void
import_shared_attributes(json_t *attributes, const ctl_bulk_device_t *device)
{
    if (device->os_version.data != NULL && is_free(attributes, "os_version")) {
        ctl_json_set(attributes, "os_version",
                     ctl_json_text(device->os_version));
    }

    if (device->model.data != NULL && is_free(attributes, "model")) {
        ctl_json_set(attributes, "model", ctl_json_text(device->model));
    }

    if (device->last_checkin > 0 && is_free(attributes, "last_checkin")) {
        ctl_json_set(attributes, "last_checkin",
                     ctl_json_int(device->last_checkin));
    }
}
