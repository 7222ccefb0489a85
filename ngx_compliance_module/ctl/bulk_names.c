/*
 * Other names.  A name leads to one device: one that another device holds, in
 * the store or in this very transaction, is not taken from it silently.  It
 * may move from a device that is retired, or gone from the same source: the
 * phone was enrolled anew.
 */
#include "bulk_private.h"

#include <string.h>


/* FNV-1a over kind and name; 0 is a free slot. */
static uint64_t
hash(char kind, compliance_str_t name)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ (unsigned char) kind;

    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ (unsigned char) name.data[i]) * UINT64_C(1099511628211);
    }

    return h | 1;
}


/* The slot of it, or the free one where it would stand: a batch has fewer
 * names than slots. */
static uint64_t *
slot_of(uint64_t *table, uint64_t h)
{
    size_t i = h / 2 % BULK_TABLE;

    while (table[i] != 0 && table[i] != h) {
        i = (i + 1) % BULK_TABLE;
    }

    return &table[i];
}


bool
bulk_table_add(uint64_t *table, char kind, compliance_str_t name)
{
    uint64_t  h = hash(kind, name);
    uint64_t *slot = slot_of(table, h);

    if (*slot == h) {
        return false;
    }

    *slot = h;

    return true;
}


static bool
is_active(const bulk_item_t *item)
{
    return item->op == BULK_ADD && item->outcome == CTL_BULK_UNCHANGED;
}


static compliance_str_t
id_of(const bulk_item_t *item)
{
    return (compliance_str_t) { item->id.data, item->id.len };
}


static bool
is_elsewhere(const bulk_item_t *item, const bulk_claim_t *claim)
{
    return claim->held.data != NULL
           && !compliance_str_eq(claim->held, id_of(item));
}


static const char *
show(const bulk_claim_t *claim)
{
    return ctl_format("%s name \"%s\"", compliance_alias_kind_name(claim->kind),
                      ctl_escape(claim->value));
}


/* Two devices of one transaction: neither is in the store yet. */
static void
settle_between(ctl_bulk_t *bulk, bulk_item_t *item)
{
    for (size_t i = 0; i < item->n_claims; i++) {
        const bulk_claim_t *claim = &item->claims[i];

        if (!claim->wanted || claim->held.data != NULL) {
            continue;
        }

        if (claim->kind != COMPLIANCE_ALIAS_CERT
            && *slot_of(bulk->names, hash('d', claim->value)) != 0)
        {
            bulk_refuse(bulk, item, "its %s is another device's id",
                        show(claim));
            return;
        }

        if (!bulk_table_add(bulk->names, (char) claim->kind, claim->value)) {
            bulk_refuse(bulk, item, "another device of the same source has "
                        "its %s too", show(claim));
            return;
        }
    }
}


static bool
asks_again(const bulk_item_t *item)
{
    if (!is_active(item)) {
        return false;
    }

    for (size_t i = 0; i < item->n_claims; i++) {
        if (is_elsewhere(item, &item->claims[i])) {
            return true;
        }
    }

    return item->own_records > 0;
}


static void
ask_again(ctl_bulk_t *bulk, const bulk_item_t *item)
{
    for (size_t i = 0; i < item->n_claims; i++) {
        const bulk_claim_t *claim = &item->claims[i];
        compliance_str_t    words[3];

        if (claim->wanted && claim->kind != COMPLIANCE_ALIAS_CERT) {
            words[0] = bulk_key_device(bulk, &bulk->plan, claim->value);
            ctl_wire_words(bulk->wire, "EXISTS", 1, words);
        }

        if (is_elsewhere(item, claim)) {
            words[0] = bulk_key_device(bulk, &bulk->plan, claim->held);
            words[1] = bulk_key_alias(bulk, &bulk->plan, claim->kind,
                                      claim->value);

            if (!bulk->options.dry_run) {
                ctl_wire_words(bulk->wire, "WATCH", 2, words);
            }

            ctl_wire_words(bulk->wire, "GET", 1, &words[1]);
            ctl_wire_words(bulk->wire, "EXISTS", 1, words);
            words[1] = bulk_fields[BULK_STATE].name;
            words[2] = bulk_fields[BULK_SOURCE].name;
            ctl_wire_words(bulk->wire, "HMGET", 3, words);
        }
    }
}


/* A name that leads to another device: may it move? */
static void
judge_claim(ctl_bulk_t *bulk, bulk_item_t *item, bulk_claim_t *claim,
    bool exists, compliance_str_t state, compliance_str_t source)
{
    bool        ours = compliance_str_eq(source, ctl_str(bulk->options.source));
    const char *id = ctl_dup(claim->held);

    if (!exists
        || (ours && (compliance_str_eq(state, compliance_str("retired"))
                     || (bulk->options.gone != NULL
                         && bulk->options.gone(bulk->options.data, id)))))
    {
        claim->moved = true;
        return;
    }

    if (ours && bulk->options.contest) {
        item->outcome = CTL_BULK_CONTESTED;
        return;
    }

    bulk_refuse(bulk, item, "its %s belongs to device \"%s\"; if that one is "
                "no longer in use: compliancectl device delete %s",
                claim->wanted ? show(claim) : "own id, as an alias,",
                ctl_escape(ctl_str(id)), ctl_escape(ctl_str(id)));
}


static void
hear_again(ctl_bulk_t *bulk, bulk_item_t *item)
{
    for (size_t i = 0; i < item->n_claims; i++) {
        bulk_claim_t     *claim = &item->claims[i];
        const redisReply *reply;
        bool              exists;

        if (claim->wanted && claim->kind != COMPLIANCE_ALIAS_CERT
            && ctl_wire_next(bulk->wire)->integer != 0
            && is_active(item))
        {
            bulk_refuse(bulk, item, "its %s is the id of another device; if "
                        "that is the same one: compliancectl device delete %s",
                        show(claim), ctl_escape(claim->value));
        }

        if (!is_elsewhere(item, claim)) {
            continue;
        }

        if (!bulk->options.dry_run) {
            (void) ctl_wire_next(bulk->wire);
        }

        /* what is heard may differ from what was asked about: then EXEC finds
         * it changed, or it was free in between and moves all the same */
        (void) ctl_wire_next(bulk->wire);
        exists = ctl_wire_next(bulk->wire)->integer != 0;
        reply = ctl_wire_next(bulk->wire);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "fields");

        if (is_active(item) && reply->elements == 2) {
            judge_claim(bulk, item, claim, exists,
                        ctl_reply_text(reply->element[0]),
                        ctl_reply_text(reply->element[1]));
        }
    }
}


void
bulk_names_settle(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from,
    size_t to)
{
    bool again = false;

    memset(bulk->names, 0, sizeof(bulk->names));

    for (size_t i = from; i < to; i++) {
        if (is_active(&batch->items[i]) && !batch->items[i].exists) {
            (void) bulk_table_add(bulk->names, 'd', id_of(&batch->items[i]));
        }
    }

    for (size_t i = from; i < to; i++) {
        if (is_active(&batch->items[i])) {
            settle_between(bulk, &batch->items[i]);
        }
    }

    for (size_t i = from; i < to; i++) {
        if (asks_again(&batch->items[i])) {
            batch->items[i].own_records = -1;
            ask_again(bulk, &batch->items[i]);
            again = true;
        }
    }

    if (!again) {
        return;
    }

    ctl_wire_flush(bulk->wire);

    for (size_t i = from; i < to; i++) {
        if (batch->items[i].own_records == -1) {
            batch->items[i].own_records = 0;
            hear_again(bulk, &batch->items[i]);
        }
    }
}
