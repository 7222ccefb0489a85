/*
 * Texts of allowed accesses.  Whatever is read is written as a text that reads
 * as the same again; a client's bytes, whatever they are, make a text that can
 * be read and holds no control character.
 */
#include <stdlib.h>
#include <string.h>

#include "seen.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
there_and_back(const compliance_seen_t *seen)
{
    char              text[COMPLIANCE_SEEN_TEXT_MAX];
    compliance_buf_t  out;
    compliance_seen_t again;

    compliance_buf_init(&out, text, sizeof(text));

    if (!compliance_seen_write(seen, &out)) {
        abort();
    }

    for (size_t i = 0; i < out.len; i++) {
        if ((uint8_t) text[i] < 0x20 || text[i] == 0x7f) {
            abort();
        }
    }

    if (compliance_seen_read((compliance_str_t) { text, out.len }, &again)
        != COMPLIANCE_OK
        || again.protocol != seen->protocol || again.reason != seen->reason
        || again.source != seen->source || again.binding != seen->binding
        || again.known != seen->known
        || strcmp(again.device, seen->device) != 0
        || strcmp(again.device_type, seen->device_type) != 0
        || strcmp(again.user_agent, seen->user_agent) != 0)
    {
        abort();
    }
}


static void
of_a_client(const uint8_t *data, size_t size)
{
    size_t                half = size / 2;
    compliance_seen_t     seen;
    compliance_facts_t    facts;
    compliance_request_t  request;
    compliance_decision_t decision;

    memset(&request, 0, sizeof(request));
    memset(&decision, 0, sizeof(decision));
    compliance_facts_init(&facts);
    request.protocol = COMPLIANCE_EAS;
    decision.reason = COMPLIANCE_COMPLIANT;
    request.device_type = (compliance_str_t) { (const char *) data, half };
    request.user_agent = (compliance_str_t) { (const char *) data + half,
                                              size - half };

    compliance_seen_of(&request, &facts, &decision, &seen);
    there_and_back(&seen);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compliance_seen_t seen;

    if (compliance_seen_read((compliance_str_t) { (const char *) data, size },
                             &seen) == COMPLIANCE_OK)
    {
        there_and_back(&seen);
    }

    of_a_client(data, size);

    return 0;
}
