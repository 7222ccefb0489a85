/*
 * Who is in which mapped group.  Active Directory resolves nested groups by a
 * matching rule; elsewhere the members that are groups themselves are read in
 * turn, each once, so that a loop ends.
 */
#include "directory.h"
#include "bulk.h"

#include <string.h>


#define CHAIN_RULE   "1.2.840.113556.1.4.1941"
#define VISITED_MAX  1000000   /* members of a group that are no users */
#define RANGES_MAX   100000    /* parts of one member list */

static const char *const member_attributes[] = {
    "member", "uniqueMember", "memberUid"
};

#define MEMBER_UID  2

/* A group to be read. */
typedef struct pending_s  pending_t;

struct pending_s {
    pending_t  *next;
    const char *dn;
};

typedef struct {
    directory_t     *directory;
    size_t           nth;        /* the group's bit */
    ctl_arena_t      arena;
    directory_map_t  visited;    /* DNs in normal form */
    pending_t       *first;
    pending_t      **last;

    /* the entry being read */
    const char      *attribute;
    long             next;       /* -1: no more parts */
    bool             found;
    bool             has_members;
    size_t           added;
} walk_t;


bool
directory_in_group(const directory_user_t *user, size_t group)
{
    return (user->groups[group / 64] >> (group % 64)) & 1;
}


static void
add_user(directory_t *directory, directory_user_t *user, void *data)
{
    walk_t *walk = data;
    size_t  nth = walk->nth;

    if (!directory_in_group(user, nth)) {
        user->groups[nth / 64] |= UINT64_C(1) << (nth % 64);
        directory->counts[nth].members++;
    }

    walk->added++;
}


/* A member is a user, or it may be a group, which shows when it is read. */
static void
add_member(walk_t *walk, const struct berval *value)
{
    directory_t *directory = walk->directory;
    const char  *dn, *normal = NULL;
    uint32_t     nth;
    pending_t   *pending;

    dn = ctl_dup((compliance_str_t) { value->bv_val, value->bv_len });

    if (walk->attribute == member_attributes[MEMBER_UID]) {
        nth = directory_map_find(&directory->accounts, dn);

    } else {
        normal = directory_dn_normal(dn);

        if (normal == NULL) {
            directory->counts[walk->nth].others++;
            return;
        }

        nth = directory_map_find(&directory->dns, normal);
    }

    if (nth != DIRECTORY_NOBODY) {
        add_user(directory, &directory->users[nth], walk);
        return;
    }

    if (normal == NULL || directory->settings->nested == DIRECTORY_NESTED_NO) {
        directory->counts[walk->nth].others++;
        return;
    }

    normal = ctl_arena_copy(&walk->arena, ctl_str(normal)).data;

    if (directory_map_add(&walk->visited, normal, 0) != DIRECTORY_NOBODY) {
        return;
    }

    directory->counts[walk->nth].others++;

    if (walk->visited.n > VISITED_MAX) {
        ctl_die(CTL_STORE, "group \"%s\" has more than %d members that are no "
                "users: map a smaller one. Nothing was written",
                directory->settings->groups[walk->nth], VISITED_MAX);
    }

    pending = ctl_arena_alloc(&walk->arena, sizeof(*pending));
    pending->next = NULL;
    pending->dn = ctl_arena_copy(&walk->arena, ctl_str(dn)).data;
    *walk->last = pending;
    walk->last = &pending->next;
}


static void
visit_part(void *data, directory_entry_t *entry)
{
    walk_t         *walk = data;
    struct berval **values;

    walk->found = true;
    values = directory_entry_range(entry, walk->attribute, &walk->next);

    for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
        ctl_mark_t mark = ctl_mark();

        walk->has_members = true;
        add_member(walk, values[i]);
        ctl_release(mark);
    }
}


static void
visit_group(void *data, directory_entry_t *entry)
{
    walk_t *walk = data;

    for (size_t i = 0; i < 3; i++) {
        walk->attribute = member_attributes[i];
        visit_part(walk, entry);

        if (walk->next > 0) {
            return;    /* a long one has its members in one attribute */
        }
    }
}


