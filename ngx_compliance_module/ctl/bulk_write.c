/*
 * The plan of a batch as one transaction: of each device the record, its
 * inventory, its indexes, and then its names.  The index sets that many
 * devices share are written by one command each.
 */
#include "bulk_private.h"

#include <string.h>


static compliance_str_t
id_of(const bulk_item_t *item)
{
    return (compliance_str_t) { item->id.data, item->id.len };
}


static void
begin(ctl_bulk_t *bulk, bulk_batch_t *batch, const char *command, size_t n)
{
    if (!batch->writing) {
        batch->writing = true;
        batch->n_replies = 0;
        ctl_wire_begin(bulk->wire, "MULTI", 1);
    }

    batch->n_replies++;
    ctl_wire_begin(bulk->wire, command, n);
}


static bool
is_written(const bulk_item_t *item)
{
    switch (item->outcome) {

    case CTL_BULK_CREATED:
    case CTL_BULK_CHANGED:
    case CTL_BULK_RETIRED:
        return true;

    case CTL_BULK_UNCHANGED:
    case CTL_BULK_OLDER:
    case CTL_BULK_REFUSED:
    case CTL_BULK_CONTESTED:
        return false;
    }

    return false;
}


/* Set before anything is removed, so that the record never vanishes; the time
 * is always among what is set, for that is what a WATCH of others sees. */
static void
write_record(ctl_bulk_t *bulk, bulk_batch_t *batch, const bulk_item_t *item,
    compliance_str_t key)
{
    size_t set = 0, removed = 0;
    bool   changed[BULK_FIELDS];

    for (size_t i = 0; i < BULK_FIELDS; i++) {
        changed[i] = !compliance_str_eq(item->stored[i], item->after[i])
                     || (i == BULK_UPDATED && item->after[i].data != NULL);
        set += changed[i] && item->after[i].data != NULL;
        removed += changed[i] && item->after[i].data == NULL;
    }

    if (set > 0) {
        begin(bulk, batch, "HSET", 2 + 2 * set);
        ctl_wire_word(bulk->wire, key);

        for (size_t i = 0; i < BULK_FIELDS; i++) {
            if (changed[i] && item->after[i].data != NULL) {
                ctl_wire_word(bulk->wire, bulk_fields[i].name);
                ctl_wire_word(bulk->wire, item->after[i]);
            }
        }
    }

    if (removed > 0) {
        begin(bulk, batch, "HDEL", 2 + removed);
        ctl_wire_word(bulk->wire, key);

        for (size_t i = 0; i < BULK_FIELDS; i++) {
            if (changed[i] && item->after[i].data == NULL) {
                ctl_wire_word(bulk->wire, bulk_fields[i].name);
            }
        }
    }
}


static void
index_one(ctl_bulk_t *bulk, bulk_batch_t *batch, const bulk_index_t *entry)
{
    compliance_str_t key;

    key = bulk_key_index(bulk, &bulk->plan,
                         bulk_fields[entry->field].name.data, entry->value);

    if (key.data != NULL) {
        begin(bulk, batch, entry->add ? "SADD" : "SREM", 3);
        ctl_wire_word(bulk->wire, key);
        ctl_wire_word(bulk->wire, id_of(entry->item));
    }
}


/* An owner has a device or two; the other sets have thousands. */
static void
index_entry(ctl_bulk_t *bulk, bulk_batch_t *batch, const bulk_item_t *item,
    bulk_field_t field, compliance_str_t value, bool add)
{
    bulk_index_t entry = { field, value, add, item };

    if (value.len == 0) {
        return;
    }

    if (field == BULK_OWNER) {
        index_one(bulk, batch, &entry);
        return;
    }

    bulk->indexes[bulk->n_indexes++] = entry;
}


/* A record that is written puts its own entries right, whoever wrote it
 * before. */
static void
write_indexes(ctl_bulk_t *bulk, bulk_batch_t *batch, const bulk_item_t *item)
{
    for (size_t i = 0; i < BULK_FIELDS; i++) {
        if (!bulk_fields[i].indexed) {
            continue;
        }

        if (!compliance_str_eq(item->stored[i], item->after[i])) {
            index_entry(bulk, batch, item, (bulk_field_t) i, item->stored[i],
                        false);
        }

        index_entry(bulk, batch, item, (bulk_field_t) i, item->after[i], true);
    }
}


