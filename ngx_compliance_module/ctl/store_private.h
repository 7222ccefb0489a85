/*
 * What connect.c, store.c and transaction.c share.
 */
#ifndef COMPLIANCE_CTL_STORE_PRIVATE_H
#define COMPLIANCE_CTL_STORE_PRIVATE_H

#include "store.h"

#include <sys/time.h>


typedef struct {
    ctl_type_t  type;
    const char *key;
    char       *command;   /* RESP, hiredis' memory */
    int         len;
} ctl_write_t;

struct ctl_store_s {
    redisContext *context;
    const char   *address;    /* as shown */
    int64_t       timeout_ms;
    size_t        pending;    /* sent and not yet received */
    size_t        n_writes;
    size_t        cap;
    ctl_write_t  *writes;
    bool          watching;
};

/* connect.c: the connection, made at the first call. */
ctl_store_t *ctl_store_connected(ctl_t *ctl);
struct timeval ctl_milliseconds(int64_t ms);

/* store.c */
CTL_NORETURN void ctl_store_lost(const ctl_store_t *store);

#endif
