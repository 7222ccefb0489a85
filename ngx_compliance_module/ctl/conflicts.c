/*
 * A client is its DeviceType, else the product of its User-Agent, so that an
 * update of its system is no other client.  The two are compared apart: an
 * OPTIONS without a DeviceType comes from the same phone.
 */
#include "conflicts.h"

#include <stdlib.h>
#include <string.h>


#define SLOTS        1024     /* a power of two */
#define NAMES_SHOWN  10

/* Keys of a row. */
enum { KEY_DEVICE = 0, KEY_USER, KEY_TYPE, KEY_AGENT };

typedef struct {
    char user[COMPLIANCE_PRINCIPAL_MAX + 1];
    char type[COMPLIANCE_SEEN_TYPE_MAX + 1];
    char agent[COMPLIANCE_SEEN_AGENT_MAX + 1];
} presenter_t;

/* Hashes; 0: none yet. */
typedef struct {
    uint64_t device;
    uint64_t user, type, agent;   /* the first seen */
    bool     suspect;
} slot_t;

struct ctl_suspects_s {
    size_t  n;
    size_t  n_slots;
    size_t  n_suspects;
    slot_t *slots;
};


bool
ctl_conflict_concerned(const ctl_access_t *access)
{
    const compliance_seen_t *seen = &access->seen;

    return !access->erased && seen->device[0] != '\0'
           && (seen->source == COMPLIANCE_DEVICE_FROM_EAS
               || seen->source == COMPLIANCE_DEVICE_FROM_TAG)
           && seen->binding <= COMPLIANCE_BINDING_OWNER
           && access->user.len <= COMPLIANCE_PRINCIPAL_MAX;
}


/* Lower case, up to the version. */
static void
copy_product(char *out, const char *text, const char *end)
{
    size_t n = strcspn(text, end);

    for (size_t i = 0; i < n; i++) {
        out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char) (text[i] | 0x20)
                                                  : text[i];
    }

    out[n] = '\0';
}


static void
presenter_of(const ctl_access_t *access, presenter_t *out)
{
    const compliance_seen_t *seen = &access->seen;

    memset(out, 0, sizeof(*out));

    if (access->user.len > 0) {
        memcpy(out->user, access->user.data, access->user.len);
    }

    if (seen->device_type[0] != '\0') {
        copy_product(out->type, seen->device_type, "");
    } else {
        copy_product(out->agent, seen->user_agent, "/ ");
    }
}


void
ctl_conflict_add(ctl_tally_t *tally, const ctl_access_t *access)
{
    presenter_t presenter;
    const char *keys[CTL_TALLY_KEYS];

    presenter_of(access, &presenter);
    keys[KEY_DEVICE] = access->seen.device;
    keys[KEY_USER] = presenter.user;
    keys[KEY_TYPE] = presenter.type;
    keys[KEY_AGENT] = presenter.agent;
    (void) ctl_tally_add(tally, keys, access);
}


static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


/* The different ones of keys[key], and how many there are. */
static size_t
names_of(ctl_tally_row_t *const *rows, size_t n, int key, const char **text)
{
    size_t       different = 0;
    const char **names = ctl_alloc_array(n, sizeof(*names));

    for (size_t i = 0; i < n; i++) {
        names[i] = rows[i]->keys[key];
    }

    qsort(names, n, sizeof(*names), by_name);

    for (size_t i = 0; i < n; i++) {
        if (names[i][0] == '\0'
            || (i > 0 && strcmp(names[i], names[i - 1]) == 0))
        {
            continue;
        }

        if (different++ < NAMES_SHOWN) {
            *text = ctl_format("%s%s%s", *text, (*text)[0] == '\0' ? "" : ",",
                               names[i]);
        }
    }

    if (different > NAMES_SHOWN) {
        *text = ctl_format("%s,+%zu", *text, different - NAMES_SHOWN);
    }

    return different;
}


