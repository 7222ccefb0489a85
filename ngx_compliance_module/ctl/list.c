/*
 * Lists: names from an index where a filter has one, else by SCAN; records in
 * pages, so that a million of them neither stall Redis nor fill memory.  What
 * an index says is checked against the record itself.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>


#define PAGE           256    /* records asked for in one write */
#define LIMIT_DEFAULT  1000
#define LIMIT_MAX      INT64_C(1000000000)


/* Filters are checked as values are, so that a typo is told and not just an
 * empty list. */
static void
parse_filters(ctl_t *ctl, const ctl_kind_t *kind, ctl_changes_t *filters)
{
    compliance_str_t field, value;

    for (size_t i = 0; i < ctl->n_args; i++) {
        ctl_assignment(ctl, ctl->args[i], &field, &value);
        ctl_changes_assign(ctl, kind, filters, field, value);
    }
}


/* Items: one of the record's list is enough.  An absent field equals its
 * standard, and a filter without a value wants it absent. */
static bool
matches(const ctl_change_t *filter, const ctl_record_t *record)
{
    compliance_str_t value = ctl_record_get(record, filter->field->name), item;

    if (value.data == NULL) {
        value = ctl_str(filter->field->standard);
    }

    if (filter->field->index != CTL_INDEX_ITEMS || filter->value.data == NULL)
    {
        return compliance_str_eq(value, filter->value);
    }

    while (compliance_list_item(&value, &item)) {
        if (compliance_str_eq(item, filter->value)) {
            return true;
        }
    }

    return false;
}


static bool
all_match(const ctl_changes_t *filters, const ctl_record_t *record)
{
    for (size_t i = 0; i < filters->n; i++) {
        if (!matches(&filters->items[i], record)) {
            return false;
        }
    }

    return true;
}


static const char **
candidates(ctl_t *ctl, const ctl_listing_t *listing,
    const ctl_changes_t *filters, size_t *n)
{
    const char *key;

    for (size_t i = 0; i < filters->n && !ctl_given(ctl, CTL_OPT_SCAN); i++) {
        const ctl_change_t *filter = &filters->items[i];

        if (filter->field->index == CTL_INDEX_NONE || filter->value.data == NULL
            || (filter->field->index == CTL_INDEX_ONE
                && !compliance_str_eq(filter->value, compliance_str("1"))))
        {
            continue;
        }

        key = ctl_key_index(ctl, filter->field->name, filter->value);

        if (key != NULL) {
            return ctl_store_members(ctl, key, n);
        }
    }

    return ctl_store_scan(ctl, listing->begin, n);
}


static void
print_json_row(const ctl_listing_t *listing, const ctl_record_t *record,
    bool first)
{
    json_t *object;

    fputs(first ? "[" : ",", stdout);
    object = ctl_record_json(listing->kind, listing->name_key, record);
    ctl_json_print(object);
}


static void
add_row(const ctl_listing_t *listing, const ctl_record_t *record,
    ctl_table_t *table)
{
    const char **cells = ctl_alloc_array(listing->n_columns + 1,
                                         sizeof(*cells));

    cells[0] = ctl_escape(ctl_str(record->name));

    for (size_t c = 0; c < listing->n_columns; c++) {
        compliance_str_t value = ctl_record_get(record, listing->columns[c]);

        cells[c + 1] = value.data == NULL ? ""
                       : ctl_value_show(ctl_field_find(listing->kind,
                                            ctl_str(listing->columns[c])),
                                        value);
    }

    ctl_table_row(table, cells);
}


typedef struct {
    const ctl_listing_t *listing;
    const ctl_changes_t *filters;
    int64_t              limit;     /* 0: none */
    int64_t              shown;
    bool                 cut;       /* there is more than the limit */
    const char          *last;
} progress_t;


/* Reads and prints one page. */
static void
list_page(ctl_t *ctl, progress_t *progress, const char *const *names, size_t n)
{
    const ctl_listing_t *listing = progress->listing;
    bool                 headings = progress->shown == 0;
    ctl_table_t         *table;
    ctl_record_t         record;

    table = ctl_table(listing->n_columns + 1,
                      headings ? listing->headings : NULL);

    for (size_t i = 0; i < n; i++) {
        ctl_store_send(ctl, "HGETALL %s%s", listing->begin, names[i]);
    }

    for (size_t i = 0; i < n; i++) {
        memset(&record, 0, sizeof(record));
        record.name = names[i];
        ctl_record_fill(&record, ctl_store_receive(ctl));

        if (!record.exists || progress->cut
            || !all_match(progress->filters, &record))
        {
            continue;
        }

        if (progress->limit > 0 && progress->shown == progress->limit) {
            progress->cut = true;
            continue;
        }

        if (ctl->json) {
            print_json_row(listing, &record, progress->shown == 0);
        } else {
            add_row(listing, &record, table);
        }

        progress->shown++;
        progress->last = names[i];
    }

    if (!ctl->json && (progress->shown > 0 || headings)) {
        if (progress->shown > 0) {
            ctl_table_print(table);
        }
    }
}


ctl_exit_t
ctl_list(ctl_t *ctl, const ctl_listing_t *listing)
{
    size_t        n, first = 0;
    progress_t    progress;
    const char  **names, *after = ctl->options[CTL_OPT_AFTER];
    ctl_changes_t filters = { 0, 0, NULL };

    memset(&progress, 0, sizeof(progress));
    progress.listing = listing;
    progress.filters = &filters;
    progress.limit = ctl_option_count(ctl, CTL_OPT_LIMIT, 0, LIMIT_MAX,
                                      LIMIT_DEFAULT);

    parse_filters(ctl, listing->kind, &filters);
    names = candidates(ctl, listing, &filters, &n);

    while (after != NULL && first < n && strcmp(names[first], after) <= 0) {
        first++;
    }

    while (first < n && !progress.cut) {
        ctl_mark_t mark = ctl_mark();
        size_t     size = n - first < PAGE ? n - first : PAGE;

        list_page(ctl, &progress, names + first, size);
        ctl_release(mark);
        first += size;
    }

    if (ctl->json) {
        puts(progress.shown == 0 ? "[]" : "]");

    } else if (progress.shown == 0) {
        fputs("none\n", stderr);
    }

    if (progress.cut) {
        fprintf(stderr, "%lld shown, there are more: --after '%s', or "
                "--limit 0 for all\n", (long long) progress.shown,
                ctl_escape(ctl_str(progress.last)));
    }

    return CTL_DONE;
}
