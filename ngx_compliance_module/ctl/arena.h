/*
 * Memory that goes all at once: what a batch of devices or one record needs.
 * Unlike ctl_alloc()'s it does not grow with the number of batches.
 */
#ifndef COMPLIANCE_CTL_ARENA_H
#define COMPLIANCE_CTL_ARENA_H

#include "ctl.h"


typedef struct ctl_arena_chunk_s  ctl_arena_chunk_t;

/* Zeroed, it is empty. */
typedef struct {
    ctl_arena_chunk_t *first;
    ctl_arena_chunk_t *current;
} ctl_arena_t;

/* Not zeroed; dies where there is none. */
void *ctl_arena_alloc(ctl_arena_t *arena, size_t size);
/* A copy with a NUL behind it. */
compliance_str_t ctl_arena_copy(ctl_arena_t *arena, compliance_str_t text);
compliance_str_t ctl_arena_int(ctl_arena_t *arena, int64_t value);
/* Everything may be given out again. */
void ctl_arena_reset(ctl_arena_t *arena);
void ctl_arena_free(ctl_arena_t *arena);

#endif
