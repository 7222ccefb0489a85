/*
 * The framing check of Redis replies, fed at every split.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../../lua-free-shim/ngx_redis_frame.h"


#define LIMIT  4096

typedef struct {
    const char *bytes;
    size_t      len;
} input_t;

#define INPUT(lit)  { lit, sizeof(lit) - 1 }


static const input_t valid[] = {
    INPUT("+OK\r\n"),
    INPUT("+\r\n"),
    INPUT("-ERR unknown command\r\n"),
    INPUT(":0\r\n"),
    INPUT(":-12\r\n"),
    INPUT(":9223372036854775807\r\n"),
    INPUT("$-1\r\n"),
    INPUT("$0\r\n\r\n"),
    INPUT("$5\r\nhello\r\n"),
    INPUT("$4\r\n\r\n\r\n\r\n"),
    INPUT("$3\r\na\0b\r\n"),
    INPUT("*-1\r\n"),
    INPUT("*0\r\n"),
    INPUT("*2\r\n$1\r\na\r\n$-1\r\n"),
    INPUT("*3\r\n*0\r\n*2\r\n:1\r\n+x\r\n$2\r\nok\r\n"),
    INPUT("*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n"),
    INPUT("*2\r\n-ERR a\r\n:2\r\n"),
};

static const input_t broken[] = {
    INPUT("OK\r\n"),
    INPUT("\r\n"),
    INPUT("+OK\n"),
    INPUT("+O\0K\r\n"),
    INPUT("+OK\rX"),
    INPUT("+OK\r\r\n"),
    INPUT(":\r\n"),
    INPUT(":-\r\n"),
    INPUT(":-0\r\n"),
    INPUT(":--1\r\n"),
    INPUT(":+1\r\n"),
    INPUT(":01\r\n"),
    INPUT(": 1\r\n"),
    INPUT(":1 \r\n"),
    INPUT(":9223372036854775808\r\n"),
    INPUT(":10000000000000000000\r\n"),
    INPUT("$\r\n"),
    INPUT("$-2\r\n"),
    INPUT("$5\r\nhelloX\r"),
    INPUT("$5\r\nhello\rX"),
    INPUT("$5\r\nhello!\r\n"),
    INPUT("$01\r\na\r\n"),
    INPUT("$00\r\n\r\n"),
    INPUT("$-0\r\n"),
    INPUT("$-1\rX"),
    INPUT("$1\nab\r\n"),
    INPUT("$1x\r\na\r\n"),
    INPUT("$4097\r\n"),
    INPUT("$1000000000000\r\n"),
    INPUT("*-2\r\n"),
    INPUT("*65537\r\n"),
    INPUT("*1000000000\r\n"),
    INPUT("*2\r\n*65535\r\n"),
    INPUT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"),
    INPUT("*1\r\nX"),
    /* RESP3, which was never asked for */
    INPUT("_\r\n"),
    INPUT("#t\r\n"),
    INPUT(">2\r\n"),
    INPUT("%1\r\n"),
    INPUT("(123\r\n"),
};

#define N(list)  (sizeof(list) / sizeof(list[0]))


/* Feeds the two halves; the result of the last call that was made. */
static ngx_redis_frame_e
feed(const input_t *in, size_t split, size_t *total)
{
    size_t             used;
    ngx_redis_frame_t  frame;
    ngx_redis_frame_e  rc;

    ngx_redis_frame_init(&frame, LIMIT);

    rc = ngx_redis_frame_scan(&frame, in->bytes, split, &used);
    *total = used;

    if (rc != NGX_REDIS_FRAME_AGAIN) {
        return rc;
    }

    cr_assert_eq(used, split);

    rc = ngx_redis_frame_scan(&frame, in->bytes + split, in->len - split,
                              &used);
    *total += used;

    return rc;
}


Test(redis_frame, whole_replies_end_at_their_last_byte_at_every_split)
{
    size_t  i, split, total;

    for (i = 0; i < N(valid); i++) {
        for (split = 0; split <= valid[i].len; split++) {
            cr_assert_eq(feed(&valid[i], split, &total),
                         NGX_REDIS_FRAME_DONE, "valid[%zu] at %zu", i, split);
            cr_assert_eq(total, valid[i].len);
        }
    }
}


