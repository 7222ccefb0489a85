/*
 * The course of an import: a look at what it would change, where there is
 * something to be changed; the question whether that is meant; the writing; and
 * at the end the devices that a full list no longer has.  Whatever ends it in
 * between, it is run again and arrives at the same state.
 */
#include "import_private.h"
#include "history.h"
#include "policies.h"

#include "../core/names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define MAX_CHANGE   10     /* per cent of the source's devices */
#define SOURCE_MAX   63
#define SCAN_COUNT   1000


bool
ctl_import_wants(ctl_import_t *import)
{
    import->counted = true;
    import->nth++;

    return import->pass == IMPORT_LOOKS || !import->twice
           || import_bit(&import->again, import->nth);
}


/* Of a reader that has not asked. */
static bool
is_next_wanted(ctl_import_t *import)
{
    bool wants;

    if (import->counted) {
        return true;   /* it has asked */
    }

    wants = ctl_import_wants(import);
    import->counted = false;

    return wants;
}


static void
want_again(ctl_import_t *import, int64_t nth)
{
    if (import->pass == IMPORT_LOOKS && import->twice
        && !import_bit(&import->again, nth))
    {
        import_bit_set(&import->again, nth);
        import->wanted++;
    }
}


static void
show_progress(ctl_import_t *import)
{
    off_t at;

    if (import->file != NULL && import->nth % 256 == 0) {
        at = ftello(import->file);

        if (at >= 0) {
            ctl_progress_at(import->progress, (int64_t) at);
        }
    }
}


void
ctl_import_device(ctl_import_t *import, const ctl_bulk_device_t *device,
    const char *where)
{
    ctl_bulk_device_t      numbered = *device;
    compliance_device_id_t id;

    if (!is_next_wanted(import)) {
        return;
    }

    show_progress(import);

    if (compliance_device_id_parse(device->id, &id) != COMPLIANCE_OK) {
        import->uncertain = true;

    } else if ((import->pass == IMPORT_LOOKS || !import->twice)
               && !import_ids_add(&import->ids,
                                  (compliance_str_t) { id.data, id.len }))
    {
        /* twice in one list: the last one holds, whatever the store has */
        want_again(import, import->nth);
    }

    numbered.nth = import->nth;
    ctl_bulk_add(import->bulk, &numbered, where);
}


void
ctl_import_refuse(ctl_import_t *import, const char *where, const char *format,
    ...)
{
    char    why[1024];
    va_list args;

    if (!is_next_wanted(import)
        || (import->pass == IMPORT_WRITES && import->twice))
    {
        return;   /* told by the first reading */
    }

    va_start(args, format);
    (void) vsnprintf(why, sizeof(why), format, args);
    va_end(args);

    import->uncertain = true;
    import->refused++;
    import_tell(import, where, why);
}


void
ctl_import_broken(ctl_import_t *import, const char *format, ...)
{
    char    why[1024];
    va_list args;

    if (!import->broken) {
        va_start(args, format);
        (void) vsnprintf(why, sizeof(why), format, args);
        va_end(args);
        ctl_progress_hide();
        ctl_warn("the source is broken: %s", why);
    }

    import->broken = true;
}


static void
on_refused(void *data, const char *where, const char *why)
{
    import_tell(data, where, why);
}


static void
on_settled(void *data, int64_t nth, ctl_bulk_outcome_t outcome)
{
    if (outcome == CTL_BULK_CREATED || outcome == CTL_BULK_CHANGED
        || outcome == CTL_BULK_CONTESTED)
    {
        want_again(data, nth);
    }
}


static void
on_changed(void *data, const char *id, compliance_str_t owner,
    compliance_str_t old_state, const compliance_judgement_of_device_t *judged)
{
    ctl_import_t *import = data;

    (void) owner;
    (void) old_state;

    if (judged->state != COMPLIANCE_STATE_RETIRED
        || strcmp(judged->reasons, "vanished") != 0
        || (import->pass == IMPORT_LOOKS && !import->dry_run)
        || import->n_retired == IMPORT_RETIRED_MAX)
    {
        return;
    }

    if (import->retired == NULL) {
        import->retired = calloc(IMPORT_RETIRED_MAX, sizeof(char *));
    }

    if (import->retired == NULL
        || (import->retired[import->n_retired] = strdup(id)) == NULL)
    {
        ctl_die(CTL_STORE, "out of memory");
    }

    import->n_retired++;
}


/* A whole list that can be trusted to be one. */
static bool
is_certain(const ctl_import_t *import)
{
    return import->full && !import->broken && !import->uncertain;
}


static bool
on_gone(void *data, const char *id)
{
    const ctl_import_t *import = data;

    return is_certain(import) && !import_ids_have(&import->ids, ctl_str(id));
}


