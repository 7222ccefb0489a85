/*
 * The groups' snapshot, read as the gateway reads it: an unreadable value is
 * the strictest there, and so it is here, and it is told.
 */
#include "explain.h"

#include "../core/names.h"

#include <string.h>


void
ctl_snapshot_read(ctl_t *ctl, compliance_snapshot_t *snapshot)
{
    size_t               n, n_names;
    unsigned             bad;
    redisReply          *reply;
    const char         **names, **principals, *first_bad;
    compliance_value_t  *pairs;
    compliance_group_t  *group;

    compliance_snapshot_init(snapshot);
    snapshot->fetched = ctl->now;
    names = ctl_store_members(ctl, ctl_key_groups(ctl), &n_names);

    for (size_t i = 0; i <= n_names; i++) {
        const char *name = i == 0 ? "default" : names[i - 1];

        if (i > 0 && strcmp(name, "default") == 0) {
            continue;
        }

        group = compliance_snapshot_add(snapshot, ctl_str(name));

        if (group == NULL) {
            ctl_note("group \"%s\" is left out: its name is not valid, or "
                     "there are more than %d", ctl_escape(ctl_str(name)),
                     COMPLIANCE_GROUPS_MAX);
            continue;
        }

        reply = ctl_store_ask(ctl, "HGETALL %s", ctl_key_group(ctl, name));
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a group");
        pairs = ctl_alloc_array(reply->elements, sizeof(*pairs));

        for (size_t k = 0; k < reply->elements; k++) {
            pairs[k] = ctl_reply_text(reply->element[k]);
        }

        bad = compliance_group_read(group, name, pairs, reply->elements / 2,
                                    &first_bad);
        if (bad > 0) {
            ctl_note("group \"%s\" has %u unreadable value%s, the first in "
                     "\"%s\": the strictest holds", name, bad,
                     bad == 1 ? "" : "s", first_bad);
        }
    }

    principals = ctl_store_members(ctl, ctl_key_index(ctl, "break_glass",
                                                      compliance_str("1")),
                                   &n);

    for (size_t i = 0; i < n; i++) {
        if (snapshot->n_break_glass < COMPLIANCE_BREAK_GLASS_MAX
            && compliance_principal_parse(ctl_str(principals[i]),
                   &snapshot->break_glass[snapshot->n_break_glass])
               == COMPLIANCE_OK)
        {
            snapshot->n_break_glass++;
        }
    }
}
