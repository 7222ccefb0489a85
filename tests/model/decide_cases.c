/*
 * Runs cases through the core: a line of standard input is a case as
 * tests/model/model.py describes it, a line of standard output what
 * compliance_lookup_*() and compliance_decide() make of it.  The store's
 * answers come from the case itself.
 */
#include "../../ngx_compliance_module/core/decide.h"
#include "../../ngx_compliance_module/core/names.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define LINE_MAX_BYTES  65536
#define DEVICE          "D1"
#define USER            "alice"
#define CERTIFICATE     \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
fail(const char *why)
{
    fprintf(stderr, "decide_cases: %s\n", why);
    exit(2);
}


static compliance_str_t
text(const json_t *value)
{
    if (!json_is_string(value)) {
        return compliance_absent;
    }

    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


static bool
is(const json_t *value, const char *literal)
{
    return json_is_string(value)
           && strcmp(json_string_value(value), literal) == 0;
}


static void
principal(const char *name, compliance_principal_t *out)
{
    if (compliance_principal_parse((compliance_str_t) { name, strlen(name) },
                                   out) != COMPLIANCE_OK)
    {
        fail("no principal");
    }
}


static void
read_claim(const json_t *c, compliance_request_t *request)
{
    const json_t       *how = json_object_get(c, "claim");
    compliance_claim_t *claim = &request->claims[0];
    bool                web = request->protocol == COMPLIANCE_WEB;

    if (!json_is_string(how)) {
        return;
    }

    request->n_claims = 1;

    if (is(how, "certificate")) {
        claim->source = COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        memcpy(claim->fingerprint, CERTIFICATE, sizeof(CERTIFICATE));
        return;
    }

    if (is(how, "secret")) {
        claim->source = web ? COMPLIANCE_DEVICE_FROM_COOKIE
                            : COMPLIANCE_DEVICE_FROM_SIGNED_TAG;
    } else {
        claim->source = web ? COMPLIANCE_DEVICE_FROM_VARIABLE
                        : request->protocol == COMPLIANCE_EAS
                        ? COMPLIANCE_DEVICE_FROM_EAS
                        : COMPLIANCE_DEVICE_FROM_TAG;
    }

    if (compliance_device_id_parse(compliance_str(DEVICE), &claim->id)
        != COMPLIANCE_OK)
    {
        fail("no device id");
    }
}


static void
read_request(const json_t *c, compliance_request_t *request)
{
    const json_t        *source = json_object_get(c, "source");
    const json_t        *vouched = json_object_get(c, "vouched");
    const json_t        *identity = json_object_get(c, "identity");
    compliance_network_t network;

    memset(request, 0, sizeof(*request));
    request->protocol = compliance_protocol_parse(
        text(json_object_get(c, "protocol")));
    request->identity = is(identity, "ok") ? COMPLIANCE_OK
                        : is(identity, "ambiguous") ? COMPLIANCE_AMBIGUOUS
                        : COMPLIANCE_MALFORMED;
    request->device_free = json_is_true(json_object_get(c, "device_free"));
    request->dry_run = json_is_true(json_object_get(c, "dry_run"));
    request->device_type = text(json_object_get(c, "device_type"));
    request->user_agent = text(json_object_get(c, "user_agent"));
    read_claim(c, request);
    request->vouched_binding = compliance_binding_parse(
        text(json_array_get(vouched, 0)));
    request->vouched_client = json_is_true(json_array_get(vouched, 1));

    if (is(source, "credential") || is(source, "login")) {
        request->user_source = is(source, "login")
                               ? COMPLIANCE_USER_FROM_LOGIN
                               : COMPLIANCE_USER_FROM_CREDENTIAL;
        principal(USER, &request->user);

    } else if (is(source, "owner")) {
        request->user_source = COMPLIANCE_USER_FROM_OWNER;
    }

    if (json_is_string(json_object_get(c, "address"))) {
        if (compliance_network_parse(text(json_object_get(c, "address")),
                                     &network) != COMPLIANCE_OK)
        {
            fail("no address");
        }

        request->has_address = true;
        memcpy(request->address, network.address, sizeof(request->address));
    }
}


/* The store's answer to one ask, or false: it does not answer. */
static bool
answer(const json_t *c, compliance_lookup_t *lookup, size_t i)
{
    const compliance_ask_t *ask = &lookup->asks[i];
    const json_t           *device = json_object_get(c, "device");
    const json_t           *user = json_object_get(c, "user"), *record = NULL;
    compliance_value_t      values[COMPLIANCE_DEVICE_FIELDS];
    const char *const      *fields = compliance_device_fields;
    size_t                  n = COMPLIANCE_DEVICE_FIELDS;

    for (size_t k = 0; k < COMPLIANCE_DEVICE_FIELDS; k++) {
        values[k] = compliance_absent;
    }

    if (ask->kind == COMPLIANCE_ASK_STRING) {
        if (strncmp(ask->key, "alias:user:", 11) == 0) {
            if (strcmp(ask->key, "alias:user:" USER) == 0
                && json_is_null(user))
            {
                return false;
            }

        } else if (json_is_null(device)) {
            return false;

        } else if (strcmp(ask->key, "alias:cert:" CERTIFICATE) == 0
                   && json_object_size(device) > 0)
        {
            values[0] = compliance_str(DEVICE);
        }

        compliance_lookup_answer(lookup, i, values, 1);
        return true;
    }

    if (ask->kind == COMPLIANCE_ASK_USER) {
        fields = compliance_user_fields;
        n = COMPLIANCE_USER_FIELDS;

        if (strcmp(ask->key, "user:" USER) == 0) {
            record = user;
        }

    } else if (strcmp(ask->key, "device:" DEVICE) == 0) {
        record = device;
    }

    if (json_is_null(record)) {
        return false;
    }

    for (size_t k = 0; k < n; k++) {
        values[k] = text(json_object_get(record, fields[k]));
    }

    compliance_lookup_answer(lookup, i, values, n);

    return true;
}


static void
look_up(const json_t *c, compliance_lookup_t *lookup,
    const compliance_request_t *request)
{
    size_t n;
    bool   all = true;

    compliance_lookup_init(lookup, request, compliance_str(""));

    while ((n = compliance_lookup_next(lookup)) > 0) {
        for (size_t i = 0; i < n; i++) {
            all &= answer(c, lookup, i);
        }

        if (!all) {
            compliance_lookup_fail(lookup);
        }
    }
}


static const compliance_snapshot_t *
read_groups(const json_t *c, compliance_snapshot_t *snapshot)
{
    size_t              n, i;
    const char         *name, *field, *bad;
    json_t             *groups = json_object_get(c, "groups"), *group, *value;
    json_t             *names = json_object_get(c, "emergency"), *one;
    compliance_value_t  pairs[64];

    compliance_snapshot_init(snapshot);
    snapshot->stale = json_is_null(groups);

    json_array_foreach(names, i, one) {
        principal(json_string_value(one), &snapshot->break_glass[i]);
        snapshot->n_break_glass = i + 1;
    }

    json_object_foreach(groups, name, group) {
        compliance_group_t *to = compliance_snapshot_add(snapshot,
            (compliance_str_t) { name, strlen(name) });

        if (to == NULL) {
            fail("too many groups");
        }

        n = 0;

        json_object_foreach(group, field, value) {
            if (n + 2 > sizeof(pairs) / sizeof(pairs[0])) {
                fail("too many settings");
            }

            pairs[n++] = (compliance_str_t) { field, strlen(field) };
            pairs[n++] = text(value);
        }

        (void) compliance_group_read(to, name, pairs, n / 2, &bad);
    }

    return snapshot;
}


static void
run(const json_t *c)
{
    static compliance_snapshot_t snapshot;
    static compliance_lookup_t   lookup;
    static compliance_trace_t    trace;
    static bool                  traced;
    compliance_request_t         request;
    compliance_decision_t        d;
    int64_t                      now;

    now = json_integer_value(json_object_get(c, "now"));
    read_request(c, &request);
    look_up(c, &lookup, &request);

    /* a trace is for telling, and changes nothing */
    traced = !traced;
    d = compliance_decide(&request, &lookup.facts, read_groups(c, &snapshot),
                          now, traced ? &trace : NULL);

    printf("{\"verdict\":\"%s\",\"reason\":\"%s\",\"group\":\"%s\","
           "\"would\":\"%s\",\"warn\":%s,\"break_glass\":%s,"
           "\"binding\":\"%s\",\"deadline\":%lld,\"audit\":%s}\n",
           compliance_verdict_name(d.verdict),
           compliance_reason_name(d.reason),
           d.group == NULL ? "" : d.group->name,
           d.would_block ? compliance_reason_name(d.would_reason) : "",
           d.warn ? "true" : "false", d.break_glass ? "true" : "false",
           compliance_binding_name(d.binding), (long long) d.deadline,
           d.audit ? "true" : "false");
}


int
main(void)
{
    static char line[LINE_MAX_BYTES];
    json_t     *c;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        c = json_loads(line, 0, NULL);

        if (!json_is_object(c)) {
            fail("a line is no JSON object");
        }

        run(c);
        json_decref(c);
    }

    return 0;
}
