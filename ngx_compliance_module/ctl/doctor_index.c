/*
 * From the indexes back to what they stand for: a member whose record is gone
 * or says something else, and a name listed as a record's that does not lead
 * there.  Reports and lists would count them.
 */
#include "bulk.h"
#include "doctor.h"

#include <string.h>


#define CURSOR_MAX  32
#define SCAN_COUNT  1000

typedef enum {
    OF_RECORDS = 0,
    OF_DEVICE_NAMES,
    OF_USER_NAMES
} sort_t;

/* One index set, as it is read on. */
typedef struct {
    sort_t            sort;
    ctl_link_t        link;       /* what all of its members share */
    const ctl_kind_t *kind;       /* OF_RECORDS */
    char              cursor[CURSOR_MAX];
    size_t            seen;
    bool              ended;
} set_t;

typedef struct {
    ctl_t       *ctl;
    ctl_faults_t stale;
    size_t       looked;
} walk_t;

/* The fields that lead back from a record to its other names. */
static const struct {
    const char *field;
    sort_t      sort;
} back[] = {
    { "alias_of", OF_DEVICE_NAMES },
    { "user_alias_of", OF_USER_NAMES },
};


static bool
begin_set(const ctl_t *ctl, const char *key, set_t *set)
{
    const char *begin;

    memset(set, 0, sizeof(*set));
    memcpy(set->cursor, "0", 2);
    set->link.index = key;

    for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
        begin = ctl_doctor_begin(ctl_key_index(ctl, back[i].field,
                                               compliance_str("x")));

        if (strncmp(key, begin, strlen(begin)) == 0) {
            set->sort = back[i].sort;
            set->link.value = key + strlen(begin);
            return true;
        }
    }

    return ctl_link_of_key(ctl, key, &set->link, &set->kind);
}


/* "eas:APPLX" -> the alias' key, or NULL where it is none. */
static const char *
device_name_key(const ctl_t *ctl, const char *member)
{
    const char             *colon = strchr(member, ':');
    compliance_alias_kind_t kind;

    if (colon == NULL || colon[1] == '\0') {
        return NULL;
    }

    kind = compliance_alias_kind_parse((compliance_str_t) { member,
               (size_t) (colon - member) });

    return kind == COMPLIANCE_ALIAS_NONE
           || strlen(colon) > COMPLIANCE_PRINCIPAL_MAX
           ? NULL : ctl_key_alias(ctl, kind, colon + 1);
}


static const char *
source_key(const ctl_t *ctl, const set_t *set, const char *member)
{
    compliance_principal_t name;

    switch (set->sort) {

    case OF_RECORDS:
        return ctl_doctor_key(ctl, set->kind, member);

    case OF_DEVICE_NAMES:
        return device_name_key(ctl, member);

    case OF_USER_NAMES:
        return compliance_principal_parse(ctl_str(member), &name)
               == COMPLIANCE_OK
               && compliance_str_eq((compliance_str_t) { name.data, name.len },
                                    ctl_str(member))
               ? ctl_key_user_alias(ctl, &name) : NULL;
    }

    return NULL;
}


static void
mend_members(walk_t *walk, const ctl_link_t *links, size_t n)
{
    ctl_t      *ctl = walk->ctl;
    ctl_link_t *stale = ctl_alloc_array(n, sizeof(*stale));
    size_t      n_stale = 0;

    for (size_t i = 0; i < n; i++) {
        if (links[i].source != NULL) {
            ctl_link_ask(ctl, &links[i]);
        }
    }

    for (size_t i = 0; i < n; i++) {
        if (links[i].source == NULL
            || !ctl_link_holds(&links[i], ctl_store_receive(ctl)))
        {
            stale[n_stale++] = links[i];
            ctl_fault(&walk->stale, ctl_format("%s in %s", links[i].member,
                      ctl_key_show(ctl, links[i].index)));
        }
    }

    if (!ctl_given(ctl, CTL_OPT_REPAIR)) {
        return;
    }

    for (size_t i = 0; i < n_stale; i += CTL_DOCTOR_BATCH) {
        ctl_links_mend(ctl, stale + i, n_stale - i < CTL_DOCTOR_BATCH
                                       ? n_stale - i : CTL_DOCTOR_BATCH);
    }
}


