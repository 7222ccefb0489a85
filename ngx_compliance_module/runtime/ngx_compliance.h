/*
 * The runtime: what the HTTP and the mail side share inside nginx.  It takes a
 * canonical request, asks the store, lets core decide, writes the audit, and
 * hands the decision back; what a client is told is the caller's business.
 */
#ifndef NGX_COMPLIANCE_H
#define NGX_COMPLIANCE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "../core/decide.h"
#include "../core/link.h"
#include "../core/audit_record.h"
#include "../../lua-free-shim/ngx_redis.h"


/* Set by main-context directives; one for the whole nginx. */
typedef struct {
    ngx_flag_t             configured;    /* compliance_redis was given */
    ngx_flag_t             gated;         /* set by the HTTP and the mail side
                                             where something is gated: init_conf
                                             refuses that without
                                             compliance_redis */
    ngx_flag_t             portal;        /* compliance_portal is somewhere:
                                             refused without that and without
                                             compliance_secret_file */
    ngx_redis_conf_t       redis;
    ngx_str_t              prefix;
    ngx_str_t              node;          /* this gateway's name in the audit */
    ngx_str_t              portal_url;    /* absolute http(s) URL, no query */
    ngx_str_t              secret_file;
    compliance_keyring_t  *keys;          /* NULL: no compliance_secret_file */
    ngx_shm_zone_t        *zone;
    size_t                 zone_size;
    ngx_flag_t             monitored;     /* compliance_metrics or _status is
                                             somewhere: as `gated` */
    ngx_shm_zone_t        *metrics;
    ngx_uint_t             audit_queue;   /* records held at most */
    ngx_uint_t             audit_maxlen;  /* approximate length of the stream */
    ngx_uint_t             log_level;     /* of blocks */
    ngx_msec_t             seen_interval; /* between two deliveries of counts;
                                             0: nothing is counted */
    ngx_uint_t             seen_table;    /* kinds of access held at most */
    ngx_uint_t             seen_days;     /* how long counts are kept */
} ngx_compliance_conf_t;

extern ngx_module_t  ngx_compliance_module;

ngx_compliance_conf_t *ngx_compliance_get_conf(ngx_cycle_t *cycle);


typedef struct ngx_compliance_check_s  ngx_compliance_check_t;

#define NGX_COMPLIANCE_CANDIDATE_MAX  96   /* "id:verdict:reason" */

typedef void (*ngx_compliance_check_pt)(ngx_compliance_check_t *check);

/* One request being judged.  The caller owns the memory, fills the first part
 * and keeps it (and what request's slices point to) alive until the handler
 * was called or the check was cancelled. */
struct ngx_compliance_check_s {
    compliance_request_t      request;
    ngx_str_t                 client;       /* address as text, for the audit */
    ngx_str_t                 command;      /* for the audit */
    ngx_log_t                *log;
    ngx_compliance_check_pt   handler;
    void                     *data;
    unsigned                  silent:1;     /* no audit record: the portal's
                                               "check again" */

    /* out */
    compliance_facts_t        facts;
    compliance_decision_t     decision;     /* .group is NULL here: see below */
    char                      group[COMPLIANCE_GROUP_NAME_MAX + 1];
    char                      message[COMPLIANCE_MESSAGE_MAX + 1];
    char                      support_contact[COMPLIANCE_CONTACT_MAX + 1];
    char                      id[COMPLIANCE_DECISION_ID_LEN + 1];
    size_t                    candidate_len;  /* 0: the candidate set would
                                                 decide the same */
    u_char                    candidate[NGX_COMPLIANCE_CANDIDATE_MAX];

    /* private */
    compliance_lookup_t       lookup;
    ngx_redis_batch_t         batch;
    ngx_queue_t               queue;
    uint64_t                  asked;        /* the store, when: see metrics */
    ngx_redis_status_e        failure;      /* of the store; OK: none, or a
                                               reply that was no answer */
    unsigned                  waiting:1;
    unsigned                  lookup_due:1;
    unsigned                  snapshot_due:1;
};

/* For memory that was not cleared: nothing is asked, nothing known.  The lookup
 * inside is large, and clears itself. */
void ngx_compliance_check_init(ngx_compliance_check_t *check);

/* NGX_OK: decided at once, the handler is not called.  NGX_AGAIN: the handler
 * will be called exactly once, from the event loop.  Never fails: what cannot
 * be asked is decided as a temporary failure. */
ngx_int_t ngx_compliance_check(ngx_compliance_check_t *check);

/* The request left: the handler will not be called. No-op where not waiting. */
void ngx_compliance_check_cancel(ngx_compliance_check_t *check);


/* People's fields of a device, for the portal: NGX_OK never; NGX_AGAIN: the
 * handler will be called once; NGX_ERROR: the store is not there. */
typedef struct ngx_compliance_details_s  ngx_compliance_details_t;
typedef void (*ngx_compliance_details_pt)(ngx_compliance_details_t *details);

struct ngx_compliance_details_s {
    compliance_device_id_t      device;
    ngx_compliance_details_pt   handler;
    void                       *data;
    compliance_presence_t       presence;   /* UNKNOWN: the store failed */
    compliance_device_details_t fields;
    ngx_redis_batch_t           batch;      /* private */
    unsigned                    waiting:1;
};

ngx_int_t ngx_compliance_details(ngx_compliance_details_t *details);
void ngx_compliance_details_cancel(ngx_compliance_details_t *details);


/* Text for a log line: what is not printable ASCII, and '"' and '\', as \xHH;
 * cut at size.  Returns the length. */
size_t ngx_compliance_escape(u_char *out, size_t size, compliance_str_t text);


/* A signed portal link for a blocked check: portal_url + "?t=" + token, from
 * pool.  Empty where there is no key or no portal_url. */
ngx_int_t ngx_compliance_portal_link(ngx_pool_t *pool,
    const ngx_compliance_check_t *check, ngx_str_t *return_path,
    ngx_str_t *link);


/*
 * Counts events by key in the shared zone; lossy and bounded: a table that
 * forgets, never one that grows.  Returns how often `key` was seen in the
 * current window of window_s seconds, this time included.
 */
typedef enum {
    NGX_COMPLIANCE_COUNT_BLOCK = 1,       /* repeated blocks of a device */
    NGX_COMPLIANCE_COUNT_RECHECK,         /* the portal's "check again" */
    NGX_COMPLIANCE_COUNT_UNKNOWN_DEVICE   /* unknown devices of an address */
} ngx_compliance_count_e;

ngx_uint_t ngx_compliance_count(ngx_compliance_count_e what,
    const void *key, size_t len, time_t window_s);

/* A client's address as core wants it, IPv4 as ::ffff:a.b.c.d; 0: it has none
 * (a unix socket). */
ngx_uint_t ngx_compliance_address(const struct sockaddr *sockaddr,
    uint8_t address[16]);

/* SHA-256 of the client's certificate, 64 hex digits and a NUL, where it was
 * presented and verified: NGX_OK.  NGX_DECLINED: there is none. */
ngx_int_t ngx_compliance_certificate(ngx_connection_t *c,
    char fingerprint[COMPLIANCE_FINGERPRINT_LEN + 1]);


/* How long the answer to a repeated block of this device is held back (ms):
 * 0 for the first, then growing to a few seconds.  Counts this one: call it
 * once an answer.  Always 0 where the request named no device. */
ngx_msec_t ngx_compliance_block_delay(const ngx_compliance_check_t *check);

#endif
