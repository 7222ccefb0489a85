/*
 * Whether anybody presents another's device id: report conflicts has them.
 */
#include "conflicts.h"
#include "doctor.h"


#define DAYS  INT64_C(604800)   /* 7 days */


static void
look(void *data, const ctl_access_t *access)
{
    if (ctl_conflict_concerned(access)) {
        ctl_suspects_add(data, access);
    }
}


static void
count(void *data, const ctl_conflict_t *conflict)
{
    (void) conflict;
    ++*(size_t *) data;
}


typedef struct {
    ctl_suspects_t *suspects;
    ctl_tally_t    *tally;
} remembered_t;


static void
remember(void *data, const ctl_access_t *access)
{
    remembered_t *remembered = data;

    if (ctl_conflict_concerned(access)
        && ctl_suspects_have(remembered->suspects, access))
    {
        ctl_conflict_add(remembered->tally, access);
    }
}


void
ctl_doctor_conflicts(ctl_doctor_t *doctor)
{
    size_t              n = 0;
    remembered_t        remembered = { ctl_suspects(), ctl_tally() };
    ctl_access_filter_t filter = { 0, 0, compliance_absent, false };

    filter.until = doctor->ctl->now;
    filter.since = filter.until - DAYS;
    ctl_access_each(doctor->ctl, &filter, look, remembered.suspects);

    if (ctl_suspects_any(remembered.suspects)) {
        ctl_access_each(doctor->ctl, &filter, remember, &remembered);
    }

    ctl_conflicts_each(remembered.tally, count, &n);

    if (n > 0) {
        ctl_doctor_say(doctor, CTL_HEALTH_WARNING, "conflicts", ctl_format(
            "%zu device id%s that nothing proves came from two users or two "
            "clients in 7 days", n, n == 1 ? "" : "s"),
            "compliancectl report conflicts");
    }
}
