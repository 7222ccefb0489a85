/*
 * The fields of the documented format, which import json and import csv share:
 * a name and a text, or a JSON value, into a device.
 */
#ifndef COMPLIANCE_CTL_IMPORT_FIELDS_H
#define COMPLIANCE_CTL_IMPORT_FIELDS_H

#include "import.h"


typedef enum {
    IMPORT_FIELD_ATTRIBUTE = 0,   /* none of ours: one for the policies */
    IMPORT_FIELD_ID,
    IMPORT_FIELD_OWNER,
    IMPORT_FIELD_EAS,
    IMPORT_FIELD_CERT,
    IMPORT_FIELD_SERIAL,
    IMPORT_FIELD_LOGIN,
    IMPORT_FIELD_PLATFORM,
    IMPORT_FIELD_OS_VERSION,
    IMPORT_FIELD_MODEL,
    IMPORT_FIELD_NAME,
    IMPORT_FIELD_MANAGEMENT,
    IMPORT_FIELD_RISK,
    IMPORT_FIELD_STATE,
    IMPORT_FIELD_REASONS,
    IMPORT_FIELD_GRACE_UNTIL,
    IMPORT_FIELD_LAST_CHECKIN,
    IMPORT_FIELD_UPDATED,
    IMPORT_FIELD_INVENTORY,
    IMPORT_FIELDS
} import_field_t;

import_field_t import_field_find(compliance_str_t name);
const char *import_field_name(import_field_t field);
/* False: *why.  Not for ATTRIBUTE and INVENTORY.  An empty value says
 * nothing. */
bool import_field_set(ctl_bulk_device_t *device, import_field_t field,
    compliance_str_t value, const char **why);
/* What policies ask for and a record has too, as attributes, unless the source
 * has attributes of those names. */
void import_shared_attributes(json_t *attributes,
    const ctl_bulk_device_t *device);

#endif
