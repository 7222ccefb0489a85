/*
 * A block that is given out from its beginning again at each begin.  What has
 * no room in it is malloc's, and freed by its owner.  The blocks stay to the end.
 */
#include "json_arena.h"
#include "ctl.h"

#include <stdlib.h>


#define ROOM   ((size_t) 8 * 1024 * 1024)   /* touched only as far as records need it */
#define ALIGN  (sizeof(max_align_t))

typedef struct {
    char   *data;
    size_t  used;
    bool    full;
} arena_t;

static arena_t  arenas[CTL_JSON_ARENAS];
static arena_t *active, *before;   /* before: it was active, and will be */


static bool
inside(const void *memory)
{
    const char *p = memory;

    for (size_t i = 0; i < CTL_JSON_ARENAS; i++) {
        if (arenas[i].data != NULL && p >= arenas[i].data
            && p < arenas[i].data + ROOM)
        {
            return true;
        }
    }

    return false;
}


static void *
take(size_t size)
{
    char *memory;

    if (active == NULL) {
        return malloc(size);
    }

    if (size > ROOM - active->used) {
        active->full = true;
        return malloc(size);
    }

    memory = active->data + active->used;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    active->used = size > ROOM - active->used ? ROOM : active->used + size;

    return memory;
}


static void
give(void *memory)
{
    if (!inside(memory)) {
        free(memory);
    }
}


void
ctl_json_arena_begin(ctl_json_arena_t which)
{
    arena_t *arena = &arenas[which];

    if (arena->data == NULL) {
        arena->data = malloc(ROOM);

        if (arena->data == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        json_set_alloc_funcs(take, give);
    }

    arena->used = 0;
    arena->full = false;
    before = active;
    active = arena;
}


bool
ctl_json_arena_end(void)
{
    bool fits = active == NULL || !active->full;

    active = before;
    before = NULL;

    return fits;
}
