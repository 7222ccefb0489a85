/*
 * audit verify: every chain of every stream, from its first record to its
 * last.  A finding is what cannot be explained by how gateways and this tool
 * write; what only lowers the worth of the answer is a note.
 */
#include "audit_anchor.h"
#include "bulk.h"

#include <inttypes.h>
#include <string.h>


#define FINDINGS_SHOWN  100    /* a node */
#define MAXLEN_MIN      1000   /* of compliance_audit_maxlen: no gateway trims
                                  to fewer */

typedef struct {
    ctl_t                   *ctl;
    compliance_audit_keys_t *keys;
    ctl_heads_t              anchors;
    ctl_heads_t              trims;
    bool                     trims_plain;  /* some were left aside */
    int64_t                  plain_until;  /* Unix ms; -1 */

    const ctl_lanes_t       *lanes;        /* of the node at hand */
    const char              *node;
    bool                     shown;        /* not only read for its trims */
    int64_t                  findings;     /* of the node */
    int64_t                  total;
    json_t                  *found, *notes;
    ctl_progress_t          *progress;
    int64_t                  records;
} verify_t;


static void
finding(verify_t *verify, const char *lane, int64_t seq, const char *id,
    const char *what)
{
    json_t     *object;
    const char *where;

    verify->findings++;

    if (!verify->shown || verify->findings > FINDINGS_SHOWN) {
        return;
    }

    if (verify->ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "lane", lane == NULL ? json_null()
                                     : ctl_json_text(ctl_str(lane)));
        ctl_json_set(object, "seq", seq > 0 ? ctl_json_int(seq)
                                            : json_null());
        ctl_json_set(object, "id", id == NULL ? json_null()
                                   : ctl_json_text(ctl_str(id)));
        ctl_json_set(object, "what", ctl_json_text(ctl_str(what)));
        ctl_json_add(verify->found, object);
        return;
    }

    where = ctl_format("%s%s%s%s", id == NULL ? "" : " record ",
                       id == NULL ? "" : id, lane == NULL ? "" : " lane ",
                       lane == NULL ? "" : ctl_escape(ctl_str(lane)));
    printf("FINDING node %s%s", ctl_escape(ctl_str(verify->node)), where);

    if (seq > 0) {
        printf(" seq %lld", (long long) seq);
    }

    printf(": %s\n", what);
}


static void
note(verify_t *verify, const char *what)
{
    if (!verify->shown) {
        return;
    }

    if (verify->ctl->json) {
        ctl_json_add(verify->notes, ctl_json_text(ctl_str(what)));

    } else {
        printf("note    node %s: %s\n", ctl_escape(ctl_str(verify->node)),
               what);
    }
}


static void
told_fault(void *data, const ctl_entry_t *entry, const char *lane,
    int64_t seq, const char *fault)
{
    finding(data, lane, seq, ctl_entry_id(entry), fault);
}


/* Anchors are met on the way, and trims collected. */
static void
told_line(void *data, const ctl_entry_t *entry, const ctl_lane_t *lane,
    const compliance_audit_line_t *line, bool sound)
{
    json_t   *record;
    verify_t *verify = data;

    if (verify->progress != NULL) {
        ctl_progress_at(verify->progress, ++verify->records);
    }

    for (size_t i = 0; verify->shown && i < verify->anchors.n; i++) {
        ctl_head_t *head = &verify->anchors.heads[i];

        if (head->seq != line->seq || strcmp(head->lane, lane->lane) != 0
            || strcmp(head->node, verify->node) != 0)
        {
            continue;
        }

        if (memcmp(head->hash, line->hash.data, COMPLIANCE_AUDIT_HASH_LEN)
            == 0)
        {
            head->met = true;

        } else if (!head->met) {
            finding(verify, lane->lane, line->seq, ctl_entry_id(entry),
                    "is another record than the anchor's: the lane was "
                    "rewritten since");
            head->met = true;
        }
    }

    if (!sound || verify->shown
        || strcmp(verify->node, COMPLIANCE_ADMIN_NODE) != 0
        || memmem(line->personal.data, line->personal.len, "\"trimmed\"", 9)
           == NULL)
    {
        return;
    }

    if (ctl_given(verify->ctl, CTL_OPT_SECRET_FILE)
        && line->proof != COMPLIANCE_AUDIT_KEYED)
    {
        verify->trims_plain = true;
        return;
    }

    record = ctl_entry_json(entry);
    ctl_trims_add(&verify->trims, record);
    json_decref(record);
}


