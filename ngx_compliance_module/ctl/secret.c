/*
 * The gateway's secret file, as the tool reads it: keys that sign login tags
 * and chain the audit.
 */
#include "audit.h"

#include <string.h>


#define SECRET_FILE_MAX  65536


bool
ctl_keyring(const ctl_t *ctl, compliance_keyring_t *keys)
{
    compliance_str_t text;
    compliance_rc_t  rc;
    const char      *path = ctl->options[CTL_OPT_SECRET_FILE], *why = "";
    unsigned         line = 0;

    memset(keys, 0, sizeof(*keys));

    if (path == NULL) {
        return false;
    }

    text = ctl_read_file(path, SECRET_FILE_MAX);
    rc = compliance_keyring_parse(text, keys, &line, &why);

    if (rc != COMPLIANCE_OK) {
        ctl_die(CTL_USAGE, "\"%s\" line %u: %s", ctl_escape(ctl_str(path)),
                line, why);
    }

    return true;
}


static void
free_keys(void *keys)
{
    compliance_audit_keys_free(keys);
}


compliance_audit_keys_t *
ctl_audit_keys(const ctl_t *ctl)
{
    compliance_keyring_t     ring;
    compliance_audit_keys_t *keys;

    (void) ctl_keyring(ctl, &ring);
    keys = compliance_audit_keys_create(&ring);
    explicit_bzero(&ring, sizeof(ring));

    if (keys == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(keys, free_keys);

    return keys;
}
