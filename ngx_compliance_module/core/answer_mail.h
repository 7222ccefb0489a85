/*
 * The lines a mail client shows: IMAP (RFC 9051, 5530), POP3 (RFC 3206), SMTP
 * submission (RFC 4954, 3463).
 */
#ifndef COMPLIANCE_ANSWER_MAIL_H
#define COMPLIANCE_ANSWER_MAIL_H

#include "verdict.h"


/* Longest answer: an IMAP tag and twice a portal link of
 * COMPLIANCE_LINK_TOKEN_MAX. */
#define COMPLIANCE_MAIL_ANSWER_MAX  6144

/*
 * Writes the whole answer, CRLFs included; for IMAP also the BYE.
 *   IMAP  TAG NO [ALERT] text URL / TAG NO [UNAVAILABLE] text, then * BYE
 *   POP3  -ERR [SYS/PERM] text URL / -ERR [SYS/TEMP] text
 *   SMTP  534 5.7.9 text URL / 454 4.7.0 text
 * BAD_REQUEST: TAG BAD, -ERR, 501 5.5.2.  text: the group's message or the
 * reason's sentence, reduced to one line of printable characters (UTF-8 only
 * in POP3's and IMAP's text where ascii_only is false).  tag: IMAP only.
 */
compliance_rc_t compliance_mail_answer(compliance_protocol_t protocol,
    compliance_verdict_t verdict, compliance_str_t tag,
    compliance_str_t text, compliance_str_t portal_link,
    compliance_buf_t *out);

#endif