static void
retire_vanished(ctl_import_t *import)
{
    ctl_t       *ctl = import->ctl;
    ctl_mark_t   mark;
    redisReply  *reply;
    const char  *key = ctl_key_index(ctl, "source", ctl_str(import->source));
    char         cursor[32] = "0";

    do {
        mark = ctl_mark();
        reply = ctl_store_ask(ctl, "SSCAN %s %s COUNT %d", key, cursor,
                              SCAN_COUNT);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a part of a set");

        if (reply->elements != 2 || reply->element[0]->len >= sizeof(cursor)) {
            ctl_die(CTL_CONTENT, "Redis answered something else than a part "
                    "of a set; is it Redis?");
        }

        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);

        for (size_t i = 0; i < reply->element[1]->elements; i++) {
            compliance_str_t id = ctl_reply_text(reply->element[1]->element[i]);

            if (!import_ids_have(&import->ids, id)) {
                ctl_bulk_retire(import->bulk, ctl_dup(id));
            }
        }

        ctl_release(mark);
    } while (strcmp(cursor, "0") != 0);
}


/* One reading of the source. */
static void
read_source(ctl_import_t *import, import_pass_t pass, ctl_import_read_t *read,
    const ctl_bulk_options_t *common)
{
    ctl_bulk_options_t options = *common;
    ctl_mark_t         mark;

    ctl_store_open(import->ctl);   /* before the mark: it stays */
    mark = ctl_mark();
    import->pass = pass;
    import->nth = 0;
    import->counted = false;

    options.dry_run = pass == IMPORT_LOOKS;
    options.contest = pass == IMPORT_LOOKS && import->full
                      && !import->dry_run;
    options.gone = pass == IMPORT_WRITES && import->twice ? on_gone : NULL;

    import->bulk = ctl_bulk_begin(import->ctl, &options);
    import_progress_begin(import);
    read(import->ctl, import, import->ctl->args[0]);
    (void) ctl_bulk_flush(import->bulk);
    import_progress_end(import);

    if (is_certain(import)) {
        retire_vanished(import);
    }

    (void) ctl_bulk_flush(import->bulk);

    if (pass == IMPORT_LOOKS) {
        import->looked = *ctl_bulk_counts(import->bulk);
    } else {
        import->total = *ctl_bulk_counts(import->bulk);
    }

    ctl_bulk_end(import->bulk);
    import->bulk = NULL;
    ctl_release(mark);
}


static int64_t
ask_count(ctl_t *ctl, const char *command, const char *field,
    const char *value)
{
    const char *key = ctl_key_index(ctl, field, ctl_str(value));

    return key == NULL ? 0
           : (int64_t) ctl_store_ask(ctl, "%s %s", command, key)->integer;
}


static void
count_devices(ctl_import_t *import)
{
    ctl_t      *ctl = import->ctl;
    const char *source = ctl_key_index(ctl, "source", ctl_str(import->source));
    const char *retired = ctl_key_index(ctl, "state", ctl_str("retired"));

    import->devices = ask_count(ctl, "SCARD", "source", import->source);
    import->admitted = ask_count(ctl, "SCARD", "state", "compliant")
                       + ask_count(ctl, "SCARD", "state", "grace");

    if (import->devices > 0) {
        import->devices -= ctl_store_ask(ctl, "SINTERCARD 2 %s %s", source,
                                         retired)->integer;
    }
}


/* A terminal is asked, a script is told. */
static void
check_change(const ctl_import_t *import)
{
    int64_t lost = import->looked.retired + import->looked.newly_blocked;
    int64_t base = import->devices > 0 ? import->devices : import->admitted;
    char    answer[16];

    if (lost == 0 || ctl_given(import->ctl, CTL_OPT_YES)
        || lost * 100 <= base * import->max_change)
    {
        return;
    }

    ctl_warn("this import would retire %lld and newly block %lld of %lld "
             "devices of \"%s\"; --max-change allows %lld %%",
             (long long) import->looked.retired,
             (long long) import->looked.newly_blocked, (long long) base,
             import->source, (long long) import->max_change);

    if (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
        && strcmp(import->ctl->args[0], "-") != 0)
    {
        fputs("Go on? [y/N] ", stderr);
        (void) fflush(stderr);

        if (fgets(answer, sizeof(answer), stdin) != NULL
            && (answer[0] == 'y' || answer[0] == 'Y'))
        {
            return;
        }
    }

    ctl_die(CTL_CONFLICT, "nothing was written. Look at it with --dry-run "
            "--verbose; --yes does it, --max-change PERCENT allows more");
}


