/*
 * Replies of the store -> values.  An error reply, another type or another
 * number of elements is a failure of the store, never "no such record".  Each
 * class of errors is logged once in NGX_COMPLIANCE_LOG_PERIOD.
 */
#include "ngx_compliance_internal.h"


#define NGX_COMPLIANCE_FIELDS    14   /* of one record, at most */
#define NGX_COMPLIANCE_CLASSES   16
#define NGX_COMPLIANCE_CLASS_LEN 16


typedef struct {
    u_char      name[NGX_COMPLIANCE_CLASS_LEN];   /* padded with zeros */
    time_t      logged;
    ngx_uint_t  unlogged;
} ngx_compliance_class_t;


static ngx_compliance_class_t *ngx_compliance_store_class(redisReply *reply);


static ngx_compliance_class_t  ngx_compliance_classes[NGX_COMPLIANCE_CLASSES];


ngx_int_t
ngx_compliance_store_hmget(ngx_redis_template_t *command,
    const char *const *fields, size_t n)
{
    const char  *args[2 + NGX_COMPLIANCE_FIELDS];

    if (n > NGX_COMPLIANCE_FIELDS) {
        return NGX_ERROR;
    }

    args[0] = "HMGET";
    args[1] = NULL;
    ngx_memcpy(&args[2], fields, n * sizeof(char *));

    return ngx_redis_template_init(command, 2 + n, args, 1) ? NGX_ERROR
                                                            : NGX_OK;
}


ngx_int_t
ngx_compliance_store_values(redisReply *reply, compliance_value_t *values,
    size_t n, const char *what)
{
    size_t  i;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n) {
        ngx_compliance_store_refused(reply, what);
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_compliance_store_value(reply->element[i], &values[i], what)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_compliance_store_value(redisReply *reply, compliance_value_t *value,
    const char *what)
{
    if (reply->type == REDIS_REPLY_NIL) {
        *value = compliance_absent;
        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_STRING) {
        value->data = reply->str;
        value->len = (size_t) reply->len;
        return NGX_OK;
    }

    ngx_compliance_store_refused(reply, what);

    return NGX_ERROR;
}


ngx_int_t
ngx_compliance_store_list(redisReply *reply, const char *what)
{
    size_t  i;

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_compliance_store_refused(reply, what);
        return NGX_ERROR;
    }

    for (i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            ngx_compliance_store_refused(reply->element[i], what);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_compliance_store_refused(redisReply *reply, const char *what)
{
    size_t                   said_len, what_len;
    u_char                   said[128], key[256];
    compliance_str_t         text;
    ngx_compliance_class_t  *class;

    ngx_compliance_metric_refused(reply->type == REDIS_REPLY_ERROR ? reply->str
                                                                   : NULL,
                                  (size_t) reply->len);

    class = ngx_compliance_store_class(reply);

    if (class->logged && ngx_time() - class->logged
                         < NGX_COMPLIANCE_LOG_PERIOD)
    {
        class->unlogged++;
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        text.data = reply->str;
        text.len = (size_t) reply->len;

    } else {
        text = compliance_str("a reply of the wrong type or length");
    }

    said_len = ngx_compliance_escape(said, sizeof(said), text);

    text.data = what;
    text.len = ngx_strlen(what);
    what_len = ngx_compliance_escape(key, sizeof(key), text);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "redis \"%V\" answered \"%*s\" for \"%*s\" (%ui more since "
                  "the last such line)",
                  &ngx_compliance_worker.conf->redis.name,
                  said_len, said, what_len, key, class->unlogged);

    class->logged = ngx_time();
    class->unlogged = 0;
}


/* An error's first word is its class; the last one takes all that come when
 * the table is full. */

static ngx_compliance_class_t *
ngx_compliance_store_class(redisReply *reply)
{
    size_t                   i, len;
    u_char                   name[NGX_COMPLIANCE_CLASS_LEN];
    ngx_compliance_class_t  *class;

    ngx_memzero(name, sizeof(name));

    if (reply->type == REDIS_REPLY_ERROR) {
        len = ngx_min((size_t) reply->len, sizeof(name));

        for (i = 0; i < len && reply->str[i] != ' '; i++) {
            name[i] = (u_char) reply->str[i];
        }
    }

    for (i = 0; i < NGX_COMPLIANCE_CLASSES - 1; i++) {
        class = &ngx_compliance_classes[i];

        if (class->logged == 0) {
            ngx_memcpy(class->name, name, sizeof(name));
            return class;
        }

        if (ngx_memcmp(class->name, name, sizeof(name)) == 0) {
            return class;
        }
    }

    return &ngx_compliance_classes[NGX_COMPLIANCE_CLASSES - 1];
}


size_t
ngx_compliance_escape(u_char *out, size_t size, compliance_str_t text)
{
    u_char  ch, *p, *last;
    size_t  i;

    static const u_char  hex[] = "0123456789abcdef";

    p = out;
    last = out + size;

    for (i = 0; i < text.len && last - p >= 4; i++) {
        ch = (u_char) text.data[i];

        if (ch >= 0x20 && ch <= 0x7e && ch != '"' && ch != '\\') {
            *p++ = ch;
            continue;
        }

        *p++ = '\\';
        *p++ = 'x';
        *p++ = hex[ch >> 4];
        *p++ = hex[ch & 0xf];
    }

    return (size_t) (p - out);
}
