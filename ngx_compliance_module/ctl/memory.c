/*
 * Memory of a short-lived program: blocks on one stack, released down to a
 * mark or at exit.  Running out of it ends the program; what is to be written
 * goes to Redis in one transaction, so nothing is left half-written by that.
 */
#include "ctl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>


struct ctl_block_s {
    struct ctl_block_s *next;
    void               *object;
    void              (*release)(void *);
};

static struct ctl_block_s *blocks;


static void
push(void *object, void (*release)(void *))
{
    struct ctl_block_s *block;

    block = malloc(sizeof(*block));
    if (block != NULL) {
        block->next = blocks;
        block->object = object;
        block->release = release;
        blocks = block;
        return;
    }

    release(object);
    ctl_die(CTL_STORE, "out of memory");
}


void *
ctl_alloc(size_t size)
{
    void *memory;

    memory = calloc(1, size > 0 ? size : 1);
    if (memory == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    push(memory, free);

    return memory;
}


void *
ctl_alloc_array(size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return ctl_alloc(n * size);
}


char *
ctl_dup(compliance_str_t text)
{
    char *copy;

    copy = ctl_alloc(text.len + 1);
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }

    return copy;
}


char *
ctl_format(const char *format, ...)
{
    char   *text;
    int     len;
    va_list args;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);

    if (len < 0) {
        ctl_die(CTL_STORE, "cannot format a message");
    }

    text = ctl_alloc((size_t) len + 1);

    va_start(args, format);
    (void) vsnprintf(text, (size_t) len + 1, format, args);
    va_end(args);

    return text;
}


void *
ctl_unconst(const void *memory)
{
    void *same;

    memcpy(&same, &memory, sizeof(same));

    return same;
}


void
ctl_keep(void *object, void (*release)(void *))
{
    push(object, release);
}


ctl_mark_t
ctl_mark(void)
{
    return blocks;
}


void
ctl_release(ctl_mark_t mark)
{
    struct ctl_block_s *block;

    while (blocks != mark && blocks != NULL) {
        block = blocks;
        blocks = block->next;
        block->release(block->object);
        free(block);
    }
}
