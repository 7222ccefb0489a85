/*
 * The answers an ActiveSync client understands (MS-ASCMD 2.2.4, MS-ASWBXML).
 */
#ifndef COMPLIANCE_ANSWER_EAS_H
#define COMPLIANCE_ANSWER_EAS_H

#include "identify_eas.h"


#define COMPLIANCE_EAS_BODY_MAX  16
#define COMPLIANCE_EAS_STATUS_BLOCKED  129

typedef struct {
    unsigned status;                          /* HTTP: 200 or 403 */
    size_t   len;                             /* 0: no body */
    uint8_t  body[COMPLIANCE_EAS_BODY_MAX];   /* application/vnd.ms-sync.wbxml */
} compliance_eas_answer_t;

/* 14.0 and later: 200 and Status 129 in the command's own element; before
 * 14.0, for GetAttachment, for a command without such an element and for an
 * OPTIONS request: 403 without a body. */
void compliance_eas_blocked(const compliance_eas_request_t *request,
    compliance_eas_answer_t *answer);

/* The same with another status: 12 for Sync, 9 for FolderSync, 7 for Ping make
 * a client resynchronise. False where the command has no element for it. */
bool compliance_eas_status(compliance_eas_command_t command, unsigned status,
    compliance_eas_answer_t *answer);

#endif
