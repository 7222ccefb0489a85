/*
 * Three batches in turn: one is being filled, the questions about one are on
 * their way, and one is being written.  A turn leaves in a single write: the
 * transaction of one batch, and the questions about the next behind it, which
 * therefore see what it wrote.
 */
#include "bulk_private.h"

#include <string.h>


#define ATTEMPTS  32   /* for a single device that others keep changing */


ctl_bulk_t *
ctl_bulk_begin(ctl_t *ctl, const ctl_bulk_options_t *options)
{
    ctl_bulk_t      *bulk;
    compliance_str_t words[3];

    if (!options->dry_run && ctl->command->role < CTL_OPERATOR) {
        ctl_die(CTL_USAGE, "\"%s\" is a viewer's command and writes nothing",
                ctl->command->name);
    }

    bulk = ctl_alloc(sizeof(*bulk));
    bulk->ctl = ctl;
    bulk->options = *options;
    bulk->wire = ctl_wire_open(ctl);

    for (size_t i = 0; i < 3; i++) {
        bulk->batches[i].items = ctl_alloc_array(BULK_BATCH,
                                                 sizeof(bulk_item_t));
    }

    bulk->filling = &bulk->batches[0];

    if (!options->dry_run) {
        words[0] = ctl_str(ctl_key_meta(ctl));
        words[1] = compliance_str("schema");
        words[2] = ctl_str(ctl_format("%d", COMPLIANCE_SCHEMA_VERSION));
        ctl_wire_words(bulk->wire, "HSETNX", 3, words);
        ctl_wire_flush(bulk->wire);
        (void) ctl_wire_next(bulk->wire);
    }

    return bulk;
}


static void
count(ctl_bulk_t *bulk, const bulk_item_t *item)
{
    ctl_bulk_counts_t *counts = &bulk->counts;

    switch (item->outcome) {

    case CTL_BULK_UNCHANGED:
        counts->unchanged += item->op != BULK_RETIRE;
        break;

    case CTL_BULK_CREATED:
        counts->created++;
        break;

    case CTL_BULK_CHANGED:
        counts->changed++;
        break;

    case CTL_BULK_RETIRED:
        counts->retired++;
        break;

    case CTL_BULK_OLDER:
        counts->older++;
        break;

    case CTL_BULK_REFUSED:
        counts->refused++;
        break;

    case CTL_BULK_CONTESTED:
        break;
    }

    counts->newly_blocked += item->blocked;
    counts->returned += item->returned;

    if (item->op == BULK_ADD && bulk->options.settled != NULL) {
        bulk->options.settled(bulk->options.data, item->nth, item->outcome);
    }
}


/* One part of a batch, from its questions to EXEC's answer, with nothing else
 * on the way. */
static bool
run(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    bool done;

    ctl_wire_reset(bulk->wire);
    ctl_arena_reset(&bulk->plan);
    bulk_ask(bulk, batch, from, to);
    ctl_wire_flush(bulk->wire);
    bulk_hear(bulk, batch, from, to);
    bulk_plan(bulk, batch, from, to);
    bulk_write(bulk, batch, from, to);
    ctl_wire_flush(bulk->wire);
    done = bulk_written(bulk, batch, from, to);

    if (done) {
        bulk_names_lost(bulk, batch, from, to);
    }

    return done;
}


/* Others changed one of the records: in halves, until only that one is left. */
static void
run_again(ctl_bulk_t *bulk, bulk_batch_t *batch, size_t from, size_t to)
{
    size_t middle = from + (to - from) / 2;

    if (to - from == 1) {
        for (unsigned i = 0; i < ATTEMPTS; i++) {
            if (run(bulk, batch, from, to)) {
                return;
            }
        }

        bulk_refuse(bulk, &batch->items[from], "others keep changing device "
                    "\"%s\": nothing of it was written",
                    batch->items[from].id.data);
        return;
    }

    if (!run(bulk, batch, from, middle)) {
        run_again(bulk, batch, from, middle);
    }

    if (!run(bulk, batch, middle, to)) {
        run_again(bulk, batch, middle, to);
    }
}


/* The end of the batch that was being written. */
static void
finish(ctl_bulk_t *bulk)
{
    bulk_batch_t *batch = bulk->written;

    for (size_t i = 0; i < batch->n; i++) {
        count(bulk, &batch->items[i]);
    }

    batch->n = 0;
    ctl_arena_reset(&batch->arena);
    memset(batch->ids, 0, sizeof(batch->ids));
    bulk->written = NULL;
}


