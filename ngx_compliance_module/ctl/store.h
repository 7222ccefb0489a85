/*
 * Redis, blocking and with timeouts.  Questions are asked at once; writes are
 * collected, and go out as one transaction in ctl_store_commit().  Whatever
 * Redis answers that is no answer ends the program with a message saying what
 * to do about it.
 */
#ifndef COMPLIANCE_CTL_STORE_H
#define COMPLIANCE_CTL_STORE_H

#include "ctl.h"

#include "../core/keys.h"

#include <hiredis/hiredis.h>


/* What a key must be, or become, for a write to it to be right. */
typedef enum {
    CTL_TYPE_STRING = 0,
    CTL_TYPE_HASH,
    CTL_TYPE_SET,
    CTL_TYPE_LIST,
    CTL_TYPE_STREAM,
    CTL_TYPE_ANY    /* for DEL */
} ctl_type_t;

/* Connects, if nobody has yet: every question does it by itself, but before a
 * ctl_mark() it must have happened, for it keeps memory. */
void ctl_store_open(ctl_t *ctl);

/* Formats are hiredis': %s, %b (pointer, size_t), %d and the like.  The reply
 * is never NULL nor an error, and lives until ctl_release(). */
redisReply *ctl_store_ask(ctl_t *ctl, const char *format, ...);

/* The same in a pipeline: n calls of _send, then n of _receive. */
void ctl_store_send(ctl_t *ctl, const char *format, ...);
void ctl_store_send_words(ctl_t *ctl, size_t n, const char *const *words);
void ctl_store_send_bytes(ctl_t *ctl, size_t n, const char **words,
    const size_t *lens);
redisReply *ctl_store_receive(ctl_t *ctl);
/* Waits wait_ms longer than --timeout for the answer. */
redisReply *ctl_store_receive_within(ctl_t *ctl, int64_t wait_ms);

/* Replies -> values; dies with CTL_CONTENT where the type is another. */
compliance_str_t ctl_reply_text(const redisReply *reply);   /* or absent */
void ctl_reply_expect(const redisReply *reply, int type, const char *what);

void ctl_store_watch(ctl_t *ctl, const char *key);

/* Each collects one write; the texts are borrowed until the commit.  What they
 * change is told to history.c, with what was there before: every change that
 * an administrator makes is audited and can be undone. */
void ctl_write_hset(ctl_t *ctl, const char *key, const char *field,
    compliance_str_t value);
void ctl_write_hdel(ctl_t *ctl, const char *key, const char *field);
void ctl_write_sadd(ctl_t *ctl, const char *key, compliance_str_t member);
void ctl_write_srem(ctl_t *ctl, const char *key, compliance_str_t member);
void ctl_write_set(ctl_t *ctl, const char *key, compliance_str_t value);
void ctl_write_del(ctl_t *ctl, ctl_type_t type, const char *key);
/* The same without a history: what the tool keeps for itself. */
void ctl_store_write(ctl_t *ctl, ctl_type_t type, const char *key,
    const char *format, ...);
/* False: something that was watched has changed, nothing was written, plan
 * anew.  Without collected writes it only gives up the watches. */
bool ctl_store_commit(ctl_t *ctl);

/* Calls plan() until it was committed; dies with CTL_CONFLICT where others
 * keep changing the same records. */
typedef void (*ctl_plan_pt)(ctl_t *ctl, void *data);
void ctl_store_transact(ctl_t *ctl, ctl_plan_pt plan, void *data);

void ctl_store_close(ctl_t *ctl);

/* Stands in for the schema while a restore writes: no gateway and no other
 * command judges by, or adds to, half a store. */
#define CTL_SCHEMA_RESTORING  "restoring"


/* keys.c of core, with the length checked: the texts live until
 * ctl_release(). */
const char *ctl_key_device(const ctl_t *ctl, const compliance_device_id_t *id);
const char *ctl_key_user(const ctl_t *ctl, const compliance_principal_t *name);
const char *ctl_key_group(const ctl_t *ctl, const char *name);
const char *ctl_key_groups(const ctl_t *ctl);
const char *ctl_key_meta(const ctl_t *ctl);
const char *ctl_key_alias(const ctl_t *ctl, compliance_alias_kind_t kind,
    const char *value);
const char *ctl_key_user_alias(const ctl_t *ctl,
    const compliance_principal_t *name);
const char *ctl_key_audit(const ctl_t *ctl, const char *node);
const char *ctl_key_erase(const ctl_t *ctl, const char *node);
const char *ctl_key_policy(const ctl_t *ctl, const char *name);
const char *ctl_key_policies(const ctl_t *ctl);
const char *ctl_key_inventory(const ctl_t *ctl,
    const compliance_device_id_t *id);
const char *ctl_key_seen(const ctl_t *ctl, int64_t time,
    const compliance_principal_t *principal);
const char *ctl_key_candidate(const ctl_t *ctl);
const char *ctl_key_undo(const ctl_t *ctl);
/* A key as people read it: without the prefix. */
const char *ctl_key_show(const ctl_t *ctl, const char *key);
/* NULL where the value makes too long a key: then no index has it. */
const char *ctl_key_index(const ctl_t *ctl, const char *field,
    compliance_str_t value);

/* Every key that begins with `begin`, without that beginning: sorted, each
 * once.  begin is one of the functions above with an empty name. */
const char **ctl_store_scan(ctl_t *ctl, const char *begin, size_t *n);
/* The same of the members of a set. */
const char **ctl_store_members(ctl_t *ctl, const char *key, size_t *n);

#endif
