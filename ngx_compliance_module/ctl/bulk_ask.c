/*
 * What is stored of a batch: everything its judgement rests on, in one round
 * trip.  The records are under WATCH, so that what was read is still true at
 * EXEC; inventory is written together with its record and follows from it.
 * Names are claimed by SET NX instead (bulk_names.c): each further key that is
 * watched makes every WATCH longer.
 */
#include "bulk_private.h"

#include <stdlib.h>
#include <string.h>


static compliance_str_t
key(ctl_arena_t *arena, const char *text, size_t len)
{
    if (len == 0) {
        ctl_die(CTL_USAGE, "--prefix is too long for the keys it begins");
    }

    return ctl_arena_copy(arena, (compliance_str_t) { text, len });
}


static compliance_device_id_t
as_id(compliance_str_t text)
{
    compliance_device_id_t id;

    id.len = text.len < sizeof(id.data) ? text.len : sizeof(id.data) - 1;
    memcpy(id.data, text.data, id.len);
    id.data[id.len] = '\0';

    return id;
}


compliance_str_t
bulk_key_device(const ctl_bulk_t *bulk, ctl_arena_t *arena,
    compliance_str_t text)
{
    char                   out[COMPLIANCE_KEY_TEXT_MAX];
    compliance_device_id_t id = as_id(text);

    return key(arena, out, compliance_key_device(out, sizeof(out),
                                                 bulk->ctl->prefix, &id));
}


compliance_str_t
bulk_key_inventory(const ctl_bulk_t *bulk, ctl_arena_t *arena,
    compliance_str_t text)
{
    char                   out[COMPLIANCE_KEY_TEXT_MAX];
    compliance_device_id_t id = as_id(text);

    return key(arena, out, compliance_key_inventory(out, sizeof(out),
                                                    bulk->ctl->prefix, &id));
}


compliance_str_t
bulk_key_alias(const ctl_bulk_t *bulk, ctl_arena_t *arena,
    compliance_alias_kind_t kind, compliance_str_t value)
{
    char out[COMPLIANCE_KEY_TEXT_MAX];

    return key(arena, out, compliance_key_alias(out, sizeof(out),
                                                bulk->ctl->prefix, kind,
                                                value));
}


compliance_str_t
bulk_key_index(const ctl_bulk_t *bulk, ctl_arena_t *arena, const char *field,
    compliance_str_t value)
{
    char   out[COMPLIANCE_KEY_TEXT_MAX];
    size_t len = compliance_key_index(out, sizeof(out), bulk->ctl->prefix,
                                      field, value);

    /* too long a value: no index has it */
    return len == 0 ? compliance_absent
           : ctl_arena_copy(arena, (compliance_str_t) { out, len });
}


/* FNV-1a: a slot that two names share costs a question, no more. */
static uint64_t
hash(compliance_str_t text)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.len; i++) {
        h = (h ^ (unsigned char) text.data[i]) * UINT64_C(1099511628211);
    }

    return h;
}


static bulk_owner_t *
owner_slot(ctl_bulk_t *bulk, compliance_str_t name)
{
    return &bulk->owners[hash(name) % BULK_OWNERS];
}


static void
owner_keep(ctl_bulk_t *bulk, compliance_str_t name, compliance_str_t leads)
{
    bulk_owner_t *slot = owner_slot(bulk, name);
    char         *copy = malloc(name.len + 1);
    char         *other = leads.data == NULL ? NULL : malloc(leads.len + 1);

    if (copy == NULL || (leads.data != NULL && other == NULL)) {
        ctl_die(CTL_STORE, "out of memory");
    }

    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';

    if (other != NULL) {
        memcpy(other, leads.data, leads.len);
        other[leads.len] = '\0';
    }

    free(slot->name);
    free(slot->leads);
    slot->name = copy;
    slot->leads = other;
}


void
bulk_owners_free(ctl_bulk_t *bulk)
{
    for (size_t i = 0; i < BULK_OWNERS; i++) {
        free(bulk->owners[i].name);
        free(bulk->owners[i].leads);
        bulk->owners[i].name = bulk->owners[i].leads = NULL;
    }
}


/* A record of that name comes first, as at the gateway. */
static void
ask_owner(ctl_bulk_t *bulk, bulk_batch_t *batch, bulk_item_t *item)
{
    const bulk_owner_t    *slot;
    compliance_principal_t name;
    char                   out[COMPLIANCE_KEY_TEXT_MAX];
    size_t                 len;

    item->owner_asked = false;

    if (item->owner.data == NULL || item->told[BULK_OWNER].data != NULL) {
        return;
    }

    slot = owner_slot(bulk, item->owner);

    if (slot->name != NULL
        && compliance_str_eq(ctl_str(slot->name), item->owner))
    {
        item->told[BULK_OWNER] = slot->leads == NULL ? item->owner
                 : ctl_arena_copy(&batch->arena, ctl_str(slot->leads));
        return;
    }

    item->owner_asked = true;
    name.len = item->owner.len;
    memcpy(name.data, item->owner.data, name.len);
    name.data[name.len] = '\0';

    ctl_wire_begin(bulk->wire, "EXISTS", 2);
    len = compliance_key_user(out, sizeof(out), bulk->ctl->prefix, &name);
    ctl_wire_word(bulk->wire, (compliance_str_t) { out, len });

    ctl_wire_begin(bulk->wire, "GET", 2);
    len = compliance_key_user_alias(out, sizeof(out), bulk->ctl->prefix,
                                    &name);
    ctl_wire_word(bulk->wire, (compliance_str_t) { out, len });
}