/* What Redis has said since the last turn. */
static void
hear(ctl_bulk_t *bulk)
{
    bulk_batch_t *written = bulk->written, *reading = bulk->reading;
    bool          done = written == NULL
                         || bulk_written(bulk, written, 0, written->n);

    if (reading != NULL) {
        bulk_hear(bulk, reading, 0, reading->n);
    }

    if (written == NULL) {
        return;
    }

    if (done) {
        bulk_names_lost(bulk, written, 0, written->n);

    } else {
        /* in their order: what was asked about the next batch is asked again
         * behind it */
        ctl_wire_begin(bulk->wire, "UNWATCH", 1);
        ctl_wire_flush(bulk->wire);
        (void) ctl_wire_next(bulk->wire);
        run_again(bulk, written, 0, written->n);

        if (reading != NULL) {
            ctl_wire_reset(bulk->wire);
            bulk_ask(bulk, reading, 0, reading->n);
            ctl_wire_flush(bulk->wire);
            bulk_hear(bulk, reading, 0, reading->n);
        }
    }

    finish(bulk);
}


static bulk_batch_t *
free_batch(ctl_bulk_t *bulk)
{
    for (size_t i = 0; i < 3; i++) {
        if (&bulk->batches[i] != bulk->reading
            && &bulk->batches[i] != bulk->written)
        {
            return &bulk->batches[i];
        }
    }

    return bulk->filling;
}


static void
turn(ctl_bulk_t *bulk)
{
    ctl_mark_t    mark = ctl_mark();
    bulk_batch_t *batch = bulk->reading, *next = bulk->filling;

    hear(bulk);
    ctl_arena_reset(&bulk->plan);

    if (batch != NULL) {
        bulk_plan(bulk, batch, 0, batch->n);
        bulk_write(bulk, batch, 0, batch->n);
    }

    bulk_ask(bulk, next, 0, next->n);
    ctl_wire_flush(bulk->wire);
    ctl_wire_reset(bulk->wire);

    bulk->written = batch;
    bulk->reading = next->n > 0 ? next : NULL;
    bulk->filling = free_batch(bulk);
    ctl_release(mark);
}


static bulk_item_t *
next_item(ctl_bulk_t *bulk, bulk_op_t op, const compliance_device_id_t *id,
    const char *where)
{
    bulk_batch_t    *batch;
    bulk_item_t     *item;
    compliance_str_t text = { id->data, id->len };

    /* a device twice in a batch: the second one must see the first */
    if (bulk->filling->n == BULK_BATCH
        || (id->len > 0 && !bulk_table_add(bulk->filling->ids, 'd', text)))
    {
        turn(bulk);
        (void) bulk_table_add(bulk->filling->ids, 'd', text);
    }

    batch = bulk->filling;
    item = &batch->items[batch->n];
    memset(item, 0, sizeof(*item));
    item->op = op;
    item->id = *id;
    item->where = ctl_arena_copy(&batch->arena, ctl_str(where)).data;

    return item;
}


void
ctl_bulk_add(ctl_bulk_t *bulk, const ctl_bulk_device_t *device,
    const char *where)
{
    ctl_mark_t             mark = ctl_mark();
    compliance_device_id_t id;
    bulk_item_t           *item;
    const char            *why = "";

    bulk->counts.read++;
    (void) compliance_device_id_parse(device->id, &id);
    item = next_item(bulk, BULK_ADD, &id, where);
    item->nth = device->nth;

    if (bulk_item_fill(bulk, item, &bulk->filling->arena, device, &why)) {
        bulk->filling->n++;

    } else {
        bulk_refuse(bulk, item, "%s", why);
        count(bulk, item);
    }

    ctl_release(mark);
}


void
ctl_bulk_judge(ctl_bulk_t *bulk, const char *id)
{
    compliance_device_id_t name;

    bulk->counts.read++;

    if (compliance_device_id_parse(ctl_str(id), &name) == COMPLIANCE_OK) {
        (void) next_item(bulk, BULK_JUDGE, &name, id);
        bulk->filling->n++;
    }
}


void
ctl_bulk_retire(ctl_bulk_t *bulk, const char *id)
{
    compliance_device_id_t name;

    if (compliance_device_id_parse(ctl_str(id), &name) == COMPLIANCE_OK) {
        (void) next_item(bulk, BULK_RETIRE, &name, id);
        bulk->filling->n++;
    }
}


const ctl_bulk_counts_t *
ctl_bulk_flush(ctl_bulk_t *bulk)
{
    while (bulk->filling->n > 0 || bulk->reading != NULL
           || bulk->written != NULL)
    {
        turn(bulk);
    }

    return &bulk->counts;
}


const ctl_bulk_counts_t *
ctl_bulk_counts(const ctl_bulk_t *bulk)
{
    return &bulk->counts;
}


void
ctl_bulk_end(ctl_bulk_t *bulk)
{
    for (size_t i = 0; i < 3; i++) {
        ctl_arena_free(&bulk->batches[i].arena);
    }

    ctl_arena_free(&bulk->plan);
    bulk_owners_free(bulk);
    ctl_wire_close(bulk->wire);
}
