/*
 * jansson's values out of an arena: a record of sixty members is two hundred
 * small allocations, and they cost more than reading it.  Between begin and
 * end everything that jansson allocates comes from there; what is older or
 * younger is freed as always.
 */
#ifndef COMPLIANCE_CTL_JSON_ARENA_H
#define COMPLIANCE_CTL_JSON_ARENA_H

#include <stdbool.h>


typedef enum {
    CTL_JSON_RECORD = 0,   /* of an import's source */
    CTL_JSON_STORED,       /* an inventory that was stored */
    CTL_JSON_ARENAS
} ctl_json_arena_t;

/* What was made since the last begin of the same arena is gone after the next
 * one; it need not be freed, and may be.  The two nest. */
void ctl_json_arena_begin(ctl_json_arena_t which);
/* Back to what was before; true: all had room.  Else the owner must free what
 * he made, for some of it is malloc's. */
bool ctl_json_arena_end(void);

#endif
