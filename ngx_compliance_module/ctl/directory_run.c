/*
 * All users, batch by batch.  The look comes first where the store has users
 * of this directory; the writing then only asks about those of which something
 * changes.  Names that are another's wait for the end: by then everyone has
 * given up what he no longer claims.
 */
#include "directory_batch.h"
#include "bulk.h"

#include <stdlib.h>
#include <string.h>


#define ATTEMPTS    8
#define SCAN_COUNT  1000


static void
note(directory_run_t *run, directory_pass_t pass, const directory_item_t *item)
{
    directory_user_t   *user = item->user;
    directory_t        *directory = run->directory;
    directory_outcome_t outcome = DIRECTORY_UNCHANGED;

    if (pass == DIRECTORY_LOOKS || !run->last) {
        directory->n_affected += item->changes_access;
    }

    if (user == NULL) {
        directory->n_newly_vanished
            += ctl_changes_find(&item->real, "vanished_since") != NULL;
        directory->n_marked += item->writes;
        return;
    }

    user->wanted = user->wanted || item->writes || item->again
                   || item->refused;

    if (item->refused) {
        outcome = DIRECTORY_REFUSED;

    } else if (item->writes) {
        outcome = item->record.exists ? DIRECTORY_CHANGED : DIRECTORY_CREATED;
    }

    /* what the first go did holds where the last one adds a name */
    if (outcome != DIRECTORY_UNCHANGED
        && (user->outcome == DIRECTORY_UNCHANGED
            || user->outcome == DIRECTORY_REFUSED))
    {
        user->outcome = (uint8_t) outcome;
    }
}


static void
plan_all(directory_run_t *run, directory_item_t *items, size_t n, bool watch)
{
    ctl_wire_reset(run->wire);
    directory_ask(run, items, n, watch);

    for (size_t i = 0; i < n; i++) {
        directory_plan(run, &items[i]);
    }
}


static void
write_all(directory_run_t *run, directory_item_t *items, size_t n)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        plan_all(run, items, n, true);

        if (directory_write(run, items, n)) {
            return;
        }
    }

    /* others keep at one of them: the rest goes in without it */
    if (n > 1) {
        for (size_t i = 0; i < n; i++) {
            write_all(run, &items[i], 1);
        }

        return;
    }

    directory_tell(run->directory, "%s: others keep changing this user; "
                   "nothing of him was changed",
                   ctl_escape(ctl_str(items[0].login)));
    items[0].refused = true;
    items[0].writes = false;
}


/* The users whose names wait for the end; grows. */
typedef struct {
    size_t    n;
    size_t    cap;
    uint32_t *users;
} waiting_t;


