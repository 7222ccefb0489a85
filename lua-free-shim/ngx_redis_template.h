/*
 * A command of which one argument varies.  hiredis formats it once; each time
 * it is sent, only that argument and its length are put in.  Pure: no nginx,
 * no allocation of its own.
 */
#ifndef NGX_REDIS_TEMPLATE_H
#define NGX_REDIS_TEMPLATE_H

#include <stddef.h>


/* The bytes around the argument: the longest are XADD's with a stream's key,
 * and HMGET's with all fields of a record. */
#define NGX_REDIS_TEMPLATE_MAX     1024
/* What the argument takes beside its own bytes: 20 digits and a CRLF. */
#define NGX_REDIS_TEMPLATE_LENGTH  22

typedef struct {
    size_t  before;      /* bytes of text that stand before the length */
    size_t  after;       /* and behind the argument, from its CRLF on */
    char    text[NGX_REDIS_TEMPLATE_MAX];
} ngx_redis_template_t;


/* argv[varies] is left out: it is not read.  0: done; -1: no memory, or too
 * long. */
int ngx_redis_template_init(ngx_redis_template_t *template, size_t argc,
    const char *const *argv, size_t varies);

/* The most that ngx_redis_template_write() writes. */
#define ngx_redis_template_size(template, len)                                \
    ((template)->before + NGX_REDIS_TEMPLATE_LENGTH + (len)                   \
     + (template)->after)

/* The command with arg in its place; how many bytes it has. */
size_t ngx_redis_template_write(const ngx_redis_template_t *template,
    const char *arg, size_t len, char *out);

#endif
