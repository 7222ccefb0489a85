/*
 * audit anchor: the heads of all lanes.
 */
#include "audit_anchor.h"


ctl_exit_t
ctl_audit_anchor(ctl_t *ctl)
{
    size_t                   n, of = 0;
    ctl_lanes_t            **lanes;
    ctl_stream_t            *streams;
    compliance_audit_keys_t *keys = ctl_audit_keys(ctl);

    n = ctl_audit_streams(ctl, ctl->options[CTL_OPT_NODE], &streams);
    lanes = ctl_alloc_array(n, sizeof(ctl_lanes_t *));

    for (size_t i = 0; i < n; i++) {
        lanes[i] = ctl_audit_lanes(ctl, &streams[i], 0, UINT64_MAX, keys,
                                   NULL);
        of += lanes[i]->n;

        if (lanes[i]->findings > 0) {
            ctl_warn("node %s: %lld findings; audit verify names them",
                     ctl_escape(ctl_str(streams[i].node)),
                     (long long) lanes[i]->findings);
        }
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < lanes[i]->n; k++) {
            puts(ctl_anchor_line(keys, lanes[i], lanes[i]->lanes[k], ctl->now,
                                 of));
        }
    }

    if (of == 0) {
        fputs("there are no audit records yet\n", stderr);
        return CTL_NOT_FOUND;
    }

    if (!ctl_given(ctl, CTL_OPT_SECRET_FILE)) {
        ctl_warn("without --secret-file the anchor is not signed: keep it "
                 "where nobody can change it");
    }

    return CTL_DONE;
}