Test(redis_frame, strings_of_every_length_are_whole_or_refused)
{
    int      n;
    char     bytes[512];
    size_t   len, split, total;
    input_t  in = { bytes, 0 };

    for (len = 0; len < 130; len++) {
        n = snprintf(bytes, sizeof(bytes), "*3\r\n$%zu\r\n", len);
        memset(bytes + n, '\r', len);
        memcpy(bytes + n + len, "\r\n$-1\r\n$1\r\nx\r\n", 14);
        in.len = (size_t) n + len + 14;

        for (split = 0; split <= in.len; split++) {
            cr_assert_eq(feed(&in, split, &total), NGX_REDIS_FRAME_DONE);
            cr_assert_eq(total, in.len);
        }

        /* neither byte of the line's end may be another */

        for (size_t at = 0; at < 2; at++) {
            bytes[(size_t) n + len + at] ^= 1;

            for (split = 0; split <= in.len; split++) {
                cr_assert_eq(feed(&in, split, &total), NGX_REDIS_FRAME_ERROR);
            }

            bytes[(size_t) n + len + at] ^= 1;
        }
    }
}


Test(redis_frame, every_strict_prefix_of_a_reply_waits_for_more)
{
    size_t   i, total;
    input_t  part;

    for (i = 0; i < N(valid); i++) {
        part = valid[i];

        while (part.len-- > 0) {
            cr_assert_eq(feed(&part, part.len / 2, &total),
                         NGX_REDIS_FRAME_AGAIN, "valid[%zu] to %zu", i,
                         part.len);

            if (part.len == 0) {
                break;
            }
        }
    }
}


Test(redis_frame, malformed_replies_are_refused_at_every_split)
{
    size_t  i, split, total;

    for (i = 0; i < N(broken); i++) {
        for (split = 0; split <= broken[i].len; split++) {
            cr_assert_eq(feed(&broken[i], split, &total),
                         NGX_REDIS_FRAME_ERROR, "broken[%zu] at %zu", i,
                         split);
        }
    }
}


Test(redis_frame, a_refusal_names_its_reason)
{
    size_t             i, used;
    ngx_redis_frame_t  frame;

    for (i = 0; i < N(broken); i++) {
        ngx_redis_frame_init(&frame, LIMIT);
        (void) ngx_redis_frame_scan(&frame, broken[i].bytes, broken[i].len,
                                    &used);
        cr_assert_not_null(frame.why);
    }
}


Test(redis_frame, pipelined_replies_are_told_apart)
{
    size_t             i, used, pos, len;
    char               all[1024];
    ngx_redis_frame_t  frame;

    len = 0;

    for (i = 0; i < N(valid); i++) {
        memcpy(all + len, valid[i].bytes, valid[i].len);
        len += valid[i].len;
    }

    ngx_redis_frame_init(&frame, LIMIT);

    for (i = 0, pos = 0; i < N(valid); i++) {
        cr_assert_eq(ngx_redis_frame_scan(&frame, all + pos, len - pos,
                                          &used),
                     NGX_REDIS_FRAME_DONE);
        cr_assert_eq(used, valid[i].len);
        pos += used;
    }

    cr_assert_eq(pos, len);
}


Test(redis_frame, a_reply_may_fill_the_limit_and_not_one_byte_more)
{
    size_t             used;
    char               reply[64];
    ngx_redis_frame_t  frame;

    (void) strcpy(reply, "$10\r\n0123456789\r\n");   /* 17 bytes */

    ngx_redis_frame_init(&frame, 17);
    cr_assert_eq(ngx_redis_frame_scan(&frame, reply, 17, &used),
                 NGX_REDIS_FRAME_DONE);

    ngx_redis_frame_init(&frame, 16);
    cr_assert_eq(ngx_redis_frame_scan(&frame, reply, 17, &used),
                 NGX_REDIS_FRAME_ERROR);
}


Test(redis_frame, an_endless_line_is_refused_at_the_limit)
{
    size_t             i, used;
    ngx_redis_frame_t  frame;

    ngx_redis_frame_init(&frame, LIMIT);

    cr_assert_eq(ngx_redis_frame_scan(&frame, "+", 1, &used),
                 NGX_REDIS_FRAME_AGAIN);

    for (i = 1; i < LIMIT; i++) {
        cr_assert_eq(ngx_redis_frame_scan(&frame, "a", 1, &used),
                     NGX_REDIS_FRAME_AGAIN);
    }

    cr_assert_eq(ngx_redis_frame_scan(&frame, "a", 1, &used),
                 NGX_REDIS_FRAME_ERROR);
}


Test(redis_frame, limits_begin_anew_with_each_reply)
{
    int                i;
    size_t             used;
    ngx_redis_frame_t  frame;

    ngx_redis_frame_init(&frame, 8);

    for (i = 0; i < 100; i++) {
        cr_assert_eq(ngx_redis_frame_scan(&frame, "$2\r\nok\r\n", 8, &used),
                     NGX_REDIS_FRAME_DONE);
    }
}
