/*
 * Replies of Redis: the framing check comes to the same end at any split, and
 * what it lets through hiredis reads as one reply of exactly those bytes.
 */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "ngx_redis_frame.h"


#define MAX  4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Feeds `step` bytes at a time; *end is where the first reply ends. */
static ngx_redis_frame_e
scan(const char *data, size_t size, size_t step, size_t *end)
{
    size_t            n, used;
    ngx_redis_frame_t frame;
    ngx_redis_frame_e rc = NGX_REDIS_FRAME_AGAIN;

    ngx_redis_frame_init(&frame, MAX);

    *end = 0;

    while (*end < size && rc == NGX_REDIS_FRAME_AGAIN) {
        n = size - *end < step ? size - *end : step;
        rc = ngx_redis_frame_scan(&frame, data + *end, n, &used);

        if (used > n || (rc == NGX_REDIS_FRAME_AGAIN && used != n)) {
            abort();
        }

        *end += used;
    }

    if (rc == NGX_REDIS_FRAME_ERROR && frame.why == NULL) {
        abort();
    }

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            end, end_part;
    void             *reply = NULL;
    redisReader      *reader;
    ngx_redis_frame_e rc;

    rc = scan((const char *) data, size, size + 1, &end);

    for (size_t step = 1; step <= 7; step += 2) {
        if (scan((const char *) data, size, step, &end_part) != rc
            || (rc == NGX_REDIS_FRAME_DONE && end_part != end))
        {
            abort();
        }
    }

    if (rc == NGX_REDIS_FRAME_ERROR) {
        return 0;
    }

    reader = redisReaderCreate();

    if (reader == NULL) {
        return 0;
    }

    if (redisReaderFeed(reader, (const char *) data, end) != REDIS_OK
        || redisReaderGetReply(reader, &reply) != REDIS_OK
        || (reply != NULL) != (rc == NGX_REDIS_FRAME_DONE)
        || (reply != NULL && reader->pos != reader->len))
    {
        abort();
    }

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    redisReaderFree(reader);

    return 0;
}
