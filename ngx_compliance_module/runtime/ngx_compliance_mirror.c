/*
 * Rows of the store: asking for them, and keeping what came.  A row that
 * cannot be read fails the whole read: a group that is guessed at could fail
 * open.  ngx_compliance_mirror_build.c makes the snapshot of them.
 */
#include "ngx_compliance_mirror.h"

#include "../core/names.h"


typedef struct {
    const char  *command[4];  /* the key is left out */
    size_t       argc;
    ngx_int_t  (*reply)(ngx_compliance_row_t *row, redisReply *reply);
} ngx_compliance_row_kind_t;


static ngx_int_t ngx_compliance_mirror_groups(ngx_compliance_row_t *row,
    redisReply *reply);
static ngx_int_t ngx_compliance_mirror_list(ngx_compliance_row_t *row,
    redisReply *reply);
static ngx_int_t ngx_compliance_mirror_meta(ngx_compliance_row_t *row,
    redisReply *reply);
static ngx_int_t ngx_compliance_mirror_schema(compliance_value_t value);
static ngx_int_t ngx_compliance_mirror_group(ngx_compliance_row_t *row,
    redisReply *reply);
static ngx_int_t ngx_compliance_mirror_members(redisReply *reply);
static ngx_compliance_row_t *ngx_compliance_mirror_row(compliance_str_t name);
static ngx_uint_t ngx_compliance_mirror_same(ngx_compliance_row_t *row,
    redisReply *reply);


static const ngx_compliance_row_kind_t  ngx_compliance_row_kinds[] = {
    { { "SMEMBERS" }, 2, ngx_compliance_mirror_groups },
    { { "SMEMBERS" }, 2, ngx_compliance_mirror_list },
    { { "HMGET", NULL, "schema", "candidate" }, 4,
      ngx_compliance_mirror_meta },
    { { "GETRANGE", NULL, "0", NGX_COMPLIANCE_CANDIDATE_TEXT }, 4,
      ngx_compliance_candidate_reply },
    { { "HGETALL" }, 2, ngx_compliance_mirror_group }
};

#define NGX_COMPLIANCE_ROW_KINDS                                              \
    (sizeof(ngx_compliance_row_kinds) / sizeof(ngx_compliance_row_kinds[0]))

static ngx_redis_template_t
    ngx_compliance_row_commands[NGX_COMPLIANCE_ROW_KINDS];


ngx_compliance_mirror_t  ngx_compliance_mirror;


ngx_int_t
ngx_compliance_mirror_start(ngx_log_t *log)
{
    ngx_uint_t                        i;
    compliance_str_t                  prefix;
    ngx_compliance_row_t             *rows;
    const ngx_compliance_row_kind_t  *kind;

    for (i = 0; i < NGX_COMPLIANCE_ROW_KINDS; i++) {
        kind = &ngx_compliance_row_kinds[i];

        if (ngx_redis_template_init(&ngx_compliance_row_commands[i],
                                    kind->argc, kind->command, 1)
            != 0)
        {
            return NGX_ERROR;
        }
    }

    ngx_compliance_mirror.snapshot = ngx_alloc(sizeof(compliance_snapshot_t),
                                               log);
    if (ngx_compliance_mirror.snapshot == NULL) {
        return NGX_ERROR;
    }

    rows = ngx_compliance_mirror.rows;
    prefix = ngx_compliance_worker.prefix;

    rows[0].kind = NGX_COMPLIANCE_ROW_GROUPS;
    rows[0].key_len = compliance_key_groups(rows[0].key,
                                            COMPLIANCE_KEY_TEXT_MAX, prefix);

    rows[1].kind = NGX_COMPLIANCE_ROW_BREAK_GLASS;
    rows[1].key_len = compliance_key_index(rows[1].key,
                                           COMPLIANCE_KEY_TEXT_MAX, prefix,
                                           "break_glass", compliance_str("1"));

    rows[2].kind = NGX_COMPLIANCE_ROW_META;
    rows[2].key_len = compliance_key_meta(rows[2].key,
                                          COMPLIANCE_KEY_TEXT_MAX, prefix);

    rows[3].kind = NGX_COMPLIANCE_ROW_CANDIDATE;
    rows[3].key_len = compliance_key_candidate(rows[3].key,
                                               COMPLIANCE_KEY_TEXT_MAX,
                                               prefix);

    ngx_compliance_mirror.nrows = NGX_COMPLIANCE_ROW_DEFAULT;

    for (i = 0; i < NGX_COMPLIANCE_ROW_DEFAULT; i++) {
        rows[i].member = (rows[i].kind != NGX_COMPLIANCE_ROW_CANDIDATE);

        if (rows[i].key_len == 0) {
            return NGX_ERROR;
        }
    }

    if (ngx_compliance_mirror_row(compliance_str("default")) == NULL) {
        return NGX_ERROR;
    }

    rows[NGX_COMPLIANCE_ROW_DEFAULT].member = 1;

    return NGX_OK;
}


