/*
 * Where to look: the owner's set, else those of the group's members, else the
 * smaller of state's and platform's, else the sets of all states.  Each set is
 * read by SSCAN, and each page of names as records before the next.
 */
#include "device_walk.h"

#include <string.h>


const char *const ctl_states[CTL_STATES] = {
    "compliant", "noncompliant", "grace", "unknown", "retired"
};


#define PAGE       256      /* records asked for in one write */
#define SCAN_PAGE  "1000"   /* names Redis tells at once */

typedef struct {
    ctl_t                     *ctl;
    const ctl_device_filter_t *filter;
    ctl_device_pt              visit;
    void                      *data;
} walk_t;

/* A page of a set's members; they live until the page is done. */
typedef void (*page_pt)(walk_t *walk, const char *const *names, size_t n);


static bool
is_or_any(compliance_str_t wanted, compliance_str_t value)
{
    return wanted.data == NULL || compliance_str_eq(wanted, value);
}


static bool
has_item(compliance_str_t list, compliance_str_t wanted)
{
    compliance_str_t item;

    while (compliance_list_item(&list, &item)) {
        if (compliance_str_eq(item, wanted)) {
            return true;
        }
    }

    return false;
}


static bool
matches(const ctl_device_filter_t *filter, const ctl_record_t *device)
{
    return device->exists
           && is_or_any(filter->state, ctl_record_get(device, "state"))
           && is_or_any(filter->platform, ctl_record_get(device, "platform"))
           && is_or_any(filter->owner, ctl_record_get(device, "owner"))
           && (filter->reason.data == NULL
               || has_item(ctl_record_get(device, "reasons"), filter->reason));
}


/* Of n devices, those whose owners are in the group; how many. */
static size_t
keep_group(const walk_t *walk, ctl_record_t *devices, size_t n)
{
    bool             standard;
    size_t           kept = 0;
    compliance_str_t owner, groups, group = walk->filter->group;

    if (group.data == NULL) {
        return n;
    }

    standard = compliance_str_eq(group, compliance_str("default"));

    for (size_t i = 0; i < n; i++) {
        compliance_principal_t name;

        owner = ctl_record_get(&devices[i], "owner");

        if (compliance_principal_parse(owner, &name) != COMPLIANCE_OK) {
            ctl_store_send(walk->ctl, "PING");   /* nobody's */
        } else {
            ctl_store_send(walk->ctl, "HGET %s groups",
                           ctl_key_user(walk->ctl, &name));
        }
    }

    for (size_t i = 0; i < n; i++) {
        const redisReply *reply = ctl_store_receive(walk->ctl);

        groups = reply->type == REDIS_REPLY_STRING ? ctl_reply_text(reply)
                                                   : compliance_absent;

        if (standard ? groups.len == 0 : has_item(groups, group)) {
            devices[kept++] = devices[i];
        }
    }

    return kept;
}


/* At most PAGE devices. */
static void
read_devices(walk_t *walk, const char *const *names, size_t n)
{
    size_t                 asked = 0, kept = 0;
    ctl_record_t          *devices = ctl_alloc_array(n, sizeof(*devices));
    compliance_device_id_t id;

    for (size_t i = 0; i < n; i++) {
        /* any other is no record: doctor tells of it */
        if (compliance_device_id_parse(ctl_str(names[i]), &id)
            == COMPLIANCE_OK)
        {
            ctl_store_send(walk->ctl, "HGETALL %s",
                           ctl_key_device(walk->ctl, &id));
            devices[asked++].name = names[i];
        }
    }

    for (size_t i = 0; i < asked; i++) {
        ctl_record_fill(&devices[i], ctl_store_receive(walk->ctl));

        if (matches(walk->filter, &devices[i])) {
            devices[kept++] = devices[i];
        }
    }

    kept = keep_group(walk, devices, kept);

    for (size_t i = 0; i < kept; i++) {
        walk->visit(walk->data, &devices[i]);
    }
}


static void
device_page(walk_t *walk, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i += PAGE) {
        ctl_mark_t mark = ctl_mark();

        read_devices(walk, names + i, n - i < PAGE ? n - i : PAGE);
        ctl_release(mark);
    }
}