/* Does retention's own record say where this lane begins? */
static bool
trim_told(const verify_t *verify, const ctl_lane_t *lane)
{
    for (size_t i = 0; i < verify->trims.n; i++) {
        const ctl_head_t *trim = &verify->trims.heads[i];

        if (strcmp(trim->node, verify->node) == 0
            && strcmp(trim->lane, lane->lane) == 0
            && trim->seq == lane->first_seq - 1
            && strcmp(trim->hash, lane->first_prev) == 0)
        {
            return true;
        }
    }

    return false;
}


/* The latest cut that retention has told of, in Unix ms; 0: none. */
static uint64_t
trimmed_before(const verify_t *verify)
{
    uint64_t cut = 0;

    for (size_t i = 0; i < verify->trims.n; i++) {
        if (strcmp(verify->trims.heads[i].node, verify->node) == 0
            && verify->trims.heads[i].ms > cut)
        {
            cut = verify->trims.heads[i].ms;
        }
    }

    return cut;
}


static void
check_begin(verify_t *verify, const ctl_lane_t *lane)
{
    const char *text;

    if (lane->first_seq <= 1 || trim_told(verify, lane)) {
        return;
    }

    text = ctl_format("begins at seq %lld: older ones were trimmed",
                      (long long) lane->first_seq);

    if (strcmp(verify->node, COMPLIANCE_ADMIN_NODE) == 0
        || verify->lanes->records < MAXLEN_MIN)
    {
        finding(verify, lane->lane, lane->first_seq, NULL,
                ctl_format("%s, but no record of \"audit trim\"%s tells of it"
                           "%s", text,
                           verify->trims_plain ? " that has a key" : "",
                           strcmp(verify->node, COMPLIANCE_ADMIN_NODE) == 0
                           ? "" : ", and compliance_audit_maxlen leaves 1000 "
                             "records at least"));
        return;
    }

    note(verify, ctl_format("lane %s %s, by compliance_audit_maxlen as it "
                            "seems; an anchor would prove it",
                            ctl_escape(ctl_str(lane->lane)), text));
}


/* What the keys are worth here. */
static void
check_proof(verify_t *verify, const ctl_lane_t *lane)
{
    bool keyed = ctl_given(verify->ctl, CTL_OPT_SECRET_FILE);
    bool admin = strcmp(verify->node, COMPLIANCE_ADMIN_NODE) == 0;

    if (keyed && !admin && lane->plain > 0
        && lane->plain_time_ms > verify->plain_until)
    {
        finding(verify, lane->lane, 0, NULL,
                ctl_format("%lld records have no key: whoever can write to "
                           "Redis can have made them. If this gateway had no "
                           "compliance_secret_file then, say so with "
                           "--plain-until", (long long) lane->plain));
    }

    if (keyed && lane->key_missing > 0) {
        finding(verify, lane->lane, 0, NULL,
                ctl_format("%lld records are under a key that the secret file "
                           "does not have: put it back behind the others",
                           (long long) lane->key_missing));
    }

    if (keyed && lane->erased_plain + lane->erased_key_missing > 0) {
        finding(verify, lane->lane, 0, NULL,
                ctl_format("%lld records are marked as erased without a key "
                           "that we have: whoever can write to Redis can "
                           "have replaced their personal part",
                           (long long) lane->erased_plain
                           + (long long) lane->erased_key_missing));
    }
}


