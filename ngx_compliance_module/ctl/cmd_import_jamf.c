/*
 * import jamf: Jamf Pro's inventory of computers and of mobile devices.  The
 * same thing stands in other places in each of its interfaces (the API's
 * computers-inventory and mobile-devices/detail, and the classic records):
 * the first place that has it counts.  Jamf has no verdict of its own; the
 * policies judge.
 */
#include "import_url.h"

#include <string.h>


#define PLACES  6

typedef const char *const places_t[PLACES];

/* A wrapped classic record: {"computer": {...}}. */
static const char *const wrappers[] = {
    "computer", "mobile_device", "mobileDevice"
};

static const places_t ids = {
    "udid", "general.udid", "hardware.udid", "UDID"
};
static const places_t eas_ids = {
    "exchange_activesync_device_identifier",
    "general.exchange_activesync_device_identifier",
    "exchangeActiveSyncDeviceIdentifier",
    "general.exchangeActiveSyncDeviceIdentifier",
    "general.exchangeDeviceId", "EASDeviceIdentifier"
};
static const places_t serials = {
    "hardware.serialNumber", "serialNumber", "general.serial_number",
    "serial_number", "general.serialNumber"
};
static const places_t owners = {
    "userAndLocation.username", "location.username", "username",
    "userAndLocation.email", "userAndLocation.emailAddress",
    "location.email_address"
};
static const places_t systems = {
    "operatingSystem.name", "deviceType", "general.os_type",
    "hardware.os_name", "general.platform", "os_type"
};
static const places_t versions = {
    "operatingSystem.version", "general.osVersion", "general.os_version",
    "hardware.os_version", "osVersion", "os_version"
};
static const places_t models = {
    "hardware.model", "general.model", "model", "hardware.modelIdentifier"
};
static const places_t names = {
    "general.name", "general.displayName", "general.display_name",
    "general.device_name", "displayName", "name"
};
static const places_t checkins = {
    "general.lastContactTime", "general.lastInventoryUpdateDate",
    "general.last_contact_time_epoch",
    "general.last_inventory_update_epoch", "lastInventoryUpdateDate",
    "general.last_contact_time_utc"
};
static const places_t manageds = {
    "general.remoteManagement.managed", "general.managed",
    "general.remote_management.managed", "managed"
};

/* What the policies ask for (docs/policies.md). */
static const struct {
    const char *name;
    places_t    places;
} flags[] = {
    { "passcode", { "security.passcodePresent", "security.passcode_present" } },
    { "passcode_compliant", { "security.passcodeCompliant",
      "security.passcode_compliant" } },
    { "firewall", { "security.firewallEnabled", "security.firewall_enabled" } },
    { "supervised", { "general.supervised" } },
};

/* Texts that say yes or no; any other says nothing. */
static const struct {
    const char   *name;
    places_t      places;
    size_t        n;
    import_word_t words[8];
} worded[] = {
    { "jailbroken", { "security.jailBreakDetected",
      "security.jailbreak_detected" }, 7,
      { { "true", "1" }, { "yes", "1" }, { "compromised", "1" },
        { "detected", "1" }, { "false", "0" }, { "no", "0" },
        { "normal", "0" } } },
    { "system_integrity", { "security.sipStatus", "security.sip_status" }, 2,
      { { "enabled", "1" }, { "disabled", "0" } } },
    { "gatekeeper", { "security.gatekeeperStatus",
      "security.gatekeeper_status" }, 5,
      { { "app_store_and_identified_developers", "1" }, { "app_store", "1" },
        { "App Store and identified developers", "1" }, { "App Store", "1" },
        { "disabled", "0" } } },
    { "secure_boot", { "security.secureBootLevel",
      "security.secure_boot_level" }, 5,
      { { "full_security", "1" }, { "full", "1" }, { "medium_security", "0" },
        { "no_security", "0" }, { "off", "0" } } },
    { "encrypted", { "diskEncryption.bootPartitionEncryptionDetails."
      "partitionFileVault2State", "operatingSystem.fileVault2Status",
      "security.dataProtected" }, 7,
      { { "encrypted", "1" }, { "all_encrypted", "1" },
        { "boot_encrypted", "1" }, { "unencrypted", "0" },
        { "not_encrypted", "0" }, { "decrypted", "0" }, { "ineligible", "0" } }
    },
};


