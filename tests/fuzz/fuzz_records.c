/*
 * Stored records of any bytes: nothing is read past its end, what is not
 * exactly a value of its list is never one, and whatever facts come out, the
 * decision is a decision.
 *
 * Input: one byte for the request, then fields between 0x1f; a field of the
 * single byte 0x1e is nil.  Device, details and user take theirs in turn.
 */
#include <stdlib.h>
#include <string.h>

#include "decide.h"


#define FIELDS                                                                \
    (COMPLIANCE_DEVICE_FIELDS + COMPLIANCE_DETAIL_FIELDS                      \
     + COMPLIANCE_USER_FIELDS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
split(const uint8_t *data, size_t size, compliance_value_t *values)
{
    size_t n = 0, begin = 0;

    memset(values, 0, FIELDS * sizeof(values[0]));

    for (size_t i = 0; i <= size && n < FIELDS; i++) {
        if (i < size && data[i] != 0x1f) {
            continue;
        }

        if (!(i - begin == 1 && data[begin] == 0x1e)) {
            values[n].data = (const char *) data + begin;
            values[n].len = i - begin;
        }

        n++;
        begin = i + 1;
    }
}


static void
check_device(const compliance_device_t *device,
    const compliance_value_t *values)
{
    const char *state = compliance_state_name(device->state);

    if (device->state != COMPLIANCE_STATE_UNKNOWN
        && (values[1].data == NULL || values[1].len != strlen(state)
            || memcmp(values[1].data, state, values[1].len) != 0))
    {
        abort();
    }

    if (device->grace_until < 0 || device->last_checkin < 0
        || device->override_until < 0
        || strlen(device->owner.data) != device->owner.len)
    {
        abort();
    }
}


static void
check_user(const compliance_user_t *user, const compliance_value_t *values)
{
    if (user->break_glass
        && (values[1].data == NULL || values[1].len != 1
            || values[1].data[0] != '1'))
    {
        abort();
    }

    if (user->groups_unreadable && user->groups[0] != '\0') {
        abort();
    }
}


static void
check_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    if (len == size) {
        abort();
    }

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f) {
            abort();
        }
    }
}


static void
check_decision(const compliance_facts_t *facts, uint8_t bits)
{
    compliance_trace_t            trace;
    compliance_request_t          request;
    compliance_decision_t         d;
    static compliance_snapshot_t  snapshot;

    memset(&request, 0, sizeof(request));
    request.protocol = (compliance_protocol_t)
        (bits % (COMPLIANCE_PROTOCOLS - 1) + 1);
    request.user_source = (compliance_user_source_t) (bits >> 4 & 3);
    request.user = facts->user.principal;
    request.n_claims = 1;

    compliance_snapshot_init(&snapshot);
    snapshot.groups[0].mode = COMPLIANCE_MODE_ENFORCE;

    d = compliance_decide(&request, facts, &snapshot, 1700000000, &trace);

    if (d.verdict == COMPLIANCE_UNDECIDED || d.deadline < 0
        || trace.n > COMPLIANCE_GROUPS_MAX)
    {
        abort();
    }

    /* the one way in: a record that says so, or break-glass */
    if (d.verdict == COMPLIANCE_ALLOW && !d.break_glass
        && (facts->device_presence != COMPLIANCE_PRESENT
            || facts->device.state == COMPLIANCE_STATE_RETIRED
            || (facts->device.override == COMPLIANCE_OVERRIDE_BLOCK
                && facts->device.override_until == 0)))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compliance_facts_t          facts;
    compliance_value_t          values[FIELDS];
    compliance_device_id_t      id = { 6, "PHONE1" };
    compliance_principal_t      name = { 5, "alice" };
    compliance_device_details_t details;

    if (size == 0) {
        return 0;
    }

    split(data + 1, size - 1, values);
    memset(&facts, 0, sizeof(facts));

    facts.device_claimed = facts.user_claimed = true;
    facts.binding = COMPLIANCE_BINDING_ASSERTED;
    facts.device_presence = compliance_device_read(&id, values,
        &facts.device);
    check_device(&facts.device, values);

    compliance_details_read(values + COMPLIANCE_DEVICE_FIELDS, &details);
    check_text(details.reasons, sizeof(details.reasons));
    check_text(details.platform, sizeof(details.platform));
    check_text(details.os_version, sizeof(details.os_version));
    check_text(details.model, sizeof(details.model));
    check_text(details.name, sizeof(details.name));
    check_text(details.policy, sizeof(details.policy));
    check_text(details.source, sizeof(details.source));

    facts.user_presence = compliance_user_read(&name,
        values + COMPLIANCE_DEVICE_FIELDS + COMPLIANCE_DETAIL_FIELDS,
        &facts.user);
    check_user(&facts.user,
        values + COMPLIANCE_DEVICE_FIELDS + COMPLIANCE_DETAIL_FIELDS);

    check_decision(&facts, data[0]);

    return 0;
}