/* The names of a reply; how many.  One with a NUL is none of ours. */
static size_t
take_names(const redisReply *list, const char **names)
{
    size_t n = 0;

    for (size_t i = 0; i < list->elements; i++) {
        compliance_str_t name = ctl_reply_text(list->element[i]);

        if (name.data != NULL && memchr(name.data, '\0', name.len) == NULL) {
            names[n++] = name.data;
        }
    }

    return n;
}


/* One SSCAN's names -> page(); the cursor of the next, or NULL. */
static const char *
scan_page(walk_t *walk, const redisReply *reply, page_pt page)
{
    const char      **names, *cursor;
    const redisReply *list;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of names");

    if (reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        ctl_die(CTL_CONTENT, "Redis answered something else than a page of "
                "names; is it Redis?");
    }

    cursor = reply->element[0]->str;
    list = reply->element[1];
    names = ctl_alloc_array(list->elements + 1, sizeof(*names));
    page(walk, names, take_names(list, names));

    return strcmp(cursor, "0") == 0 ? NULL : cursor;
}


static void
walk_set(walk_t *walk, const char *key, page_pt page)
{
    char        cursor[24] = "0";
    const char *next = cursor;

    while (key != NULL && next != NULL) {
        ctl_mark_t mark = ctl_mark();

        next = scan_page(walk, ctl_store_ask(walk->ctl, "SSCAN %s %s COUNT "
                                             SCAN_PAGE, key, cursor), page);

        if (next != NULL) {
            (void) snprintf(cursor, sizeof(cursor), "%s", next);
        }

        ctl_release(mark);
    }
}


static const char *
index_of(const walk_t *walk, const char *field, compliance_str_t value)
{
    return value.data == NULL ? NULL : ctl_key_index(walk->ctl, field, value);
}


/* What some of the members own. */
static void
read_members(walk_t *walk, const char *const *users, size_t n)
{
    size_t       devices = 0;
    const char  *key, **names;
    redisReply **replies = ctl_alloc_array(n, sizeof(redisReply *));

    for (size_t i = 0; i < n; i++) {
        key = index_of(walk, "owner", ctl_str(users[i]));
        ctl_store_send(walk->ctl, "SMEMBERS %s", key == NULL ? "" : key);
    }

    for (size_t i = 0; i < n; i++) {
        replies[i] = ctl_store_receive(walk->ctl);
        ctl_reply_expect(replies[i], REDIS_REPLY_ARRAY, "an index");
        devices += replies[i]->elements;
    }

    names = ctl_alloc_array(devices + 1, sizeof(*names));
    devices = 0;

    for (size_t i = 0; i < n; i++) {
        devices += take_names(replies[i], names + devices);
    }

    device_page(walk, names, devices);
}


static void
member_page(walk_t *walk, const char *const *users, size_t n)
{
    for (size_t i = 0; i < n; i += PAGE) {
        ctl_mark_t mark = ctl_mark();

        read_members(walk, users + i, n - i < PAGE ? n - i : PAGE);
        ctl_release(mark);
    }
}


/* The smaller of the two sets; NULL: neither is asked for. */
static const char *
smaller(const walk_t *walk)
{
    long long   of_state;
    const char *state = index_of(walk, "state", walk->filter->state);
    const char *platform = index_of(walk, "platform", walk->filter->platform);

    if (state == NULL || platform == NULL) {
        return state == NULL ? platform : state;
    }

    of_state = ctl_store_ask(walk->ctl, "SCARD %s", state)->integer;

    return of_state <= ctl_store_ask(walk->ctl, "SCARD %s", platform)->integer
           ? state : platform;
}


void
ctl_devices_each(ctl_t *ctl, const ctl_device_filter_t *filter,
    ctl_device_pt visit, void *data)
{
    walk_t      walk = { ctl, filter, visit, data };
    const char *key;

    ctl_store_open(ctl);

    if (filter->owner.data != NULL) {
        walk_set(&walk, index_of(&walk, "owner", filter->owner), device_page);
        return;
    }

    if (filter->group.data != NULL
        && !compliance_str_eq(filter->group, compliance_str("default")))
    {
        walk_set(&walk, index_of(&walk, "groups", filter->group), member_page);
        return;
    }

    key = smaller(&walk);

    if (key != NULL) {
        walk_set(&walk, key, device_page);
        return;
    }

    for (size_t i = 0; i < CTL_STATES; i++) {
        walk_set(&walk, index_of(&walk, "state", ctl_str(ctl_states[i])),
                 device_page);
    }
}
