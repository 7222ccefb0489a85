/*
 * The planned batch as one MULTI..EXEC: records, indexes, then names.
 */
#include "directory_batch.h"

#include <string.h>


static void
begin(directory_run_t *run, const char *command, size_t n)
{
    if (run->n_commands == 0) {
        ctl_wire_begin(run->wire, "MULTI", 1);
    }

    run->n_commands++;
    ctl_wire_begin(run->wire, command, n);
}


static void
write_member(directory_run_t *run, const char *command, const char *key,
    compliance_str_t member)
{
    begin(run, command, 3);
    ctl_wire_word(run->wire, ctl_str(key));
    ctl_wire_word(run->wire, member);
}


static void
into(void *data, const char *key, compliance_str_t name)
{
    write_member(data, "SADD", key, name);
}


static void
out_of(void *data, const char *key, compliance_str_t name)
{
    write_member(data, "SREM", key, name);
}


static void
write_fields(directory_run_t *run, const char *key,
    const ctl_changes_t *changes, bool set)
{
    size_t n = 0;

    for (size_t i = 0; i < changes->n; i++) {
        n += (changes->items[i].value.data != NULL) == set;
    }

    if (n == 0) {
        return;
    }

    begin(run, set ? "HSET" : "HDEL", 2 + (set ? 2 * n : n));
    ctl_wire_word(run->wire, ctl_str(key));

    for (size_t i = 0; i < changes->n; i++) {
        const ctl_change_t *change = &changes->items[i];

        if ((change->value.data != NULL) == set) {
            ctl_wire_word(run->wire, ctl_str(change->field->name));

            if (set) {
                ctl_wire_word(run->wire, change->value);
            }
        }
    }
}


/* Set before anything is removed: the record never vanishes in between. */
static void
write_record(directory_run_t *run, const directory_item_t *item)
{
    write_fields(run, item->record.key, &item->real, true);
    write_fields(run, item->record.key, &item->real, false);
    ctl_record_index(run->directory->ctl, &ctl_user_kind, &item->record,
                     &item->real, out_of, into, run);
}


static const char *
back_key(const directory_run_t *run, const char *login)
{
    const char *key = ctl_key_index(run->directory->ctl, "user_alias_of",
                                    ctl_str(login));

    if (key == NULL) {
        ctl_die(CTL_USAGE, "\"%s\" is too long", ctl_escape(ctl_str(login)));
    }

    return key;
}


/* From the list of the one who had it. */
static void
take_from_holder(directory_run_t *run, const directory_name_t *name)
{
    const ctl_record_t *holder = &name->holder;
    compliance_str_t    list, item;
    char               *rest = ctl_format("%s", "");

    if (holder->name == NULL) {
        return;
    }

    write_member(run, "SREM", back_key(run, holder->name),
                 ctl_str(name->name));

    if (!holder->exists) {
        return;
    }

    list = ctl_record_get(holder, "directory_aliases");

    while (compliance_list_item(&list, &item)) {
        if (!compliance_str_eq(item, ctl_str(name->name))) {
            rest = ctl_format("%s%s%s", rest, rest[0] == '\0' ? "" : ",",
                              ctl_dup(item));
        }
    }

    begin(run, rest[0] == '\0' ? "HDEL" : "HSET", rest[0] == '\0' ? 3 : 4);
    ctl_wire_word(run->wire, ctl_str(holder->key));
    ctl_wire_word(run->wire, compliance_str("directory_aliases"));

    if (rest[0] != '\0') {
        ctl_wire_word(run->wire, ctl_str(rest));
    }
}


static void
write_name(directory_run_t *run, const directory_item_t *item,
    const directory_name_t *name)
{
    compliance_principal_t principal;
    const char            *key, *back = back_key(run, item->login);
    bool                   his;

    ctl_principal(name->name, &principal);
    key = ctl_key_user_alias(run->directory->ctl, &principal);
    his = compliance_str_eq(name->held, ctl_str(item->login));

    switch (name->act) {

    case DIRECTORY_NAME_SET:
    case DIRECTORY_NAME_MOVE:
        if (name->act == DIRECTORY_NAME_MOVE) {
            take_from_holder(run, name);
        }

        begin(run, "SET", 3);
        ctl_wire_word(run->wire, ctl_str(key));
        ctl_wire_word(run->wire, ctl_str(item->login));
        write_member(run, "SADD", back, ctl_str(name->name));
        return;

    case DIRECTORY_NAME_FREE:
        take_from_holder(run, name);
        begin(run, "DEL", 2);
        ctl_wire_word(run->wire, ctl_str(key));
        return;

    case DIRECTORY_NAME_DROP:
        if (his) {
            begin(run, "DEL", 2);
            ctl_wire_word(run->wire, ctl_str(key));
        }

        write_member(run, "SREM", back, ctl_str(name->name));
        return;

    case DIRECTORY_NAME_KEEP:
    case DIRECTORY_NAME_LEAVE:
        return;
    }
}


static bool
finish(directory_run_t *run)
{
    const redisReply *reply;

    if (run->n_commands == 0) {
        ctl_wire_begin(run->wire, "UNWATCH", 1);
        ctl_wire_flush(run->wire);
        (void) ctl_wire_next(run->wire);
        return true;
    }

    ctl_wire_begin(run->wire, "EXEC", 1);
    ctl_wire_flush(run->wire);

    for (size_t i = 0; i <= run->n_commands; i++) {
        (void) ctl_wire_next(run->wire);   /* MULTI, and what was queued */
    }

    reply = ctl_wire_next(run->wire);

    if (reply->type == REDIS_REPLY_NIL) {
        return false;
    }

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a transaction's result");

    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            ctl_wire_refused(run->wire, reply->element[i]);
        }
    }

    return true;
}


bool
directory_write(directory_run_t *run, directory_item_t *items, size_t n)
{
    run->n_commands = 0;

    for (size_t i = 0; i < n; i++) {
        if (items[i].writes) {
            write_record(run, &items[i]);

            for (size_t k = 0; k < items[i].n_names; k++) {
                write_name(run, &items[i], &items[i].names[k]);
            }
        }
    }

    return finish(run);
}
