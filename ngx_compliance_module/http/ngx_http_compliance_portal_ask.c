/*
 * An opened link -> what holds now: its device and user are judged afresh, by
 * core as ever, silently.  The asker is proven by a client certificate on this
 * very request, and by nothing in the link; what may be shown to whom is
 * core/portal_page.c's to say.  A cancelled request cancels what is pending
 * (portal_link's cleanup), so no answer finds a context gone.
 */
#include "ngx_http_compliance_portal.h"


static void ngx_http_compliance_portal_claim(
    ngx_http_compliance_portal_ctx_t *ctx, compliance_request_t *request);
static void ngx_http_compliance_portal_checked(ngx_compliance_check_t *check);
static void ngx_http_compliance_portal_judged(
    ngx_http_compliance_portal_ctx_t *ctx);
static void ngx_http_compliance_portal_detailed(
    ngx_compliance_details_t *details);


/* Both questions leave in the same write: what becomes of the link's device
 * and user, and whose certificate the asker has shown. */
void
ngx_http_compliance_portal_ask(ngx_http_compliance_portal_ctx_t *ctx)
{
    ngx_uint_t               i;
    ngx_http_request_t      *r;
    ngx_compliance_check_t  *check[2];

    r = ctx->request;
    check[0] = &ctx->check;
    check[1] = NULL;

    if (ngx_compliance_certificate(r->connection, ctx->fingerprint)
        != NGX_OK)
    {
        ctx->fingerprint[0] = '\0';

    } else if (ctx->link.device.len != 0) {
        check[1] = &ctx->proof;

        ctx->proof.request.protocol = ctx->link.protocol;
        ctx->proof.request.n_claims = 1;
        ctx->proof.request.claims[0].source =
                                        COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        ngx_memcpy(ctx->proof.request.claims[0].fingerprint, ctx->fingerprint,
                   sizeof(ctx->fingerprint));
    }

    ngx_http_compliance_portal_claim(ctx, &ctx->check.request);

    for (i = 0; i < 2 && check[i] != NULL; i++) {
        check[i]->client = r->connection->addr_text;
        check[i]->log = r->connection->log;
        check[i]->handler = ngx_http_compliance_portal_checked;
        check[i]->data = ctx;
        check[i]->silent = 1;

        if (ngx_compliance_check(check[i]) == NGX_AGAIN) {
            ctx->pending++;
        }
    }

    if (ctx->pending == 0) {
        ngx_http_compliance_portal_judged(ctx);
    }
}


/* The request that was blocked, as far as the link can tell it. */
static void
ngx_http_compliance_portal_claim(ngx_http_compliance_portal_ctx_t *ctx,
    compliance_request_t *request)
{
    compliance_claim_t       *claim;
    const compliance_link_t  *link;

    link = &ctx->link;
    claim = &request->claims[0];

    request->protocol = link->protocol;
    request->identity = COMPLIANCE_OK;
    request->vouched_binding = link->binding;
    request->vouched_client = link->reason != COMPLIANCE_CLIENT_NOT_ALLOWED;

    if (link->device.len != 0) {
        request->n_claims = 1;
        claim->id = link->device;

        /* an alias is asked for too, for a device that was unknown when the
         * link was sealed and has been enrolled since */

        switch (link->protocol) {

        case COMPLIANCE_EAS:
            claim->source = COMPLIANCE_DEVICE_FROM_EAS;
            break;

        case COMPLIANCE_WEB:
            claim->source = COMPLIANCE_DEVICE_FROM_VARIABLE;
            break;

        case COMPLIANCE_EWS:
        case COMPLIANCE_MAPI:
        case COMPLIANCE_DAV:
        case COMPLIANCE_AUTODISCOVER:
        case COMPLIANCE_IMAP:
        case COMPLIANCE_POP3:
        case COMPLIANCE_SMTP:
        case COMPLIANCE_PROTOCOL_NONE:
        case COMPLIANCE_PROTOCOLS:
            claim->source = COMPLIANCE_DEVICE_FROM_TAG;
            break;
        }

    } else if (ctx->fingerprint[0] != '\0') {
        request->n_claims = 1;
        claim->source = COMPLIANCE_DEVICE_FROM_CERTIFICATE;
        ngx_memcpy(claim->fingerprint, ctx->fingerprint,
                   sizeof(claim->fingerprint));

    } else if (link->protocol == COMPLIANCE_AUTODISCOVER) {
        request->device_free = 1;
    }

    if (link->user.len != 0) {
        request->user = link->user;
        request->user_source = link->protocol == COMPLIANCE_WEB
                               ? COMPLIANCE_USER_FROM_LOGIN
                               : COMPLIANCE_USER_FROM_CREDENTIAL;

    } else if (request->n_claims != 0) {
        request->user_source = COMPLIANCE_USER_FROM_OWNER;
    }
}


static void
ngx_http_compliance_portal_checked(ngx_compliance_check_t *check)
{
    ngx_connection_t                  *c;
    ngx_http_compliance_portal_ctx_t  *ctx;

    ctx = check->data;
    c = ctx->request->connection;

    if (--ctx->pending == 0) {
        ngx_http_compliance_portal_judged(ctx);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_compliance_portal_judged(ngx_http_compliance_portal_ctx_t *ctx)
{
    const compliance_facts_t  *facts, *proof;

    facts = &ctx->check.facts;
    proof = &ctx->proof.facts;

    ctx->view.facts = facts;
    ctx->view.decision = &ctx->check.decision;
    ctx->view.message = ctx->check.message;
    ctx->view.contact = ctx->check.support_contact;

    if (ctx->check.decision.verdict == COMPLIANCE_UNDECIDED
        || ctx->check.decision.verdict == COMPLIANCE_TEMPFAIL)
    {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_UNAVAILABLE);
        return;
    }

    if (facts->device_presence != COMPLIANCE_PRESENT) {
        ngx_http_compliance_portal_end(ctx,
            ctx->check.decision.verdict == COMPLIANCE_ALLOW
            ? COMPLIANCE_PORTAL_OPEN : COMPLIANCE_PORTAL_BLOCKED);
        return;
    }

    if (ctx->fingerprint[0] != '\0') {
        ctx->view.proven = ctx->link.device.len == 0
                           ? facts->binding == COMPLIANCE_BINDING_CERTIFICATE
                           : proof->device_presence == COMPLIANCE_PRESENT
                             && !proof->ambiguous
                             && compliance_device_id_eq(&proof->device.id,
                                                        &facts->device.id);
    }

    ctx->details.device = facts->device.id;
    ctx->details.handler = ngx_http_compliance_portal_detailed;
    ctx->details.data = ctx;

    if (ngx_compliance_details(&ctx->details) != NGX_AGAIN) {
        ngx_http_compliance_portal_end(ctx, COMPLIANCE_PORTAL_UNAVAILABLE);
    }
}


static void
ngx_http_compliance_portal_detailed(ngx_compliance_details_t *details)
{
    ngx_connection_t                  *c;
    ngx_http_compliance_portal_ctx_t  *ctx;

    ctx = details->data;
    c = ctx->request->connection;

    if (details->presence == COMPLIANCE_PRESENT) {
        ctx->view.details = &details->fields;
    }

    ngx_http_compliance_portal_end(ctx,
        ctx->check.decision.verdict == COMPLIANCE_ALLOW
        ? COMPLIANCE_PORTAL_OPEN : COMPLIANCE_PORTAL_BLOCKED);

    ngx_http_run_posted_requests(c);
}
