/*
 * How HTTP tells a decision: one table, by who reads the answer.  A block is
 * never told by 401, 440 or 449, and never by a redirect to a program: they
 * make clients prompt, loop or take the portal's page for mail.
 */
#include "answer_http.h"

#include <string.h>


typedef enum {
    COMPLIANCE_READER_PROGRAM = 0,   /* EWS, MAPI, DAV, Autodiscover */
    COMPLIANCE_READER_PHONE,         /* ActiveSync */
    COMPLIANCE_READER_SCRIPT,        /* a web page's XHR */
    COMPLIANCE_READER_PERSON,        /* a browser's window */
    COMPLIANCE_READER_FRAME,         /* a frame inside one */
    COMPLIANCE_READERS
} compliance_reader_t;

static const struct {
    compliance_http_answer_t block;
    compliance_http_answer_t bad_request;
    compliance_http_answer_t tempfail;
} compliance_http_answers[COMPLIANCE_READERS] = {

    [COMPLIANCE_READER_PROGRAM] = {
        .block = { 403, COMPLIANCE_BODY_TEXT, false },
        .bad_request = { 400, COMPLIANCE_BODY_TEXT, false },
        .tempfail = { 503, COMPLIANCE_BODY_TEXT, true } },

    /* 200 or 403: compliance_eas_blocked() knows the command and version */
    [COMPLIANCE_READER_PHONE] = {
        .block = { 403, COMPLIANCE_BODY_EAS, false },
        .bad_request = { 400, COMPLIANCE_BODY_NONE, false },
        .tempfail = { 503, COMPLIANCE_BODY_NONE, true } },

    [COMPLIANCE_READER_SCRIPT] = {
        .block = { 403, COMPLIANCE_BODY_PROBLEM, false },
        .bad_request = { 400, COMPLIANCE_BODY_PROBLEM, false },
        .tempfail = { 503, COMPLIANCE_BODY_PROBLEM, true } },

    [COMPLIANCE_READER_PERSON] = {
        .block = { 303, COMPLIANCE_BODY_REDIRECT, false },
        .bad_request = { 400, COMPLIANCE_BODY_TEXT, false },
        .tempfail = { 503, COMPLIANCE_BODY_PAGE, true } },

    [COMPLIANCE_READER_FRAME] = {
        .block = { 403, COMPLIANCE_BODY_FRAME, false },
        .bad_request = { 400, COMPLIANCE_BODY_TEXT, false },
        .tempfail = { 503, COMPLIANCE_BODY_PAGE, true } },
};


static compliance_reader_t
compliance_http_reader(compliance_protocol_t protocol,
    compliance_access_t access)
{
    switch (protocol) {

    case COMPLIANCE_EAS:
        return COMPLIANCE_READER_PHONE;

    case COMPLIANCE_WEB:
        break;

    case COMPLIANCE_PROTOCOL_NONE:
    case COMPLIANCE_EWS:
    case COMPLIANCE_MAPI:
    case COMPLIANCE_DAV:
    case COMPLIANCE_AUTODISCOVER:
    case COMPLIANCE_IMAP:
    case COMPLIANCE_POP3:
    case COMPLIANCE_SMTP:
    case COMPLIANCE_PROTOCOLS:
        return COMPLIANCE_READER_PROGRAM;
    }

    switch (access) {

    case COMPLIANCE_ACCESS_NAVIGATION:
        return COMPLIANCE_READER_PERSON;

    case COMPLIANCE_ACCESS_IFRAME:
        return COMPLIANCE_READER_FRAME;

    case COMPLIANCE_ACCESS_API:
    case COMPLIANCE_ACCESS_XHR:
        break;
    }

    return COMPLIANCE_READER_SCRIPT;
}


compliance_http_answer_t
compliance_http_answer(compliance_protocol_t protocol,
    compliance_access_t access, compliance_verdict_t verdict)
{
    compliance_reader_t reader = compliance_http_reader(protocol, access);

    switch (verdict) {

    case COMPLIANCE_BLOCK:
        return compliance_http_answers[reader].block;

    case COMPLIANCE_BAD_REQUEST:
        return compliance_http_answers[reader].bad_request;

    case COMPLIANCE_UNDECIDED:
    case COMPLIANCE_ALLOW:
    case COMPLIANCE_TEMPFAIL:
        break;
    }

    return compliance_http_answers[reader].tempfail;
}


/* RFC 9457 4.2.1: with the type "about:blank", the title is the status's. */
static const char *
compliance_http_title(unsigned status)
{
    static const struct {
        unsigned    status;
        const char *title;
    } titles[] = {
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 429, "Too Many Requests" },
        { 503, "Service Unavailable" },
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }

    return "Error";
}


compliance_rc_t
compliance_http_problem(compliance_buf_t *out, unsigned status,
    const char *detail, compliance_str_t portal_link, const char *decision_id)
{
    compliance_buf_str(out, "{\"type\":\"about:blank\",\"title\":\"");
    compliance_buf_str(out, compliance_http_title(status));
    compliance_buf_str(out, "\",\"status\":");
    compliance_buf_int(out, status);
    compliance_buf_str(out, ",\"detail\":\"");
    compliance_json_escape(out, (compliance_str_t) { detail, strlen(detail) });
    compliance_buf_str(out, "\"");

    if (portal_link.len > 0) {
        compliance_buf_str(out, ",\"portal\":\"");
        compliance_json_escape(out, portal_link);
        compliance_buf_str(out, "\"");
    }

    if (decision_id != NULL && decision_id[0] != '\0') {
        compliance_buf_str(out, ",\"decision\":\"");
        compliance_json_escape(out,
            (compliance_str_t) { decision_id, strlen(decision_id) });
        compliance_buf_str(out, "\"");
    }

    compliance_buf_str(out, "}");

    return out->overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}
