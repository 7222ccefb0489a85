/*
 * What audit verify compares a stream with: anchors that were kept elsewhere,
 * and the administrators' own records of what retention has trimmed.
 */
#ifndef COMPLIANCE_CTL_AUDIT_ANCHOR_H
#define COMPLIANCE_CTL_AUDIT_ANCHOR_H

#include "audit.h"


/* A lane's head at some time; of a trim: the last record that was trimmed, or
 * no lane at all. */
typedef struct {
    const char *node;
    char        lane[COMPLIANCE_LANE_MAX + 1];
    char        hash[COMPLIANCE_AUDIT_HASH_LEN + 1];
    int64_t     seq;
    uint64_t    ms, id_seq;    /* its stream id; of a trim: the cut */
    bool        met;           /* by the walk */
    char       *own;           /* node's memory */
} ctl_head_t;

typedef struct {
    size_t      n, cap;
    ctl_head_t *heads;
    bool        keyed;         /* all of it is signed by a key that we have */
} ctl_heads_t;

/* Copied, node too; false: lane or hash is none. */
bool ctl_heads_add(ctl_heads_t *heads, const ctl_head_t *head,
    const char *lane, const char *hash);
void ctl_heads_free(ctl_heads_t *heads);

/* One line of an anchor, signed. */
const char *ctl_anchor_line(const compliance_audit_keys_t *keys,
    const ctl_lanes_t *lanes, const ctl_lane_t *lane, int64_t made, size_t of);
/* Dies where the file is none, or was changed. */
void ctl_anchor_read(ctl_t *ctl, const char *path,
    const compliance_audit_keys_t *keys, ctl_heads_t *heads);

/* From a record of audit:@admin, if it is one of `audit trim`. */
void ctl_trims_add(ctl_heads_t *trims, const json_t *record);
json_t *ctl_trim_json(const char *node, uint64_t cut_ms, int64_t records,
    int64_t findings, const ctl_lanes_t *left);

#endif
