/*
 * ActiveSync answers: one row a command, its WBXML code page, its root element
 * and the Status in it (MS-ASWBXML 2.1.2.1).  An empty 200 means "done" to a
 * client, so a command without a row is told 403.
 */
#include "answer_eas.h"

#include <string.h>


#define COMPLIANCE_EAS_140  140   /* the first version with status 129 */

#define COMPLIANCE_WBXML_SWITCH  0x00
#define COMPLIANCE_WBXML_END     0x01
#define COMPLIANCE_WBXML_STR_I   0x03

/* root and status carry WBXML's "has content" bit 0x40; root 0: no element */
static const struct {
    uint8_t page;
    uint8_t root;
    uint8_t status;
} compliance_eas_elements[COMPLIANCE_EAS_COMMANDS] = {
    [COMPLIANCE_EAS_SYNC] =             { 0x00, 0x45, 0x4e },
    [COMPLIANCE_EAS_SENDMAIL] =         { 0x15, 0x45, 0x52 },
    [COMPLIANCE_EAS_SMARTFORWARD] =     { 0x15, 0x46, 0x52 },
    [COMPLIANCE_EAS_SMARTREPLY] =       { 0x15, 0x47, 0x52 },
    [COMPLIANCE_EAS_FOLDERSYNC] =       { 0x07, 0x56, 0x4c },
    [COMPLIANCE_EAS_FOLDERCREATE] =     { 0x07, 0x53, 0x4c },
    [COMPLIANCE_EAS_FOLDERDELETE] =     { 0x07, 0x54, 0x4c },
    [COMPLIANCE_EAS_FOLDERUPDATE] =     { 0x07, 0x55, 0x4c },
    [COMPLIANCE_EAS_MOVEITEMS] =        { 0x05, 0x45, 0x4b },
    [COMPLIANCE_EAS_GETITEMESTIMATE] =  { 0x06, 0x45, 0x4e },
    [COMPLIANCE_EAS_MEETINGRESPONSE] =  { 0x08, 0x47, 0x4b },
    [COMPLIANCE_EAS_SEARCH] =           { 0x0f, 0x45, 0x4c },
    [COMPLIANCE_EAS_SETTINGS] =         { 0x12, 0x45, 0x46 },
    [COMPLIANCE_EAS_PING] =             { 0x0d, 0x45, 0x47 },
    [COMPLIANCE_EAS_ITEMOPERATIONS] =   { 0x14, 0x45, 0x4d },
    [COMPLIANCE_EAS_PROVISION] =        { 0x0e, 0x45, 0x4b },
    [COMPLIANCE_EAS_RESOLVERECIPIENTS] = { 0x0a, 0x45, 0x47 },
    [COMPLIANCE_EAS_VALIDATECERT] =     { 0x0b, 0x45, 0x4a },
    [COMPLIANCE_EAS_FIND] =             { 0x19, 0x45, 0x4a },
};


bool
compliance_eas_status(compliance_eas_command_t command, unsigned status,
    compliance_eas_answer_t *answer)
{
    static const uint8_t header[] = {
        0x03,   /* WBXML 1.3 */
        0x01,   /* public identifier: unknown */
        0x6a,   /* UTF-8 */
        0x00    /* no string table */
    };

    unsigned divisor;
    uint8_t *out = answer->body;

    memset(answer, 0, sizeof(*answer));

    if ((size_t) command >= COMPLIANCE_EAS_COMMANDS
        || compliance_eas_elements[command].root == 0 || status > 999)
    {
        return false;
    }

    memcpy(out, header, sizeof(header));
    out += sizeof(header);

    /* a document begins on page 0 */
    if (compliance_eas_elements[command].page != 0) {
        *out++ = COMPLIANCE_WBXML_SWITCH;
        *out++ = compliance_eas_elements[command].page;
    }

    *out++ = compliance_eas_elements[command].root;
    *out++ = compliance_eas_elements[command].status;
    *out++ = COMPLIANCE_WBXML_STR_I;

    for (divisor = 100; divisor > 0; divisor /= 10) {
        if (status >= divisor || divisor == 1) {
            *out++ = (uint8_t) ('0' + status / divisor % 10);
        }
    }

    *out++ = 0;
    *out++ = COMPLIANCE_WBXML_END;
    *out++ = COMPLIANCE_WBXML_END;

    answer->status = 200;
    answer->len = (size_t) (out - answer->body);

    return true;
}


void
compliance_eas_blocked(const compliance_eas_request_t *request,
    compliance_eas_answer_t *answer)
{
    if (!request->options && request->version >= COMPLIANCE_EAS_140
        && compliance_eas_status(request->command,
               COMPLIANCE_EAS_STATUS_BLOCKED, answer))
    {
        return;
    }

    memset(answer, 0, sizeof(*answer));
    answer->status = 403;
}