static void
wait_for_end(waiting_t *waiting, uint32_t nth)
{
    uint32_t *users;

    if (waiting->n == waiting->cap) {
        waiting->cap = waiting->cap * 2 + 256;
        users = realloc(waiting->users, waiting->cap * sizeof(*users));

        if (users == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        waiting->users = users;
    }

    waiting->users[waiting->n++] = nth;
}


static void
run_batch(directory_run_t *run, directory_pass_t pass, directory_item_t *items,
    size_t n, waiting_t *waiting)
{
    directory_item_t changed[DIRECTORY_BATCH];
    size_t           n_changed = 0;

    if (run->last && !run->dry_run) {
        write_all(run, items, n);
        note(run, pass, &items[0]);
        return;
    }

    plan_all(run, items, n, false);

    for (size_t i = 0; i < n; i++) {
        if (items[i].again && waiting != NULL) {
            wait_for_end(waiting, (uint32_t) (items[i].user
                                              - run->directory->users));
        }

        if (items[i].writes && !run->dry_run) {
            changed[n_changed++] = items[i];
        } else {
            note(run, pass, &items[i]);
        }
    }

    if (n_changed > 0) {
        write_all(run, changed, n_changed);
    }

    for (size_t i = 0; i < n_changed; i++) {
        note(run, pass, &changed[i]);
    }
}


static void
run_users(directory_run_t *run, directory_pass_t pass, bool looked,
    waiting_t *waiting)
{
    directory_t     *directory = run->directory;
    directory_item_t items[DIRECTORY_BATCH];
    ctl_progress_t  *progress;
    size_t           n = 0;

    progress = ctl_progress_begin(pass == DIRECTORY_LOOKS ? "users compared"
                                                          : "users written",
                                  (int64_t) directory->n_users);

    for (size_t i = 0; i <= directory->n_users; i++) {
        if (n == DIRECTORY_BATCH || (i == directory->n_users && n > 0)) {
            ctl_mark_t mark = ctl_mark();

            run_batch(run, pass, items, n, waiting);
            ctl_release(mark);
            n = 0;
            ctl_progress_at(progress, (int64_t) i);
        }

        if (i == directory->n_users) {
            break;
        }

        if (directory->users[i].refused
            || (looked && !directory->users[i].wanted))
        {
            continue;
        }

        memset(&items[n], 0, sizeof(items[n]));
        items[n].login = directory->users[i].login;
        items[n++].user = &directory->users[i];
    }

    ctl_progress_end(progress);
}


/* One after the other: two of them may take names from the same person. */
static void
run_waiting(directory_run_t *run, directory_pass_t pass,
    const waiting_t *waiting)
{
    directory_item_t item;

    run->last = true;

    for (size_t i = 0; i < waiting->n; i++) {
        ctl_mark_t mark = ctl_mark();

        memset(&item, 0, sizeof(item));
        item.user = &run->directory->users[waiting->users[i]];
        item.login = item.user->login;
        run_batch(run, pass, &item, 1, NULL);
        ctl_release(mark);
    }

    run->last = false;
}


static void
run_vanished(directory_run_t *run, directory_pass_t pass)
{
    directory_t     *directory = run->directory;
    directory_item_t items[DIRECTORY_BATCH];
    size_t           n = 0;

    for (size_t i = 0; i < directory->n_vanished; i++) {
        memset(&items[n], 0, sizeof(items[n]));
        items[n++].login = directory->vanished[i];

        if (n == DIRECTORY_BATCH || i + 1 == directory->n_vanished) {
            ctl_mark_t mark = ctl_mark();

            run_batch(run, pass, items, n, NULL);
            ctl_release(mark);
            n = 0;
        }
    }
}


static void
set_schema(directory_run_t *run)
{
    compliance_str_t words[3];
    char             version[16];

    (void) snprintf(version, sizeof(version), "%d", COMPLIANCE_SCHEMA_VERSION);
    words[0] = ctl_str(ctl_key_meta(run->directory->ctl));
    words[1] = compliance_str("schema");
    words[2] = ctl_str(version);
    ctl_wire_words(run->wire, "HSETNX", 3, words);
    ctl_wire_flush(run->wire);
    (void) ctl_wire_next(run->wire);
}


void
directory_run(directory_t *directory, directory_pass_t pass, bool tells)
{
    directory_run_t run;
    waiting_t       waiting = { 0, 0, NULL };
    bool            looked = directory->n_known > 0
                             && pass == DIRECTORY_WRITES;

    memset(&run, 0, sizeof(run));
    run.directory = directory;
    run.dry_run = pass == DIRECTORY_LOOKS;
    run.full = ctl_given(directory->ctl, CTL_OPT_FULL);
    run.tells = tells;
    run.wire = ctl_wire_open(directory->ctl);

    directory->n_affected = directory->n_newly_vanished = 0;
    directory->n_marked = 0;

    for (size_t i = 0; i < directory->n_users; i++) {
        directory->users[i].outcome = directory->users[i].refused
                                      ? DIRECTORY_REFUSED
                                      : DIRECTORY_UNCHANGED;
    }

    if (!run.dry_run) {
        set_schema(&run);
    }

    run_users(&run, pass, looked, &waiting);

    if (run.full) {
        run_vanished(&run, pass);
    }

    if (tells) {
        run_waiting(&run, pass, &waiting);
    }

    free(waiting.users);
    ctl_wire_close(run.wire);
}


static bool
is_present(const directory_t *directory, const char *login)
{
    uint32_t nth = directory_map_find(&directory->claims, login);

    return nth < directory->n_users
           && strcmp(directory->users[nth].login, login) == 0;
}


static void
add_vanished(directory_t *directory, compliance_str_t login)
{
    const char **vanished;
    size_t       cap;

    if (directory->n_vanished == directory->cap_vanished) {
        cap = directory->cap_vanished * 2 + 256;
        vanished = realloc(ctl_unconst(directory->vanished),
                           cap * sizeof(*vanished));

        if (vanished == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        directory->vanished = vanished;
        directory->cap_vanished = cap;
    }

    directory->vanished[directory->n_vanished++]
        = ctl_arena_copy(&directory->arena, login).data;
}


void
directory_find_vanished(directory_t *directory)
{
    ctl_t                 *ctl = directory->ctl;
    char                   cursor[32] = "0";
    const char            *key;
    compliance_principal_t name;

    key = ctl_key_index(ctl, "directory", ctl_str(directory->settings->name));
    ctl_store_open(ctl);
    directory->n_known = (size_t) ctl_store_ask(ctl, "SCARD %s", key)->integer;

    do {
        ctl_mark_t        mark = ctl_mark();
        const redisReply *reply, *page;

        reply = ctl_store_ask(ctl, "SSCAN %s %s COUNT %d", key, cursor,
                              SCAN_COUNT);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a part of a set");

        if (reply->elements != 2 || reply->element[0]->len >= sizeof(cursor)) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a part "
                    "of a set; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
        page = reply->element[1];

        for (size_t i = 0; i < page->elements; i++) {
            compliance_str_t login = ctl_reply_text(page->element[i]);

            if (compliance_principal_parse(login, &name) == COMPLIANCE_OK
                && !is_present(directory, name.data))
            {
                add_vanished(directory, login);
            }
        }

        ctl_release(mark);
    } while (strcmp(cursor, "0") != 0);
}
