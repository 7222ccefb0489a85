/*
 * The counting.  Rows live in a hash table of their own memory, for pages of
 * records come and go while it grows; of users and devices that were merely
 * judged only a hash is kept, so that a million cost eight bytes each.
 */
#include "difference.h"

#include <stdlib.h>
#include <string.h>


/* A set of 64-bit hashes: two names of one set fall together once in 2^32
 * squared, which no report will ever show. */
typedef struct {
    uint64_t *slots;     /* 0: free */
    size_t    cap;       /* a power of two, or 0 */
    size_t    n;
} set_t;

typedef struct {
    set_t   users, devices;
    int64_t accesses;
} tally_t;

typedef struct row_s  row_t;

struct row_s {
    ctl_difference_row_t row;
    uint64_t             hash;
    row_t               *next;
    char                 names[];   /* user, device, group */
};

struct ctl_difference_s {
    tally_t  judged;
    tally_t  kinds[CTL_CHANGES];
    tally_t  reasons[CTL_CHANGES][COMPLIANCE_REASONS];
    row_t  **heads;
    size_t   n_heads;    /* a power of two */
    size_t   n_rows;
    const ctl_difference_row_t **sorted;
};


static CTL_NORETURN void
no_memory(void)
{
    ctl_die(CTL_STORE, "out of memory");
}


static uint64_t
hash_text(uint64_t hash, const char *text)
{
    do {
        hash ^= (uint8_t) *text;
        hash *= 0x100000001b3u;
    } while (*text++ != '\0');

    return hash;
}


static uint64_t
hash_name(const char *text)
{
    uint64_t hash = hash_text(0xcbf29ce484222325u, text);

    hash ^= hash >> 29;

    return hash == 0 ? 1 : hash;
}


static bool
set_put(uint64_t *slots, size_t cap, uint64_t hash)
{
    size_t i = hash & (cap - 1);

    while (slots[i] != 0) {
        if (slots[i] == hash) {
            return false;
        }

        i = (i + 1) & (cap - 1);
    }

    slots[i] = hash;

    return true;
}


static void
set_add(set_t *set, uint64_t hash)
{
    size_t    cap = set->cap == 0 ? 16 : 2 * set->cap;
    uint64_t *slots;

    if (4 * (set->n + 1) > 3 * set->cap) {
        slots = calloc(cap, sizeof(*slots));
        if (slots == NULL) {
            no_memory();
        }

        for (size_t i = 0; i < set->cap; i++) {
            if (set->slots[i] != 0) {
                (void) set_put(slots, cap, set->slots[i]);
            }
        }

        free(set->slots);
        set->slots = slots;
        set->cap = cap;
    }

    set->n += set_put(set->slots, set->cap, hash) ? 1 : 0;
}


static void
tally_add(tally_t *tally, const char *user, const char *device,
    int64_t accesses)
{
    if (user[0] != '\0') {
        set_add(&tally->users, hash_name(user));
    }

    if (device[0] != '\0') {
        set_add(&tally->devices, hash_name(device));
    }

    tally->accesses += accesses;
}


static void
tally_free(tally_t *tally)
{
    free(tally->users.slots);
    free(tally->devices.slots);
}


static void
difference_free(void *object)
{
    ctl_difference_t *difference = object;

    tally_free(&difference->judged);

    for (size_t k = 0; k < CTL_CHANGES; k++) {
        tally_free(&difference->kinds[k]);

        for (size_t i = 0; i < COMPLIANCE_REASONS; i++) {
            tally_free(&difference->reasons[k][i]);
        }
    }

    for (size_t i = 0; i < difference->n_heads; i++) {
        while (difference->heads[i] != NULL) {
            row_t *row = difference->heads[i];

            difference->heads[i] = row->next;
            free(row);
        }
    }

    free(difference->sorted);
    free(difference->heads);
    free(difference);
}


ctl_difference_t *
ctl_difference(void)
{
    ctl_difference_t *difference = calloc(1, sizeof(*difference));

    if (difference == NULL) {
        no_memory();
    }

    difference->n_heads = 1024;
    difference->heads = calloc(difference->n_heads,
                               sizeof(row_t *));
    if (difference->heads == NULL) {
        no_memory();
    }

    ctl_keep(difference, difference_free);

    return difference;
}


static bool
let_in(const compliance_decision_t *decision)
{
    return decision->verdict == COMPLIANCE_ALLOW;
}


static ctl_change_kind_t
kind_of(const compliance_decision_t *live, const compliance_decision_t *changed)
{
    if (let_in(live) != let_in(changed)) {
        return let_in(live) ? CTL_BLOCKED : CTL_ADMITTED;
    }

    if (let_in(live)) {
        return changed->would_block && !live->would_block ? CTL_REPORTED
                                                          : CTL_SAME;
    }

    return live->reason != changed->reason ? CTL_OTHERWISE : CTL_SAME;
}


/* Why it comes to what it comes to. */
static compliance_reason_t
reason_of(const compliance_decision_t *decision)
{
    return decision->would_block ? decision->would_reason : decision->reason;
}


/* The record's id where there is one, else what was presented. */
static const char *
device_of(const ctl_case_t *of)
{
    const compliance_facts_t *facts = &of->lookup.facts;

    if (facts->device_claimed && facts->device.id.len > 0) {
        return facts->device.id.data;
    }

    if (of->request.device_free || of->request.n_claims == 0) {
        return "";
    }

    return of->request.claims[0].source == COMPLIANCE_DEVICE_FROM_CERTIFICATE
           ? of->request.claims[0].fingerprint
           : of->request.claims[0].id.data;
}


static const char *
user_of(const ctl_case_t *of)
{
    return of->lookup.facts.user_claimed
           ? of->lookup.facts.user.principal.data : of->request.user.data;
}


