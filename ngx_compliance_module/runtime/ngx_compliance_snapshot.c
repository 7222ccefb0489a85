/*
 * Every turn of the event loop in which a check begins reads the groups and
 * the break-glass names once, on the connection and in the write of the
 * checks' own lookups: a toggle acts on the next request, whoever made it, and
 * costs no round trip.  A group that turns up in the set for the first time
 * costs one more.
 *
 * A read fails as a whole.  The snapshot then stays as it was, and is good for
 * break-glass names only: ngx_compliance_check.c holds that.
 */
#include "ngx_compliance_mirror.h"


/* Two rounds of all rows, or as many of a few rows as fit. */
#define NGX_COMPLIANCE_BATCHES                                                \
    (2 * (NGX_COMPLIANCE_ROWS / NGX_REDIS_MAX_COMMANDS + 1))


typedef struct ngx_compliance_read_s  ngx_compliance_read_t;

typedef struct {
    ngx_redis_batch_t            batch;
    ngx_compliance_read_t       *read;
    ngx_uint_t                   n;
    ngx_compliance_row_t        *rows[NGX_REDIS_MAX_COMMANDS];
} ngx_compliance_read_batch_t;

struct ngx_compliance_read_s {
    ngx_queue_t                  checks;     /* that wait for it */
    ngx_compliance_read_t       *next;       /* of the free ones */
    uint64_t                     number;
    ngx_uint_t                   nbatches;   /* used */
    ngx_uint_t                   pending;
    unsigned                     failed:1;
    ngx_compliance_read_batch_t  batches[NGX_COMPLIANCE_BATCHES];
};


static ngx_compliance_read_t *ngx_compliance_read_begin(void);
static void ngx_compliance_read_ask(ngx_compliance_read_t *read);
static void ngx_compliance_read_send(ngx_compliance_read_batch_t *rb);
static void ngx_compliance_read_handler(ngx_redis_batch_t *batch);
static void ngx_compliance_read_end(ngx_compliance_read_t *read);
static void ngx_compliance_turn_handler(ngx_event_t *ev);


static uint64_t                ngx_compliance_reads;   /* begun */
static ngx_compliance_read_t  *ngx_compliance_turn;    /* to be joined */
static ngx_compliance_read_t  *ngx_compliance_free_reads;
static ngx_event_t             ngx_compliance_turn_end;
static ngx_redis_status_e      ngx_compliance_read_failure;


ngx_int_t
ngx_compliance_snapshot_start(ngx_cycle_t *cycle)
{
    ngx_compliance_turn_end.handler = ngx_compliance_turn_handler;
    ngx_compliance_turn_end.data = &ngx_compliance_mirror;
    ngx_compliance_turn_end.log = cycle->log;

    return ngx_compliance_mirror_start(cycle->log);
}


compliance_snapshot_t *
ngx_compliance_snapshot(void)
{
    return ngx_compliance_mirror.good ? ngx_compliance_mirror.snapshot : NULL;
}


ngx_redis_status_e
ngx_compliance_snapshot_failure(void)
{
    return ngx_compliance_read_failure;
}


ngx_int_t
ngx_compliance_snapshot_join(ngx_compliance_check_t *check)
{
    if (ngx_compliance_turn == NULL) {
        ngx_compliance_turn = ngx_compliance_read_begin();

        if (ngx_compliance_turn == NULL) {
            return NGX_ERROR;
        }

        ngx_post_event(&ngx_compliance_turn_end, &ngx_posted_events);
    }

    ngx_queue_insert_tail(&ngx_compliance_turn->checks, &check->queue);

    return NGX_OK;
}


/* What is asked from now on may have to see a later state. */

static void
ngx_compliance_turn_handler(ngx_event_t *ev)
{
    ngx_compliance_turn = NULL;
}


