/*
 * What core has no names for, because only an explanation tells it.
 */
#include "explain.h"


const char *
ctl_presence_name(compliance_presence_t presence)
{
    switch (presence) {
    case COMPLIANCE_PRESENCE_UNKNOWN:
        return "not looked up";
    case COMPLIANCE_MISSING:
        return "no record";
    case COMPLIANCE_PRESENT:
        return "found";
    }

    return "not looked up";
}


const char *
ctl_user_source_name(compliance_user_source_t source)
{
    switch (source) {
    case COMPLIANCE_USER_FROM_NONE:
        return "none";
    case COMPLIANCE_USER_FROM_CREDENTIAL:
        return "credential";
    case COMPLIANCE_USER_FROM_OWNER:
        return "owner of the device";
    case COMPLIANCE_USER_FROM_LOGIN:
        return "about to log in";
    }

    return "none";
}


const char *
ctl_device_source_name(compliance_device_source_t source)
{
    switch (source) {
    case COMPLIANCE_DEVICE_FROM_NONE:
        return "none";
    case COMPLIANCE_DEVICE_FROM_EAS:
        return "eas DeviceId";
    case COMPLIANCE_DEVICE_FROM_TAG:
        return "login tag";
    case COMPLIANCE_DEVICE_FROM_SIGNED_TAG:
        return "signed login tag";
    case COMPLIANCE_DEVICE_FROM_COOKIE:
        return "cookie";
    case COMPLIANCE_DEVICE_FROM_VARIABLE:
        return "record id";
    case COMPLIANCE_DEVICE_FROM_CERTIFICATE:
        return "certificate";
    }

    return "none";
}


const char *
ctl_mode_name(compliance_mode_t mode)
{
    switch (mode) {
    case COMPLIANCE_MODE_OFF:
        return "off";
    case COMPLIANCE_MODE_REPORT:
        return "report";
    case COMPLIANCE_MODE_ENFORCE:
        return "enforce";
    }

    return "none";
}


const char *
ctl_claim_name(const compliance_claim_t *claim)
{
    return claim->source == COMPLIANCE_DEVICE_FROM_CERTIFICATE
           ? claim->fingerprint : claim->id.data;
}
