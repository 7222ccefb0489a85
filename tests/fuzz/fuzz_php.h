/*
 * How PHP reads a form, for the fuzzers that hold our reading against its.
 */
#ifndef FUZZ_PHP_H
#define FUZZ_PHP_H

#include <stddef.h>


static int
hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* PHP's urldecode(), in place. */
static size_t
urldecode(char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '+') {
            c = ' ';

        } else if (c == '%' && i + 2 < len && hex(text[i + 1]) >= 0
                   && hex(text[i + 2]) >= 0)
        {
            c = (char) (hex(text[i + 1]) << 4 | hex(text[i + 2]));
            i += 2;
        }

        text[n++] = c;
    }

    return n;
}

#endif
