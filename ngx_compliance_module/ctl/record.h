/*
 * Records as the CLI sees them: what fields a device, a user and a group have,
 * what a value must look like, and how a change to one becomes writes to the
 * record and to the indexes that follow from it.
 */
#ifndef COMPLIANCE_CTL_RECORD_H
#define COMPLIANCE_CTL_RECORD_H

#include "store.h"

#include "../core/facts.h"
#include "../core/names.h"


typedef enum {
    CTL_INDEX_NONE = 0,
    CTL_INDEX_VALUE,    /* index:<field>:<value> holds the record's name */
    CTL_INDEX_ITEMS,    /* the same for every item of a comma list */
    CTL_INDEX_ONE       /* only index:<field>:1 */
} ctl_index_t;

typedef enum {
    CTL_SHOW_TEXT = 0,
    CTL_SHOW_TIME,
    CTL_SHOW_FLAG
} ctl_show_t;

typedef struct ctl_field_s  ctl_field_t;

typedef bool ctl_check_t(const ctl_t *ctl, const ctl_field_t *field,
    compliance_str_t in, compliance_str_t *out);

struct ctl_field_s {
    const char *name;
    const char *expects;    /* NULL: set by compliancectl itself */
    /* Canonical value to *out, or false. NULL: never accepted. */
    ctl_check_t *check;
    ctl_index_t index;
    ctl_show_t  show;
    const char *standard;   /* every record has this field; NULL: it may be
                               removed */
};

typedef struct {
    const char        *noun;
    size_t             n;
    const ctl_field_t *fields;
} ctl_kind_t;

/* fields.c */
extern const ctl_kind_t ctl_device_kind;
extern const ctl_kind_t ctl_user_kind;
const ctl_kind_t *ctl_group_kind(void);    /* from core's own table */
const ctl_field_t *ctl_field_find(const ctl_kind_t *kind,
    compliance_str_t name);
void ctl_fields_print(const ctl_kind_t *kind);


typedef struct {
    compliance_str_t field;
    compliance_str_t value;
} ctl_pair_t;

typedef struct {
    const char *name;      /* canonical id, principal or group name */
    const char *key;
    bool        exists;
    size_t      n;
    ctl_pair_t *pairs;
} ctl_record_t;

/* One field's change.  Absent value: it is removed. */
typedef struct {
    const ctl_field_t *field;
    compliance_str_t   old;
    compliance_str_t   value;
} ctl_change_t;

typedef struct {
    size_t       n;
    size_t       cap;
    ctl_change_t *items;
} ctl_changes_t;

/* Another name of a record.  kind NONE is a user's. */
typedef struct {
    compliance_alias_kind_t kind;
    const char             *value;      /* canonical */
    bool                    changed;    /* by the plan */
} ctl_alias_t;

typedef struct {
    size_t       n;
    size_t       cap;
    ctl_alias_t *items;
} ctl_aliases_t;


/* "FIELD=VALUE"; dies where there is no '='. */
void ctl_assignment(const ctl_t *ctl, const char *word,
    compliance_str_t *field, compliance_str_t *value);
/* Checks and adds; dies on an unknown field, a bad value, a field twice. */
void ctl_changes_assign(const ctl_t *ctl, const ctl_kind_t *kind,
    ctl_changes_t *changes, compliance_str_t field, compliance_str_t value);
/* Adds or replaces, unchecked. */
void ctl_changes_put(const ctl_kind_t *kind, ctl_changes_t *changes,
    const char *field, compliance_str_t value);
const ctl_change_t *ctl_changes_find(const ctl_changes_t *changes,
    const char *field);

void ctl_record_read(ctl_t *ctl, ctl_record_t *record, const char *name,
    const char *key);
/* What HGETALL answered -> record->pairs. */
void ctl_record_fill(ctl_record_t *record, const redisReply *reply);
compliance_str_t ctl_record_get(const ctl_record_t *record, const char *field);
/* What the field will be once the changes are made. */
compliance_str_t ctl_record_after(const ctl_record_t *record,
    const ctl_changes_t *changes, const char *field);

/* Of `wanted`, what really changes the record: *real.  A new record gets the
 * standard of the fields that every record has. */
