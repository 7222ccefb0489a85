/*
 * What connect.c, store.c and transaction.c share.
 */
#ifndef COMPLIANCE_CTL_STORE_PRIVATE_H
#define COMPLIANCE_CTL_STORE_PRIVATE_H

#include "history.h"
#include "transport.h"


typedef enum {
    CTL_WRITE_OTHER = 0,   /* has no history */
    CTL_WRITE_HSET,
    CTL_WRITE_HDEL,
    CTL_WRITE_SADD,
    CTL_WRITE_SREM,
    CTL_WRITE_SET,
    CTL_WRITE_DEL
} ctl_op_t;

typedef struct {
    ctl_op_t         op;
    ctl_type_t       type;
    const char      *key;
    const char      *field;     /* of HSET and HDEL */
    compliance_str_t value;     /* set, or the member */
    char            *command;   /* RESP, hiredis' memory */
    int              len;
} ctl_write_t;

struct ctl_store_s {
    ctl_transport_t *transport;
    const char      *address;    /* as shown */
    int64_t          timeout_ms;
    size_t           pending;    /* sent and not yet received */
    size_t           n_writes;
    size_t           cap;
    ctl_write_t     *writes;
    bool             watching;
    ctl_history_t    history;
};

/* connect.c: the connection, made at the first call. */
ctl_store_t *ctl_store_connected(ctl_t *ctl);

/* history.c: what the collected writes are about to change, as one entry of
 * the undo log, written in the same transaction.  Everything they touch is
 * under WATCH. */
void ctl_history_plan(ctl_t *ctl);

/* store.c */
CTL_NORETURN void ctl_store_lost(const ctl_store_t *store);
CTL_NORETURN void ctl_store_refused(const ctl_store_t *store,
    const redisReply *reply);

#endif
