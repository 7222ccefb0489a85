/*
 * Audit lines of requests of any bytes are one line of JSON that verifies; any
 * bytes as a line are no crash, and never a record that follows.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "audit_record.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* The i-th of four parts of the input. */
static compliance_str_t
part(const uint8_t *data, size_t size, size_t i)
{
    return (compliance_str_t) { (const char *) data + size / 4 * i, size / 4 };
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                       line[COMPLIANCE_AUDIT_RECORD_MAX];
    json_t                    *json;
    compliance_buf_t           buf;
    compliance_request_t       request;
    compliance_decision_t      decision;
    compliance_audit_chain_t   chain, walk;
    compliance_audit_context_t context;

    compliance_audit_chain_init(&chain, part(data, size, 0));
    walk = chain;

    if (compliance_audit_verify(&walk,
            (compliance_str_t) { (const char *) data, size })
        == COMPLIANCE_OK)
    {
        abort();
    }

    memset(&request, 0, sizeof(request));
    memset(&decision, 0, sizeof(decision));
    memset(&context, 0, sizeof(context));

    request.protocol = COMPLIANCE_EAS;
    request.device_type = part(data, size, 1);
    request.user_agent = (compliance_str_t) { (const char *) data, size };
    decision.verdict = COMPLIANCE_BLOCK;
    decision.reason = COMPLIANCE_DEVICE_UNKNOWN;
    context.decision_id = "";
    context.node = part(data, size, 2);
    context.client = part(data, size, 3);
    context.command = part(data, size, 0);

    for (int i = 0; i < 2; i++) {
        compliance_buf_init(&buf, line, sizeof(line));

        if (compliance_audit_record(&chain, &context, &request, NULL,
                &decision, &buf) != COMPLIANCE_OK
            || memchr(line, '\n', buf.len) != NULL
            || compliance_audit_verify(&walk,
                   (compliance_str_t) { line, buf.len }) != COMPLIANCE_OK)
        {
            abort();
        }
    }

    json = json_loadb(line, buf.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
        NULL);

    if (json == NULL) {
        abort();
    }

    json_decref(json);

    return 0;
}