void ctl_record_diff(const ctl_kind_t *kind, const ctl_record_t *record,
    const ctl_changes_t *wanted, ctl_changes_t *real);
/* Fills in what was there, and drops what is the same. */
void ctl_changes_compare(const ctl_record_t *record, ctl_changes_t *real);
/* Collects the writes, the indexes' among them. */
void ctl_record_store(ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record, const ctl_changes_t *real);
/* The index entries that a change takes away, and then those that the record
 * has after it. */
typedef void (*ctl_index_pt)(void *data, const char *key,
    compliance_str_t name);
void ctl_record_index(const ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record, const ctl_changes_t *real,
    ctl_index_pt out_of, ctl_index_pt into, void *data);
void ctl_record_delete(ctl_t *ctl, const ctl_kind_t *kind,
    const ctl_record_t *record);

/* A stored value for a person: times as such, the rest escaped. */
const char *ctl_value_show(const ctl_field_t *field, compliance_str_t value);
/* The same for JSON: times as numbers, flags as booleans where they are. */
json_t *ctl_value_json(const ctl_field_t *field, compliance_str_t value);
json_t *ctl_record_json(const ctl_kind_t *kind, const char *name_key,
    const ctl_record_t *record);
void ctl_record_print(const ctl_kind_t *kind, const ctl_record_t *record,
    const char *const *aliases, size_t n_aliases);
/* What `set` reports. */
json_t *ctl_changes_json(const ctl_changes_t *changes);
void ctl_changes_print(const ctl_changes_t *changes);

/* report.c: what a command has done, as text or JSON. */
void ctl_report_set(const ctl_t *ctl, const char *noun,
    const ctl_record_t *record, const ctl_changes_t *real,
    const ctl_aliases_t *aliases);
void ctl_report_deleted(const ctl_t *ctl, const char *noun,
    const ctl_record_t *record, size_t n_aliases);
void ctl_report_unaliased(const ctl_t *ctl, const char *noun,
    const ctl_record_t *record, const ctl_alias_t *alias);



/* alias.c */


/* Canonical value into *aliases; dies where it is none of that kind. */
void ctl_aliases_parse(ctl_aliases_t *aliases, compliance_alias_kind_t kind,
    compliance_str_t value);
/* Dies where `kind` is no kind. */
compliance_alias_kind_t ctl_alias_kind(const ctl_t *ctl, const char *kind);
void ctl_aliases_plan(ctl_t *ctl, const char *target,
    ctl_aliases_t *aliases);
/* False where it is not an alias of the target. */
bool ctl_alias_plan_remove(ctl_t *ctl, const char *target,
    const ctl_alias_t *alias);
/* All of them, with the way back, for a record that goes; returns how many. */
size_t ctl_aliases_plan_delete(ctl_t *ctl, bool user, const char *target);
/* "eas:APPLX" for a device, plain names for a user. */
const char **ctl_aliases_of(ctl_t *ctl, bool user, const char *target,
    size_t *n);
json_t *ctl_aliases_json(ctl_t *ctl, bool user, const char *target);
const char *ctl_alias_show(const ctl_alias_t *alias);

/* A name from the command line -> the record it leads to, by itself or as an
 * alias.  Watches what it reads where the command writes. Dies on a malformed
 * or ambiguous one. */
void ctl_resolve_device(ctl_t *ctl, const char *text, ctl_record_t *record);
void ctl_resolve_user(ctl_t *ctl, const char *text, ctl_record_t *record);
void ctl_device_id(const char *text, compliance_device_id_t *id);
void ctl_principal(const char *text, compliance_principal_t *name);


/* list.c: rows of one kind, filtered by FIELD=VALUE arguments. */
typedef struct {
    const ctl_kind_t   *kind;
    const char         *begin;      /* what a record's key begins with */
    size_t              n_columns;
    const char *const  *columns;    /* fields, behind the name */
    const char *const  *headings;   /* n_columns + 1 */
    const char         *name_key;   /* in JSON */
} ctl_listing_t;

ctl_exit_t ctl_list(ctl_t *ctl, const ctl_listing_t *listing);

#endif