static const json_t *
first_value(const json_t *record, const places_t places)
{
    const json_t *value;

    for (size_t i = 0; i < PLACES && places[i] != NULL; i++) {
        value = import_value(record, places[i]);

        if (value != NULL && !json_is_null(value)) {
            return value;
        }
    }

    return NULL;
}


static compliance_str_t
first_text(const json_t *record, const places_t places)
{
    compliance_str_t text = compliance_absent;

    for (size_t i = 0; i < PLACES && places[i] != NULL && text.len == 0; i++) {
        text = import_text(record, places[i]);
    }

    return text;
}


static int64_t
first_date(const json_t *record, const places_t places)
{
    int64_t date = 0;

    for (size_t i = 0; i < PLACES && places[i] != NULL && date == 0; i++) {
        date = import_date(record, places[i]);
    }

    return date;
}


static void
add_words(json_t *attributes, const json_t *record)
{
    for (size_t i = 0; i < sizeof(worded) / sizeof(worded[0]); i++) {
        const json_t *value = first_value(record, worded[i].places);
        const char   *word;

        if (json_is_boolean(value)) {
            ctl_json_set(attributes, worded[i].name,
                         ctl_json_bool(json_is_true(value)));
            continue;
        }

        word = import_word(worded[i].words, worded[i].n,
                           (compliance_str_t) { json_string_value(value),
                                                json_string_length(value) });
        if (word != NULL) {
            ctl_json_set(attributes, worded[i].name,
                         ctl_json_bool(word[0] == '1'));
        }
    }
}


/* "3" and 3: the hardware encrypts blocks and files. */
static void
add_hardware_encryption(json_t *attributes, const json_t *record)
{
    static const places_t places = {
        "security.hardwareEncryption", "security.hardware_encryption"
    };

    const json_t *value = first_value(record, places);
    int64_t       level;

    if (json_object_get(attributes, "encrypted") != NULL) {
        return;
    }

    if (json_is_integer(value)) {
        level = json_integer_value(value);

    } else if (!compliance_parse_uint((compliance_str_t) {
                                          json_string_value(value),
                                          json_string_length(value) }, &level))
    {
        return;
    }

    ctl_json_set(attributes, "encrypted", ctl_json_bool(level == 3));
}


/* An administrator's own attributes: [{"name": ..., "value(s)": ...}]. */
static void
add_extensions(json_t *attributes, const json_t *record)
{
    const json_t *list = json_object_get(record, "extensionAttributes");
    const json_t *one, *value;
    const char   *given;
    char         *name;
    size_t        i;

    if (list == NULL) {
        list = json_object_get(record, "extension_attributes");
    }

    json_array_foreach(list, i, one) {
        given = json_string_value(json_object_get(one, "name"));
        value = json_object_get(one, "value");

        if (value == NULL) {
            value = json_array_get(json_object_get(one, "values"), 0);
        }

        if (given == NULL || strlen(given) > 64 || given[0] == '\0'
            || (!json_is_string(value) && !json_is_boolean(value)
                && !json_is_integer(value)))
        {
            continue;
        }

        name = ctl_dup(ctl_str(given));

        for (char *p = name; *p != '\0'; p++) {
            *p = (char) (*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);

            if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
                  || *p == '.' || *p == '-'))
            {
                *p = '_';
            }
        }

        /* Jamf's own word goes before a custom one of the same name, and
         * mdm_... is the importers' */
        if (json_object_get(attributes, name) == NULL
            && strncmp(name, "mdm_", 4) != 0)
        {
            ctl_json_set(attributes, name,
                         json_incref(ctl_unconst(value)));
        }
    }
}


static json_t *
attributes_of(const json_t *record, const ctl_bulk_device_t *device)
{
    json_t *attributes = ctl_json_object();

    import_add_text(attributes, "os_version", device->os_version);
    import_add_text(attributes, "model", device->model);
    import_add_text(attributes, "manufacturer",
                    import_text(record, "hardware.make"));
    import_add_date(attributes, "last_checkin", device->last_checkin);

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        import_add_flag(attributes, flags[i].name,
                        first_value(record, flags[i].places));
    }

    add_words(attributes, record);
    add_hardware_encryption(attributes, record);
    add_extensions(attributes, record);

    return attributes;
}