void
ngx_compliance_mirror_command(const ngx_compliance_row_t *row,
    ngx_redis_command_t *command)
{
    command->template = &ngx_compliance_row_commands[row->kind];
    command->arg = row->key;
    command->len = row->key_len;
}


ngx_int_t
ngx_compliance_mirror_reply(ngx_compliance_row_t *row, redisReply *reply)
{
    return ngx_compliance_row_kinds[row->kind].reply(row, reply);
}


static ngx_int_t
ngx_compliance_mirror_meta(ngx_compliance_row_t *row, redisReply *reply)
{
    ngx_compliance_row_t  *set;
    compliance_value_t     values[2];

    if (ngx_compliance_store_values(reply, values, 2, row->key) != NGX_OK) {
        return NGX_ERROR;
    }

    set = &ngx_compliance_mirror.rows[NGX_COMPLIANCE_ROW_CANDIDATE];
    set->member = (ngx_compliance_candidate_wanted(values[1]) == NGX_OK);

    return ngx_compliance_mirror_schema(values[0]);
}


static ngx_int_t
ngx_compliance_mirror_schema(compliance_value_t value)
{
    size_t                  len;
    u_char                  text[64];
    int64_t                 version;
    ngx_compliance_zone_t  *zone;

    static time_t  logged;

    zone = ngx_compliance_zone();

    if (value.data == NULL) {

        /* a fresh store has none, and allows; one that had it, and has lost
         * it, has lost its devices and users with it */

        if (zone == NULL || !zone->schema_seen) {
            return NGX_OK;
        }

    } else if (compliance_parse_uint(value, &version)
               && version == COMPLIANCE_SCHEMA_VERSION)
    {
        if (zone != NULL && !zone->schema_seen) {
            zone->schema_seen = 1;
        }

        return NGX_OK;
    }

    if (ngx_time() - logged < NGX_COMPLIANCE_LOG_PERIOD) {
        return NGX_ERROR;
    }

    logged = ngx_time();

    if (value.data == NULL) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "the store has lost its data: every access fails until "
                      "it is restored (or nginx restarted, where it was "
                      "emptied on purpose)");
        return NGX_ERROR;
    }

    len = ngx_compliance_escape(text, sizeof(text), value);

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "the store's schema is \"%*s\", and this gateway reads "
                  "%d: every access fails until they agree",
                  len, text, COMPLIANCE_SCHEMA_VERSION);

    return NGX_ERROR;
}


static ngx_int_t
ngx_compliance_mirror_groups(ngx_compliance_row_t *row, redisReply *reply)
{
    if (row->known && ngx_compliance_mirror_same(row, reply)) {
        return NGX_OK;
    }

    if (ngx_compliance_mirror_list(row, reply) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_compliance_mirror_members(reply) != NGX_OK) {
        row->known = 0;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_compliance_mirror_members(redisReply *reply)
{
    size_t                 i, len;
    u_char                 text[128];
    ngx_uint_t             n;
    compliance_str_t       name;
    ngx_compliance_row_t  *row;

    for (i = NGX_COMPLIANCE_FIXED_ROWS; i < ngx_compliance_mirror.nrows; i++) {
        ngx_compliance_mirror.rows[i].member = 0;
    }

    n = 1;

    for (i = 0; i < reply->elements; i++) {

        name.data = reply->element[i]->str;
        name.len = (size_t) reply->element[i]->len;

        if (!compliance_group_name_valid(name)) {
            len = ngx_compliance_escape(text, sizeof(text), name);
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "the store has a group with the invalid name "
                          "\"%*s\", it is left out", len, text);
            continue;
        }

        if (compliance_str_is(name, "default")) {
            continue;
        }

        row = ngx_compliance_mirror_row(name);

        if (row == NULL || ++n > COMPLIANCE_GROUPS_MAX) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "the store has more than %d groups: every access "
                          "fails until some are deleted",
                          COMPLIANCE_GROUPS_MAX);
            return NGX_ERROR;
        }

        row->member = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_compliance_mirror_group(ngx_compliance_row_t *row, redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements % 2) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "redis answered half a pair for \"%s\"", row->key);
        return NGX_ERROR;
    }

    return ngx_compliance_mirror_list(row, reply);
}