static bool
same_set(const bulk_index_t *a, const bulk_index_t *b)
{
    return a->field == b->field && a->add == b->add
           && compliance_str_eq(a->value, b->value);
}


/* The shared sets, one command each: entries of one set are moved together. */
static void
write_shared(ctl_bulk_t *bulk, bulk_batch_t *batch)
{
    bulk_index_t    *entries = bulk->indexes, swap;
    compliance_str_t key;
    size_t           n = bulk->n_indexes, end;

    for (size_t i = 0; i < n; i = end) {
        end = i + 1;

        for (size_t k = i + 1; k < n; k++) {
            if (same_set(&entries[i], &entries[k])) {
                swap = entries[end];
                entries[end] = entries[k];
                entries[k] = swap;
                end++;
            }
        }

        key = bulk_key_index(bulk, &bulk->plan,
                             bulk_fields[entries[i].field].name.data,
                             entries[i].value);

        if (key.data == NULL) {
            continue;
        }

        begin(bulk, batch, entries[i].add ? "SADD" : "SREM", 2 + end - i);
        ctl_wire_word(bulk->wire, key);

        for (size_t k = i; k < end; k++) {
            ctl_wire_word(bulk->wire, id_of(entries[k].item));
        }
    }

    bulk->n_indexes = 0;
}


/* What index:alias_of holds. */
static compliance_str_t
member(ctl_bulk_t *bulk, const bulk_claim_t *claim)
{
    const char      *kind = compliance_alias_kind_name(claim->kind);
    size_t           cap = strlen(kind) + claim->value.len + 2;
    compliance_buf_t buf;

    compliance_buf_init(&buf, ctl_arena_alloc(&bulk->plan, cap), cap);
    compliance_buf_str(&buf, kind);
    compliance_buf_str(&buf, ":");
    compliance_buf_add(&buf, claim->value.data, claim->value.len);

    return (compliance_str_t) { buf.data, buf.len };
}


static void
write_way_back(ctl_bulk_t *bulk, bulk_batch_t *batch, const bulk_item_t *item)
{
    size_t           n = 0;
    compliance_str_t key;

    for (size_t i = 0; i < item->n_claims; i++) {
        n += item->claims[i].wanted;
    }

    key = bulk_key_index(bulk, &bulk->plan, "alias_of", id_of(item));

    if (n == 0 || key.data == NULL) {
        return;
    }

    begin(bulk, batch, "SADD", 2 + n);
    ctl_wire_word(bulk->wire, key);

    for (size_t i = 0; i < item->n_claims; i++) {
        if (item->claims[i].wanted) {
            ctl_wire_word(bulk->wire, member(bulk, &item->claims[i]));
        }
    }
}


static void
write_name(ctl_bulk_t *bulk, bulk_batch_t *batch, const bulk_item_t *item,
    bulk_claim_t *claim)
{
    compliance_str_t key, old;

    if (claim->moved) {
        old = bulk_key_index(bulk, &bulk->plan, "alias_of", claim->held);

        if (old.data != NULL) {
            begin(bulk, batch, "SREM", 3);
            ctl_wire_word(bulk->wire, old);
            ctl_wire_word(bulk->wire, member(bulk, claim));
        }
    }

    key = bulk_key_alias(bulk, &bulk->plan, claim->kind, claim->value);

    if (claim->moved && !claim->wanted) {
        begin(bulk, batch, "DEL", 2);
        ctl_wire_word(bulk->wire, key);

    } else if (claim->moved) {
        begin(bulk, batch, "SET", 3);
        ctl_wire_word(bulk->wire, key);
        ctl_wire_word(bulk->wire, id_of(item));

    } else if (claim->wanted && claim->held.data == NULL) {
        /* it was free when it was read */
        begin(bulk, batch, "SET", 4);
        ctl_wire_word(bulk->wire, key);
        ctl_wire_word(bulk->wire, id_of(item));
        ctl_wire_word(bulk->wire, compliance_str("NX"));
        claim->result = batch->n_replies;
    }
}