static bool
id_before(uint64_t ms, uint64_t seq, uint64_t other_ms, uint64_t other_seq)
{
    return ms < other_ms || (ms == other_ms && seq < other_seq);
}


/* What the anchor has and the walk has not met. */
static void
check_anchor(verify_t *verify, ctl_lanes_t *lanes, const ctl_head_t *head)
{
    const char       *id = ctl_format("%" PRIu64 "-%" PRIu64, head->ms,
                                      head->id_seq);
    const ctl_lane_t *lane = lanes == NULL ? NULL
                                           : ctl_lane_find(lanes, head->lane);

    if (head->met) {
        return;
    }

    if (lanes != NULL && lanes->records > 0
        && id_before(head->ms, head->id_seq, lanes->first_ms,
                     lanes->first_seq))
    {
        if (head->ms >= trimmed_before(verify)
            && lanes->records < MAXLEN_MIN)
        {
            finding(verify, head->lane, head->seq, id, "stood there when the "
                    "anchor was made, and was trimmed without a record of it");
        }

        return;
    }

    if (head->ms < trimmed_before(verify)) {
        return;
    }

    finding(verify, head->lane, head->seq, id,
            lane == NULL ? "stood there when the anchor was made; now nothing "
                           "of its lane does"
            : lane->seq < head->seq
            ? ctl_format("stood there when the anchor was made; the lane now "
                         "ends at seq %lld: its end was cut off",
                         (long long) lane->seq)
            : "stood there when the anchor was made, and is missing");
}


/* Redis itself knows of records that are gone: gateways and this tool never
 * use XDEL. */
static void
check_stream(verify_t *verify, const ctl_stream_t *stream)
{
    redisReply        *reply;
    const ctl_lanes_t *lanes = verify->lanes;
    uint64_t           ms, seq;
    const char        *name, *value;

    reply = ctl_store_ask(verify->ctl, "XINFO STREAM %s", stream->key);
    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a stream's description");

    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        if (reply->element[i + 1]->type != REDIS_REPLY_STRING) {
            continue;
        }

        name = reply->element[i]->str;
        value = reply->element[i + 1]->str;

        if (!ctl_id_parse(value, &ms, &seq)) {
            continue;
        }

        if (strcmp(name, "max-deleted-entry-id") == 0 && ms > 0) {
            finding(verify, NULL, 0, value, "and maybe others before it were "
                    "deleted from the stream by hand (XDEL)");
        }

        /* one that came while we walked is none */
        if (strcmp(name, "last-generated-id") == 0
            && id_before(lanes->last_ms, lanes->last_seq, ms, seq)
            && ms >= trimmed_before(verify)
            && ctl_store_ask(verify->ctl, "XRANGE %s %s + COUNT 1",
                             stream->key, value)->elements == 0)
        {
            finding(verify, NULL, 0, value, "was the last record of the "
                    "stream and is gone: its end was cut off");
        }
    }
}


static json_t *
lane_json(const ctl_lane_t *lane)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, "lane", ctl_json_text(ctl_str(lane->lane)));
    ctl_json_set(object, "first_seq", ctl_json_int(lane->first_seq));
    ctl_json_set(object, "seq", ctl_json_int(lane->seq));
    ctl_json_set(object, "hash", ctl_json_text(ctl_str(lane->hash)));
    ctl_json_set(object, "id",
                 ctl_json_text(ctl_str(ctl_format("%" PRIu64 "-%" PRIu64,
                                                  lane->ms, lane->id_seq))));
    ctl_json_set(object, "records", ctl_json_int(lane->records));
    ctl_json_set(object, "plain", ctl_json_int(lane->plain));
    ctl_json_set(object, "key_missing", ctl_json_int(lane->key_missing));
    ctl_json_set(object, "repeats", ctl_json_int(lane->repeats));
    ctl_json_set(object, "gaps", ctl_json_int(lane->gaps));
    ctl_json_set(object, "lost", ctl_json_int(lane->lost));
    ctl_json_set(object, "erased", ctl_json_int(lane->erased));

    return object;
}


