/*
 * A bump allocator over a list of chunks, which stay for the next round.
 */
#include "arena.h"

#include <stdlib.h>
#include <string.h>


#define CHUNK    ((size_t) 256 * 1024)
#define ALIGN    (sizeof(max_align_t))
#define INT_MAX_LEN  21   /* an int64_t, and its NUL */

struct ctl_arena_chunk_s {
    ctl_arena_chunk_t *next;
    size_t             used;
    size_t             size;
    max_align_t        data[];
};


static ctl_arena_chunk_t *
new_chunk(size_t size)
{
    ctl_arena_chunk_t *chunk;

    size = size < CHUNK ? CHUNK : size;
    chunk = size > SIZE_MAX / 2 ? NULL : malloc(sizeof(*chunk) + size);

    if (chunk == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    chunk->next = NULL;
    chunk->used = 0;
    chunk->size = size;

    return chunk;
}


/* The next chunk that has room; what is too small for it stays unused until
 * the reset. */
static ctl_arena_chunk_t *
chunk_for(ctl_arena_t *arena, size_t size)
{
    ctl_arena_chunk_t *chunk, *next;

    if (arena->current == NULL) {
        arena->first = arena->current = new_chunk(size);
    }

    for (chunk = arena->current; chunk->size - chunk->used < size;
         chunk = next)
    {
        next = chunk->next;

        if (next == NULL) {
            next = chunk->next = new_chunk(size);
        }
    }

    arena->current = chunk;

    return chunk;
}


void *
ctl_arena_alloc(ctl_arena_t *arena, size_t size)
{
    ctl_arena_chunk_t *chunk;
    void              *memory;

    if (size > SIZE_MAX / 2) {
        ctl_die(CTL_STORE, "out of memory");
    }

    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    chunk = chunk_for(arena, size);
    memory = (char *) chunk->data + chunk->used;
    chunk->used += size;

    return memory;
}


compliance_str_t
ctl_arena_copy(ctl_arena_t *arena, compliance_str_t text)
{
    char *copy;

    if (text.data == NULL) {
        return text;
    }

    copy = ctl_arena_alloc(arena, text.len + 1);
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';

    return (compliance_str_t) { copy, text.len };
}


compliance_str_t
ctl_arena_int(ctl_arena_t *arena, int64_t value)
{
    char            *text = ctl_arena_alloc(arena, INT_MAX_LEN);
    compliance_buf_t buf;

    compliance_buf_init(&buf, text, INT_MAX_LEN);
    compliance_buf_int(&buf, value);

    return (compliance_str_t) { buf.data, buf.len };
}


void
ctl_arena_reset(ctl_arena_t *arena)
{
    for (ctl_arena_chunk_t *chunk = arena->first; chunk != NULL;
         chunk = chunk->next)
    {
        chunk->used = 0;
    }

    arena->current = arena->first;
}


void
ctl_arena_free(ctl_arena_t *arena)
{
    ctl_arena_chunk_t *next;

    for (ctl_arena_chunk_t *chunk = arena->first; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }

    arena->first = arena->current = NULL;
}
