/*
 * The framing check of Redis replies: a state machine over bytes.  A reply is
 * refused at the first byte that no Redis would send, or as soon as its own
 * numbers say that it will break a limit.  Used by ngx_redis_reply.c.
 */
#include "ngx_redis_frame.h"

#include <string.h>


/* 19 digits hold every int64_t; lengths are refused long before that. */
#define NGX_REDIS_FRAME_DIGITS  19

#define NGX_REDIS_FRAME_GOES_ON  0
#define NGX_REDIS_FRAME_COMPLETE 1
#define NGX_REDIS_FRAME_BROKEN   2


static size_t  ngx_redis_frame_string(const char *data, size_t len);
static int  ngx_redis_frame_step(ngx_redis_frame_t *frame, char ch);
static int  ngx_redis_frame_type(ngx_redis_frame_t *frame, char ch);
static int  ngx_redis_frame_digit(ngx_redis_frame_t *frame, char ch);
static int  ngx_redis_frame_line_end(ngx_redis_frame_t *frame);
static int  ngx_redis_frame_bulk(ngx_redis_frame_t *frame);
static int  ngx_redis_frame_array(ngx_redis_frame_t *frame);
static int  ngx_redis_frame_element_end(ngx_redis_frame_t *frame);
static ngx_redis_frame_e  ngx_redis_frame_done(ngx_redis_frame_t *frame,
    size_t i, size_t *used);
static int  ngx_redis_frame_broken(ngx_redis_frame_t *frame, const char *why);


void
ngx_redis_frame_init(ngx_redis_frame_t *frame, size_t max_bytes)
{
    memset(frame, 0, sizeof(*frame));

    frame->max_bytes = max_bytes;
}


ngx_redis_frame_e
ngx_redis_frame_scan(ngx_redis_frame_t *frame, const char *data, size_t len,
    size_t *used)
{
    int     rc;
    size_t  i, n;

    i = 0;

    while (i < len) {

        if (frame->state == NGX_REDIS_FRAME_BULK) {
            n = len - i < frame->bulk_left ? len - i : frame->bulk_left;

            frame->bulk_left -= n;
            frame->bytes += n;
            i += n;

            if (frame->bulk_left == 0) {
                frame->state = NGX_REDIS_FRAME_BULK_CR;
            }

            continue;
        }

        if (frame->state == NGX_REDIS_FRAME_TYPE) {
            n = ngx_redis_frame_string(data + i, len - i);

            if (n != 0 && n <= frame->max_bytes - frame->bytes) {
                frame->bytes += n;
                i += n;

                if (ngx_redis_frame_element_end(frame)
                    == NGX_REDIS_FRAME_COMPLETE)
                {
                    return ngx_redis_frame_done(frame, i, used);
                }

                continue;
            }
        }

        if (++frame->bytes > frame->max_bytes) {
            (void) ngx_redis_frame_broken(frame, "reply is too long");
            *used = i;
            return NGX_REDIS_FRAME_ERROR;
        }

        rc = ngx_redis_frame_step(frame, data[i++]);

        if (rc == NGX_REDIS_FRAME_BROKEN) {
            *used = i;
            return NGX_REDIS_FRAME_ERROR;
        }

        if (rc == NGX_REDIS_FRAME_COMPLETE) {
            return ngx_redis_frame_done(frame, i, used);
        }
    }

    *used = i;

    return NGX_REDIS_FRAME_AGAIN;
}


static ngx_redis_frame_e
ngx_redis_frame_done(ngx_redis_frame_t *frame, size_t i, size_t *used)
{
    frame->bytes = 0;
    frame->elements = 0;
    *used = i;

    return NGX_REDIS_FRAME_DONE;
}


/* Most of what comes is short strings, whole: their bytes are not looked at
 * one by one.  The bytes of such a string, or of a nil, at data; 0: it is not
 * one, or not all of it, and the state machine is to say what it is. */

static size_t
ngx_redis_frame_string(const char *data, size_t len)
{
    size_t  i, n;

    if (len < sizeof("$-1\r\n") - 1 || data[0] != '$') {
        return 0;
    }

    if (data[1] == '-') {
        return data[2] == '1' && data[3] == '\r' && data[4] == '\n' ? 5 : 0;
    }

    /* two digits, and no zero before another one */

    i = 1;
    n = 0;

    do {
        if (data[i] < '0' || data[i] > '9') {
            return 0;
        }

        n = n * 10 + (size_t) (data[i++] - '0');

    } while (n != 0 && i < 3 && data[i] != '\r');

    if (len - i < n + 4 || data[i] != '\r' || data[i + 1] != '\n'
        || data[i + 2 + n] != '\r' || data[i + 3 + n] != '\n')
    {
        return 0;
    }

    return i + n + 4;
}


