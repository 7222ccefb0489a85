/*
 * user erase: a person leaves, and what is stored forgets the name.  First the
 * records that lead to him go, in one transaction with the audit's word of it;
 * then what was counted and recorded of him; at last every key is looked
 * through, and what still names him is told.  Killed in between, it is run
 * again.  Nothing of it can be undone, and no entry of undo is left.
 */
#include "bulk.h"
#include "erase.h"
#include "history.h"
#include "record.h"
#include "seen_days.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define SWEEP_PAGE  500
#define LEFT_SHOWN  50

typedef struct {
    ctl_t        *ctl;
    ctl_person_t  person;
    bool          devices;       /* delete them, too */
    size_t        n_owned, n_aliases, n_undo;
    size_t        n_days;        /* with accesses counted */
    int64_t       n_streams, touched, unchanged;
    int64_t       left;          /* keys that name him still */
    json_t       *leftovers;
    ctl_record_t  record;
} erase_t;


/* Every name he has: the principal, the other logins, the display name, and
 * what was given beside. */
static void
find_names(ctl_t *ctl, erase_t *erase)
{
    size_t           n;
    uint8_t          random[4];
    const char     **aliases;
    compliance_str_t shown;

    ctl_resolve_user(ctl, ctl->args[0], &erase->record);
    ctl_notes_drop();
    erase->person.name = erase->record.name;
    ctl_person_add(&erase->person, erase->record.name);

    aliases = ctl_aliases_of(ctl, true, erase->record.name, &n);

    for (size_t i = 0; i < n; i++) {
        ctl_person_add(&erase->person, aliases[i]);
    }

    erase->n_aliases = n;
    shown = ctl_record_get(&erase->record, "display_name");

    if (shown.data != NULL) {
        ctl_person_add(&erase->person, ctl_dup(shown));
    }

    for (size_t i = 1; i < ctl->n_args; i++) {
        ctl_person_add(&erase->person, ctl->args[i]);
    }

    if (RAND_bytes(random, sizeof(random)) != 1) {
        ctl_die(CTL_STORE, "the system has no random bytes");
    }

    erase->person.pseudonym = ctl_format("erased-%02x%02x%02x%02x", random[0],
                                         random[1], random[2], random[3]);
}


/* Of the undo log: what names him goes, for it would bring him back. */
static size_t
plan_undo(ctl_t *ctl, const erase_t *erase, bool dry)
{
    size_t      n = 0;
    redisReply *reply;
    const char *key = ctl_key_undo(ctl);

    reply = ctl_store_ask(ctl, "LRANGE %s 0 -1", key);
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "the undo log");

    for (size_t i = 0; i < reply->elements; i++) {
        compliance_str_t text = ctl_reply_text(reply->element[i]);
        json_t          *entry = json_loadb(text.data, text.len, 0, NULL);
        bool             his = entry == NULL
                               ? ctl_person_in(&erase->person, text)
                               : ctl_person_out_json(&erase->person, entry);

        json_decref(entry);

        if (his) {
            n++;

            if (!dry) {
                ctl_store_write(ctl, CTL_TYPE_LIST, key, "LREM %s 0 %b", key,
                                text.data, text.len);
            }
        }
    }

    return n;
}


