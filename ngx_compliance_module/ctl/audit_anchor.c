/*
 * Anchors: the heads of all lanes, a line each, to be kept where nobody who
 * can write to Redis can write.  Every line tells how many there are and is
 * signed, so that a line that was changed, or is missing, shows.
 */
#include "audit_anchor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>


#define ANCHOR_FILE_MAX  ((size_t) 16 * 1024 * 1024)


bool
ctl_heads_add(ctl_heads_t *heads, const ctl_head_t *head, const char *lane,
    const char *hash)
{
    char       *node;
    size_t      cap = heads->cap * 2 + 64;
    ctl_head_t *grown;

    if (lane == NULL || hash == NULL || strlen(lane) > COMPLIANCE_LANE_MAX
        || strlen(hash) > COMPLIANCE_AUDIT_HASH_LEN)
    {
        return false;
    }

    if (heads->n == heads->cap) {
        grown = realloc(heads->heads, cap * sizeof(*grown));

        if (grown == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        heads->heads = grown;
        heads->cap = cap;
    }

    node = strdup(head->node);

    if (node == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    heads->heads[heads->n] = *head;
    heads->heads[heads->n].node = node;
    heads->heads[heads->n].own = node;
    memcpy(heads->heads[heads->n].lane, lane, strlen(lane) + 1);
    memcpy(heads->heads[heads->n].hash, hash, strlen(hash) + 1);
    heads->n++;

    return true;
}


void
ctl_heads_free(ctl_heads_t *heads)
{
    for (size_t i = 0; i < heads->n; i++) {
        free(heads->heads[i].own);
    }

    free(heads->heads);
    memset(heads, 0, sizeof(*heads));
}


const char *
ctl_anchor_line(const compliance_audit_keys_t *keys, const ctl_lanes_t *lanes,
    const ctl_lane_t *lane, int64_t made, size_t of)
{
    int64_t     kid;
    char        mac[COMPLIANCE_AUDIT_HASH_LEN + 1], *text;
    const char *line;
    json_t     *object = ctl_json_object();

    ctl_json_set(object, "anchor", ctl_json_int(1));
    ctl_json_set(object, "made", ctl_json_int(made));
    ctl_json_set(object, "of", ctl_json_int((int64_t) of));
    ctl_json_set(object, "node", ctl_json_text(ctl_str(lanes->node)));
    ctl_json_set(object, "lane", ctl_json_text(ctl_str(lane->lane)));
    ctl_json_set(object, "seq", ctl_json_int(lane->seq));
    ctl_json_set(object, "hash", ctl_json_text(ctl_str(lane->hash)));
    ctl_json_set(object, "id",
                 ctl_json_text(ctl_str(ctl_format("%" PRIu64 "-%" PRIu64,
                                                  lane->ms, lane->id_seq))));
    ctl_json_set(object, "time", ctl_json_int(lane->time_ms));

    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);

    if (text == NULL || !compliance_audit_sign(keys, ctl_str(text), &kid, mac))
    {
        free(text);
        ctl_die(CTL_STORE, "out of memory");
    }

    text[strlen(text) - 1] = '\0';
    line = kid < 0 ? ctl_format("%s,\"sha256\":\"%s\"}", text, mac)
                   : ctl_format("%s,\"kid\":%" PRId64 ",\"mac\":\"%s\"}", text,
                                kid, mac);
    free(text);

    return line;
}


/* The signature of a line: over its bytes in front of it, closed. */
static bool
check_line(const compliance_audit_keys_t *keys, const char *line,
    const json_t *object, compliance_audit_proof_t *proof)
{
    const json_t *kid = json_object_get(object, "kid");
    const char   *mac = json_string_value(json_object_get(object,
                            kid != NULL ? "mac" : "sha256"));
    const char   *end = strstr(line, kid != NULL ? ",\"kid\":"
                                                 : ",\"sha256\":");

    if (mac == NULL || end == NULL) {
        return false;
    }

    return compliance_audit_signed(keys,
               ctl_str(ctl_format("%.*s}", (int) (end - line), line)),
               kid != NULL ? json_integer_value(kid) : -1, ctl_str(mac),
               proof);
}


static bool
read_head(const json_t *object, ctl_heads_t *heads)
{
    ctl_head_t  head;
    const char *hash = json_string_value(json_object_get(object, "hash"));
    const char *id = json_string_value(json_object_get(object, "id"));

    memset(&head, 0, sizeof(head));
    head.node = json_string_value(json_object_get(object, "node"));
    head.seq = json_integer_value(json_object_get(object, "seq"));

    return head.node != NULL && hash != NULL && id != NULL && head.seq > 0
           && strlen(hash) == COMPLIANCE_AUDIT_HASH_LEN
           && ctl_id_parse(id, &head.ms, &head.id_seq)
           && ctl_heads_add(heads, &head,
                  json_string_value(json_object_get(object, "lane")), hash);
}


static CTL_NORETURN void
bad_anchor(const char *path, size_t line, const char *what)
{
    ctl_die(CTL_CONTENT, "anchor \"%s\" line %zu %s", ctl_escape(ctl_str(path)),
            line, what);
}


/* A file may hold several anchors, one behind the other: each is whole. */
static void
count_lines(const char *path, size_t line, const json_t *object,
    int64_t *made, int64_t *left)
{
    int64_t time = json_integer_value(json_object_get(object, "made"));

    if (*left == 0) {
        *made = time;
        *left = json_integer_value(json_object_get(object, "of"));
    }

    if (time != *made || *left <= 0) {
        bad_anchor(path, line, "belongs to another anchor than the one before "
                   "it, which is not complete");
    }

    (*left)--;
}


void
ctl_anchor_read(ctl_t *ctl, const char *path,
    const compliance_audit_keys_t *keys, ctl_heads_t *heads)
{
    char                    *text, *line, *save = NULL;
    size_t                   n = 0;
    int64_t                  made = 0, left = 0;
    json_t                  *object;
    compliance_audit_proof_t proof;

    text = ctl_dup(ctl_read_file(path, ANCHOR_FILE_MAX));
    heads->keyed = true;

    for (line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
    {
        n++;
        object = json_loads(line, 0, NULL);

        if (!json_is_object(object) || !read_head(object, heads)) {
            bad_anchor(path, n, "is not what audit anchor prints");
        }

        if (!check_line(keys, line, object, &proof)) {
            bad_anchor(path, n, "was changed: its signature does not hold");
        }

        if (proof != COMPLIANCE_AUDIT_KEYED) {
            heads->keyed = false;
        }

        count_lines(path, n, object, &made, &left);
        json_decref(object);
    }

    if (n == 0 || left > 0) {
        bad_anchor(path, n, "is its last, and more of them are missing");
    }

    if (!heads->keyed) {
        ctl_warn("the anchor is not signed by a key of %s: it is worth what "
                 "the place is worth where it was kept",
                 ctl_given(ctl, CTL_OPT_SECRET_FILE) ? "the secret file"
                                                     : "ours");
    }
}


json_t *
ctl_trim_json(const char *node, uint64_t cut_ms, int64_t records,
    int64_t findings, const ctl_lanes_t *left)
{
    json_t *object = ctl_json_object(), *list = ctl_json_array(), *one;

    ctl_json_set(object, "trimmed", ctl_json_text(ctl_str(node)));
    ctl_json_set(object, "before", ctl_json_int((int64_t) cut_ms));
    ctl_json_set(object, "records", ctl_json_int(records));

    if (findings > 0) {
        ctl_json_set(object, "findings", ctl_json_int(findings));
    }

    for (size_t i = 0; i < left->n; i++) {
        const ctl_lane_t *lane = left->lanes[i];

        if (lane->first_seq > 1) {
            one = ctl_json_object();
            ctl_json_set(one, "lane", ctl_json_text(ctl_str(lane->lane)));
            ctl_json_set(one, "seq", ctl_json_int(lane->first_seq - 1));
            ctl_json_set(one, "hash",
                         ctl_json_text(ctl_str(lane->first_prev)));
            ctl_json_add(list, one);
        }
    }

    ctl_json_set(object, "lanes", list);

    return object;
}


void
ctl_trims_add(ctl_heads_t *trims, const json_t *record)
{
    size_t     i, k;
    json_t    *change, *lane;
    ctl_head_t head;

    json_array_foreach(json_object_get(record, "changes"), i, change) {
        memset(&head, 0, sizeof(head));
        head.node = json_string_value(json_object_get(change, "trimmed"));
        head.ms = (uint64_t) json_integer_value(json_object_get(change,
                                                                "before"));

        if (head.node == NULL) {
            continue;
        }

        (void) ctl_heads_add(trims, &head, "", "");

        json_array_foreach(json_object_get(change, "lanes"), k, lane) {
            head.seq = json_integer_value(json_object_get(lane, "seq"));
            (void) ctl_heads_add(trims, &head,
                       json_string_value(json_object_get(lane, "lane")),
                       json_string_value(json_object_get(lane, "hash")));
        }
    }
}