static void
read_group(walk_t *walk, const char *dn, bool is_group)
{
    static const char *const attributes[] = {
        "member", "uniqueMember", "memberUid", NULL
    };
    static const char filter[] = "(|(member=*)(uniqueMember=*)(memberUid=*))";

    const char *part[2] = { NULL, NULL };
    size_t      parts = 0;

    walk->found = walk->has_members = false;
    walk->next = -1;

    if (!directory_ldap_search(walk->directory, dn, true,
                               is_group ? "(objectClass=*)" : filter,
                               attributes, visit_group, walk))
    {
        return;
    }

    while (walk->next > 0) {
        if (parts++ > RANGES_MAX) {
            ctl_die(CTL_STORE, "the members of \"%s\" come in parts without "
                    "end. Nothing was written", ctl_escape(ctl_str(dn)));
        }

        part[0] = ctl_format("%s;range=%ld-*", walk->attribute, walk->next);
        walk->next = -1;
        (void) directory_ldap_search(walk->directory, dn, true,
                                     "(objectClass=*)", part, visit_part,
                                     walk);
    }
}


static CTL_NORETURN void
no_group(const walk_t *walk, const directory_mapping_t *mapping)
{
    const directory_settings_t *settings = walk->directory->settings;

    ctl_die(CTL_CONFLICT, "\"%s\" line %u: the directory has no group \"%s\", "
            "or bind_dn may not see it. Nothing was written",
            ctl_escape(ctl_str(settings->path)), mapping->line,
            ctl_escape(ctl_str(mapping->source)));
}


static void
walk_group(walk_t *walk, const directory_mapping_t *mapping)
{
    directory_t *directory = walk->directory;
    const char  *normal = directory_dn_normal(mapping->source);

    (void) directory_map_add(&walk->visited,
                             ctl_arena_copy(&walk->arena,
                                            ctl_str(normal)).data, 0);
    read_group(walk, mapping->source, true);

    if (!walk->found) {
        no_group(walk, mapping);
    }

    for (; walk->first != NULL; walk->first = walk->first->next) {
        ctl_mark_t mark = ctl_mark();

        read_group(walk, walk->first->dn, false);

        if (walk->found) {
            directory->counts[walk->nth].nested++;
            directory->counts[walk->nth].others--;
        }

        ctl_release(mark);
    }
}


/* False: the server finds nobody although the group has members; it only says
 * that it has the rule. */
static bool
ask_chain(walk_t *walk, const directory_mapping_t *mapping)
{
    directory_t *directory = walk->directory;
    const char  *filter;

    filter = ctl_format("(memberOf:%s:=%s)", CHAIN_RULE,
                        directory_filter_escape(mapping->source));
    walk->added = 0;
    directory_users_matching(directory, filter, add_user, walk);

    return walk->added > 0;
}


static void
resolve(directory_t *directory, const directory_mapping_t *mapping)
{
    walk_t walk;

    memset(&walk, 0, sizeof(walk));
    walk.directory = directory;
    walk.nth = mapping->nth;
    walk.last = &walk.first;
    directory_map_init(&walk.visited);

    if (mapping->source[0] == '(') {
        directory_users_matching(directory, mapping->source, add_user, &walk);

    } else if (directory->settings->nested != DIRECTORY_NESTED_AUTO
               || !directory_ldap_has_chain_rule(directory)
               || !ask_chain(&walk, mapping))
    {
        walk_group(&walk, mapping);
    }

    directory_map_free(&walk.visited);
    ctl_arena_free(&walk.arena);
}


static void
mark_disabled(directory_t *directory, directory_user_t *user, void *data)
{
    (void) data;

    directory->n_disabled += !user->disabled;
    user->disabled = true;
}


void
directory_groups_read(directory_t *directory)
{
    const directory_settings_t *settings = directory->settings;
    ctl_progress_t *progress;

    progress = ctl_progress_begin("groups resolved",
                                  (int64_t) settings->n_mappings);

    for (size_t i = 0; i < settings->n_mappings; i++) {
        ctl_mark_t mark = ctl_mark();

        resolve(directory, &settings->mappings[i]);
        ctl_progress_at(progress, (int64_t) i + 1);
        ctl_release(mark);
    }

    if (settings->disabled_filter != NULL) {
        directory_users_matching(directory, settings->disabled_filter,
                                 mark_disabled, NULL);
    }

    ctl_progress_end(progress);
}
