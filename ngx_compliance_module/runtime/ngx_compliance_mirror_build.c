/*
 * The snapshot, made of the mirror's rows when one of them has changed.  What
 * is unreadable in a group was made strict by core; it is logged here, once a
 * change.
 */
#include "ngx_compliance_mirror.h"

#include "../core/names.h"


static ngx_int_t ngx_compliance_mirror_build_group(ngx_compliance_row_t *row);
static void ngx_compliance_mirror_build_break_glass(ngx_compliance_row_t *row);


ngx_int_t
ngx_compliance_mirror_build(void)
{
    ngx_uint_t             i;
    ngx_compliance_row_t  *rows;

    if (ngx_compliance_mirror.changed || !ngx_compliance_mirror.good) {

        ngx_compliance_mirror.good = 0;

        compliance_snapshot_init(ngx_compliance_mirror.snapshot);

        rows = ngx_compliance_mirror.rows;

        if (!rows[0].known || !rows[1].known) {
            return NGX_ERROR;
        }

        for (i = NGX_COMPLIANCE_ROW_DEFAULT;
             i < ngx_compliance_mirror.nrows;
             i++)
        {
            if (rows[i].member
                && (!rows[i].known
                    || ngx_compliance_mirror_build_group(&rows[i]) != NGX_OK))
            {
                return NGX_ERROR;
            }
        }

        ngx_compliance_mirror_build_break_glass(&rows[1]);

        ngx_compliance_mirror.good = 1;
        ngx_compliance_mirror.changed = 0;

        ngx_compliance_candidate_build(ngx_compliance_mirror.snapshot);
    }

    ngx_compliance_mirror.snapshot->fetched = ngx_time();

    return NGX_OK;
}


static ngx_int_t
ngx_compliance_mirror_build_group(ngx_compliance_row_t *row)
{
    u_char              *p;
    unsigned             bad;
    ngx_uint_t           i;
    const char          *first_bad;
    compliance_str_t     name;
    compliance_group_t  *group;
    compliance_value_t  *pairs;

    name.data = row->name;
    name.len = row->name_len;

    group = compliance_snapshot_add(ngx_compliance_mirror.snapshot, name);
    if (group == NULL) {
        return NGX_ERROR;
    }

    pairs = ngx_alloc((row->elements + 1) * sizeof(compliance_value_t),
                      ngx_cycle->log);
    if (pairs == NULL) {
        return NGX_ERROR;
    }

    p = row->raw;

    for (i = 0; i < row->elements; i++) {
        p = ngx_compliance_mirror_element(p, &pairs[i]);
    }

    first_bad = NULL;
    bad = compliance_group_read(group, row->name, pairs, row->elements / 2,
                                &first_bad);

    ngx_free(pairs);

    if (bad && row->changed) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "group \"%s\" has %ui unreadable settings, \"%s\" is "
                      "the first: the strictest value holds for each",
                      row->name, (ngx_uint_t) bad,
                      first_bad ? first_bad : "");
    }

    row->changed = 0;

    return NGX_OK;
}


static void
ngx_compliance_mirror_build_break_glass(ngx_compliance_row_t *row)
{
    u_char                  *p;
    ngx_uint_t               i, left_out;
    compliance_value_t       value;
    compliance_snapshot_t   *snapshot;
    compliance_principal_t   name;

    snapshot = ngx_compliance_mirror.snapshot;
    left_out = 0;
    p = row->raw;

    for (i = 0; i < row->elements; i++) {

        p = ngx_compliance_mirror_element(p, &value);

        /* a name that is not canonical could never be asked for */

        if (snapshot->n_break_glass == COMPLIANCE_BREAK_GLASS_MAX
            || compliance_principal_parse(value, &name) != COMPLIANCE_OK
            || name.len != value.len
            || ngx_memcmp(name.data, value.data, value.len) != 0)
        {
            left_out++;
            continue;
        }

        snapshot->break_glass[snapshot->n_break_glass++] = name;
    }

    if (left_out && row->changed) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "\"%s\" has %ui break-glass names that are not canonical "
                      "or too many: they are left out", row->key, left_out);
    }

    row->changed = 0;
}
