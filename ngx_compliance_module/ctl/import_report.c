/*
 * What is told of an import: refused records as they come, the counts at its
 * end, for a person, in JSON and in the audit.
 */
#include "import_private.h"

#include <string.h>


void
import_tell(ctl_import_t *import, const char *where, const char *why)
{
    import->told++;

    if (import->told > IMPORT_TOLD_MAX && !import->verbose) {
        return;
    }

    ctl_progress_hide();
    ctl_warn("%s%srefused: %s", where, where[0] == '\0' ? "" : ": ", why);

    if (import->told == IMPORT_TOLD_MAX && !import->verbose) {
        ctl_warn("further refused records are only counted; --verbose tells "
                 "them all");
    }
}


static const struct {
    const char *name;
    size_t      offset;
} counts[] = {
#define COUNT(field)  { #field, offsetof(ctl_bulk_counts_t, field) }
    COUNT(read),
    COUNT(created),
    COUNT(changed),
    COUNT(unchanged),
    COUNT(older),
    COUNT(refused),
    COUNT(newly_blocked),
    COUNT(retired),
    COUNT(returned),
#undef COUNT
};


static int64_t
value_of(const ctl_bulk_counts_t *all, size_t i)
{
    int64_t value;

    memcpy(&value, (const char *) all + counts[i].offset, sizeof(value));

    return value;
}


/* The same in the report, in meta and in the audit. */
json_t *
import_summary(const ctl_import_t *import)
{
    json_t *json = ctl_json_object();

    ctl_json_set(json, "source", ctl_json_text(ctl_str(import->source)));
    ctl_json_set(json, "mode", ctl_json_text(ctl_str(import->full ? "full"
                                                                  : "delta")));
    ctl_json_set(json, "complete", ctl_json_bool(!import->broken));

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ctl_json_set(json, counts[i].name,
                     ctl_json_int(value_of(&import->total, i)));
    }

    return json;
}


static void
report_json(const ctl_import_t *import)
{
    json_t *json = import_summary(import), *list = ctl_json_array();

    for (size_t i = 0; i < import->n_retired; i++) {
        ctl_json_add(list, ctl_json_text(ctl_str(import->retired[i])));
    }

    ctl_json_set(json, "dry_run", ctl_json_bool(import->dry_run));
    ctl_json_set(json, "retired_devices", list);
    ctl_json_set(json, "retiring_skipped",
                 ctl_json_bool(import->skipped_retiring));
    ctl_json_print(json);
}


void
import_report(const ctl_import_t *import)
{
    const ctl_bulk_counts_t *total = &import->total;

    if (import->ctl->json) {
        report_json(import);
        return;
    }

    printf("%s, %s%s: %lld records\n", import->source,
           import->full ? "full" : "delta",
           import->dry_run ? ", dry run, nothing was written" : "",
           (long long) total->read);

    for (size_t i = 1; i < sizeof(counts) / sizeof(counts[0]); i++) {
        int64_t value = value_of(total, i);
        char   *name = ctl_dup(ctl_str(counts[i].name));

        if (strchr(name, '_') != NULL) {
            *strchr(name, '_') = ' ';
        }

        if (value > 0 || i < 4) {
            printf("  %-14s %lld\n", name, (long long) value);
        }
    }

    if (!import->verbose) {
        return;
    }

    for (size_t i = 0; i < import->n_retired; i++) {
        printf("  retired: %s\n", import->retired[i]);
    }

    if ((int64_t) import->n_retired < total->retired) {
        printf("  and %lld more\n",
               (long long) (total->retired - (int64_t) import->n_retired));
    }
}
