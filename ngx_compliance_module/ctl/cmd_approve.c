/*
 * device approve and device deny: the record of a device that knocked, by the
 * name that device pending shows.
 */
#include "device.h"

#include <string.h>


#define CERTIFICATE_ID  "CERT-"
#define CERTIFICATE_ID_DIGITS  16


bool
ctl_pending_certificate(const char *device)
{
    return strncmp(device, CTL_PENDING_CERTIFICATE,
                   strlen(CTL_PENDING_CERTIFICATE)) == 0;
}


static void
assign(ctl_t *ctl, ctl_device_change_t *device, const char *field,
    const char *value)
{
    ctl_changes_assign(ctl, &ctl_device_kind, &device->wanted, ctl_str(field),
                       ctl_str(value));
}


/* "cert:ab12..." becomes a device of its own that the certificate leads to. */
static void
name_device(const ctl_t *ctl, ctl_device_change_t *device)
{
    char            *id;
    const char      *given = ctl->args[0];

    device->text = given;

    if (!ctl_pending_certificate(given)) {
        return;
    }

    ctl_aliases_parse(&device->aliases, COMPLIANCE_ALIAS_CERT,
                      ctl_str(given + strlen(CTL_PENDING_CERTIFICATE)));

    if (ctl_given(ctl, CTL_OPT_DEVICE)) {
        device->text = ctl->options[CTL_OPT_DEVICE];
        return;
    }

    id = ctl_format("%s%.*s", CERTIFICATE_ID, CERTIFICATE_ID_DIGITS,
                    device->aliases.items[0].value);
    device->text = id;
}


ctl_exit_t
ctl_device_approve(ctl_t *ctl)
{
    ctl_device_change_t device;

    memset(&device, 0, sizeof(device));
    device.fresh = true;

    if (!ctl_given(ctl, CTL_OPT_USER)) {
        ctl_die_usage(ctl, "whose device is it? Give --user NAME (compliancectl "
                      "device pending shows who presented it)");
    }

    name_device(ctl, &device);
    assign(ctl, &device, "state", "compliant");
    assign(ctl, &device, "owner", ctl->options[CTL_OPT_USER]);
    assign(ctl, &device, "management", "none");
    assign(ctl, &device, "source", "approval");
    ctl_device_change(ctl, &device);

    return CTL_DONE;
}


ctl_exit_t
ctl_device_deny(ctl_t *ctl)
{
    ctl_device_change_t device;

    memset(&device, 0, sizeof(device));
    name_device(ctl, &device);
    assign(ctl, &device, "override", "block");
    ctl_device_change(ctl, &device);

    return CTL_DONE;
}


void
ctl_device_pending_details(void)
{
    puts("ID is as `device pending` shows it; \"cert:...\" is a client "
         "certificate, which\nbecomes a device CERT-... (or --device ID) of "
         "its own.\n\nApproved: state=compliant, management=none, "
         "source=approval, until an import\nknows better. Denied: "
         "override=block, which no import touches.");
}
