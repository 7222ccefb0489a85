/*
 * Seals a portal link with the gateway's own code, for tests that need a link
 * no blocked request would get: seal_link "ID HEXSECRET" PROTOCOL REASON
 * BINDING DEVICE USER RETURN_PATH EXPIRES
 */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
main(int argc, char **argv)
{
    char                 text[COMPLIANCE_LINK_TOKEN_MAX];
    unsigned             line;
    const char          *why;
    compliance_buf_t     token;
    compliance_link_t    link;
    compliance_keyring_t keys;
    uint8_t              nonce[16] = { 1, 2, 3 };

#define ARG(i)  ((compliance_str_t) { argv[i], strlen(argv[i]) })

    if (argc != 9
        || compliance_keyring_parse(ARG(1), &keys, &line, &why)
           != COMPLIANCE_OK)
    {
        fprintf(stderr, "usage: see seal_link.c\n");
        return 2;
    }

    memset(&link, 0, sizeof(link));
    snprintf(link.decision_id, sizeof(link.decision_id), "testtesttesttest");
    link.protocol = compliance_protocol_parse(ARG(2));
    link.reason = compliance_reason_parse(ARG(3));
    link.binding = compliance_binding_parse(ARG(4));
    snprintf(link.device.data, sizeof(link.device.data), "%s", argv[5]);
    link.device.len = strlen(link.device.data);
    snprintf(link.user.data, sizeof(link.user.data), "%s", argv[6]);
    link.user.len = strlen(link.user.data);
    snprintf(link.return_path, sizeof(link.return_path), "%s", argv[7]);
    link.expires = atoll(argv[8]);

    compliance_buf_init(&token, text, sizeof(text));

    if (compliance_link_seal(&keys, &link, nonce, &token) != COMPLIANCE_OK) {
        fprintf(stderr, "cannot be sealed\n");
        return 1;
    }

    puts(text);

    return 0;
}