/* Keeps the elements as they are; marks row and snapshot where they differ. */

static ngx_int_t
ngx_compliance_mirror_list(ngx_compliance_row_t *row, redisReply *reply)
{
    size_t    i, len, size;
    u_char   *raw, *p;

    if (ngx_compliance_store_list(reply, row->key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (row->known && ngx_compliance_mirror_same(row, reply)) {
        return NGX_OK;
    }

    size = 0;

    for (i = 0; i < reply->elements; i++) {
        size += sizeof(size_t) + (size_t) reply->element[i]->len;
    }

    raw = ngx_alloc(size ? size : 1, ngx_cycle->log);
    if (raw == NULL) {
        return NGX_ERROR;
    }

    p = raw;

    for (i = 0; i < reply->elements; i++) {
        len = (size_t) reply->element[i]->len;
        p = ngx_cpymem(p, &len, sizeof(size_t));
        p = ngx_cpymem(p, reply->element[i]->str, len);
    }

    if (row->raw != NULL) {
        ngx_free(row->raw);
    }

    row->raw = raw;
    row->raw_len = size;
    row->elements = reply->elements;
    row->known = 1;
    row->changed = 1;

    ngx_compliance_mirror.changed = 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_compliance_mirror_same(ngx_compliance_row_t *row, redisReply *reply)
{
    size_t              i;
    u_char             *p;
    compliance_value_t  value;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != row->elements) {
        return 0;
    }

    p = row->raw;

    for (i = 0; i < reply->elements; i++) {

        p = ngx_compliance_mirror_element(p, &value);

        if (reply->element[i]->type != REDIS_REPLY_STRING
            || (size_t) reply->element[i]->len != value.len
            || ngx_memcmp(reply->element[i]->str, value.data, value.len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


u_char *
ngx_compliance_mirror_element(u_char *p, compliance_value_t *value)
{
    ngx_memcpy(&value->len, p, sizeof(size_t));
    p += sizeof(size_t);

    value->data = (char *) p;

    return p + value->len;
}


/* The row of a group; a new one, or one that nobody wants any more, where it
 * has none.  NULL: too many. */

static ngx_compliance_row_t *
ngx_compliance_mirror_row(compliance_str_t name)
{
    u_char                *raw;
    ngx_uint_t             i;
    ngx_compliance_row_t  *row, *spare;

    spare = NULL;

    for (i = NGX_COMPLIANCE_ROW_DEFAULT; i < ngx_compliance_mirror.nrows; i++) {
        row = &ngx_compliance_mirror.rows[i];

        if (row->name_len == name.len
            && ngx_memcmp(row->name, name.data, name.len) == 0)
        {
            return row;
        }

        if (!row->member && row->asked == 0) {
            spare = row;
        }
    }

    row = spare;

    if (row == NULL) {
        if (ngx_compliance_mirror.nrows == NGX_COMPLIANCE_ROWS) {
            return NULL;
        }

        row = &ngx_compliance_mirror.rows[ngx_compliance_mirror.nrows++];
    }

    raw = row->raw;
    if (raw != NULL) {
        ngx_free(raw);
    }

    ngx_memzero(row, sizeof(ngx_compliance_row_t));

    row->kind = NGX_COMPLIANCE_ROW_GROUP;
    row->name_len = name.len;
    ngx_memcpy(row->name, name.data, name.len);

    row->key_len = compliance_key_group(row->key, COMPLIANCE_KEY_TEXT_MAX,
                                        ngx_compliance_worker.prefix, name);

    return row->key_len ? row : NULL;
}
