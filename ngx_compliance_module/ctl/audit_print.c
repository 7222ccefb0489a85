/*
 * A record for a person: one line.
 */
#include "audit.h"
#include "colour.h"

#include <string.h>


#define CHANGES_MAX  6     /* shown of one administrator's change */


const char *
ctl_audit_text(const json_t *record, const char *key)
{
    const json_t *value = json_object_get(record, key);

    if (!json_is_string(value) || json_string_length(value) == 0) {
        return "-";
    }

    return ctl_escape((compliance_str_t) { json_string_value(value),
                                           json_string_length(value) });
}


/* A side of a change, short. */
static const char *
side(const json_t *value)
{
    if (json_is_string(value)) {
        return json_string_length(value) == 0
               ? "\"\"" : ctl_escape(ctl_str(json_string_value(value)));
    }

    if (json_is_true(value)) {
        return "in";
    }

    if (json_is_false(value)) {
        return "out";
    }

    return json_is_object(value) || json_is_array(value)
           ? ctl_format("(%zu)", json_is_object(value)
                                 ? json_object_size(value)
                                 : json_array_size(value)) : "-";
}


/* A key, a field, and "report -> enforce". */
static void
print_change(json_t *change)
{
    const char *op = json_string_value(json_object_get(change, "op"));
    const char *name;

    if (op == NULL) {
        /* a summary: its members as they come */
        const char *key;
        json_t     *value;

        json_object_foreach(change, key, value) {
            if (json_is_integer(value)) {
                printf(" %s=%lld", ctl_escape(ctl_str(key)),
                       (long long) json_integer_value(value));

            } else {
                printf(" %s=%s", ctl_escape(ctl_str(key)),
                       json_is_boolean(value) ? json_is_true(value) ? "yes"
                                                                    : "no"
                                              : side(value));
            }
        }

        return;
    }

    printf(" %s", ctl_audit_text(change, "key"));

    if (strcmp(op, "del") == 0) {
        fputs(" deleted", stdout);
        return;
    }

    name = strcmp(op, "member") == 0 ? "member" : "field";

    if (json_object_get(change, name) != NULL) {
        printf(" %s", ctl_audit_text(change, name));
    }

    printf(": %s -> %s", side(json_object_get(change, "old")),
           side(json_object_get(change, "new")));
}


static void
print_admin(const json_t *record)
{
    size_t        i, more;
    json_t       *change;
    const json_t *changes = json_object_get(record, "changes");

    printf(" %s: %s;", ctl_audit_text(record, "who"),
           ctl_audit_text(record, "command"));

    json_array_foreach(changes, i, change) {
        if (i == CHANGES_MAX) {
            break;
        }

        if (i > 0) {
            putchar(',');
        }

        print_change(change);
    }

    more = json_array_size(changes) > CHANGES_MAX
           ? json_array_size(changes) - CHANGES_MAX : 0;
    more += (size_t) json_integer_value(json_object_get(record, "left_off"));

    if (more > 0) {
        printf(", and %zu more", more);
    }
}


static void
print_decision(const json_t *record)
{
    const json_t *would = json_object_get(record, "would_block");
    const char   *would_reason = "";

    if (json_is_string(would) && json_string_length(would) > 0
        && strcmp(json_string_value(would), "none") != 0)
    {
        would_reason = ctl_format(" would_block=%s",
                                  ctl_audit_text(record, "would_block"));

    } else if (json_is_true(would)) {
        would_reason = " would_block";
    }

    putchar(' ');
    ctl_colour_put(stdout, ctl_audit_text(record, "verdict"), 0);
    printf(" %s%s group=%s protocol=%s user=%s device=%s client=%s "
           "command=%s id=%s",
           ctl_audit_text(record, "reason"), would_reason,
           ctl_audit_text(record, "group"),
           ctl_audit_text(record, "protocol"), ctl_audit_text(record, "user"),
           ctl_audit_text(record, "device"), ctl_audit_text(record, "client"),
           ctl_audit_text(record, "command"), ctl_audit_text(record, "id"));

    if (json_object_get(record, "candidate") != NULL) {
        printf(" candidate=%s", ctl_audit_text(record, "candidate"));
    }
}


void
ctl_audit_print(const ctl_t *ctl, const ctl_entry_t *entry,
    const json_t *record)
{
    const json_t *dropped = json_object_get(record, "dropped");

    if (record != NULL && ctl->json) {
        fwrite(entry->text.data, 1, entry->text.len, stdout);
        putchar('\n');
        return;
    }

    printf("%s %s", ctl_time_format((int64_t) (entry->ms / 1000)),
           ctl_escape(ctl_str(entry->node)));

    if (record == NULL) {
        printf(" unreadable record: %s", ctl_escape(entry->text));

    } else if (dropped != NULL) {
        printf(" GAP %lld records were lost before this one",
               (long long) json_integer_value(dropped));

    } else if (json_object_get(record, "changes") != NULL) {
        print_admin(record);

    } else {
        print_decision(record);
    }

    puts(json_object_get(record, "erased") != NULL ? " (erased)" : "");
}
