/*
 * The rows behind the snapshot: each is one key of the store, kept as it came,
 * so that what did not change is not parsed again.  ngx_compliance_snapshot.c
 * asks for them, ngx_compliance_mirror.c keeps them, and
 * ngx_compliance_mirror_build.c makes the snapshot.
 */
#ifndef NGX_COMPLIANCE_MIRROR_H
#define NGX_COMPLIANCE_MIRROR_H

#include "ngx_compliance_internal.h"


/* The set of groups, the break-glass names, the settings, the candidate set,
 * and then the group "default", the first of the groups. */
#define NGX_COMPLIANCE_ROW_DEFAULT  4
#define NGX_COMPLIANCE_FIXED_ROWS   5
/* Room for groups that are replaced while reads are under way. */
#define NGX_COMPLIANCE_ROWS                                                   \
    (NGX_COMPLIANCE_FIXED_ROWS + 2 * COMPLIANCE_GROUPS_MAX)


typedef enum {
    NGX_COMPLIANCE_ROW_GROUPS = 0,
    NGX_COMPLIANCE_ROW_BREAK_GLASS,
    NGX_COMPLIANCE_ROW_META,
    NGX_COMPLIANCE_ROW_CANDIDATE,
    NGX_COMPLIANCE_ROW_GROUP
} ngx_compliance_row_e;


typedef struct {
    ngx_compliance_row_e  kind;
    size_t                name_len;    /* of a group */
    char                  name[COMPLIANCE_GROUP_NAME_MAX + 1];
    size_t                key_len;
    char                  key[COMPLIANCE_KEY_TEXT_MAX];

    u_char               *raw;         /* length and bytes of each element */
    size_t                raw_len;
    ngx_uint_t            elements;

    uint64_t              number;      /* of the read that last brought it */
    ngx_uint_t            asked;       /* reads under way that ask for it */
    unsigned              member:1;    /* to be asked for by every read */
    unsigned              known:1;     /* raw is what the store said */
    unsigned              changed:1;   /* since the snapshot was made */
} ngx_compliance_row_t;


typedef struct {
    compliance_snapshot_t  *snapshot;
    unsigned                good:1;    /* made once */
    unsigned                changed:1; /* a row did, since it was made */
    ngx_uint_t              nrows;
    ngx_compliance_row_t    rows[NGX_COMPLIANCE_ROWS];
} ngx_compliance_mirror_t;

extern ngx_compliance_mirror_t  ngx_compliance_mirror;


ngx_int_t ngx_compliance_mirror_start(ngx_log_t *log);

/* The command that asks for a row. */
void ngx_compliance_mirror_command(const ngx_compliance_row_t *row,
    ngx_redis_command_t *command);

/* NGX_ERROR: not what such a key holds; logged. */
ngx_int_t ngx_compliance_mirror_reply(ngx_compliance_row_t *row,
    redisReply *reply);

/* The element at p of a row's raw bytes; the next one's place. */
u_char *ngx_compliance_mirror_element(u_char *p, compliance_value_t *value);

/* Makes the snapshot anew where a row has changed. */
ngx_int_t ngx_compliance_mirror_build(void);


/* ngx_compliance_candidate.c */

/* Bytes of a set that a worker reads at most, and one more, which shows that
 * there are more: a reply beyond NGX_REDIS_MAX_REPLY would cost the connection
 * that the lookups are on. */
#define NGX_COMPLIANCE_CANDIDATE_TEXT  "524288"
#define NGX_COMPLIANCE_CANDIDATE_SIZE  524288

/* NGX_OK: the set of this id is to be read; NGX_DECLINED: there is none, or it
 * was read. */
ngx_int_t ngx_compliance_candidate_wanted(compliance_value_t id);
ngx_int_t ngx_compliance_candidate_reply(ngx_compliance_row_t *row,
    redisReply *reply);
/* Lays it over the live snapshot. */
void ngx_compliance_candidate_build(const compliance_snapshot_t *live);

#endif
