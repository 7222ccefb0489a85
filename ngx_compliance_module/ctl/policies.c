/*
 * The policies that are stored, for whoever judges devices by them.  A policy
 * that cannot be read would judge nothing, and let in: it ends the program.
 */
#include "policies.h"

#include <string.h>


static void
release_policy(void *policy)
{
    compliance_policy_free(policy);
}


const compliance_policy_t *const *
ctl_policies_read(ctl_t *ctl, size_t *n)
{
    const char                **names;
    const compliance_policy_t **policies;
    compliance_policy_t        *policy;
    compliance_policy_error_t   error;
    compliance_str_t            text;

    names = ctl_store_members(ctl, ctl_key_policies(ctl), n);
    policies = ctl_alloc_array(*n, sizeof(*policies));

    for (size_t i = 0; i < *n; i++) {
        text = ctl_reply_text(ctl_store_ask(ctl, "GET %s",
                                            ctl_key_policy(ctl, names[i])));
        memset(&error, 0, sizeof(error));
        policy = text.data == NULL ? NULL
                 : compliance_policy_parse(text, &error);

        if (policy == NULL) {
            ctl_die(CTL_CONTENT, "the stored policy \"%s\" cannot be read%s%s: "
                    "nothing was judged by it, nothing was written; apply it "
                    "anew or delete it", ctl_escape(ctl_str(names[i])),
                    error.message[0] == '\0' ? "" : ": ", error.message);
        }

        ctl_keep(policy, release_policy);
        policies[i] = policy;
    }

    return policies;
}