static void
hear_owner(ctl_bulk_t *bulk, bulk_batch_t *batch, bulk_item_t *item)
{
    bool             exists;
    compliance_str_t leads;

    if (!item->owner_asked) {
        return;
    }

    exists = ctl_wire_next(bulk->wire)->integer != 0;
    leads = ctl_reply_text(ctl_wire_next(bulk->wire));

    if (exists || leads.len == 0 || leads.len > COMPLIANCE_PRINCIPAL_MAX) {
        leads = compliance_absent;
    }

    owner_keep(bulk, item->owner, leads);
    item->told[BULK_OWNER] = leads.data == NULL ? item->owner
                             : ctl_arena_copy(&batch->arena, leads);
}


static bool
asks_inventory(const ctl_bulk_t *bulk, const bulk_item_t *item)
{
    return item->op != BULK_RETIRE
           && (item->inventory.data != NULL || item->op == BULK_JUDGE
               || bulk->options.n_policies > 0);
}


/* Names that lead to a record are not its own names' business. */
static size_t
own_names(const bulk_item_t *item)
{
    size_t n = 0;

    for (size_t i = 0; i < item->n_claims; i++) {
        n += item->claims[i].wanted
             && item->claims[i].kind != COMPLIANCE_ALIAS_CERT;
    }

    return n;
}


static void
ask_names(ctl_bulk_t *bulk, const bulk_item_t *item)
{
    size_t n = own_names(item);

    if (item->n_claims == 0) {
        return;
    }

    ctl_wire_begin(bulk->wire, "MGET", item->n_claims + 1);

    for (size_t i = 0; i < item->n_claims; i++) {
        ctl_wire_word(bulk->wire, bulk_key_alias(bulk, &bulk->plan,
                                                 item->claims[i].kind,
                                                 item->claims[i].value));
    }

    if (n == 0) {
        return;
    }

    ctl_wire_begin(bulk->wire, "EXISTS", n + 1);

    for (size_t i = 0; i < item->n_claims; i++) {
        if (item->claims[i].wanted
            && item->claims[i].kind != COMPLIANCE_ALIAS_CERT)
        {
            ctl_wire_word(bulk->wire, bulk_key_device(bulk, &bulk->plan,
                                                      item->claims[i].value));
        }
    }
}


static void
hear_names(ctl_bulk_t *bulk, bulk_item_t *item)
{
    const redisReply *reply;

    item->own_records = 0;

    if (item->n_claims == 0) {
        return;
    }

    reply = ctl_wire_next(bulk->wire);
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "the names of a device");

    for (size_t i = 0; i < item->n_claims; i++) {
        item->claims[i].held = i < reply->elements
                               ? ctl_reply_text(reply->element[i])
                               : compliance_absent;
    }

    if (own_names(item) > 0) {
        item->own_records = ctl_wire_next(bulk->wire)->integer;
    }
}


void
bulk_ask(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    if (from == to) {
        return;
    }

    if (!bulk->options.dry_run) {
        ctl_wire_begin(bulk->wire, "WATCH", to - from + 1);

        for (size_t i = from; i < to; i++) {
            const bulk_item_t *item = &batch->items[i];

            ctl_wire_word(bulk->wire, bulk_key_device(bulk, &bulk->plan,
                (compliance_str_t) { item->id.data, item->id.len }));
        }
    }

    for (size_t i = from; i < to; i++) {
        bulk_item_t     *item = &batch->items[i];
        compliance_str_t id = { item->id.data, item->id.len };
        compliance_str_t text = bulk_key_device(bulk, &bulk->plan, id);

        ctl_wire_words(bulk->wire, "HGETALL", 1, &text);

        if (asks_inventory(bulk, item)) {
            text = bulk_key_inventory(bulk, &bulk->plan, id);
            ctl_wire_words(bulk->wire, "GET", 1, &text);
        }

        ask_names(bulk, item);
        ask_owner(bulk, batch, item);
    }
}


/* Fields come back in the order they were written, mostly ours. */
static void
hear_record(bulk_item_t *item, const redisReply *reply)
{
    size_t at = 0;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a record");
    memset(item->stored, 0, sizeof(item->stored));
    item->exists = reply->elements > 0;

    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        compliance_str_t name = ctl_reply_text(reply->element[i]);

        for (size_t tried = 0; tried < BULK_FIELDS; tried++) {
            size_t field = (at + tried) % BULK_FIELDS;

            if (compliance_str_eq(name, bulk_fields[field].name)) {
                item->stored[field] = ctl_reply_text(reply->element[i + 1]);
                at = field + 1;
                break;
            }
        }
    }
}


void
bulk_hear(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    if (from == to) {
        return;
    }

    if (!bulk->options.dry_run) {
        (void) ctl_wire_next(bulk->wire);
    }

    for (size_t i = from; i < to; i++) {
        bulk_item_t *item = &batch->items[i];

        hear_record(item, ctl_wire_next(bulk->wire));
        item->stored_inventory = asks_inventory(bulk, item)
                                 ? ctl_reply_text(ctl_wire_next(bulk->wire))
                                 : compliance_absent;
        hear_names(bulk, item);
        hear_owner(bulk, batch, item);
    }
}
