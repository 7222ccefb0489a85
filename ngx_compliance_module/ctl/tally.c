/*
 * The rows stand in memory of their own: the pages that the accesses come in
 * are released while it grows.
 */
#include "tally.h"

#include <stdlib.h>
#include <string.h>


typedef struct item_s  item_t;

struct item_s {
    ctl_tally_row_t row;
    uint64_t        hash;
    item_t         *next;
    char            texts[];
};

struct ctl_tally_s {
    size_t   n;
    size_t   n_heads;       /* a power of two */
    item_t **heads;
    ctl_tally_row_t **sorted;
};


static void
free_tally(void *object)
{
    ctl_tally_t *tally = object;
    item_t      *item, *next;

    for (size_t i = 0; i < tally->n_heads; i++) {
        for (item = tally->heads[i]; item != NULL; item = next) {
            next = item->next;
            free(item);
        }
    }

    free(tally->heads);
    free(tally->sorted);
    free(tally);
}


static void *
checked(void *memory)
{
    if (memory == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return memory;
}


ctl_tally_t *
ctl_tally(void)
{
    ctl_tally_t *tally = checked(calloc(1, sizeof(*tally)));

    tally->n_heads = 1024;
    tally->heads = checked(calloc(tally->n_heads, sizeof(*tally->heads)));
    ctl_keep(tally, free_tally);

    return tally;
}


static uint64_t
hash_keys(const char *const *keys)
{
    uint64_t hash = 0xcbf29ce484222325u;   /* FNV-1a, each text with its NUL */

    for (size_t i = 0; i < CTL_TALLY_KEYS; i++) {
        const char *p = keys[i];

        do {
            hash ^= (uint8_t) *p;
            hash *= 0x100000001b3u;
        } while (*p++ != '\0');
    }

    return hash ^ hash >> 32;
}


static bool
same_keys(const char *const *a, const char *const *b)
{
    for (size_t i = 0; i < CTL_TALLY_KEYS; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return false;
        }
    }

    return true;
}


static void
grow(ctl_tally_t *tally)
{
    size_t   n = tally->n_heads * 4;
    item_t **heads = checked(calloc(n, sizeof(*heads))), *item, *next;

    for (size_t i = 0; i < tally->n_heads; i++) {
        for (item = tally->heads[i]; item != NULL; item = next) {
            next = item->next;
            item->next = heads[item->hash & (n - 1)];
            heads[item->hash & (n - 1)] = item;
        }
    }

    free(tally->heads);
    tally->heads = heads;
    tally->n_heads = n;
}


static item_t *
find(const ctl_tally_t *tally, const char *const *keys, uint64_t hash)
{
    item_t *item = tally->heads[hash & (tally->n_heads - 1)];

    while (item != NULL && (item->hash != hash
                            || !same_keys(item->row.keys, keys)))
    {
        item = item->next;
    }

    return item;
}


static item_t *
add(ctl_tally_t *tally, const char *const *keys, uint64_t hash)
{
    size_t  size = 0, len;
    char   *p;
    item_t *item;

    if (tally->n >= tally->n_heads) {
        grow(tally);
    }

    for (size_t i = 0; i < CTL_TALLY_KEYS; i++) {
        size += strlen(keys[i]) + 1;
    }

    item = checked(calloc(1, sizeof(*item) + size));
    p = item->texts;

    for (size_t i = 0; i < CTL_TALLY_KEYS; i++) {
        len = strlen(keys[i]) + 1;
        memcpy(p, keys[i], len);
        item->row.keys[i] = p;
        p += len;
    }

    item->hash = hash;
    item->next = tally->heads[hash & (tally->n_heads - 1)];
    tally->heads[hash & (tally->n_heads - 1)] = item;
    tally->n++;

    return item;
}


ctl_ending_t
ctl_ending(const ctl_access_t *access)
{
    switch (access->verdict) {

    case COMPLIANCE_ALLOW:
        return access->would_block ? CTL_ENDED_WOULD_BLOCK
               : access->reason == COMPLIANCE_BREAK_GLASS
                 ? CTL_ENDED_BREAK_GLASS : CTL_ENDED_ALLOWED;

    case COMPLIANCE_BLOCK:
        return CTL_ENDED_BLOCKED;

    case COMPLIANCE_TEMPFAIL:
        return CTL_ENDED_TEMPFAIL;

    case COMPLIANCE_BAD_REQUEST:
    case COMPLIANCE_UNDECIDED:
        break;
    }

    return CTL_ENDED_BAD_REQUEST;
}


ctl_tally_row_t *
ctl_tally_add(ctl_tally_t *tally, const char *const *keys,
    const ctl_access_t *access)
{
    uint64_t         hash = hash_keys(keys);
    item_t          *item = find(tally, keys, hash);
    ctl_tally_row_t *row;
    const char      *client;

    if (item == NULL) {
        item = add(tally, keys, hash);
    }

    row = &item->row;
    row->counts[ctl_ending(access)] += access->count;
    row->protocols |= COMPLIANCE_BIT(access->seen.protocol);

    if (row->first == 0 || access->first < row->first) {
        row->first = access->first;
    }

    if (access->last >= row->last) {
        row->last = access->last;
        client = access->seen.device_type[0] != '\0'
                 ? access->seen.device_type : access->seen.user_agent;
        (void) snprintf(row->client, sizeof(row->client), "%s", client);
        (void) snprintf(row->address, sizeof(row->address), "%s",
                        access->seen.address);
    }

    return row;
}


const ctl_tally_row_t *
ctl_tally_find(const ctl_tally_t *tally, const char *const *keys)
{
    const item_t *item = find(tally, keys, hash_keys(keys));

    return item == NULL ? NULL : &item->row;
}


int
ctl_tally_by_keys(const void *a, const void *b)
{
    const ctl_tally_row_t *x = *(const ctl_tally_row_t *const *) a;
    const ctl_tally_row_t *y = *(const ctl_tally_row_t *const *) b;
    int                    order = 0;

    for (size_t i = 0; order == 0 && i < CTL_TALLY_KEYS; i++) {
        order = strcmp(x->keys[i], y->keys[i]);
    }

    return order;
}


int
ctl_tally_by_last(const void *a, const void *b)
{
    const ctl_tally_row_t *x = *(const ctl_tally_row_t *const *) a;
    const ctl_tally_row_t *y = *(const ctl_tally_row_t *const *) b;

    if (x->last != y->last) {
        return x->last > y->last ? -1 : 1;
    }

    return ctl_tally_by_keys(a, b);
}


ctl_tally_row_t **
ctl_tally_rows(ctl_tally_t *tally, size_t *n,
    int (*compare)(const void *a, const void *b))
{
    item_t *item;

    free(tally->sorted);
    tally->sorted = checked(calloc(tally->n + 1, sizeof(*tally->sorted)));
    *n = 0;

    for (size_t i = 0; i < tally->n_heads; i++) {
        for (item = tally->heads[i]; item != NULL; item = item->next) {
            tally->sorted[(*n)++] = &item->row;
        }
    }

    if (*n > 1) {
        qsort(tally->sorted, *n, sizeof(*tally->sorted), compare);
    }

    return tally->sorted;
}