static int
ngx_redis_frame_step(ngx_redis_frame_t *frame, char ch)
{
    switch (frame->state) {

    case NGX_REDIS_FRAME_TYPE:
        return ngx_redis_frame_type(frame, ch);

    case NGX_REDIS_FRAME_TEXT:
        if (ch == '\r') {
            frame->state = NGX_REDIS_FRAME_LF;
            return NGX_REDIS_FRAME_GOES_ON;
        }

        if (ch == '\n' || ch == '\0') {
            return ngx_redis_frame_broken(frame, "bare LF or NUL in a line");
        }

        return NGX_REDIS_FRAME_GOES_ON;

    case NGX_REDIS_FRAME_NUMBER:
        return ngx_redis_frame_digit(frame, ch);

    case NGX_REDIS_FRAME_LF:
        if (ch != '\n') {
            return ngx_redis_frame_broken(frame, "bare CR in a line");
        }

        return ngx_redis_frame_line_end(frame);

    case NGX_REDIS_FRAME_BULK:
        break;   /* taken in one piece by ngx_redis_frame_scan() */

    case NGX_REDIS_FRAME_BULK_CR:
        if (ch != '\r') {
            return ngx_redis_frame_broken(frame, "string without its CRLF");
        }

        frame->state = NGX_REDIS_FRAME_BULK_LF;

        return NGX_REDIS_FRAME_GOES_ON;

    case NGX_REDIS_FRAME_BULK_LF:
        if (ch != '\n') {
            return ngx_redis_frame_broken(frame, "string without its CRLF");
        }

        return ngx_redis_frame_element_end(frame);
    }

    return ngx_redis_frame_broken(frame, "no such state");
}


static int
ngx_redis_frame_type(ngx_redis_frame_t *frame, char ch)
{
    frame->type = ch;

    switch (ch) {

    case '+':
    case '-':
        frame->state = NGX_REDIS_FRAME_TEXT;
        return NGX_REDIS_FRAME_GOES_ON;

    case ':':
    case '$':
    case '*':
        frame->state = NGX_REDIS_FRAME_NUMBER;
        frame->negative = 0;
        frame->digits = 0;
        frame->number = 0;
        return NGX_REDIS_FRAME_GOES_ON;

    default:
        return ngx_redis_frame_broken(frame, "unknown reply type");
    }
}


/* As Redis writes numbers: an optional '-', no '+', no leading zeros. */
static int
ngx_redis_frame_digit(ngx_redis_frame_t *frame, char ch)
{
    if (ch == '\r') {
        if (frame->digits == 0 || (frame->negative && frame->number == 0)) {
            return ngx_redis_frame_broken(frame, "malformed number");
        }

        frame->state = NGX_REDIS_FRAME_LF;

        return NGX_REDIS_FRAME_GOES_ON;
    }

    if (ch == '-' && frame->digits == 0 && !frame->negative) {
        frame->negative = 1;
        return NGX_REDIS_FRAME_GOES_ON;
    }

    if (ch < '0' || ch > '9'
        || frame->digits == NGX_REDIS_FRAME_DIGITS
        || (frame->digits == 1 && frame->number == 0))
    {
        return ngx_redis_frame_broken(frame, "malformed number");
    }

    frame->number = frame->number * 10 + (uint64_t) (ch - '0');
    frame->digits++;

    return NGX_REDIS_FRAME_GOES_ON;
}


static int
ngx_redis_frame_line_end(ngx_redis_frame_t *frame)
{
    if (frame->type == '$') {
        return ngx_redis_frame_bulk(frame);
    }

    if (frame->type == '*') {
        return ngx_redis_frame_array(frame);
    }

    if (frame->type == ':' && frame->number > INT64_MAX) {
        return ngx_redis_frame_broken(frame, "malformed number");
    }

    return ngx_redis_frame_element_end(frame);
}


static int
ngx_redis_frame_bulk(ngx_redis_frame_t *frame)
{
    if (frame->negative) {
        if (frame->number != 1) {
            return ngx_redis_frame_broken(frame, "negative length");
        }

        return ngx_redis_frame_element_end(frame);
    }

    if (frame->number > frame->max_bytes - frame->bytes) {
        return ngx_redis_frame_broken(frame, "reply is too long");
    }

    frame->bulk_left = (size_t) frame->number;
    frame->state = frame->bulk_left ? NGX_REDIS_FRAME_BULK
                                    : NGX_REDIS_FRAME_BULK_CR;

    return NGX_REDIS_FRAME_GOES_ON;
}


static int
ngx_redis_frame_array(ngx_redis_frame_t *frame)
{
    if (frame->negative) {
        if (frame->number != 1) {
            return ngx_redis_frame_broken(frame, "negative length");
        }

        return ngx_redis_frame_element_end(frame);
    }

    if (frame->number == 0) {
        return ngx_redis_frame_element_end(frame);
    }

    if (frame->number > NGX_REDIS_FRAME_ELEMENTS - frame->elements) {
        return ngx_redis_frame_broken(frame, "too many elements");
    }

    if (frame->depth == NGX_REDIS_FRAME_DEPTH) {
        return ngx_redis_frame_broken(frame, "nested too deep");
    }

    frame->elements += (size_t) frame->number;
    frame->left[frame->depth++] = (size_t) frame->number;
    frame->state = NGX_REDIS_FRAME_TYPE;

    return NGX_REDIS_FRAME_GOES_ON;
}


static int
ngx_redis_frame_element_end(ngx_redis_frame_t *frame)
{
    frame->state = NGX_REDIS_FRAME_TYPE;

    while (frame->depth) {

        if (--frame->left[frame->depth - 1]) {
            return NGX_REDIS_FRAME_GOES_ON;
        }

        frame->depth--;
    }

    return NGX_REDIS_FRAME_COMPLETE;
}


static int
ngx_redis_frame_broken(ngx_redis_frame_t *frame, const char *why)
{
    frame->why = why;

    return NGX_REDIS_FRAME_BROKEN;
}
