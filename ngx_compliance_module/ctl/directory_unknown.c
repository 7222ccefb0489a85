/*
 * What unknown_user=block would do: names that got in of late and have neither
 * a record nor an alias.  Once the directory is in, a name without a record is
 * no person's, or a spelling that escapes its owner's group.
 */
#include "directory.h"
#include "group.h"

#include <string.h>


#define DAYS     7
#define DAY      86400
#define PAGE     256
#define NAMED    20    /* shown */


typedef struct {
    directory_t    *directory;
    bool            any;          /* accesses are recorded at all */
    size_t          n;
    const char     *names[NAMED];
    directory_map_t seen;
    ctl_arena_t     arena;
} unknown_t;


/* As it will be, where nothing was written yet. */
static bool
will_be_known(const directory_t *directory, const char *name)
{
    uint32_t nth = directory_map_find(&directory->claims, name);

    return nth < directory->n_users && !directory->users[nth].refused;
}


static void
take_page(unknown_t *unknown, const char **names, size_t n)
{
    ctl_t                 *ctl = unknown->directory->ctl;
    ctl_mark_t             mark = ctl_mark();
    compliance_principal_t name;
    const char           **asked = ctl_alloc_array(n, sizeof(*asked));
    size_t                 n_asked = 0;

    for (size_t i = 0; i < n; i++) {
        if (compliance_principal_parse(ctl_str(names[i]), &name)
            == COMPLIANCE_OK)
        {
            ctl_store_send(ctl, "EXISTS %s %s", ctl_key_user(ctl, &name),
                           ctl_key_user_alias(ctl, &name));
            asked[n_asked++] = names[i];
        }
    }

    for (size_t i = 0; i < n_asked; i++) {
        bool known = ctl_store_receive(ctl)->integer != 0
                     || will_be_known(unknown->directory, asked[i]);
        compliance_str_t text = ctl_str(asked[i]);

        if (known
            || directory_map_find(&unknown->seen, asked[i])
               != DIRECTORY_NOBODY)
        {
            continue;
        }

        text = ctl_arena_copy(&unknown->arena, text);
        (void) directory_map_add(&unknown->seen, text.data, 0);

        if (unknown->n < NAMED) {
            unknown->names[unknown->n] = text.data;
        }

        unknown->n++;
    }

    ctl_release(mark);
}


static void
look_at_day(unknown_t *unknown, int64_t time)
{
    ctl_t       *ctl = unknown->directory->ctl;
    ctl_mark_t   mark = ctl_mark();
    char         day[COMPLIANCE_DAY_LEN + 1];
    const char **names, *key;
    size_t       n, page;

    compliance_day(time, day);
    key = ctl_key_index(ctl, "seen", ctl_str(day));
    names = ctl_store_members(ctl, key, &n);
    unknown->any = unknown->any || n > 0;

    for (size_t i = 0; i < n; i += page) {
        page = n - i < PAGE ? n - i : PAGE;
        take_page(unknown, names + i, page);
    }

    ctl_release(mark);
}


static bool
is_blocking(ctl_t *ctl)
{
    ctl_record_t record;

    ctl_record_read(ctl, &record, "default", ctl_key_group(ctl, "default"));

    return strcmp(ctl_group_value(ctl_group_kind(), &record, "unknown_user"),
                  "block") == 0;
}


static void
plan_block(ctl_t *ctl, void *data)
{
    const ctl_kind_t *kind = data;
    const char       *key = ctl_key_group(ctl, "default");
    const char       *groups = ctl_key_groups(ctl);
    ctl_record_t      record;
    ctl_changes_t     wanted, real;

    memset(&wanted, 0, sizeof(wanted));
    memset(&real, 0, sizeof(real));

    ctl_store_watch(ctl, key);
    ctl_store_watch(ctl, groups);
    ctl_record_read(ctl, &record, "default", key);
    ctl_changes_put(kind, &wanted, "unknown_user", compliance_str("block"));
    ctl_record_diff(kind, &record, &wanted, &real);

    if (real.n > 0) {
        ctl_record_store(ctl, kind, &record, &real);
        ctl_write_sadd(ctl, groups, compliance_str("default"));
    }
}


static void
show(const unknown_t *unknown)
{
    const directory_t *directory = unknown->directory;
    size_t             shown = unknown->n < NAMED ? unknown->n : NAMED;

    fputs("\nGroup default lets names without a record in "
          "(unknown_user=allow).\n", stdout);

    if (!unknown->any) {
        printf("No access was recorded in the last %d days: who would be shut "
               "out by\nunknown_user=block cannot be told.\n", DAYS);

    } else {
        printf("unknown_user=block would shut out %zu name%s that got in "
               "during the last %d days%s\n", unknown->n,
               unknown->n == 1 ? "" : "s", DAYS, unknown->n > 0 ? ":" : ".");
    }

    for (size_t i = 0; i < shown; i++) {
        printf("  %s\n", ctl_escape(ctl_str(unknown->names[i])));
    }

    if (unknown->n > shown) {
        printf("  and %zu more\n", unknown->n - shown);
    }

    if (directory->n_refused > 0) {
        printf("It would shut out the %zu users, too, that were refused "
               "above.\n", directory->n_refused);
    }
}


static void
report(const unknown_t *unknown, json_t *json)
{
    json_t *list = ctl_json_array();
    size_t  shown = unknown->n < NAMED ? unknown->n : NAMED;

    for (size_t i = 0; i < shown; i++) {
        ctl_json_add(list, ctl_json_text(ctl_str(unknown->names[i])));
    }

    ctl_json_set(json, "recorded", ctl_json_bool(unknown->any));
    ctl_json_set(json, "shut_out",
                 ctl_json_int((int64_t) unknown->n));
    ctl_json_set(json, "names", list);
}


/* Asked only where the answer may be yes. */
static const char *
decide(ctl_t *ctl)
{
    if (ctl_given(ctl, CTL_OPT_DRY_RUN)) {
        return "allow";
    }

    if (ctl_given(ctl, CTL_OPT_KEEP_UNKNOWN_USER)) {
        return "kept";
    }

    (void) fflush(stdout);

    if (!ctl_given(ctl, CTL_OPT_YES)
        && !ctl_confirm("Set unknown_user=block now?"))
    {
        return "allow";
    }

    ctl_store_transact(ctl, plan_block,
                       ctl_unconst(ctl_group_kind()));

    return "set";
}


const char *
directory_unknown(directory_t *directory, json_t *json)
{
    ctl_t      *ctl = directory->ctl;
    unknown_t   unknown;
    const char *result;

    if (is_blocking(ctl)) {
        return "block";
    }

    memset(&unknown, 0, sizeof(unknown));
    unknown.directory = directory;
    directory_map_init(&unknown.seen);

    for (int i = 0; i < DAYS; i++) {
        look_at_day(&unknown, ctl->now - (int64_t) i * DAY);
    }

    report(&unknown, json);

    if (!ctl->json) {
        show(&unknown);
    }

    result = decide(ctl);

    if (!ctl->json && strcmp(result, "set") == 0) {
        puts("Set: unknown_user=block. compliancectl undo takes it back.");

    } else if (!ctl->json && !ctl_given(ctl, CTL_OPT_DRY_RUN)
               && strcmp(result, "allow") == 0)
    {
        puts("It was left as it is; set it with: compliancectl group set "
             "default unknown_user=block");
    }

    directory_map_free(&unknown.seen);
    ctl_arena_free(&unknown.arena);

    return result;
}