/* "node gw1: 120 records in 2 lanes: sound, keyed; 1 repeated, ..." */
static void
report_node(verify_t *verify)
{
    int64_t            plain = 0, missing = 0, repeats = 0, lost = 0;
    int64_t            erased = 0, gaps = 0;
    json_t            *object, *list;
    const ctl_lanes_t *lanes = verify->lanes;

    for (size_t i = 0; i < lanes->n; i++) {
        plain += lanes->lanes[i]->plain;
        missing += lanes->lanes[i]->key_missing;
        repeats += lanes->lanes[i]->repeats;
        lost += lanes->lanes[i]->lost;
        gaps += lanes->lanes[i]->gaps;
        erased += lanes->lanes[i]->erased;
    }

    if (verify->ctl->json) {
        object = ctl_json_object();
        list = ctl_json_array();

        for (size_t i = 0; i < lanes->n; i++) {
            ctl_json_add(list, lane_json(lanes->lanes[i]));
        }

        ctl_json_set(object, "node", ctl_json_text(ctl_str(verify->node)));
        ctl_json_set(object, "records", ctl_json_int(lanes->records));
        ctl_json_set(object, "findings", ctl_json_int(verify->findings));
        ctl_json_set(object, "found", verify->found);
        ctl_json_set(object, "notes", verify->notes);
        ctl_json_set(object, "lanes", list);
        ctl_json_print(object);
        return;
    }

    if (verify->findings > FINDINGS_SHOWN) {
        printf("FINDING node %s: and %lld more\n",
               ctl_escape(ctl_str(verify->node)),
               (long long) (verify->findings - FINDINGS_SHOWN));
    }

    printf("node %s: %lld records in %zu lane%s: ",
           ctl_escape(ctl_str(verify->node)), (long long) lanes->records,
           lanes->n, lanes->n == 1 ? "" : "s");

    if (verify->findings > 0) {
        printf("%lld findings", (long long) verify->findings);

    } else {
        fputs("whole", stdout);
    }

    printf("; %lld with a key, %lld without",
           (long long) (lanes->records - plain - missing), (long long) plain);

    if (missing > 0) {
        printf(", %lld under a key that was not given", (long long) missing);
    }

    if (repeats > 0) {
        printf("; %lld repeated after an outage", (long long) repeats);
    }

    if (gaps > 0) {
        printf("; %lld gap%s, %lld records lost and counted",
               (long long) gaps, gaps == 1 ? "" : "s", (long long) lost);
    }

    if (erased > 0) {
        printf("; %lld erased", (long long) erased);
    }

    putchar('\n');
}


static void
verify_stream(verify_t *verify, ctl_stream_t *stream, bool shown)
{
    ctl_lanes_t           *lanes;
    const ctl_lanes_told_t told = { told_fault, told_line, verify };

    verify->node = stream->node;
    verify->shown = shown;
    verify->findings = 0;

    if (verify->ctl->json && shown) {
        verify->found = ctl_json_array();
        verify->notes = ctl_json_array();
    }

    stream->ms = stream->seq = 0;
    lanes = ctl_audit_lanes(verify->ctl, stream, 0, UINT64_MAX, verify->keys,
                            &told);
    verify->lanes = lanes;

    if (!shown) {
        return;
    }

    for (size_t i = 0; i < lanes->n; i++) {
        check_begin(verify, lanes->lanes[i]);
        check_proof(verify, lanes->lanes[i]);
    }

    for (size_t i = 0; i < verify->anchors.n; i++) {
        if (strcmp(verify->anchors.heads[i].node, stream->node) == 0) {
            check_anchor(verify, lanes, &verify->anchors.heads[i]);
        }
    }

    check_stream(verify, stream);
    report_node(verify);
    verify->total += verify->findings;
}


