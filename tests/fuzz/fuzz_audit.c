/*
 * Audit lines of requests of any bytes are one line of JSON that verifies, and
 * still does when the person is taken out; any bytes as a line are no crash,
 * and never a record that follows.
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


/* The first byte chooses whether the chain has a key. */
static compliance_audit_keys_t *
keys_of(const uint8_t *data, size_t size)
{
    static compliance_audit_keys_t *made[2];
    static compliance_keyring_t     ring;
    size_t                          i = size > 0 ? data[0] & 1 : 0;

    if (made[i] == NULL) {
        ring.n = i;
        ring.keys[0].id = 1;
        ring.keys[0].len = COMPLIANCE_KEY_MIN_BYTES;
        made[i] = compliance_audit_keys_create(&ring);

        if (made[i] == NULL) {
            abort();
        }
    }

    return made[i];
}


static void
one_line(const char *line, size_t len)
{
    json_t *json = json_loadb(line, len,
        JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if (json == NULL || memchr(line, '\n', len) != NULL) {
        abort();
    }

    json_decref(json);
}


/* The same record without its person follows the same records. */
static void
erased(const compliance_audit_keys_t *keys, compliance_audit_chain_t *walk,
    compliance_str_t line)
{
    char                    text[COMPLIANCE_AUDIT_RECORD_MAX];
    compliance_buf_t        buf;
    compliance_audit_line_t read;

    compliance_buf_init(&buf, text, sizeof(text));

    if (compliance_audit_read(keys, line, &read) != COMPLIANCE_OK
        || compliance_audit_erase(keys, line, &read,
               compliance_str("\"user\":\"nobody\""), &buf)
           != COMPLIANCE_OK
        || compliance_audit_verify(walk,
               (compliance_str_t) { text, buf.len }) != COMPLIANCE_OK)
    {
        abort();
    }

    one_line(text, buf.len);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                       line[COMPLIANCE_AUDIT_RECORD_MAX];
    uint8_t                    salt[COMPLIANCE_AUDIT_SALT_LEN] = { 1 };
    compliance_buf_t           buf;
    compliance_request_t       request;
    compliance_decision_t      decision;
    compliance_audit_keys_t   *keys = keys_of(data, size);
    compliance_audit_chain_t   chain, walk, other;
    compliance_audit_context_t context;

    compliance_audit_chain_init(&chain, part(data, size, 0), keys);
    walk = chain;
    other = chain;

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
    context.candidate = part(data, size, 1);
    context.salt = salt;

    for (int i = 0; i < 2; i++) {
        compliance_buf_init(&buf, line, sizeof(line));

        if (compliance_audit_record(&chain, &context, &request, NULL,
                &decision, &buf) != COMPLIANCE_OK
            || compliance_audit_verify(&walk,
                   (compliance_str_t) { line, buf.len }) != COMPLIANCE_OK)
        {
            abort();
        }

        one_line(line, buf.len);
        erased(keys, &other, (compliance_str_t) { line, buf.len });
    }

    return 0;
}
