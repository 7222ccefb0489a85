/*
 * The framing of Redis replies (RESP2), checked byte by byte before hiredis
 * sees them: its reader takes a bulk string without its CRLF and reserves
 * memory for as many array elements as a reply claims to have.  What passes
 * here is complete, bounded and cannot put the reader out of step.  No nginx,
 * no allocation.
 */
#ifndef NGX_REDIS_FRAME_H
#define NGX_REDIS_FRAME_H

#include <stddef.h>
#include <stdint.h>


/* The deepest reply the gateway's commands have is an array of strings;
 * hiredis itself stops at 7 (0.14) or 9. */
#define NGX_REDIS_FRAME_DEPTH     4
/* Of one reply, nested ones included: hiredis takes 8 bytes for each before
 * the first of them has arrived. */
#define NGX_REDIS_FRAME_ELEMENTS  65536

typedef enum {
    NGX_REDIS_FRAME_AGAIN = 0,   /* all was consumed, the reply goes on */
    NGX_REDIS_FRAME_DONE,        /* a reply ends at *used */
    NGX_REDIS_FRAME_ERROR        /* not a reply: frame->why, a literal */
} ngx_redis_frame_e;

typedef enum {
    NGX_REDIS_FRAME_TYPE = 0,
    NGX_REDIS_FRAME_TEXT,        /* the rest of a + or - line */
    NGX_REDIS_FRAME_NUMBER,      /* the rest of a :, $ or * line */
    NGX_REDIS_FRAME_LF,          /* ends any line */
    NGX_REDIS_FRAME_BULK,        /* a bulk's bytes */
    NGX_REDIS_FRAME_BULK_CR,
    NGX_REDIS_FRAME_BULK_LF
} ngx_redis_frame_state_e;

typedef struct {
    size_t                   max_bytes;   /* of one reply */
    const char              *why;

    /* private */
    ngx_redis_frame_state_e  state;
    char                     type;
    unsigned                 negative:1;
    unsigned                 digits;
    uint64_t                 number;
    size_t                   bytes;       /* of the present reply */
    size_t                   bulk_left;
    size_t                   elements;
    unsigned                 depth;
    size_t                   left[NGX_REDIS_FRAME_DEPTH];
} ngx_redis_frame_t;

void ngx_redis_frame_init(ngx_redis_frame_t *frame, size_t max_bytes);

/* Reads up to the end of one reply or of data, whichever comes first; *used is
 * how far it came.  After DONE the next call begins a reply; after ERROR the
 * frame is of no more use. */
ngx_redis_frame_e ngx_redis_frame_scan(ngx_redis_frame_t *frame,
    const char *data, size_t len, size_t *used);

#endif