/* What the first reading has settled for good, and what the second one did. */
static void
add_up(ctl_import_t *import)
{
    if (import->pass == IMPORT_LOOKS) {
        import->total = import->looked;

    } else if (import->twice) {
        import->total.unchanged += import->looked.unchanged;
        import->total.older += import->looked.older;
        import->total.refused += import->looked.refused;
        import->total.read = import->looked.read;
    }

    import->total.read += import->refused;
    import->total.refused += import->refused;
}


static void
plan_last(ctl_t *ctl, void *data)
{
    const ctl_import_t *import = data;
    json_t             *json = import_summary(import);
    const char         *key = ctl_key_meta(ctl);
    char               *text;

    ctl_json_set(json, "time", ctl_json_int(ctl->now));
    ctl_json_set(json, "by", ctl_json_text(ctl_str(ctl_actor())));
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(text, free);
    ctl_store_write(ctl, CTL_TYPE_HASH, key, "HSET %s import:%s %s", key,
                    import->source, text);
}


static void
keep_record(ctl_import_t *import)
{
    const ctl_bulk_counts_t *total = &import->total;

    if (import->dry_run) {
        return;
    }

    ctl_store_transact(import->ctl, plan_last, import);

    if (total->created + total->changed + total->retired > 0) {
        ctl_audit_summary(import->ctl, import_summary(import));
    }
}


static const char *
source_name(const ctl_t *ctl, const char *standard)
{
    const char *name = ctl->options[CTL_OPT_SOURCE];

    if (name == NULL) {
        return standard;
    }

    if (!compliance_group_name_valid(ctl_str(name))
        || strlen(name) > SOURCE_MAX)
    {
        ctl_die_usage(ctl, "--source \"%s\" is no name: 1 to %d of a-z, 0-9, "
                      "'.', '_', '-'", ctl_escape(ctl_str(name)), SOURCE_MAX);
    }

    return name;
}


static void
set_up(ctl_import_t *import, ctl_t *ctl, const char *name)
{
    memset(import, 0, sizeof(*import));
    import->ctl = ctl;
    import->noun = name;
    import->source = source_name(ctl, name);
    import->full = ctl_given(ctl, CTL_OPT_FULL);
    import->dry_run = ctl_given(ctl, CTL_OPT_DRY_RUN);
    import->verbose = ctl_given(ctl, CTL_OPT_VERBOSE);
    import->max_change = ctl_option_count(ctl, CTL_OPT_MAX_CHANGE, 0, 100,
                                          MAX_CHANGE);

    if (import->full && ctl_given(ctl, CTL_OPT_DELTA)) {
        ctl_die_usage(ctl, "--full and --delta exclude each other");
    }

    ctl_store_open(ctl);
    count_devices(import);
}


/* Devices that a full list no longer has stay as they are where it is not sure
 * that it is whole. */
static void
tell_doubt(ctl_import_t *import)
{
    if (import->full && !is_certain(import)) {
        import->skipped_retiring = true;
        ctl_warn("%s: no device was retired, for the list may not be whole",
                 import->broken ? "the source is broken"
                                : "records were refused whose device is not "
                                  "known");
    }
}


ctl_exit_t
ctl_import_run(ctl_t *ctl, const char *name, ctl_import_read_t *read)
{
    ctl_import_t       import;
    ctl_bulk_options_t options;

    set_up(&import, ctl, name);

    memset(&options, 0, sizeof(options));
    options.source = import.source;
    options.policies = ctl_policies_read(ctl, &options.n_policies);
    options.changed = on_changed;
    options.refused = on_refused;
    options.settled = on_settled;
    options.data = &import;

    /* an empty store has nothing to lose */
    import.twice = !import.dry_run
                   && (import.devices > 0 || import.admitted > 0
                       || ask_count(ctl, "SCARD", "source", import.source)
                          > 0);

    if (import.twice || import.dry_run) {
        read_source(&import, IMPORT_LOOKS, read, &options);
    }

    if (import.twice) {
        check_change(&import);
    }

    if (!import.dry_run
        && (!import.twice || import.wanted > 0 || import.looked.retired > 0))
    {
        read_source(&import, IMPORT_WRITES, read, &options);

    } else if (import.twice) {
        import.pass = IMPORT_WRITES;
        memset(&import.total, 0, sizeof(import.total));
    }

    add_up(&import);
    tell_doubt(&import);
    keep_record(&import);
    import_report(&import);

    for (size_t i = 0; i < import.n_retired; i++) {
        free(import.retired[i]);
    }

    free(import.retired);
    free(import.again.bytes);
    import_ids_free(&import.ids);

    if (import.spool != NULL) {
        (void) fclose(import.spool);
    }

    return import.broken ? CTL_CONTENT : CTL_DONE;
}
