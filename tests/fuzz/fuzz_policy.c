/*
 * Policies of any bytes, over inventories of any bytes.
 *
 * Input: a policy, and after a NUL an inventory.  Without a NUL the policy
 * itself is the inventory.  What is accepted is judged; what is refused has a
 * message, and a line within the text.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"


#define NOW  1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_error(const compliance_policy_error_t *error, const char *text,
    size_t len)
{
    unsigned lines = 1;

    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }

    if (error->message[0] == '\0' || error->line > lines
        || strnlen(error->path, sizeof(error->path)) == sizeof(error->path))
    {
        abort();
    }
}


static void
check_judgement(const compliance_inventory_t *device,
    const compliance_judgement_of_device_t *out)
{
    size_t len = strnlen(out->reasons, sizeof(out->reasons));

    if (len == sizeof(out->reasons)
        || (len > 0 && (out->reasons[0] == ',' || out->reasons[len - 1] == ','))
        || (out->state == COMPLIANCE_STATE_GRACE) != (out->grace_until > 0)
        || (out->state == COMPLIANCE_STATE_GRACE
            && out->grace_until <= device->now)
        || (out->state == COMPLIANCE_STATE_COMPLIANT
            && (len > 0 || out->noncompliant_since != 0)))
    {
        abort();
    }
}


static void
judge(const compliance_policy_t *policy, const json_t *inventory,
    compliance_state_t mdm, bool said)
{
    static const char *const platforms[] = { "ios", "android", "windows" };
    compliance_judgement_of_device_t out;
    compliance_inventory_t           device = {
        .inventory = inventory,
        .mdm_said = said,
        .mdm_state = mdm,
        .mdm_grace_until = NOW + 1000,
        .now = NOW,
    };

    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
        device.platform = (compliance_str_t) { platforms[i],
                                               strlen(platforms[i]) };
        device.noncompliant_since = i == 2 ? INT64_MAX
                                    : (int64_t) i * (NOW - 86400);
        compliance_policies_judge(&policy, 1, &device, &out);
        check_judgement(&device, &out);
        (void) compliance_policy_remediation(policy, device.platform,
            (compliance_str_t) { out.reasons, strcspn(out.reasons, ",") },
            (compliance_str_t) { "de-AT", 5 });
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char                *text = (const char *) data;
    size_t                     len = strnlen(text == NULL ? "" : text, size);
    json_t                    *inventory;
    compliance_policy_t       *policy;
    compliance_policy_error_t  error;

    policy = compliance_policy_parse((compliance_str_t) { text, len }, &error);

    if (policy == NULL) {
        check_error(&error, text, len);
        return 0;
    }

    inventory = len < size ? json_loadb(text + len + 1, size - len - 1, 0, NULL)
                           : json_loadb(text, len, 0, NULL);

    for (int state = COMPLIANCE_STATE_UNKNOWN;
         state <= COMPLIANCE_STATE_RETIRED; state++)
    {
        judge(policy, inventory, (compliance_state_t) state, true);
        judge(policy, inventory, (compliance_state_t) state, false);
    }

    judge(policy, NULL, COMPLIANCE_STATE_COMPLIANT, true);
    json_decref(inventory);
    compliance_policy_free(policy);

    return 0;
}
