/*
 * tag issue: alice#DEVICE.<mac>, the login that proves a device to a mail
 * protocol without a certificate.  It needs the gateway's secret file and no
 * Redis.  What it prints is a credential; nothing else here is.
 */
#include "audit.h"
#include "record.h"

#include "../core/link.h"

#include <stdlib.h>
#include <string.h>


static void
read_keys(const ctl_t *ctl, compliance_keyring_t *keys)
{
    if (!ctl_keyring(ctl, keys)) {
        ctl_die_usage(ctl, "--secret-file is missing: the file that "
                      "compliance_secret_file names in nginx.conf");
    }
}


ctl_exit_t
ctl_tag_issue(ctl_t *ctl)
{
    char                   mac[COMPLIANCE_TAG_MAC_LEN + 3];
    json_t                *object;
    const char            *login;
    compliance_keyring_t   keys;
    compliance_device_id_t device;
    compliance_principal_t user;

    if (!ctl_given(ctl, CTL_OPT_USER) || !ctl_given(ctl, CTL_OPT_DEVICE)) {
        ctl_die_usage(ctl, "--user and --device are both needed");
    }

    ctl_principal(ctl->options[CTL_OPT_USER], &user);
    ctl_device_id(ctl->options[CTL_OPT_DEVICE], &device);

    if (memchr(device.data, '.', device.len) != NULL) {
        ctl_die(CTL_USAGE, "device \"%s\": a login tag's id holds no '.', "
                "which begins the signature; give the device an alias without "
                "one: compliancectl device alias %s login NAME", device.data,
                device.data);
    }

    read_keys(ctl, &keys);

    if (compliance_tag_sign(&keys, &user, &device, mac, sizeof(mac))
        != COMPLIANCE_OK)
    {
        ctl_die(CTL_USAGE, "the tag could not be signed with the first key of "
                "the secret file");
    }

    login = ctl_format("%s#%s.%s", user.data, device.data, mac);

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "user", ctl_json_text(ctl_str(user.data)));
        ctl_json_set(object, "device", ctl_json_text(ctl_str(device.data)));
        ctl_json_set(object, "login", ctl_json_text(ctl_str(login)));
        ctl_json_print(object);

    } else {
        puts(login);
    }

    explicit_bzero(&keys, sizeof(keys));

    return CTL_DONE;
}
