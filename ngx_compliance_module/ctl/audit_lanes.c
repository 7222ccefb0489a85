/*
 * The chains of one stream.  Every record names its lane, its number and the
 * hash of the one before: what was edited, taken out or put in between shows
 * where the links break.  Behind a break the lane is followed anew, so that
 * one wrong record is told once.
 */
#include "audit.h"

#include <stdlib.h>
#include <string.h>


#define REPEATS_MAX  64   /* records that a gateway may send again after an
                             outage: one batch, NGX_REDIS_MAX_COMMANDS */

typedef struct {
    ctl_lane_t lane;                                  /* first */
    char       hashes[REPEATS_MAX][COMPLIANCE_AUDIT_HASH_LEN];  /* by seq */
} followed_t;

typedef struct {
    ctl_lanes_t              *lanes;
    compliance_audit_keys_t  *keys;
    const ctl_lanes_told_t   *told;
} walk_t;


ctl_lane_t *
ctl_lane_find(ctl_lanes_t *lanes, const char *lane)
{
    for (size_t i = lanes->n; i > 0; i--) {
        if (strcmp(lanes->lanes[i - 1]->lane, lane) == 0) {
            return lanes->lanes[i - 1];
        }
    }

    return NULL;
}


static ctl_lane_t *
add_lane(ctl_lanes_t *lanes, const char *name)
{
    void        *memory = calloc(1, sizeof(followed_t));
    ctl_lane_t **grown, *lane = memory;

    if (lanes->n == lanes->cap) {
        grown = realloc(lanes->lanes, (lanes->cap * 2 + 16) * sizeof(ctl_lane_t *));

        if (grown != NULL) {
            lanes->lanes = grown;
            lanes->cap = lanes->cap * 2 + 16;
        }
    }

    if (lane == NULL || lanes->n == lanes->cap) {
        free(memory);
        ctl_die(CTL_STORE, "out of memory");
    }

    memcpy(lane->lane, name, strlen(name) + 1);
    lanes->lanes[lanes->n++] = lane;

    return lane;
}


static void
tell_fault(walk_t *walk, const ctl_entry_t *entry, const char *lane,
    int64_t seq, const char *fault)
{
    walk->lanes->findings++;

    if (walk->told->fault != NULL) {
        walk->told->fault(walk->told->data, entry, lane, seq, fault);
    }
}


static bool
is_repeat(const followed_t *followed, const compliance_audit_line_t *line)
{
    return line->seq <= followed->lane.seq
           && line->seq > followed->lane.seq - REPEATS_MAX
           && line->seq >= followed->lane.first_seq
           && memcmp(followed->hashes[line->seq % REPEATS_MAX],
                     line->hash.data, COMPLIANCE_AUDIT_HASH_LEN) == 0;
}


/* How a line does not follow, or NULL; moved: the lane goes on from it. */
static const char *
broken_link(const ctl_lane_t *lane, const compliance_audit_line_t *line,
    bool *moved)
{
    *moved = true;

    if (line->seq == lane->seq + 1) {
        return memcmp(line->prev.data, lane->hash, COMPLIANCE_AUDIT_HASH_LEN)
               == 0 ? NULL
                    : "names another record before it than the one that is "
                      "there: one of the two was replaced";
    }

    if (line->seq > lane->seq + 1) {
        return ctl_format("seq %lld to %lld before it are missing",
                          (long long) lane->seq + 1,
                          (long long) line->seq - 1);
    }

    *moved = false;

    return ctl_format("stands behind seq %lld and is no repeat of a record "
                      "before it", (long long) lane->seq);
}


static const char *
begin_lane(ctl_lane_t *lane, const compliance_audit_line_t *line)
{
    lane->first_seq = line->seq;
    memcpy(lane->first_prev, line->prev.data, COMPLIANCE_AUDIT_HASH_LEN);

    if (line->seq > 1) {
        return NULL;
    }

    for (size_t i = 0; i < COMPLIANCE_AUDIT_HASH_LEN; i++) {
        if (line->prev.data[i] != '0') {
            return "is the first of its lane and names one before it";
        }
    }

    return line->seq == 1 ? NULL : "has no number that a record can have";
}