/* Attributes of an inventory that name him. */
static void
plan_inventory(ctl_t *ctl, const erase_t *erase, const char *key)
{
    char            *text;
    json_t          *json;
    compliance_str_t have;

    have = ctl_reply_text(ctl_store_ask(ctl, "GET %s", key));
    json = have.data == NULL ? NULL
                             : json_loadb(have.data, have.len, 0, NULL);

    if (json != NULL && ctl_person_out_json(&erase->person, json)) {
        text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

        if (text == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        ctl_keep(text, free);
        ctl_store_write(ctl, CTL_TYPE_STRING, key, "SET %s %s", key, text);
    }

    json_decref(json);
}


static void
plan_device(ctl_t *ctl, const erase_t *erase, const char *name)
{
    const char            *inventory;
    ctl_record_t           device;
    ctl_changes_t          changes = { 0, 0, NULL };
    compliance_device_id_t id;

    ctl_device_id(name, &id);
    inventory = ctl_key_inventory(ctl, &id);
    ctl_store_watch(ctl, ctl_key_device(ctl, &id));
    ctl_store_watch(ctl, inventory);
    ctl_record_read(ctl, &device, ctl_dup(ctl_str(name)),
                    ctl_key_device(ctl, &id));

    if (erase->devices) {
        ctl_record_delete(ctl, &ctl_device_kind, &device);
        (void) ctl_aliases_plan_delete(ctl, false, device.name);
        ctl_write_del(ctl, CTL_TYPE_STRING, inventory);
        return;
    }

    ctl_changes_put(&ctl_device_kind, &changes, "owner", compliance_absent);

    /* people call it "Alice's iPhone" */
    if (ctl_record_get(&device, "name").data != NULL) {
        ctl_changes_put(&ctl_device_kind, &changes, "name",
                        compliance_absent);
    }

    ctl_changes_compare(&device, &changes);
    ctl_record_store(ctl, &ctl_device_kind, &device, &changes);
    plan_inventory(ctl, erase, inventory);
}


static const char **
owned(ctl_t *ctl, const erase_t *erase, size_t *n)
{
    const char *key = ctl_key_index(ctl, "owner", ctl_str(erase->person.name));

    *n = 0;

    return key == NULL ? NULL : ctl_store_members(ctl, key, n);
}


static void
plan_records(ctl_t *ctl, void *data)
{
    erase_t     *erase = data;
    const char **devices, *owner;
    json_t      *told = ctl_json_array(), *one = ctl_json_object();

    ctl_store_watch(ctl, ctl_key_undo(ctl));
    ctl_resolve_user(ctl, erase->person.name, &erase->record);

    if (erase->record.exists) {
        ctl_record_delete(ctl, &ctl_user_kind, &erase->record);
    }

    erase->n_aliases = ctl_aliases_plan_delete(ctl, true, erase->person.name);
    owner = ctl_key_index(ctl, "owner", ctl_str(erase->person.name));

    if (owner != NULL) {
        ctl_store_watch(ctl, owner);
    }

    devices = owned(ctl, erase, &erase->n_owned);

    for (size_t i = 0; i < erase->n_owned; i++) {
        plan_device(ctl, erase, devices[i]);
    }

    erase->n_undo = plan_undo(ctl, erase, false);

    ctl_json_set(one, "erased",
                 ctl_json_text(ctl_str(erase->person.pseudonym)));
    ctl_json_set(one, "devices", ctl_json_int((int64_t) erase->n_owned));
    ctl_json_set(one, "devices_deleted", ctl_json_bool(erase->devices));
    ctl_json_set(one, "audit_records", ctl_json_int(erase->touched));
    ctl_json_add(told, one);
    ctl_audit_summary_plan(ctl, ctl_format("user erase %s",
                                           erase->person.pseudonym), told);
}


/* seen:<day>:<name>, and his name among the day's. */
static void
erase_seen(ctl_t *ctl, erase_t *erase, bool dry)
{
    size_t                 n, len = strlen(erase->person.name);
    const int64_t         *days = ctl_seen_days(ctl, &n);
    compliance_principal_t name;

    memset(&name, 0, sizeof(name));
    memcpy(name.data, erase->person.name, len);
    name.len = len;
    erase->n_days = 0;

    for (size_t i = 0; i < n; i++) {
        const char *key = ctl_key_seen(ctl, days[i], &name);

        if (dry) {
            erase->n_days += (size_t) ctl_store_ask(ctl, "EXISTS %s",
                                                    key)->integer;
            continue;
        }

        erase->n_days += (size_t) ctl_store_ask(ctl, "DEL %s", key)->integer;
        (void) ctl_store_ask(ctl, "SREM %s %s", ctl_seen_index(ctl, days[i]),
                             erase->person.name);
    }
}


/* Streams that have something to do; dies where it may not be done. */
static void
look_at_streams(ctl_t *ctl, erase_t *erase, compliance_audit_keys_t *keys,
    ctl_stream_t *streams, size_t n)
{
    int64_t       forged = 0, keyless = 0;
    ctl_rewrite_t found = { 0 };

    erase->touched = erase->n_streams = erase->unchanged = 0;

    for (size_t i = 0; i < n; i++) {
        ctl_rewrite_count(ctl, &streams[i], keys, &erase->person, &found);
        erase->touched += found.touched;
        erase->unchanged += found.left;
        erase->n_streams += found.touched > 0;
        forged += found.forged;
        keyless += found.keyless;
    }

    if (keyless > 0 && !ctl_given(ctl, CTL_OPT_FORCE)) {
        ctl_die(CTL_CONFLICT, "%lld of his audit records are under a key that "
                "was not given; without it audit verify would not know who "
                "took him out. Give --secret-file (or --force)",
                (long long) keyless);
    }

    if (forged > 0 && !ctl_given(ctl, CTL_OPT_FORCE)) {
        ctl_die(CTL_CONFLICT, "%lld of his audit records were edited by "
                "somebody, and taking him out would hide that; look at them "
                "first with: compliancectl audit verify (or --force)",
                (long long) forged);
    }
}


static void
rewrite_streams(ctl_t *ctl, erase_t *erase, compliance_audit_keys_t *keys,
    ctl_stream_t *streams, size_t n)
{
    ctl_rewrite_t   found = { 0 };
    ctl_progress_t *progress = ctl_progress_begin("user erase: streams",
                                                  (int64_t) n);

    erase->touched = erase->n_streams = 0;

    for (size_t i = 0; i < n; i++) {
        ctl_rewrite_count(ctl, &streams[i], keys, &erase->person, &found);

        /* of a run that was killed */
        (void) ctl_store_ask(ctl, "DEL %s",
                             ctl_key_erase(ctl, streams[i].node));

        if (found.touched > 0) {
            ctl_rewrite(ctl, &streams[i], keys, &erase->person, &found);
            erase->touched += found.touched;
            erase->n_streams++;
        }

        ctl_progress_at(progress, (int64_t) i + 1);
    }

    ctl_progress_end(progress);
}


static void
ask_value(ctl_t *ctl, const char *key, const char *type)
{
    ctl_store_send(ctl, strcmp(type, "hash") == 0 ? "HGETALL %s"
                        : strcmp(type, "list") == 0 ? "LRANGE %s 0 -1"
                        : strcmp(type, "string") == 0 ? "GET %s"
                        : "TYPE %s", key);
}


static bool
reply_names(const ctl_person_t *person, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING) {
        /* bytes of JSON: a name with a quote or a backslash is escaped */
        json_t *json = reply->len > 0 && strchr("{[\"", reply->str[0]) != NULL
                       ? json_loadb(reply->str, reply->len, JSON_DECODE_ANY,
                                    NULL) : NULL;
        bool    found = json != NULL ? ctl_person_out_json(person, json)
                                     : ctl_person_in(person,
                                           (compliance_str_t) { reply->str,
                                                                reply->len });

        json_decref(json);

        return found;
    }

    if (reply->type == REDIS_REPLY_ARRAY) {
        for (size_t i = 0; i < reply->elements; i++) {
            if (reply_names(person, reply->element[i])) {
                return true;
            }
        }
    }

    return false;
}


