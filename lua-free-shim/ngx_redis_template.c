/*
 * Commands with one argument that varies: hiredis formats the command with
 * that argument empty, and the place of its "$0" is where later ones go.
 */
#include "ngx_redis_template.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>


/* More than any command here has. */
#define NGX_REDIS_TEMPLATE_ARGS   16

#define NGX_REDIS_TEMPLATE_EMPTY  "$0\r\n\r\n"


static int ngx_redis_template_split(ngx_redis_template_t *template,
    const char *text, size_t len, size_t at);


int
ngx_redis_template_init(ngx_redis_template_t *template, size_t argc,
    const char *const *argv, size_t varies)
{
    int          rc, head;
    char        *text;
    size_t       i, lens[NGX_REDIS_TEMPLATE_ARGS];
    long long    len;
    const char  *args[NGX_REDIS_TEMPLATE_ARGS];

    if (argc > NGX_REDIS_TEMPLATE_ARGS || varies >= argc) {
        return -1;
    }

    for (i = 0; i < argc; i++) {
        args[i] = (i == varies) ? "" : argv[i];
        lens[i] = strlen(args[i]);
    }

    /* what stands before an argument is a shorter command but for its count,
     * and that is a line of its own */

    len = redisFormatCommandArgv(&text, (int) varies, args, lens);
    if (len < 0) {
        return -1;
    }

    head = (int) len - snprintf(NULL, 0, "*%zu\r\n", varies)
           + snprintf(NULL, 0, "*%zu\r\n", argc);

    redisFreeCommand(text);

    len = redisFormatCommandArgv(&text, (int) argc, args, lens);
    if (len < 0) {
        return -1;
    }

    rc = ngx_redis_template_split(template, text, (size_t) len,
                                  (size_t) head);

    redisFreeCommand(text);

    return rc;
}


/* at: where the empty argument stands in text. */

static int
ngx_redis_template_split(ngx_redis_template_t *template, const char *text,
    size_t len, size_t at)
{
    size_t  empty;

    empty = sizeof(NGX_REDIS_TEMPLATE_EMPTY) - 1;

    if (len > sizeof(template->text) || at > len || len - at < empty
        || memcmp(text + at, NGX_REDIS_TEMPLATE_EMPTY, empty) != 0)
    {
        return -1;
    }

    /* the "$" is kept before the length, the argument's own CRLF behind it */

    template->before = at + 1;
    template->after = len - at - empty + 2;

    memcpy(template->text, text, template->before);
    memcpy(template->text + template->before, text + len - template->after,
           template->after);

    return 0;
}


size_t
ngx_redis_template_write(const ngx_redis_template_t *template, const char *arg,
    size_t len, char *out)
{
    char    digits[NGX_REDIS_TEMPLATE_LENGTH];
    char   *d, *p;
    size_t  n;

    d = digits + sizeof(digits);
    *--d = '\n';
    *--d = '\r';
    n = len;

    do {
        *--d = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    p = out;

    memcpy(p, template->text, template->before);
    p += template->before;

    n = (size_t) (digits + sizeof(digits) - d);
    memcpy(p, d, n);
    p += n;

    if (len != 0) {
        memcpy(p, arg, len);
        p += len;
    }

    memcpy(p, template->text + template->before, template->after);
    p += template->after;

    return (size_t) (p - out);
}
