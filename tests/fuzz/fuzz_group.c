/*
 * Group settings, networks and client patterns of any bytes.
 *
 * Input: lines of "field=value".  Each is set by itself; a refused one must
 * have changed nothing.  All together are then read as a stored record.
 */
#include <stdlib.h>
#include <string.h>

#include "group.h"


#define PAIRS_MAX  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const compliance_group_t *group)
{
    if (group->mode < COMPLIANCE_MODE_OFF
        || group->mode > COMPLIANCE_MODE_ENFORCE
        || group->require < COMPLIANCE_REQUIRE_KNOWN
        || group->require > COMPLIANCE_REQUIRE_COMPLIANT
        || group->max_risk > COMPLIANCE_RISK_HIGH
        || group->min_binding < COMPLIANCE_BINDING_ASSERTED
        || group->min_binding > COMPLIANCE_BINDING_CERTIFICATE
        || group->rollout_percent > 100
        || group->protocols == 0
        || (group->protocols & ~COMPLIANCE_ALL_PROTOCOLS) != 0
        || (group->deny_protocols & ~COMPLIANCE_ALL_PROTOCOLS) != 0
        || group->enforce_from < 0 || group->max_checkin_age < 0
        || group->max_stale < 0
        || group->n_clients > COMPLIANCE_CLIENTS_MAX
        || (group->n_clients > 0 && !group->clients_restricted)
        || group->n_networks > COMPLIANCE_NETWORKS_MAX
        || strnlen(group->message, sizeof(group->message))
           == sizeof(group->message))
    {
        abort();
    }

    for (unsigned i = 0; i < group->n_networks; i++) {
        if (group->networks[i].bits > 128
            || (group->networks[i].bits >= 96
                && !compliance_network_contains(&group->networks[i],
                       group->networks[i].address)))
        {
            abort();
        }
    }
}


static void
try_pair(compliance_group_t *group, compliance_value_t field,
    compliance_value_t value)
{
    compliance_group_t before = *group;

    if (compliance_group_set(group, field, value) != COMPLIANCE_OK
        && memcmp(&before, group, sizeof(before)) != 0)
    {
        abort();
    }

    check(group);

    for (unsigned i = 0; i < group->n_clients; i++) {
        (void) compliance_client_match(group->clients[i], value);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               n = 0;
    unsigned             bad;
    const char          *at = (const char *) data, *end = at + size, *line,
                        *equals, *first;
    compliance_value_t   pairs[2 * PAIRS_MAX];
    compliance_group_t   group;
    compliance_network_t network;

    memset(&group, 0, sizeof(group));
    compliance_group_defaults(&group, "fuzzed");
    check(&group);

    while (at < end && n < PAIRS_MAX) {
        line = memchr(at, '\n', (size_t) (end - at));
        line = line != NULL ? line : end;
        equals = memchr(at, '=', (size_t) (line - at));
        equals = equals != NULL ? equals : at;

        pairs[2 * n] = (compliance_value_t) { at, (size_t) (equals - at) };
        equals += equals < line && *equals == '=';
        pairs[2 * n + 1] = (compliance_value_t) { equals,
            (size_t) (line - equals) };
        try_pair(&group, pairs[2 * n], pairs[2 * n + 1]);
        (void) compliance_network_parse(pairs[2 * n + 1], &network);
        n++;
        at = line < end ? line + 1 : end;
    }

    bad = compliance_group_read(&group, "fuzzed", pairs, n, &first);
    check(&group);

    if (bad > n || (bad > 0) != (first != NULL)) {
        abort();
    }

    return 0;
}
