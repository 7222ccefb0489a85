/*
 * A question in a person's words -> the request that the gateway would build.
 * What cannot be meant is refused with a message; what a client could present,
 * but the gateway refuses, becomes a malformed request.
 */
#include "question.h"

#include "../core/group.h"
#include "../core/names.h"

#include <string.h>


/* What is being read: the question, and where the first complaint goes. */
typedef struct {
    ctl_t                *ctl;
    const ctl_question_t *question;
    ctl_case_t           *out;
    const char           *why;
} reading_t;


static const char *
named(const reading_t *r, const char *name)
{
    return r->question->options ? ctl_format("--%s", name) : name;
}


static const char *
quoted(const char *text)
{
    return ctl_escape(ctl_str(text));
}


/* A name that no client may present makes the request malformed there, and so
 * it is here. */
static void
identity_is(compliance_request_t *request, compliance_rc_t rc)
{
    if (rc != COMPLIANCE_OK && request->identity == COMPLIANCE_OK) {
        request->identity = rc == COMPLIANCE_AMBIGUOUS ? rc
                                                       : COMPLIANCE_MALFORMED;
    }
}


compliance_claim_t *
ctl_claim_add(compliance_request_t *request, compliance_device_source_t source)
{
    compliance_claim_t *claim = &request->claims[request->n_claims++];

    memset(claim, 0, sizeof(*claim));
    claim->source = source;

    return claim;
}


compliance_device_source_t
ctl_device_source(compliance_protocol_t protocol, compliance_binding_t binding,
    const char *device)
{
    bool eas = strlen(device) <= 32 && strpbrk(device, "._-") == NULL;

    switch (protocol) {

    case COMPLIANCE_EAS:
        /* a record's id that no EAS client could send still has a record */
        return eas ? COMPLIANCE_DEVICE_FROM_EAS
                   : COMPLIANCE_DEVICE_FROM_VARIABLE;

    case COMPLIANCE_WEB:
        return binding == COMPLIANCE_BINDING_SECRET
               ? COMPLIANCE_DEVICE_FROM_COOKIE
               : COMPLIANCE_DEVICE_FROM_VARIABLE;

    case COMPLIANCE_EWS:
    case COMPLIANCE_MAPI:
    case COMPLIANCE_DAV:
    case COMPLIANCE_AUTODISCOVER:
    case COMPLIANCE_IMAP:
    case COMPLIANCE_POP3:
    case COMPLIANCE_SMTP:
        return binding == COMPLIANCE_BINDING_SECRET
               ? COMPLIANCE_DEVICE_FROM_SIGNED_TAG
               : COMPLIANCE_DEVICE_FROM_TAG;

    case COMPLIANCE_PROTOCOL_NONE:
    case COMPLIANCE_PROTOCOLS:
        break;
    }

    return COMPLIANCE_DEVICE_FROM_VARIABLE;
}


/* Each reads one part of the question; false where it has a complaint. */

static bool
read_protocol(reading_t *r)
{
    const char *text = r->question->protocol;

    if (text == NULL) {
        r->why = ctl_format("%s is missing", named(r, "protocol"));
        return false;
    }

    r->out->request.protocol = compliance_protocol_parse(ctl_str(text));

    if (r->out->request.protocol == COMPLIANCE_PROTOCOL_NONE) {
        r->why = ctl_format("%s \"%s\" is none; it expects eas, web, ews, "
                            "mapi, dav, autodiscover, imap, pop3 or smtp",
                            named(r, "protocol"), quoted(text));
        return false;
    }

    return true;
}


static bool
read_time(reading_t *r)
{
    const char *text = r->question->at;

    r->out->at = r->ctl->now;

    if (text != NULL
        && !ctl_time_parse(ctl_str(text), r->ctl->now, &r->out->at))
    {
        r->why = ctl_format("%s \"%s\" is not valid; it expects %s",
                            named(r, "at"), quoted(text), CTL_TIME_EXPECTS);
        return false;
    }

    return true;
}


static bool
read_client(reading_t *r)
{
    compliance_request_t *request = &r->out->request;
    const char           *text = r->question->address;
    compliance_network_t  network;

    request->device_type = ctl_str(r->question->client_type);
    request->user_agent = ctl_str(r->question->user_agent);
    request->dry_run = r->question->dry_run;

    if (text == NULL) {
        return true;
    }

    if (strchr(text, '/') != NULL
        || compliance_network_parse(ctl_str(text), &network) != COMPLIANCE_OK)
    {
        r->why = ctl_format("%s \"%s\" is no IPv4 or IPv6 address",
                            named(r, "address"), quoted(text));
        return false;
    }

    request->has_address = true;
    memcpy(request->address, network.address, sizeof(request->address));

    return true;
}