void
bulk_write(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    batch->writing = batch->unwatching = false;
    bulk->n_indexes = 0;

    if (bulk->options.dry_run) {
        return;
    }

    for (size_t i = from; i < to; i++) {
        bulk_item_t     *item = &batch->items[i];
        compliance_str_t key;

        if (!is_written(item)) {
            continue;
        }

        key = bulk_key_device(bulk, &bulk->plan, id_of(item));
        write_record(bulk, batch, item, key);

        if (item->set_inventory) {
            key = bulk_key_inventory(bulk, &bulk->plan, id_of(item));
            begin(bulk, batch, "SET", 3);
            ctl_wire_word(bulk->wire, key);
            ctl_wire_word(bulk->wire, item->inventory);
        }

        write_indexes(bulk, batch, item);
        write_way_back(bulk, batch, item);
    }

    write_shared(bulk, batch);

    for (size_t i = from; i < to; i++) {
        bulk_item_t *item = &batch->items[i];

        for (size_t c = 0; is_written(item) && c < item->n_claims; c++) {
            write_name(bulk, batch, item, &item->claims[c]);
        }
    }

    if (batch->writing) {
        ctl_wire_begin(bulk->wire, "EXEC", 1);

    } else if (from < to) {
        ctl_wire_begin(bulk->wire, "UNWATCH", 1);
        batch->unwatching = true;
    }
}


bool
bulk_written(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    const redisReply *reply;

    if (batch->unwatching) {
        batch->unwatching = false;
        (void) ctl_wire_next(bulk->wire);
    }

    if (!batch->writing) {
        return true;
    }

    batch->writing = false;

    for (size_t i = 0; i <= batch->n_replies; i++) {
        (void) ctl_wire_next(bulk->wire);   /* MULTI, and what was queued */
    }

    reply = ctl_wire_next(bulk->wire);

    if (reply->type == REDIS_REPLY_NIL) {
        return false;
    }

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a transaction's result");

    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            ctl_wire_refused(bulk->wire, reply->element[i]);
        }
    }

    for (size_t i = from; i < to; i++) {
        bulk_item_t *item = &batch->items[i];

        for (size_t c = 0; is_written(item) && c < item->n_claims; c++) {
            size_t result = item->claims[c].result;

            if (result > 0 && result <= reply->elements
                && reply->element[result - 1]->type == REDIS_REPLY_NIL)
            {
                item->claims[c].lost = true;
            }
        }
    }

    return true;
}


/* Somebody took the name in the same moment: it is his, and the device does
 * without. */
static void
lost_name(ctl_bulk_t *bulk, bulk_item_t *item, const bulk_claim_t *claim)
{
    compliance_str_t words[2], held;

    words[0] = bulk_key_alias(bulk, &bulk->plan, claim->kind, claim->value);
    ctl_wire_words(bulk->wire, "GET", 1, words);
    ctl_wire_flush(bulk->wire);
    held = ctl_reply_text(ctl_wire_next(bulk->wire));

    if (compliance_str_eq(held, id_of(item))) {
        return;
    }

    words[0] = bulk_key_index(bulk, &bulk->plan, "alias_of", id_of(item));
    words[1] = member(bulk, claim);
    ctl_wire_words(bulk->wire, "SREM", 2, words);
    ctl_wire_flush(bulk->wire);
    (void) ctl_wire_next(bulk->wire);

    bulk_refuse(bulk, item, "its %s name \"%s\" was given to \"%s\" in the "
                "same moment; the rest of it is written",
                compliance_alias_kind_name(claim->kind),
                ctl_escape(claim->value), ctl_escape(held));
}


void
bulk_names_lost(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        bulk_item_t *item = &batch->items[i];

        for (size_t c = 0; c < item->n_claims; c++) {
            if (item->claims[c].lost) {
                item->claims[c].lost = false;
                lost_name(bulk, item, &item->claims[c]);
            }
        }
    }
}
