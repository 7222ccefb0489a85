/*
 * import intune: Microsoft Graph's managedDevice.  What a field says is read
 * without regard to case, and a value that is not listed here is unknown.
 */
#include "import_url.h"
#include "replay.h"

#include <string.h>


#define MANAGED_DEVICES  "https://graph.microsoft.com/v1.0/deviceManagement/" \
                         "managedDevices"


/* The MDM's own verdict.  A conflict or an error of its policies is no
 * compliance; what Configuration Manager says is not in the record. */
static const struct {
    const char        *from;
    compliance_state_t state;
    const char        *reason;
} states[] = {
    { "compliant", COMPLIANCE_STATE_COMPLIANT, NULL },
    { "noncompliant", COMPLIANCE_STATE_NONCOMPLIANT, "mdm_noncompliant" },
    { "inGracePeriod", COMPLIANCE_STATE_GRACE, "mdm_noncompliant" },
    { "conflict", COMPLIANCE_STATE_NONCOMPLIANT, "mdm_conflict" },
    { "error", COMPLIANCE_STATE_NONCOMPLIANT, "mdm_error" },
    { "configManager", COMPLIANCE_STATE_UNKNOWN, "mdm_config_manager" },
    { "unknown", COMPLIANCE_STATE_UNKNOWN, NULL },
};

/* A partner that cannot be asked, or is not set up, knows of no risk. */
static const import_word_t threats[] = {
    { "secured", "none" },
    { "lowSeverity", "low" },
    { "mediumSeverity", "medium" },
    { "highSeverity", "high" },
    { "compromised", "high" },
};

/* An agent that only brings mail, or only looks on, manages nothing. */
static const import_word_t agents[] = {
    { "mdm", "mdm" },
    { "easMdm", "mdm" },
    { "intuneClient", "mdm" },
    { "easIntuneClient", "mdm" },
    { "configurationManagerClient", "mdm" },
    { "configurationManagerClientMdm", "mdm" },
    { "configurationManagerClientMdmEas", "mdm" },
    { "jamf", "mdm" },
    { "googleCloudDevicePolicyController", "mdm" },
    { "microsoft365ManagedMdm", "mdm" },
    { "intuneAosp", "mdm" },
};

static const import_word_t secure_boots[] = {
    { "secure boot is enabled", "1" },
};


static void
set_state(ctl_bulk_device_t *device, const json_t *record)
{
    compliance_str_t said = import_text(record, "complianceState");

    device->mdm_said = true;
    device->mdm_state = COMPLIANCE_STATE_UNKNOWN;

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (said.data != NULL && compliance_str_is(said, states[i].from)) {
            device->mdm_state = states[i].state;
            device->mdm_reasons = ctl_str(states[i].reason);
        }
    }

    if (device->mdm_state != COMPLIANCE_STATE_GRACE) {
        return;
    }

    device->grace_until = import_date(record,
                              "complianceGracePeriodExpirationDateTime");

    /* a grace without an end would be none */
    if (device->grace_until == 0) {
        device->mdm_state = COMPLIANCE_STATE_NONCOMPLIANT;
    }
}


static void
add_windows(json_t *attributes, const json_t *record)
{
    const json_t *boot;
    const char   *on;

    import_add_flag(attributes, "bitlocker",
                    import_value(record,
                        "deviceHealthAttestationState.bitLockerStatus"));
    import_add_flag(attributes, "antivirus",
                    import_value(record, "windowsProtectionState."
                                         "realTimeProtectionEnabled"));

    boot = import_value(record, "deviceHealthAttestationState.secureBoot");
    on = import_word(secure_boots, 1,
                     (compliance_str_t) { json_string_value(boot),
                                          json_string_length(boot) });

    if (on != NULL) {
        ctl_json_set(attributes, "secure_boot", ctl_json_bool(true));
    } else {
        import_add_flag(attributes, "secure_boot", boot);
    }
}