/* An index may have a million members: page by page, not to hold Redis up. */
static bool
set_names(ctl_t *ctl, const ctl_person_t *person, const char *key)
{
    bool         found = false;
    size_t       n;
    ctl_mark_t   mark = ctl_mark();
    const char **members = ctl_store_members(ctl, key, &n);

    for (size_t i = 0; i < n && !found; i++) {
        found = ctl_person_in(person, ctl_str(members[i]));
    }

    ctl_release(mark);

    return found;
}


static void
sweep_page(ctl_t *ctl, erase_t *erase, const char **keys, size_t n)
{
    const char  *name, **types = ctl_alloc_array(n, sizeof(*types));
    redisReply **replies = ctl_alloc_array(n, sizeof(redisReply *));

    for (size_t i = 0; i < n; i++) {
        ctl_store_send(ctl, "TYPE %s", keys[i]);
    }

    for (size_t i = 0; i < n; i++) {
        types[i] = ctl_store_receive(ctl)->str;
    }

    for (size_t i = 0; i < n; i++) {
        ask_value(ctl, keys[i], types[i]);
    }

    for (size_t i = 0; i < n; i++) {
        replies[i] = ctl_store_receive(ctl);
    }

    for (size_t i = 0; i < n; i++) {
        name = ctl_key_show(ctl, keys[i]);

        if (ctl_person_in(&erase->person, ctl_str(name))
            || reply_names(&erase->person, replies[i])
            || (strcmp(types[i], "set") == 0
                && set_names(ctl, &erase->person, keys[i])))
        {
            erase->left++;

            if (json_array_size(erase->leftovers) < LEFT_SHOWN) {
                ctl_json_add(erase->leftovers, ctl_json_text(ctl_str(name)));
            }
        }
    }
}


