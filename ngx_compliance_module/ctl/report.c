/*
 * What a command has done, for a person or for a program.
 */
#include "record.h"


static json_t *
result_json(const char *noun, const ctl_record_t *record, const char *result)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, noun, ctl_json_text(ctl_str(record->name)));
    ctl_json_set(object, "result", ctl_json_text(ctl_str(result)));

    return object;
}


void
ctl_report_set(const ctl_t *ctl, const char *noun, const ctl_record_t *record,
    const ctl_changes_t *real, const ctl_aliases_t *aliases)
{
    json_t     *object, *list;
    size_t      n = real->n;
    const char *result;

    for (size_t i = 0; i < aliases->n; i++) {
        n += aliases->items[i].changed;
    }

    result = n == 0 ? "unchanged" : record->exists ? "changed" : "created";
    object = result_json(noun, record, result);
    list = ctl_json_array();

    if (!ctl->json) {
        printf("%s %s %s\n", noun, ctl_escape(ctl_str(record->name)), result);
        ctl_changes_print(real);
    }

    for (size_t i = 0; i < aliases->n; i++) {
        const char *alias = ctl_alias_show(&aliases->items[i]);

        if (!aliases->items[i].changed) {
            continue;
        }

        ctl_json_add(list, ctl_json_text(ctl_str(alias)));

        if (!ctl->json) {
            printf("  alias %s\n", alias);
        }
    }

    ctl_json_set(object, "changes", ctl_changes_json(real));
    ctl_json_set(object, "aliases", list);

    if (ctl->json) {
        ctl_json_print(object);
    } else {
        json_decref(object);
    }
}


void
ctl_report_deleted(const ctl_t *ctl, const char *noun,
    const ctl_record_t *record, size_t n_aliases)
{
    json_t *object;

    if (!ctl->json) {
        printf("%s %s deleted, with %zu alias%s\n", noun,
               ctl_escape(ctl_str(record->name)), n_aliases,
               n_aliases == 1 ? "" : "es");
        return;
    }

    object = result_json(noun, record, "deleted");
    ctl_json_set(object, "aliases_deleted",
                 ctl_json_int((int64_t) n_aliases));
    ctl_json_print(object);
}


void
ctl_report_unaliased(const ctl_t *ctl, const char *noun,
    const ctl_record_t *record, const ctl_alias_t *alias)
{
    json_t *object;

    if (!ctl->json) {
        printf("%s %s changed\n  alias %s (removed)\n", noun,
               ctl_escape(ctl_str(record->name)), ctl_alias_show(alias));
        return;
    }

    object = result_json(noun, record, "changed");
    ctl_json_set(object, "alias_deleted",
                 ctl_json_text(ctl_str(ctl_alias_show(alias))));
    ctl_json_print(object);
}