static json_t *
attributes_of(const json_t *record, compliance_str_t risk)
{
    static const struct {
        const char *name;
        const char *path;
    } texts[] = {
        { "os_version", "osVersion" },
        { "security_patch", "androidSecurityPatchLevel" },
        { "ownership", "managedDeviceOwnerType" },
        { "registration", "deviceRegistrationState" },
        { "management_agent", "managementAgent" },
        { "enrollment", "deviceEnrollmentType" },
        { "manufacturer", "manufacturer" },
        { "model", "model" },
    };

    json_t *attributes = ctl_json_object();

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        import_add_text(attributes, texts[i].name,
                        import_text(record, texts[i].path));
    }

    import_add_flag(attributes, "encrypted",
                    import_value(record, "isEncrypted"));
    import_add_flag(attributes, "supervised",
                    import_value(record, "isSupervised"));
    import_add_flag(attributes, "jailbroken",
                    import_value(record, "jailBroken"));
    import_add_text(attributes, "threat_level", risk);
    import_add_date(attributes, "last_checkin",
                    import_date(record, "lastSyncDateTime"));
    add_windows(attributes, record);

    return attributes;
}


static void
take(ctl_import_t *import, const json_t *record, const char *where)
{
    ctl_bulk_device_t device;
    json_t           *attributes;
    const char       *word;

    memset(&device, 0, sizeof(device));
    device.id = import_text(record, "id");

    if (device.id.data == NULL) {
        ctl_import_refuse(import, where, "it has no id: is it a "
                          "managedDevice?");
        return;
    }

    device.owner = import_text(record, "userPrincipalName");

    if (device.owner.data == NULL) {
        device.owner = import_text(record, "emailAddress");
    }

    device.eas[0] = import_text(record, "easDeviceId");
    device.serial = import_text(record, "serialNumber");
    device.model = import_text(record, "model");
    device.platform = import_platform(import_text(record, "operatingSystem"),
                                      device.model);
    device.os_version = import_text(record, "osVersion");
    device.name = import_text(record, "deviceName");

    word = import_word(agents, sizeof(agents) / sizeof(agents[0]),
                       import_text(record, "managementAgent"));
    device.management = ctl_str(word != NULL ? word : "none");

    word = import_word(threats, sizeof(threats) / sizeof(threats[0]),
                       import_text(record, "partnerReportedThreatState"));
    device.risk = ctl_str(word != NULL ? word : "unknown");

    device.last_checkin = import_date(record, "lastSyncDateTime");
    device.updated = device.last_checkin;
    set_state(&device, record);

    attributes = attributes_of(record, device.risk);
    device.inventory = attributes;
    ctl_import_device(import, &device, where);
    json_decref(attributes);
}


static const char *
next_page(const json_t *page, const char *url, int64_t nth)
{
    (void) url;
    (void) nth;

    return json_string_value(json_object_get(page, "@odata.nextLink"));
}


/* What synchronised since then; Graph filters on it. */
static const char *
with_since(ctl_t *ctl, const char *source)
{
    const char *time;

    if (!ctl_given(ctl, CTL_OPT_SINCE)) {
        return source;
    }

    if (!import_is_url(source)) {
        ctl_die_usage(ctl, "--since is for a URL");
    }

    if (ctl_given(ctl, CTL_OPT_FULL)) {
        ctl_die_usage(ctl, "--since gives no full list: leave --full out");
    }

    if (strstr(source, "filter=") != NULL) {
        ctl_die_usage(ctl, "--since, and the URL has a filter of its own");
    }

    time = ctl_time_format(ctl_since(ctl, ctl->options[CTL_OPT_SINCE], 0));

    return ctl_format("%s%c%%24filter=lastSyncDateTime%%20ge%%20%s", source,
                      strchr(source, '?') == NULL ? '?' : '&', time);
}


static void
read_intune(ctl_t *ctl, ctl_import_t *import, const char *source)
{
    FILE *file = import_url_open(ctl, import, with_since(ctl, source), "value",
                                 next_page);

    import_each(import, file, take);
}


ctl_exit_t
ctl_import_intune(ctl_t *ctl)
{
    return ctl_import_run(ctl, "intune", read_intune);
}


void
ctl_import_intune_details(void)
{
    puts("A file of pages as Graph answers them, or the URL of the first one:\n"
         "  " MANAGED_DEVICES "\n"
         "with --credentials FILE, lines of \"key = value\":\n"
         "  tenant = ID              or token_url = URL\n"
         "  client_id = ID\n"
         "  client_secret = SECRET\n"
         "Further pages are followed on that host only.");
}