/* One page of each set that has not ended; false where all have. */
static bool
read_on(walk_t *walk, set_t *sets, size_t n)
{
    ctl_t       *ctl = walk->ctl;
    redisReply **pages = ctl_alloc_array(n, sizeof(*pages));
    ctl_link_t  *links;
    size_t       members = 0, filled = 0;
    bool         more = false;

    for (size_t i = 0; i < n; i++) {
        if (!sets[i].ended) {
            ctl_store_send(ctl, "SSCAN %s %s COUNT %d", sets[i].link.index,
                           sets[i].cursor, SCAN_COUNT);
        }
    }

    for (size_t i = 0; i < n; i++) {
        if (sets[i].ended) {
            continue;
        }

        pages[i] = ctl_store_receive(ctl);

        if (pages[i]->type != REDIS_REPLY_ARRAY || pages[i]->elements != 2
            || pages[i]->element[0]->type != REDIS_REPLY_STRING
            || pages[i]->element[0]->len >= CURSOR_MAX
            || pages[i]->element[1]->type != REDIS_REPLY_ARRAY)
        {
            ctl_die(CTL_CONTENT, "Redis answered something else than a page "
                    "of names; is it Redis?");
        }

        memcpy(sets[i].cursor, pages[i]->element[0]->str,
               pages[i]->element[0]->len + 1);
        members += pages[i]->element[1]->elements;
    }

    links = ctl_alloc_array(members, sizeof(*links));

    for (size_t i = 0; i < n; i++) {
        const redisReply *page = pages[i] == NULL ? NULL
                                                  : pages[i]->element[1];

        for (size_t j = 0; page != NULL && j < page->elements; j++) {
            compliance_str_t member = ctl_reply_text(page->element[j]);

            /* a name with a NUL would be another when cut */
            if (member.data != NULL && strlen(member.data) == member.len) {
                links[filled] = sets[i].link;
                links[filled].member = member.data;
                links[filled].source = source_key(ctl, &sets[i], member.data);
                filled++;
                sets[i].seen++;
            }
        }

        sets[i].ended = sets[i].ended || strcmp(sets[i].cursor, "0") == 0
                        || (ctl_doctor_step(ctl, SIZE_MAX / 2) > 1
                            && sets[i].seen >= CTL_DOCTOR_SAMPLE);
        more = more || !sets[i].ended;
    }

    walk->looked += filled;
    mend_members(walk, links, filled);

    return more;
}


static void
walk_sets(walk_t *walk, const char *const *names, size_t n, size_t step,
    const char *begin)
{
    set_t *sets = ctl_alloc_array(n / step + 1, sizeof(*sets));
    size_t filled = 0;
    bool   more = true;

    for (size_t i = 0; i < n; i += step) {
        if (begin_set(walk->ctl, ctl_format("%s%s", begin, names[i]),
                      &sets[filled]))
        {
            filled++;
        }
    }

    while (more && filled > 0) {
        ctl_mark_t mark = ctl_mark();

        more = read_on(walk, sets, filled);
        ctl_release(mark);
    }
}


void
ctl_doctor_indexes(ctl_doctor_t *doctor)
{
    ctl_t          *ctl = doctor->ctl;
    walk_t          walk = { .ctl = ctl };
    bool            fix = ctl_given(ctl, CTL_OPT_REPAIR);
    const char     *begin = ctl_key_index(ctl, "x", compliance_str("x")), **names;
    size_t          n, step, batch;
    ctl_progress_t *progress;

    if (begin == NULL) {
        return;
    }

    /* without "x:x" */
    begin = ctl_dup((compliance_str_t) { begin, strlen(begin) - 3 });
    names = ctl_store_scan(ctl, begin, &n);
    step = ctl_doctor_step(ctl, n);
    batch = step * CTL_DOCTOR_BATCH;
    progress = ctl_progress_begin("index", (int64_t) n);

    for (size_t i = 0; i < n; i += batch) {
        ctl_mark_t mark = ctl_mark();
        size_t     part = n - i < batch ? n - i : batch;

        walk_sets(&walk, names + i, part, step, begin);
        ctl_release(mark);
        ctl_progress_at(progress, (int64_t) (i + part));
    }

    ctl_progress_end(progress);
    ctl_faults_say(doctor, &walk.stale,
                   fix ? CTL_HEALTH_OK : CTL_HEALTH_ERROR, "index",
                   fix ? "entries that no record stood behind, taken out"
                       : "entries that no record stands behind",
                   fix ? NULL : "compliancectl doctor --repair");
    ctl_doctor_say(doctor, CTL_HEALTH_OK, "index", ctl_format(
                   "%zu entries looked at%s", walk.looked,
                   step > 1 ? " (--full: all)" : ""), NULL);
}