/* What names him still: no rule says what may be done to it. */
static void
sweep(ctl_t *ctl, erase_t *erase)
{
    size_t          n, at = 0;
    const char    **names, **keys;
    ctl_progress_t *progress;

    names = ctl_store_scan(ctl, ctl_dup(ctl->prefix), &n);
    progress = ctl_progress_begin("user erase: looking through all keys",
                                  (int64_t) n);

    while (at < n) {
        ctl_mark_t mark = ctl_mark();
        size_t     page = n - at > SWEEP_PAGE ? SWEEP_PAGE : n - at;

        keys = ctl_alloc_array(page, sizeof(*keys));

        for (size_t i = 0; i < page; i++) {
            keys[i] = ctl_format("%.*s%s", (int) ctl->prefix.len,
                                 ctl->prefix.data, names[at + i]);
        }

        sweep_page(ctl, erase, keys, page);
        at += page;
        ctl_progress_at(progress, (int64_t) at);
        ctl_release(mark);
    }

    ctl_progress_end(progress);
}


static void
report(const ctl_t *ctl, const erase_t *erase, bool dry)
{
    json_t     *object;
    const char *be = dry ? "would be" : erase->person.pseudonym;

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "dry_run", ctl_json_bool(dry));
        ctl_json_set(object, "pseudonym", dry ? json_null()
                     : ctl_json_text(ctl_str(erase->person.pseudonym)));
        ctl_json_set(object, "user", ctl_json_bool(erase->record.exists));
        ctl_json_set(object, "names", ctl_json_int((int64_t)
                                                   erase->person.n));
        ctl_json_set(object, "aliases", ctl_json_int((int64_t)
                                                     erase->n_aliases));
        ctl_json_set(object, "devices", ctl_json_int((int64_t)
                                                     erase->n_owned));
        ctl_json_set(object, "audit_records", ctl_json_int(erase->touched));
        ctl_json_set(object, "seen_days", ctl_json_int((int64_t)
                                                       erase->n_days));
        ctl_json_set(object, "undo", ctl_json_int((int64_t) erase->n_undo));
        ctl_json_set(object, "left", json_incref(erase->leftovers));
        ctl_json_print(object);
        return;
    }

    printf("%s:\n"
           "  user record      %s\n"
           "  other names      %zu deleted\n"
           "  devices          %zu %s\n"
           "  audit records    %lld in %lld streams, name replaced\n"
           "  counted accesses of %zu days deleted\n"
           "  undo entries     %zu deleted\n",
           dry ? be : ctl_format("erased; in the records now \"%s\"", be),
           erase->record.exists ? "deleted" : "there is none",
           erase->n_aliases, erase->n_owned,
           erase->devices ? "deleted" : "without an owner",
           (long long) erase->touched, (long long) erase->n_streams,
           erase->n_days, erase->n_undo);
}