/* "Mac", "tvOS", or the records of computers, which name no system. */
static compliance_str_t
platform_of(const json_t *record, compliance_str_t model)
{
    compliance_str_t system = first_text(record, systems), platform;

    if (compliance_str_is(system, "mac")) {
        return compliance_str("macos");
    }

    platform = import_platform(system, model);

    if (platform.data == NULL && model.len >= 4) {
        platform = strncasecmp(model.data, "iPad", 4) == 0
                   ? compliance_str("ipados")
                   : strncasecmp(model.data, "iPho", 4) == 0
                   ? compliance_str("ios")
                   : strncasecmp(model.data, "Mac", 3) == 0
                   || strncasecmp(model.data, "iMac", 4) == 0
                   ? compliance_str("macos") : compliance_absent;
    }

    return platform;
}


static void
take(ctl_import_t *import, const json_t *record, const char *where)
{
    ctl_bulk_device_t device;
    json_t           *attributes;
    const json_t     *managed;

    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        const json_t *inner = json_object_get(record, wrappers[i]);

        record = json_is_object(inner) ? inner : record;
    }

    memset(&device, 0, sizeof(device));
    device.id = first_text(record, ids);

    if (device.id.data == NULL) {
        ctl_import_refuse(import, where, "it has no udid; ask for the section "
                          "GENERAL, too");
        return;
    }

    device.eas[0] = first_text(record, eas_ids);
    device.serial = first_text(record, serials);
    device.owner = first_text(record, owners);
    device.model = first_text(record, models);
    device.platform = platform_of(record, device.model);
    device.os_version = first_text(record, versions);
    device.name = first_text(record, names);
    device.last_checkin = first_date(record, checkins);
    device.updated = device.last_checkin;

    managed = first_value(record, manageds);
    device.management = ctl_str(json_is_true(managed)
                                || (json_is_string(managed)
                                    && strcmp(json_string_value(managed),
                                              "true") == 0) ? "mdm" : "none");

    attributes = attributes_of(record, &device);
    device.inventory = attributes;
    ctl_import_device(import, &device, where);
    json_decref(attributes);
}


/* The number in "page=3", and where it begins; NULL: the URL has none. */
static const char *
page_number(const char *url, int64_t *number)
{
    const char *p = strchr(url, '?');
    size_t      len;

    while (p != NULL) {
        p++;

        if (strncmp(p, "page=", 5) == 0) {
            len = strspn(p + 5, "0123456789");

            return compliance_parse_uint((compliance_str_t) { p + 5, len },
                                         number) ? p + 5 : NULL;
        }

        p = strchr(p, '&');
    }

    return NULL;
}


/* Jamf counts its pages; one without records is behind the last. */
static const char *
next_page(const json_t *page, const char *url, int64_t nth)
{
    const char *at;
    int64_t     number = 0;

    (void) nth;

    if (json_array_size(json_object_get(page, "results")) == 0) {
        return NULL;
    }

    at = page_number(url, &number);

    if (at == NULL) {
        return ctl_format("%s%cpage=1", url,
                          strchr(url, '?') == NULL ? '?' : '&');
    }

    return ctl_format("%.*s%lld%s", (int) (at - url), url,
                      (long long) number + 1, at + strspn(at, "0123456789"));
}


static void
read_jamf(ctl_t *ctl, ctl_import_t *import, const char *source)
{
    import_each(import,
                import_url_open(ctl, import, source, "results", next_page),
                take);
}


ctl_exit_t
ctl_import_jamf(ctl_t *ctl)
{
    return ctl_import_run(ctl, "jamf", read_jamf);
}


void
ctl_import_jamf_details(void)
{
    puts("A file of pages or records, or the URL of the first page:\n"
         "  https://HOST/api/v1/computers-inventory?section=GENERAL&"
         "section=HARDWARE&\n"
         "    section=OPERATING_SYSTEM&section=USER_AND_LOCATION&"
         "section=SECURITY&\n"
         "    section=DISK_ENCRYPTION&section=EXTENSION_ATTRIBUTES&"
         "page-size=100\n"
         "  https://HOST/api/v2/mobile-devices/detail?section=GENERAL&"
         "section=HARDWARE&\n"
         "    section=USER_AND_LOCATION&section=SECURITY&page-size=100\n"
         "with --credentials FILE, lines of \"key = value\":\n"
         "  token_url = https://HOST/api/oauth/token\n"
         "  client_id = ID\n"
         "  client_secret = SECRET\n"
         "Computers and mobile devices are two lists: give each a --source of "
         "its own where\nyou use --full.");
}