static void
judge_device(ctl_tally_row_t *const *rows, size_t n, ctl_conflict_pt visit,
    void *data)
{
    size_t         types, agents;
    ctl_conflict_t conflict;

    memset(&conflict, 0, sizeof(conflict));
    conflict.device = rows[0]->keys[KEY_DEVICE];
    conflict.users = conflict.clients = "";
    conflict.first = rows[0]->first;
    conflict.n_users = names_of(rows, n, KEY_USER, &conflict.users);
    types = names_of(rows, n, KEY_TYPE, &conflict.clients);

    if (types > 1) {
        conflict.n_clients = types;

    } else {
        agents = names_of(rows, n, KEY_AGENT, &conflict.clients);
        conflict.n_clients = agents > 1 ? agents : types + agents > 0;
    }

    if (conflict.n_users < 2 && conflict.n_clients < 2) {
        return;
    }

    for (size_t i = 0; i < n; i++) {
        for (size_t e = 0; e < CTL_ENDINGS; e++) {
            conflict.count += rows[i]->counts[e];
        }

        if (rows[i]->first < conflict.first) {
            conflict.first = rows[i]->first;
        }

        if (rows[i]->last > conflict.last) {
            conflict.last = rows[i]->last;
        }
    }

    visit(data, &conflict);
}


void
ctl_conflicts_each(ctl_tally_t *tally, ctl_conflict_pt visit, void *data)
{
    size_t            n, from = 0;
    ctl_tally_row_t **rows = ctl_tally_rows(tally, &n, ctl_tally_by_keys);

    for (size_t i = 1; i <= n; i++) {
        if (i == n || strcmp(rows[i]->keys[KEY_DEVICE],
                             rows[from]->keys[KEY_DEVICE]) != 0)
        {
            judge_device(rows + from, i - from, visit, data);
            from = i;
        }
    }
}


static void
free_suspects(void *object)
{
    ctl_suspects_t *suspects = object;

    free(suspects->slots);
    free(suspects);
}


static slot_t *
new_slots(size_t n)
{
    slot_t *slots = calloc(n, sizeof(*slots));

    if (slots == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return slots;
}


ctl_suspects_t *
ctl_suspects(void)
{
    ctl_suspects_t *suspects = calloc(1, sizeof(*suspects));

    if (suspects == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    suspects->n_slots = SLOTS;
    ctl_keep(suspects, free_suspects);
    suspects->slots = new_slots(SLOTS);

    return suspects;
}


/* 0 for the empty text alone. */
static uint64_t
hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;   /* FNV-1a */

    if (text[0] == '\0') {
        return 0;
    }

    for (const char *p = text; *p != '\0'; p++) {
        hash ^= (uint8_t) *p;
        hash *= 0x100000001b3u;
    }

    hash ^= hash >> 32;

    return hash == 0 ? 1 : hash;
}


/* The device's, or the free one that it would have. */
static slot_t *
slot_of(slot_t *slots, size_t n, uint64_t device)
{
    size_t i = device & (n - 1);

    while (slots[i].device != 0 && slots[i].device != device) {
        i = (i + 1) & (n - 1);
    }

    return &slots[i];
}


static void
grow(ctl_suspects_t *suspects)
{
    size_t  n = suspects->n_slots * 2;
    slot_t *slots = new_slots(n);

    for (size_t i = 0; i < suspects->n_slots; i++) {
        const slot_t *slot = &suspects->slots[i];

        if (slot->device != 0) {
            *slot_of(slots, n, slot->device) = *slot;
        }
    }

    free(suspects->slots);
    suspects->slots = slots;
    suspects->n_slots = n;
}


/* True: another was seen before. */
static bool
differs(uint64_t *first, const char *text)
{
    uint64_t hash = hash_text(text);

    if (*first == 0) {
        *first = hash;
    }

    return hash != 0 && hash != *first;
}


void
ctl_suspects_add(ctl_suspects_t *suspects, const ctl_access_t *access)
{
    bool        user, type, agent;
    slot_t     *slot;
    uint64_t    device = hash_text(access->seen.device);
    presenter_t presenter;

    slot = slot_of(suspects->slots, suspects->n_slots, device);

    if (slot->device == 0) {
        slot->device = device;
        suspects->n++;
    }

    presenter_of(access, &presenter);
    user = differs(&slot->user, presenter.user);
    type = differs(&slot->type, presenter.type);
    agent = differs(&slot->agent, presenter.agent);

    if ((user || type || agent) && !slot->suspect) {
        slot->suspect = true;
        suspects->n_suspects++;
    }

    if (suspects->n * 4 >= suspects->n_slots * 3) {
        grow(suspects);
    }
}


bool
ctl_suspects_have(const ctl_suspects_t *suspects, const ctl_access_t *access)
{
    return slot_of(suspects->slots, suspects->n_slots,
                   hash_text(access->seen.device))->suspect;
}


bool
ctl_suspects_any(const ctl_suspects_t *suspects)
{
    return suspects->n_suspects > 0;
}
