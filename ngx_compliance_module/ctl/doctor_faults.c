/*
 * Faults are counted, and the first few named; and how much of a large store
 * is looked at.
 */
#include "doctor.h"

#include <string.h>


#define SHOWN  5


void
ctl_fault(ctl_faults_t *faults, const char *name)
{
    size_t      len = strlen(faults->names), room = sizeof(faults->names) - len;
    ctl_mark_t  mark = ctl_mark();
    const char *text = ctl_escape(ctl_str(name));

    if (faults->n < SHOWN) {
        (void) snprintf(faults->names + len, room, "%s%.80s",
                        faults->n == 0 ? "" : ", ", text);

    } else if (faults->n == SHOWN) {
        (void) snprintf(faults->names + len, room, "...");
    }

    ctl_release(mark);
    faults->n++;
}


void
ctl_faults_say(ctl_doctor_t *doctor, const ctl_faults_t *faults,
    ctl_health_t health, const char *check, const char *what,
    const char *mend)
{
    if (faults->n > 0) {
        ctl_doctor_say(doctor, health, check, ctl_format("%zu %s: %s",
                       faults->n, what, faults->names), mend);
    }
}


size_t
ctl_doctor_step(const ctl_t *ctl, size_t n)
{
    if (ctl_given(ctl, CTL_OPT_REPAIR) || ctl_given(ctl, CTL_OPT_FULL)
        || n <= CTL_DOCTOR_SAMPLE)
    {
        return 1;
    }

    return (n + CTL_DOCTOR_SAMPLE - 1) / CTL_DOCTOR_SAMPLE;
}


const char *
ctl_doctor_part(size_t looked, size_t n)
{
    return looked < n ? " (--full: all)" : "";
}


const char *
ctl_doctor_begin(const char *key)
{
    return ctl_dup((compliance_str_t) { key, strlen(key) - 1 });
}


const char *
ctl_doctor_key(const ctl_t *ctl, const ctl_kind_t *kind, const char *name)
{
    compliance_device_id_t id;
    compliance_principal_t principal;

    if (kind == &ctl_device_kind) {
        return compliance_device_id_parse(ctl_str(name), &id) == COMPLIANCE_OK
               && compliance_str_eq((compliance_str_t) { id.data, id.len },
                                    ctl_str(name))
               ? ctl_key_device(ctl, &id) : NULL;
    }

    return compliance_principal_parse(ctl_str(name), &principal)
           == COMPLIANCE_OK
           && compliance_str_eq((compliance_str_t) { principal.data,
                                                     principal.len },
                                ctl_str(name))
           ? ctl_key_user(ctl, &principal) : NULL;
}