/* What proves it, added up. */
static void
count_line(ctl_lane_t *lane, const ctl_entry_t *entry,
    const compliance_audit_line_t *line)
{
    json_t *record;

    lane->records++;

    if (line->proof == COMPLIANCE_AUDIT_PLAIN) {
        lane->plain++;
        lane->plain_time_ms = line->time_ms;

    } else if (line->proof == COMPLIANCE_AUDIT_KEY_MISSING) {
        lane->key_missing++;
    }

    if (line->erased) {
        lane->erased++;
        lane->erased_plain += line->erased_proof == COMPLIANCE_AUDIT_PLAIN
                              && line->proof != COMPLIANCE_AUDIT_PLAIN;
        lane->erased_key_missing += line->erased_proof
                                    == COMPLIANCE_AUDIT_KEY_MISSING;
    }

    if (line->personal.len == 0) {
        record = ctl_entry_json(entry);

        if (json_is_integer(json_object_get(record, "dropped"))) {
            lane->gaps++;
            lane->lost += json_integer_value(json_object_get(record,
                                                             "dropped"));
        }

        json_decref(record);
    }
}


static void
move_on(followed_t *followed, const ctl_entry_t *entry,
    const compliance_audit_line_t *line)
{
    ctl_lane_t *lane = &followed->lane;

    lane->seq = line->seq;
    memcpy(lane->hash, line->hash.data, COMPLIANCE_AUDIT_HASH_LEN);
    memcpy(followed->hashes[line->seq % REPEATS_MAX], line->hash.data,
           COMPLIANCE_AUDIT_HASH_LEN);
    lane->ms = entry->ms;
    lane->id_seq = entry->seq;
    lane->time_ms = line->time_ms;
}


static void
follow(walk_t *walk, const ctl_entry_t *entry, compliance_rc_t rc,
    const compliance_audit_line_t *line)
{
    bool        moved = true;
    char        name[COMPLIANCE_LANE_MAX + 1] = "";
    ctl_lane_t *lane;
    const char *fault = NULL, *link;

    memcpy(name, line->lane.data, line->lane.len);
    lane = ctl_lane_find(walk->lanes, name);

    if (lane == NULL) {
        lane = add_lane(walk->lanes, name);
        link = begin_lane(lane, line);

    } else if (is_repeat((followed_t *) lane, line)) {
        link = NULL;
        moved = false;
        lane->repeats++;

    } else {
        link = broken_link(lane, line, &moved);
    }

    if (rc == COMPLIANCE_FORGED) {
        fault = "was edited: its hash is not its own";
        tell_fault(walk, entry, name, line->seq, fault);
    }

    if (link != NULL) {
        fault = link;
        tell_fault(walk, entry, name, line->seq, fault);
    }

    if (moved) {
        move_on((followed_t *) lane, entry, line);
    }

    count_line(lane, entry, line);

    if (walk->told->line != NULL) {
        walk->told->line(walk->told->data, entry, lane, line, fault == NULL);
    }
}


static bool
visit(void *data, const ctl_entry_t *entry)
{
    walk_t                 *walk = data;
    compliance_rc_t         rc;
    compliance_audit_line_t line;
    ctl_mark_t              mark = ctl_mark();

    walk->lanes->records++;
    rc = compliance_audit_read(walk->keys, entry->text, &line);

    if (walk->lanes->records == 1) {
        walk->lanes->first_ms = entry->ms;
        walk->lanes->first_seq = entry->seq;
    }

    walk->lanes->last_ms = entry->ms;
    walk->lanes->last_seq = entry->seq;

    if (rc == COMPLIANCE_NO_MEMORY) {
        ctl_die(CTL_STORE, "out of memory");
    }

    if (rc == COMPLIANCE_MALFORMED) {
        tell_fault(walk, entry, NULL, 0, "is no audit record");

    } else {
        follow(walk, entry, rc, &line);
    }

    ctl_release(mark);

    return true;
}


static void
free_lanes(void *data)
{
    ctl_lanes_t *lanes = data;

    for (size_t i = 0; i < lanes->n; i++) {
        free(lanes->lanes[i]);
    }

    free(lanes->lanes);
    free(lanes);
}


ctl_lanes_t *
ctl_audit_lanes(ctl_t *ctl, ctl_stream_t *stream, uint64_t from,
    uint64_t until, compliance_audit_keys_t *keys,
    const ctl_lanes_told_t *told)
{
    static const ctl_lanes_told_t nobody = { NULL, NULL, NULL };
    walk_t                        walk;
    ctl_lanes_t                  *lanes = calloc(1, sizeof(*lanes));

    if (lanes == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    ctl_keep(lanes, free_lanes);
    lanes->node = stream->node;

    memset(&walk, 0, sizeof(walk));
    walk.lanes = lanes;
    walk.keys = keys;
    walk.told = told != NULL ? told : &nobody;
    ctl_audit_each(ctl, stream, from, until, visit, &walk);

    return lanes;
}