static void
grow(ctl_difference_t *difference)
{
    size_t  n = 2 * difference->n_heads;
    row_t **heads = calloc(n, sizeof(row_t *));

    if (heads == NULL) {
        no_memory();
    }

    for (size_t i = 0; i < difference->n_heads; i++) {
        while (difference->heads[i] != NULL) {
            row_t *row = difference->heads[i];

            difference->heads[i] = row->next;
            row->next = heads[row->hash & (n - 1)];
            heads[row->hash & (n - 1)] = row;
        }
    }

    free(difference->heads);
    difference->heads = heads;
    difference->n_heads = n;
}


static bool
same_row(const ctl_difference_row_t *a, const ctl_difference_row_t *b)
{
    return a->kind == b->kind && a->reason == b->reason
           && a->was_reason == b->was_reason && a->becomes == b->becomes
           && strcmp(a->user, b->user) == 0
           && strcmp(a->device, b->device) == 0
           && strcmp(a->group, b->group) == 0;
}


static row_t *
new_row(ctl_difference_t *difference, const ctl_difference_row_t *like,
    uint64_t hash)
{
    size_t  user = strlen(like->user) + 1, device = strlen(like->device) + 1;
    size_t  group = strlen(like->group) + 1;
    row_t  *row = malloc(sizeof(*row) + user + device + group);

    if (row == NULL) {
        no_memory();
    }

    row->row = *like;
    row->row.user = memcpy(row->names, like->user, user);
    row->row.device = memcpy(row->names + user, like->device, device);
    row->row.group = memcpy(row->names + user + device, like->group, group);
    row->row.protocols = 0;
    row->row.accesses = 0;
    row->row.recorded_in = 0;
    row->hash = hash;

    if (++difference->n_rows > difference->n_heads) {
        grow(difference);
    }

    row->next = difference->heads[hash & (difference->n_heads - 1)];
    difference->heads[hash & (difference->n_heads - 1)] = row;

    return row;
}


static void
add_row(ctl_difference_t *difference, const ctl_difference_row_t *like)
{
    uint64_t hash = hash_text(hash_name(like->user), like->device);
    row_t   *row;

    hash = (hash ^ ((uint64_t) like->reason << 8) ^ (uint64_t) like->kind)
           * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
    row = difference->heads[hash & (difference->n_heads - 1)];

    while (row != NULL
           && (row->hash != hash || !same_row(&row->row, like)))
    {
        row = row->next;
    }

    if (row == NULL) {
        row = new_row(difference, like, hash);
    }

    row->row.protocols |= like->protocols;
    row->row.accesses += like->accesses;
    row->row.recorded_in += like->recorded_in;
}


ctl_change_kind_t
ctl_difference_add(ctl_difference_t *difference, const ctl_case_t *of,
    const compliance_decision_t *live, const compliance_decision_t *changed,
    int64_t accesses, int64_t recorded_in)
{
    ctl_difference_row_t row;

    memset(&row, 0, sizeof(row));
    row.kind = kind_of(live, changed);
    row.user = user_of(of);
    row.device = device_of(of);
    tally_add(&difference->judged, row.user, row.device, accesses);

    if (row.kind == CTL_SAME) {
        return row.kind;
    }

    row.protocols = COMPLIANCE_BIT(of->request.protocol);
    row.was = live->verdict;
    row.was_reason = reason_of(live);
    row.becomes = changed->verdict;
    row.reason = reason_of(changed);
    row.group = changed->group == NULL ? "" : changed->group->name;
    row.accesses = accesses;
    row.recorded_in = recorded_in;

    tally_add(&difference->kinds[row.kind], row.user, row.device, accesses);
    tally_add(&difference->reasons[row.kind][row.reason], row.user,
              row.device, accesses);
    add_row(difference, &row);

    return row.kind;
}


static ctl_counts_t
counts(const tally_t *tally)
{
    return (ctl_counts_t) { (int64_t) tally->users.n,
                            (int64_t) tally->devices.n, tally->accesses };
}


ctl_counts_t
ctl_difference_judged(const ctl_difference_t *difference)
{
    return counts(&difference->judged);
}


ctl_counts_t
ctl_difference_counts(const ctl_difference_t *difference,
    ctl_change_kind_t kind)
{
    return counts(&difference->kinds[kind]);
}


ctl_counts_t
ctl_difference_reason(const ctl_difference_t *difference,
    ctl_change_kind_t kind, compliance_reason_t reason)
{
    return counts(&difference->reasons[kind][reason]);
}


static int
by_weight(const void *left, const void *right)
{
    const ctl_difference_row_t *const *pa = left, *const *pb = right;
    const ctl_difference_row_t *a = *pa, *b = *pb;
    int                         order;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }

    if (a->accesses != b->accesses) {
        return a->accesses > b->accesses ? -1 : 1;
    }

    order = strcmp(a->user, b->user);

    if (order == 0) {
        order = strcmp(a->device, b->device);
    }

    return order != 0 ? order : (int) a->reason - (int) b->reason;
}


const ctl_difference_row_t *const *
ctl_difference_rows(ctl_difference_t *difference, size_t *n)
{
    *n = 0;
    free(difference->sorted);
    difference->sorted = calloc(difference->n_rows + 1,
                                sizeof(const ctl_difference_row_t *));
    if (difference->sorted == NULL) {
        no_memory();
    }

    for (size_t i = 0; i < difference->n_heads; i++) {
        for (row_t *row = difference->heads[i]; row != NULL; row = row->next) {
            difference->sorted[(*n)++] = &row->row;
        }
    }

    qsort(difference->sorted, *n, sizeof(const ctl_difference_row_t *),
          by_weight);

    return difference->sorted;
}
