/*
 * Bytes of a source -> JSON records (core/json_split.c finds them).  The buffer
 * holds one record and what was read behind it; a record's values live in an
 * arena until the next one.
 */
#include "import.h"
#include "json_arena.h"

#include "../core/json_split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>


#define READ_STEP   ((size_t) 256 * 1024)
#define CAP         (COMPLIANCE_RECORD_MAX + 2 * READ_STEP)
#define WHERE_MAX   64

struct ctl_records_s {
    ctl_import_t       *import;
    ctl_read_t         *read;
    void               *data;
    compliance_split_t  split;
    char               *bytes;
    size_t              from;      /* of them: what the splitter has not had */
    size_t              len;
    bool                last;
    bool                over;
    bool                lent;      /* a record's arena is open */
    json_t             *record;
    json_t             *members;   /* of the page */
    int64_t             page;      /* whose members these are */
    char                where[WHERE_MAX];
};


ctl_records_t *
ctl_records_open(ctl_import_t *import, ctl_read_t *read, void *data)
{
    ctl_records_t *records = calloc(1, sizeof(*records));

    if (records != NULL) {
        records->bytes = malloc(CAP);
    }

    if (records == NULL || records->bytes == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    records->import = import;
    records->read = read;
    records->data = data;

    return records;
}


static ssize_t
read_file(void *data, char *out, size_t cap, const char **why)
{
    FILE  *file = data;
    size_t n = fread(out, 1, cap, file);

    if (n == 0 && ferror(file)) {
        *why = strerror(errno);
        return -1;
    }

    return (ssize_t) n;
}


ctl_records_t *
ctl_records_file(ctl_import_t *import, FILE *file)
{
    return ctl_records_open(import, read_file, file);
}


/* More bytes behind those that are left; false: *why. */
static bool
fill(ctl_records_t *records, const char **why)
{
    ssize_t n;

    if (records->from > 0) {
        memmove(records->bytes, records->bytes + records->from,
                records->len - records->from);
        records->len -= records->from;
        records->from = 0;
    }

    if (records->len == CAP) {
        *why = "it has no end of a record";   /* the splitter's limit is less */
        return false;
    }

    n = records->read(records->data, records->bytes + records->len,
                      CAP - records->len < READ_STEP ? CAP - records->len
                                                     : READ_STEP, why);
    if (n < 0) {
        return false;
    }

    records->last = n == 0;
    records->len += (size_t) n;

    return true;
}


/* The text members of a page, the rest being of no use to anyone. */
static void
keep_members(ctl_records_t *records, compliance_str_t text)
{
    json_t     *all, *value;
    char       *object = malloc(text.len + 3);
    const char *name;

    if (object == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    object[0] = '{';
    memcpy(object + 1, text.data, text.len);
    object[text.len + 1] = '}';
    object[text.len + 2] = '\0';

    if (records->members == NULL || records->page != records->split.page) {
        json_decref(records->members);
        records->members = ctl_json_object();
        records->page = records->split.page;
    }

    all = json_loads(object, 0, NULL);
    free(object);

    json_object_foreach(all, name, value) {
        if (json_is_string(value)) {
            ctl_json_set(records->members, name, json_incref(value));
        }
    }

    json_decref(all);
}


static const char *
place(ctl_records_t *records)
{
    const compliance_split_t *split = &records->split;

    if (split->line > 0) {
        (void) snprintf(records->where, WHERE_MAX, "line %lld",
                        (long long) split->line);

    } else if (split->page > 0) {
        (void) snprintf(records->where, WHERE_MAX, "page %lld, record %lld",
                        (long long) split->page, (long long) split->record);

    } else {
        (void) snprintf(records->where, WHERE_MAX, "record %lld",
                        (long long) split->record);
    }

    return records->where;
}


static void
parse(ctl_records_t *records, compliance_str_t text, json_t **record,
    const char **why)
{
    json_error_t error;

    ctl_json_arena_begin(CTL_JSON_RECORD);
    records->lent = true;
    records->record = json_loadb(text.data, text.len, 0, &error);
    *record = records->record;

    if (records->record == NULL) {
        *why = ctl_format("it is no JSON: %s", ctl_escape(ctl_str(error.text)));

    } else if (!json_is_object(records->record)) {
        *record = NULL;
        *why = "it is no JSON object";
    }
}


static void
take_back(ctl_records_t *records)
{
    if (records->lent && !ctl_json_arena_end()) {
        json_decref(records->record);
    }

    records->lent = false;
    records->record = NULL;
}


static compliance_split_event_t
next_event(ctl_records_t *records)
{
    compliance_split_event_t event;

    event = compliance_json_split(&records->split,
                                  records->bytes + records->from,
                                  records->len - records->from, records->last);
    records->from += records->split.consumed;

    return event;
}


static bool
is_wanted(const ctl_records_t *records)
{
    return records->import == NULL || ctl_import_wants(records->import);
}


bool
ctl_records_next(ctl_records_t *records, json_t **record,
    const char **where, const char **why)
{
    *record = NULL;
    *why = NULL;
    take_back(records);

    while (!records->over) {
        switch (next_event(records)) {

        case COMPLIANCE_SPLIT_MORE:
            records->over = !fill(records, why);
            break;

        case COMPLIANCE_SPLIT_RECORD:
            if (is_wanted(records)) {
                *where = place(records);
                parse(records, records->split.text, record, why);
                return true;
            }

            break;

        case COMPLIANCE_SPLIT_BROKEN:
            if (is_wanted(records)) {
                *where = place(records);
                *why = records->split.why;
                return true;
            }

            break;

        case COMPLIANCE_SPLIT_MEMBERS:
            keep_members(records, records->split.text);
            break;

        case COMPLIANCE_SPLIT_FAILED:
            *why = records->split.why;
            records->over = true;
            break;

        case COMPLIANCE_SPLIT_END:
            records->over = true;
            break;
        }
    }

    *where = place(records);

    return false;
}


const char *
ctl_records_member(const ctl_records_t *records, const char *name)
{
    if (records->page != records->split.page) {
        return NULL;
    }

    return json_string_value(json_object_get(records->members, name));
}


void
ctl_records_close(ctl_records_t *records)
{
    take_back(records);
    json_decref(records->members);
    free(records->bytes);
    free(records);
}
