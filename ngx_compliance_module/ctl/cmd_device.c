/*
 * device get, list, delete, alias, unalias; cmd_device_set.c has the rest.
 */
#include "record.h"

#include <string.h>


typedef struct {
    const char    *text;       /* the id as given */
    ctl_aliases_t  aliases;
    ctl_record_t   record;
    ctl_changes_t  real;
    size_t         deleted;    /* aliases */
    bool           done;
} device_t;


static CTL_NORETURN void
no_device(const ctl_record_t *record)
{
    ctl_die(CTL_NOT_FOUND, "no device \"%s\"", record->name);
}


ctl_exit_t
ctl_device_get(ctl_t *ctl)
{
    size_t       n;
    json_t      *object;
    const char **aliases;
    ctl_record_t record;

    ctl_resolve_device(ctl, ctl->args[0], &record);

    if (!record.exists) {
        no_device(&record);
    }

    if (ctl->json) {
        object = ctl_record_json(&ctl_device_kind, "id", &record);
        ctl_json_set(object, "aliases",
                     ctl_aliases_json(ctl, false, record.name));
        ctl_json_print(object);

    } else {
        aliases = ctl_aliases_of(ctl, false, record.name, &n);
        ctl_record_print(&ctl_device_kind, &record, aliases, n);
    }

    ctl_notes_flush();

    return CTL_DONE;
}


ctl_exit_t
ctl_device_list(ctl_t *ctl)
{
    static const char *const columns[] = {
        "state", "owner", "platform", "last_checkin", "override", "name"
    };
    static const char *const headings[] = {
        "DEVICE", "STATE", "OWNER", "PLATFORM", "LAST CHECK-IN", "OVERRIDE",
        "NAME"
    };

    compliance_device_id_t sample = { 1, "X" };
    const char            *key = ctl_key_device(ctl, &sample);
    ctl_listing_t          listing;

    listing.kind = &ctl_device_kind;
    listing.begin = ctl_dup((compliance_str_t) { key, strlen(key) - 1 });
    listing.n_columns = sizeof(columns) / sizeof(columns[0]);
    listing.columns = columns;
    listing.headings = headings;
    listing.name_key = "id";

    return ctl_list(ctl, &listing);
}


static void
plan_delete(ctl_t *ctl, void *data)
{
    device_t *device = data;

    ctl_resolve_device(ctl, device->text, &device->record);

    if (!device->record.exists) {
        no_device(&device->record);
    }

    ctl_record_delete(ctl, &ctl_device_kind, &device->record);
    device->deleted = ctl_aliases_plan_delete(ctl, false,
                                              device->record.name);
}


ctl_exit_t
ctl_device_delete(ctl_t *ctl)
{
    device_t device;

    memset(&device, 0, sizeof(device));
    device.text = ctl->args[0];

    ctl_store_transact(ctl, plan_delete, &device);
    ctl_report_deleted(ctl, "device", &device.record, device.deleted);

    return CTL_DONE;
}


static void
plan_alias(ctl_t *ctl, void *data)
{
    device_t *device = data;

    ctl_resolve_device(ctl, device->text, &device->record);

    if (!device->record.exists) {
        ctl_die(CTL_NOT_FOUND, "no device \"%s\"; create it first: "
                "compliancectl device set %s state=...", device->record.name,
                device->record.name);
    }

    ctl_aliases_plan(ctl, device->record.name, &device->aliases);
}


ctl_exit_t
ctl_device_alias(ctl_t *ctl)
{
    device_t device;

    memset(&device, 0, sizeof(device));
    device.text = ctl->args[0];
    ctl_aliases_parse(&device.aliases, ctl_alias_kind(ctl, ctl->args[1]),
                      ctl_str(ctl->args[2]));

    ctl_store_transact(ctl, plan_alias, &device);
    ctl_report_set(ctl, "device", &device.record, &device.real,
                   &device.aliases);

    return CTL_DONE;
}


static void
plan_unalias(ctl_t *ctl, void *data)
{
    device_t *device = data;

    ctl_resolve_device(ctl, device->text, &device->record);

    if (!ctl_alias_plan_remove(ctl, device->record.name,
                               device->aliases.items))
    {
        ctl_die(CTL_NOT_FOUND, "device \"%s\" has no alias %s",
                device->record.name, ctl_alias_show(device->aliases.items));
    }
}


ctl_exit_t
ctl_device_unalias(ctl_t *ctl)
{
    device_t device;

    memset(&device, 0, sizeof(device));
    device.text = ctl->args[0];
    ctl_aliases_parse(&device.aliases, ctl_alias_kind(ctl, ctl->args[1]),
                      ctl_str(ctl->args[2]));

    ctl_store_transact(ctl, plan_unalias, &device);
    ctl_report_unaliased(ctl, "device", &device.record, device.aliases.items);

    return CTL_DONE;
}


void
ctl_alias_details(void)
{
    puts("KIND is how the device is named there:\n"
         "  eas     the DeviceId of ActiveSync\n"
         "  cert    the SHA-256 of its client certificate\n"
         "  serial  its serial number\n"
         "  login   the id in a login tag, alice#ID");
}


void
ctl_device_details(void)
{
    ctl_fields_print(&ctl_device_kind);
    puts("  alias.KIND       other names, comma-separated; KIND is eas, cert, "
         "serial or\n                   login\n"
         "\nA new device has state=unknown. override_by is filled in by "
         "itself, updated and\nsource are where they are not given. An older "
         "`updated` never overwrites a newer\none.");
}
