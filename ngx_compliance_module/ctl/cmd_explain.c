/*
 * explain: the request that the options describe goes through the gateway's
 * own lookup.c and decide.c.  Every verdict is an answer: the exit code tells
 * only whether the question could be put.
 */
#include "explain.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>


/* A name that no client may present makes the request malformed there, and so
 * it is explained here. */
static void
identity_is(compliance_request_t *request, compliance_rc_t rc)
{
    if (rc != COMPLIANCE_OK && request->identity == COMPLIANCE_OK) {
        request->identity = rc == COMPLIANCE_AMBIGUOUS ? rc
                                                       : COMPLIANCE_MALFORMED;
    }
}


static compliance_claim_t *
add_claim(compliance_request_t *request, compliance_device_source_t source)
{
    compliance_claim_t *claim = &request->claims[request->n_claims++];

    memset(claim, 0, sizeof(*claim));
    claim->source = source;

    return claim;
}


/* How this protocol's clients name a device. */
static compliance_device_source_t
device_source(compliance_protocol_t protocol, compliance_binding_t binding,
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


/* --binding certificate --device ID: the certificate the device is known by. */
static const char *
certificate_of(ctl_t *ctl, const char *device)
{
    size_t       n;
    const char **members;
    ctl_record_t record;

    ctl_resolve_device(ctl, device, &record);
    members = ctl_aliases_of(ctl, false, record.name, &n);

    for (size_t i = 0; i < n; i++) {
        if (strncmp(members[i], "cert:", 5) == 0) {
            return members[i] + 5;
        }
    }

    ctl_die(CTL_NOT_FOUND, "device \"%s\" has no certificate on record; give "
            "--cert SHA256, or record it: compliancectl device alias %s cert "
            "SHA256", record.name, record.name);
}


static void
read_device(ctl_t *ctl, ctl_explanation_t *e)
{
    compliance_request_t *request = &e->request;
    compliance_binding_t  binding = COMPLIANCE_BINDING_ASSERTED;
    compliance_claim_t   *claim;
    const char           *text = ctl->options[CTL_OPT_BINDING];
    const char           *cert = ctl->options[CTL_OPT_CERT];

    if (text != NULL) {
        binding = compliance_binding_parse(ctl_str(text));

        if (binding != COMPLIANCE_BINDING_ASSERTED
            && binding != COMPLIANCE_BINDING_SECRET
            && binding != COMPLIANCE_BINDING_CERTIFICATE)
        {
            ctl_die_usage(ctl, "--binding \"%s\" is none; it expects asserted, "
                          "secret or certificate (\"owner\" follows from the "
                          "device's record)", ctl_escape(ctl_str(text)));
        }
    }

    if (binding == COMPLIANCE_BINDING_CERTIFICATE && cert == NULL) {
        if (e->device == NULL) {
            ctl_die_usage(ctl, "--binding certificate needs --cert or "
                          "--device");
        }

        cert = certificate_of(ctl, e->device);
    }

    if (e->device != NULL && binding == COMPLIANCE_BINDING_SECRET
        && request->protocol == COMPLIANCE_EAS)
    {
        ctl_die_usage(ctl, "an EAS device is asserted, or proven by a "
                      "certificate: --binding secret does not exist there");
    }

    /* a certificate alone names the device, as with a mail client */
    if (e->device != NULL
        && (binding != COMPLIANCE_BINDING_CERTIFICATE
            || request->protocol == COMPLIANCE_EAS))
    {
        claim = add_claim(request, device_source(request->protocol, binding,
                                                 e->device));
        identity_is(request, compliance_device_id_parse(ctl_str(e->device),
                                                        &claim->id));
    }

    if (cert != NULL) {
        claim = add_claim(request, COMPLIANCE_DEVICE_FROM_CERTIFICATE);

        if (compliance_fingerprint_parse(ctl_str(cert), claim->fingerprint)
            != COMPLIANCE_OK)
        {
            ctl_die_usage(ctl, "--cert \"%s\" is no SHA-256 fingerprint; it "
                          "expects 64 hex digits, ':' between pairs allowed",
                          ctl_escape(ctl_str(cert)));
        }
    }

    request->device_free = request->protocol == COMPLIANCE_AUTODISCOVER
        || (request->protocol == COMPLIANCE_EAS && request->n_claims == 0);
}


static void
read_user(const ctl_t *ctl, ctl_explanation_t *e)
{
    compliance_request_t *request = &e->request;
    bool                  web = request->protocol == COMPLIANCE_WEB;

    if (e->user != NULL) {
        identity_is(request, compliance_principal_parse(ctl_str(e->user),
                                                        &request->user));

        /* the web knows a name only where it is about to log in */
        request->user_source = web || ctl_given(ctl, CTL_OPT_LOGIN)
                               ? COMPLIANCE_USER_FROM_LOGIN
                               : COMPLIANCE_USER_FROM_CREDENTIAL;
        return;
    }

    if (ctl_given(ctl, CTL_OPT_LOGIN)) {
        ctl_die_usage(ctl, "--login needs --user: who is about to log in?");
    }

    if (!web && request->n_claims == 0) {
        ctl_die_usage(ctl, "--user is missing: whom would the back end "
                      "authenticate?");
    }

    request->user_source = COMPLIANCE_USER_FROM_OWNER;
}


static void
read_request(ctl_t *ctl, ctl_explanation_t *e)
{
    compliance_request_t *request = &e->request;
    const char           *text = ctl->options[CTL_OPT_PROTOCOL];
    compliance_network_t  network;

    if (text == NULL) {
        ctl_die_usage(ctl, "--protocol is missing");
    }

    request->protocol = compliance_protocol_parse(ctl_str(text));

    if (request->protocol == COMPLIANCE_PROTOCOL_NONE) {
        ctl_die_usage(ctl, "--protocol \"%s\" is none; it expects eas, web, "
                      "ews, mapi, dav, autodiscover, imap, pop3 or smtp",
                      ctl_escape(ctl_str(text)));
    }

    e->at = ctl->now;
    text = ctl->options[CTL_OPT_AT];

    if (text != NULL && !ctl_time_parse(ctl_str(text), ctl->now, &e->at)) {
        ctl_die_usage(ctl, "--at \"%s\" is not valid; it expects %s",
                      ctl_escape(ctl_str(text)), CTL_TIME_EXPECTS);
    }

    text = ctl->options[CTL_OPT_ADDRESS];

    if (text != NULL) {
        if (strchr(text, '/') != NULL
            || compliance_network_parse(ctl_str(text), &network)
               != COMPLIANCE_OK)
        {
            ctl_die_usage(ctl, "--address \"%s\" is no IPv4 or IPv6 address",
                          ctl_escape(ctl_str(text)));
        }

        request->has_address = true;
        memcpy(request->address, network.address, sizeof(request->address));
    }

    request->device_type = ctl_str(ctl->options[CTL_OPT_CLIENT_TYPE]);
    request->user_agent = ctl_str(ctl->options[CTL_OPT_USER_AGENT]);
    e->user = ctl->options[CTL_OPT_USER];
    e->device = ctl->options[CTL_OPT_DEVICE];

    read_device(ctl, e);
    read_user(ctl, e);
}


static void
send_ask(ctl_t *ctl, const compliance_ask_t *ask)
{
    const char *const *fields = NULL;
    size_t             n = 0;
    const char        *argv[2 + COMPLIANCE_DEVICE_FIELDS
                            + COMPLIANCE_USER_FIELDS];

    switch (ask->kind) {

    case COMPLIANCE_ASK_DEVICE:
        fields = compliance_device_fields;
        n = COMPLIANCE_DEVICE_FIELDS;
        break;

    case COMPLIANCE_ASK_USER:
        fields = compliance_user_fields;
        n = COMPLIANCE_USER_FIELDS;
        break;

    case COMPLIANCE_ASK_STRING:
        break;
    }

    argv[0] = n > 0 ? "HMGET" : "GET";
    argv[1] = ask->key;

    for (size_t i = 0; i < n; i++) {
        argv[2 + i] = fields[i];
    }

    ctl_store_send_words(ctl, 2 + n, argv);
}


/* Replies are kept until the end: the facts' slices point into none of them,
 * the steps' texts are copies. */
static void
take_answer(ctl_t *ctl, ctl_explanation_t *e, size_t i)
{
    bool                    found = false;
    size_t                  n;
    redisReply             *reply = ctl_store_receive(ctl);
    const compliance_ask_t *ask = &e->lookup.asks[i];
    compliance_value_t     *values;
    ctl_step_t             *step;

    n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 1;
    values = ctl_alloc_array(n, sizeof(*values));

    for (size_t k = 0; k < n; k++) {
        values[k] = ctl_reply_text(reply->type == REDIS_REPLY_ARRAY
                                   ? reply->element[k] : reply);
        found = found || values[k].data != NULL;
    }

    if (e->n_steps < CTL_STEPS_MAX) {
        step = &e->steps[e->n_steps++];
        step->key = ctl_dup((compliance_str_t) {
                                ask->key + ctl->prefix.len,
                                ask->key_len - ctl->prefix.len });
        step->answer = !found ? "none"
                       : ask->kind != COMPLIANCE_ASK_STRING ? "found"
                       : ctl_format("-> %s", ctl_escape(values[0]));
    }

    compliance_lookup_answer(&e->lookup, i, values, n);
}


/* What the device fails at: nothing that is decided by, all that an admin asks
 * for. */
static void
read_details(ctl_t *ctl, ctl_explanation_t *e)
{
    redisReply         *reply;
    char                key[COMPLIANCE_KEY_TEXT_MAX];
    const char         *argv[2 + COMPLIANCE_DETAIL_FIELDS] = { "HMGET", key };
    compliance_value_t  values[COMPLIANCE_DETAIL_FIELDS];

    if (e->lookup.facts.device_presence != COMPLIANCE_PRESENT
        || compliance_key_device(key, sizeof(key), ctl->prefix,
               &e->lookup.facts.device.id) == 0)
    {
        return;
    }

    for (size_t i = 0; i < COMPLIANCE_DETAIL_FIELDS; i++) {
        argv[2 + i] = compliance_detail_fields[i];
    }

    ctl_store_send_words(ctl, 2 + COMPLIANCE_DETAIL_FIELDS, argv);
    reply = ctl_store_receive(ctl);

    for (size_t i = 0; i < COMPLIANCE_DETAIL_FIELDS; i++) {
        values[i] = reply->type == REDIS_REPLY_ARRAY && i < reply->elements
                    ? ctl_reply_text(reply->element[i]) : compliance_absent;
    }

    compliance_details_read(values, &e->details);
}


static void
decide(ctl_t *ctl, ctl_explanation_t *e)
{
    size_t n;

    compliance_lookup_init(&e->lookup, &e->request, ctl->prefix);

    while ((n = compliance_lookup_next(&e->lookup)) > 0) {
        for (size_t i = 0; i < n; i++) {
            send_ask(ctl, &e->lookup.asks[i]);
        }

        for (size_t i = 0; i < n; i++) {
            take_answer(ctl, e, i);
        }
    }

    ctl_snapshot_read(ctl, &e->snapshot);

    e->decision = compliance_decide(&e->request, &e->lookup.facts,
                                    &e->snapshot, e->at, &e->trace);
}


/* A user's groups that are not recorded are judged by "default". */
static void
note_groups(const ctl_explanation_t *e)
{
    compliance_str_t list, group;

    if (e->lookup.facts.user_presence != COMPLIANCE_PRESENT) {
        return;
    }

    list = ctl_str(e->lookup.facts.user.groups);

    while (list.len > 0 && compliance_list_item(&list, &group)) {
        if (compliance_snapshot_find(&e->snapshot, group) == NULL) {
            ctl_note("the user's group \"%s\" is not recorded: the group "
                     "\"default\" judges in its place", ctl_escape(group));
        }
    }

    if (e->lookup.facts.user.groups_unreadable) {
        ctl_note("the user's groups are unreadable: the gateway answers a "
                 "temporary failure until they are put right");
    }
}


ctl_exit_t
ctl_explain(ctl_t *ctl)
{
    ctl_explanation_t *e = ctl_alloc(sizeof(*e));

    read_request(ctl, e);
    decide(ctl, e);
    read_details(ctl, e);
    note_groups(e);

    if (ctl->json) {
        ctl_explain_json(e);
    } else {
        ctl_explain_text(e);
    }

    ctl_notes_flush();

    return CTL_DONE;
}


void
ctl_explain_details(void)
{
    puts("Asks what the gateway would decide now (or --at a time), through "
         "the same code,\nand shows the way there. It exits with 0 whatever "
         "the verdict is.\n\n"
         "Without --device, eas is judged as its OPTIONS request, which names "
         "none; web\nwithout --user as a request of the device's owner, with "
         "it as his login.");
}