static ngx_compliance_read_t *
ngx_compliance_read_begin(void)
{
    ngx_compliance_read_t  *read;

    read = ngx_compliance_free_reads;

    if (read != NULL) {
        ngx_compliance_free_reads = read->next;

    } else {
        read = ngx_alloc(sizeof(ngx_compliance_read_t), ngx_cycle->log);
        if (read == NULL) {
            return NULL;
        }
    }

    ngx_queue_init(&read->checks);
    read->next = NULL;
    read->number = ++ngx_compliance_reads;
    read->nbatches = 0;
    read->pending = 0;
    read->failed = 0;

    ngx_compliance_read_ask(read);

    if (read->failed && read->pending == 0) {
        read->next = ngx_compliance_free_reads;
        ngx_compliance_free_reads = read;
        return NULL;
    }

    return read;
}


/* Asks for every row that is wanted and older than this read. */

static void
ngx_compliance_read_ask(ngx_compliance_read_t *read)
{
    ngx_uint_t                    i;
    ngx_compliance_row_t         *row;
    ngx_compliance_read_batch_t  *rb;

    rb = NULL;

    for (i = 0; i < ngx_compliance_mirror.nrows; i++) {
        row = &ngx_compliance_mirror.rows[i];

        if (!row->member || row->number >= read->number) {
            continue;
        }

        if (rb == NULL) {
            if (read->nbatches
                == sizeof(read->batches) / sizeof(read->batches[0]))
            {
                read->failed = 1;
                return;
            }

            rb = &read->batches[read->nbatches++];
            rb->read = read;
            rb->n = 0;
        }

        rb->rows[rb->n++] = row;

        if (rb->n == NGX_REDIS_MAX_COMMANDS) {
            ngx_compliance_read_send(rb);
            rb = NULL;
        }
    }

    if (rb != NULL) {
        ngx_compliance_read_send(rb);
    }
}


static void
ngx_compliance_read_send(ngx_compliance_read_batch_t *rb)
{
    ngx_uint_t           i;
    ngx_redis_command_t  commands[NGX_REDIS_MAX_COMMANDS];

    for (i = 0; i < rb->n; i++) {
        ngx_compliance_mirror_command(rb->rows[i], &commands[i]);
    }

    rb->batch.handler = ngx_compliance_read_handler;
    rb->batch.data = rb;

    if (ngx_redis_send(ngx_compliance_worker.redis, &rb->batch, commands,
                       rb->n)
        != NGX_OK)
    {
        ngx_compliance_read_failure = rb->batch.status;
        rb->read->failed = 1;
        return;
    }

    rb->read->pending++;

    for (i = 0; i < rb->n; i++) {
        rb->rows[i]->asked++;
    }
}


static void
ngx_compliance_read_handler(ngx_redis_batch_t *batch)
{
    ngx_uint_t                    i;
    ngx_compliance_row_t         *row;
    ngx_compliance_read_t        *read;
    ngx_compliance_read_batch_t  *rb;

    rb = batch->data;
    read = rb->read;

    for (i = 0; i < rb->n; i++) {
        row = rb->rows[i];
        row->asked--;

        if (batch->status != NGX_REDIS_OK
            || ngx_compliance_mirror_reply(row, batch->replies[i]) != NGX_OK)
        {
            ngx_compliance_read_failure = batch->status;
            read->failed = 1;
            continue;
        }

        row->number = read->number;
    }

    if (--read->pending) {
        return;
    }

    if (!read->failed) {

        /* groups that the set has brought, to this read or to a later one */

        ngx_compliance_read_ask(read);

        if (read->pending) {
            return;
        }
    }

    ngx_compliance_read_end(read);
}


static void
ngx_compliance_read_end(ngx_compliance_read_t *read)
{
    ngx_int_t                rc;
    ngx_queue_t             *q;
    ngx_compliance_check_t  *check;

    rc = NGX_ERROR;

    if (!read->failed) {
        rc = ngx_compliance_mirror_build();
    }

    if (ngx_compliance_turn == read) {
        ngx_compliance_turn = NULL;
    }

    /* a handler may end other checks, which leave the queue by themselves */

    while (!ngx_queue_empty(&read->checks)) {
        q = ngx_queue_head(&read->checks);
        ngx_queue_remove(q);

        check = ngx_queue_data(q, ngx_compliance_check_t, queue);

        ngx_compliance_check_snapshot(check, rc);
    }

    read->next = ngx_compliance_free_reads;
    ngx_compliance_free_reads = read;
}