/* Nodes that the anchor has and Redis has not. */
static void
check_gone(verify_t *verify, const ctl_stream_t *streams, size_t n)
{
    bool        there;
    const char *only = verify->ctl->options[CTL_OPT_NODE];

    for (size_t i = 0; i < verify->anchors.n; i++) {
        ctl_head_t *head = &verify->anchors.heads[i];

        there = only != NULL && strcmp(only, head->node) != 0;

        for (size_t k = 0; k < n && !there; k++) {
            there = strcmp(streams[k].node, head->node) == 0;
        }

        if (!there) {
            verify->node = head->node;
            verify->shown = true;
            verify->found = ctl_json_array();
            verify->findings = 0;
            check_anchor(verify, NULL, head);
            verify->total += verify->findings;

            if (verify->ctl->json && verify->findings > 0) {
                json_t *object = ctl_json_object();

                ctl_json_set(object, "node",
                             ctl_json_text(ctl_str(head->node)));
                ctl_json_set(object, "records", ctl_json_int(0));
                ctl_json_set(object, "findings",
                             ctl_json_int(verify->findings));
                ctl_json_set(object, "found", json_incref(verify->found));
                ctl_json_print(object);
            }

            json_decref(verify->found);
        }
    }
}


static int64_t
plain_until(const ctl_t *ctl)
{
    int64_t          time;
    compliance_str_t text;

    if (!ctl_given(ctl, CTL_OPT_PLAIN_UNTIL)) {
        return -1;
    }

    text = ctl_str(ctl->options[CTL_OPT_PLAIN_UNTIL]);

    if (!ctl_time_parse(text, ctl->now, &time)) {
        ctl_die_usage(ctl, "--plain-until \"%s\" is not %s", ctl_escape(text),
                      CTL_TIME_EXPECTS);
    }

    return time * 1000 + 999;
}


ctl_exit_t
ctl_audit_verify(ctl_t *ctl)
{
    size_t        n;
    verify_t      verify;
    ctl_stream_t *streams, admin = { .node = COMPLIANCE_ADMIN_NODE };

    memset(&verify, 0, sizeof(verify));
    verify.ctl = ctl;
    verify.keys = ctl_audit_keys(ctl);
    verify.plain_until = plain_until(ctl);

    if (ctl_given(ctl, CTL_OPT_ANCHOR)) {
        ctl_anchor_read(ctl, ctl->options[CTL_OPT_ANCHOR], verify.keys,
                        &verify.anchors);
    }

    n = ctl_audit_streams(ctl, ctl->options[CTL_OPT_NODE], &streams);

    /* what retention has trimmed stands among the administrators' changes */
    admin.key = ctl_key_audit(ctl, COMPLIANCE_ADMIN_NODE);
    verify_stream(&verify, &admin, false);
    verify.progress = ctl_progress_begin("audit verify", 0);

    for (size_t i = 0; i < n; i++) {
        verify_stream(&verify, &streams[i], true);
    }

    ctl_progress_end(verify.progress);
    check_gone(&verify, streams, n);

    if (n == 0 && verify.anchors.n == 0) {
        fputs("there are no audit records yet\n", stderr);
        return CTL_DONE;
    }

    if (!ctl_given(ctl, CTL_OPT_SECRET_FILE)) {
        ctl_warn("without --secret-file nothing proves that the records were "
                 "not rewritten as a whole; only an anchor can");
    }

    ctl_heads_free(&verify.anchors);
    ctl_heads_free(&verify.trims);

    return verify.total > 0 ? CTL_CONTENT : CTL_DONE;
}


void
ctl_audit_verify_details(void)
{
    puts("Names each record that was edited, is missing, was put in between or "
         "cut off, by\nnode, lane, seq and stream id. Exit code 5 where "
         "there is any. Gaps that a gateway\nhas counted and records "
         "repeated after an outage are no findings. With --anchor\neach head "
         "that audit anchor printed must still stand there.");
}