static bool
read_binding(reading_t *r, compliance_binding_t *binding)
{
    const ctl_question_t *question = r->question;

    *binding = COMPLIANCE_BINDING_ASSERTED;

    if (question->binding != NULL) {
        *binding = compliance_binding_parse(ctl_str(question->binding));
    }

    if (*binding != COMPLIANCE_BINDING_ASSERTED
        && *binding != COMPLIANCE_BINDING_SECRET
        && *binding != COMPLIANCE_BINDING_CERTIFICATE)
    {
        r->why = ctl_format("%s \"%s\" is none; it expects asserted, secret "
                            "or certificate (\"owner\" follows from the "
                            "device's record)", named(r, "binding"),
                            quoted(question->binding));
        return false;
    }

    if (*binding == COMPLIANCE_BINDING_CERTIFICATE && question->cert == NULL) {
        r->why = ctl_format("%s certificate needs %s", named(r, "binding"),
                            question->options ? "--cert or --device"
                                              : "cert, a fingerprint");
        return false;
    }

    if (question->device != NULL && *binding == COMPLIANCE_BINDING_SECRET
        && r->out->request.protocol == COMPLIANCE_EAS)
    {
        r->why = ctl_format("an EAS device is asserted, or proven by a "
                            "certificate: %s secret does not exist there",
                            named(r, "binding"));
        return false;
    }

    return true;
}


static bool
read_device(reading_t *r)
{
    compliance_request_t *request = &r->out->request;
    const char           *device = r->question->device;
    const char           *cert = r->question->cert;
    compliance_binding_t  binding;
    compliance_claim_t   *claim;

    if (!read_binding(r, &binding)) {
        return false;
    }

    /* a certificate alone names the device, as with a mail client */
    if (device != NULL && (binding != COMPLIANCE_BINDING_CERTIFICATE
                           || request->protocol == COMPLIANCE_EAS))
    {
        claim = ctl_claim_add(request, ctl_device_source(request->protocol,
                                                         binding, device));
        identity_is(request, compliance_device_id_parse(ctl_str(device),
                                                        &claim->id));
    }

    if (cert != NULL) {
        claim = ctl_claim_add(request, COMPLIANCE_DEVICE_FROM_CERTIFICATE);

        if (compliance_fingerprint_parse(ctl_str(cert), claim->fingerprint)
            != COMPLIANCE_OK)
        {
            r->why = ctl_format("%s \"%s\" is no SHA-256 fingerprint; it "
                                "expects 64 hex digits, ':' between pairs "
                                "allowed", named(r, "cert"), quoted(cert));
            return false;
        }
    }

    request->device_free = request->protocol == COMPLIANCE_AUTODISCOVER
        || (request->protocol == COMPLIANCE_EAS && request->n_claims == 0);

    return true;
}


static bool
read_user(reading_t *r)
{
    compliance_request_t *request = &r->out->request;
    const ctl_question_t *question = r->question;
    bool                  web = request->protocol == COMPLIANCE_WEB;

    if (question->user != NULL) {
        identity_is(request, compliance_principal_parse(
                                 ctl_str(question->user), &request->user));

        if (question->hint != NULL) {
            identity_is(request, compliance_principal_parse(
                            ctl_str(question->hint), &request->user_hint));
        }

        /* the web knows a name only where it is about to log in */
        request->user_source = web || question->login
                               ? COMPLIANCE_USER_FROM_LOGIN
                               : COMPLIANCE_USER_FROM_CREDENTIAL;
        return true;
    }

    if (question->login) {
        r->why = ctl_format("%s needs %s: who is about to log in?",
                            named(r, "login"), named(r, "user"));
        return false;
    }

    if (!web && request->n_claims == 0) {
        r->why = ctl_format("%s is missing: whom would the back end "
                            "authenticate?", named(r, "user"));
        return false;
    }

    request->user_source = COMPLIANCE_USER_FROM_OWNER;

    return true;
}


bool
ctl_question_read(ctl_t *ctl, const ctl_question_t *question, ctl_case_t *out,
    const char **why)
{
    reading_t r = { ctl, question, out, NULL };

    memset(&out->request, 0, sizeof(out->request));
    out->proven = COMPLIANCE_BINDING_NONE;

    if (read_protocol(&r) && read_time(&r) && read_client(&r)
        && read_device(&r) && read_user(&r))
    {
        return true;
    }

    *why = r.why;

    return false;
}