static void
confirm(const ctl_t *ctl, const erase_t *erase)
{
    char answer[COMPLIANCE_PRINCIPAL_MAX + 2];

    if (ctl_given(ctl, CTL_OPT_YES)) {
        return;
    }

    if (!isatty(STDIN_FILENO)) {
        ctl_die(CTL_CONFLICT, "this cannot be undone; nothing was written. "
                "Give --yes, or --dry-run to see what it would do");
    }

    fprintf(stderr, "This cannot be undone. Type the name to go on: ");

    if (fgets(answer, sizeof(answer), stdin) == NULL) {
        answer[0] = '\0';
    }

    answer[strcspn(answer, "\n")] = '\0';

    if (strcmp(answer, erase->person.name) != 0) {
        ctl_die(CTL_CONFLICT, "that is not the name; nothing was written");
    }
}


static void
show_left(const ctl_t *ctl, const erase_t *erase)
{
    size_t  i;
    json_t *key;

    if (erase->unchanged > 0) {
        ctl_warn("%lld audit records hold the name where it cannot be taken "
                 "out (the name of a group or a node, or no record at all)",
                 (long long) erase->unchanged);
    }

    if (ctl->json) {
        return;
    }

    json_array_foreach(erase->leftovers, i, key) {
        fprintf(stderr, "still names him: %s\n",
                ctl_escape(ctl_str(json_string_value(key))));
    }

    if (erase->left > (int64_t) json_array_size(erase->leftovers)) {
        fprintf(stderr, "and %lld more\n",
                (long long) erase->left
                - (long long) json_array_size(erase->leftovers));
    }
}


static void
free_json(void *json)
{
    json_decref(json);
}


ctl_exit_t
ctl_user_erase(ctl_t *ctl)
{
    bool                     dry = ctl_given(ctl, CTL_OPT_DRY_RUN);
    size_t                   n;
    erase_t                  erase;
    ctl_stream_t            *streams;
    compliance_audit_keys_t *keys = ctl_audit_keys(ctl);

    memset(&erase, 0, sizeof(erase));
    erase.ctl = ctl;
    erase.devices = ctl_given(ctl, CTL_OPT_DEVICES);
    erase.leftovers = ctl_json_array();
    ctl_keep(erase.leftovers, free_json);
    ctl_history(ctl, CTL_HISTORY_NONE);
    find_names(ctl, &erase);

    n = ctl_audit_streams(ctl, NULL, &streams);
    look_at_streams(ctl, &erase, keys, streams, n);

    if (dry) {
        erase_seen(ctl, &erase, true);
        (void) owned(ctl, &erase, &erase.n_owned);
        erase.n_undo = plan_undo(ctl, &erase, true);
        report(ctl, &erase, true);
        show_left(ctl, &erase);
        return CTL_DONE;
    }

    if (!erase.record.exists && erase.touched == 0 && erase.n_aliases == 0) {
        ctl_warn("nothing is recorded of \"%s\"; looking all the same",
                 ctl_escape(ctl_str(erase.person.name)));
    }

    confirm(ctl, &erase);
    ctl_store_transact(ctl, plan_records, &erase);
    erase_seen(ctl, &erase, false);

    /* the administrators' own has begun with this, if not before */
    n = ctl_audit_streams(ctl, NULL, &streams);
    rewrite_streams(ctl, &erase, keys, streams, n);
    sweep(ctl, &erase);
    report(ctl, &erase, false);
    show_left(ctl, &erase);

    return erase.left > 0 ? CTL_CONFLICT : CTL_DONE;
}


void
ctl_user_erase_details(void)
{
    puts("The user, the other names, counted accesses and entries of undo are "
         "deleted; in\nthe audit a pseudonym takes the name's place, and the "
         "chain still holds. Devices\nlose their owner and their name, or "
         "with --devices are deleted. OTHERTEXT is taken\nout, too: a device's "
         "name, or a full name as it was written. A name counts where\nit "
         "stands by itself, not as a part of a longer one.");
}
