/*
 * Prepared commands against what hiredis makes of the same arguments.
 */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "../../lua-free-shim/ngx_redis_template.h"


#define ARGS      8
#define LONGEST   512


typedef struct {
    size_t      argc;
    size_t      varies;
    const char *argv[ARGS];
} command_t;

static const command_t commands[] = {
    { 2, 1, { "GET", NULL } },
    { 5, 1, { "HMGET", NULL, "owner", "state", "last_checkin" } },
    { 8, 7, { "XADD", "audit:gw", "MAXLEN", "~", "1000", "*", "r", NULL } },
    { 1, 0, { NULL } },
    { 3, 0, { NULL, "a", "b" } },
    /* a fixed argument that looks like an empty one, and an empty one */
    { 4, 2, { "X", "$0\r\n\r\n$0\r\n\r\n", NULL, "$0\r\n\r\n" } },
    { 4, 3, { "X", "", "", NULL } },
};


static void
same_as_hiredis(const command_t *c, const char *arg, size_t len)
{
    int                  want_len;
    char                *want, *got;
    size_t               lens[ARGS], size, n;
    const char          *args[ARGS];
    ngx_redis_template_t template;

    cr_assert_eq(ngx_redis_template_init(&template, c->argc, c->argv,
                                         c->varies), 0);

    for (size_t i = 0; i < c->argc; i++) {
        args[i] = i == c->varies ? arg : c->argv[i];
        lens[i] = i == c->varies ? len : strlen(c->argv[i]);
    }

    want_len = redisFormatCommandArgv(&want, (int) c->argc, args, lens);
    cr_assert_gt(want_len, 0);

    /* of that very size, for the sanitizer to see a byte beyond it */
    size = ngx_redis_template_size(&template, len);
    got = malloc(size);
    cr_assert_not_null(got);

    n = ngx_redis_template_write(&template, arg, len, got);

    cr_assert_leq(n, size);
    cr_assert_eq(n, (size_t) want_len, "%zu bytes for an argument of %zu", n,
                 len);
    cr_assert_eq(memcmp(got, want, n), 0, "another text for %zu bytes", len);

    free(got);
    redisFreeCommand(want);
}


Test(redis_template, an_argument_of_every_length_is_what_hiredis_writes)
{
    char arg[LONGEST];

    memset(arg, 'k', sizeof(arg));

    for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
        for (size_t len = 0; len <= LONGEST; len++) {
            same_as_hiredis(&commands[c], arg, len);
        }
    }
}


Test(redis_template, any_bytes_are_taken_as_they_are)
{
    char arg[256];

    for (size_t i = 0; i < sizeof(arg); i++) {
        arg[i] = (char) i;
    }

    for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
        same_as_hiredis(&commands[c], arg, sizeof(arg));
        same_as_hiredis(&commands[c], "a\r\n$3\r\nDEL\r\n", 13);
        same_as_hiredis(&commands[c], "$0\r\n\r\n", 6);
        same_as_hiredis(&commands[c], "", 0);
    }
}


Test(redis_template, lengths_with_more_digits_are_written_whole)
{
    size_t len = 1000000;
    char  *arg = calloc(1, len);

    cr_assert_not_null(arg);

    for (size_t n = 9; n <= len; n = n * 10 + 9) {
        same_as_hiredis(&commands[0], arg, n);
        same_as_hiredis(&commands[0], arg, n + 1);
    }

    free(arg);
}


Test(redis_template, a_command_that_does_not_fit_is_refused)
{
    char                 word[NGX_REDIS_TEMPLATE_MAX + 1];
    const char          *argv[] = { "GET", NULL, word };
    ngx_redis_template_t template;
    size_t               fits;

    memset(word, 'w', sizeof(word));

    /* *3 $3 GET $0 and $nnn, with their line ends */
    fits = NGX_REDIS_TEMPLATE_MAX - (4 + 9 + 6 + 6 + 2);

    word[fits] = '\0';
    cr_assert_eq(ngx_redis_template_init(&template, 3, argv, 1), 0);

    word[fits] = 'w';
    word[fits + 1] = '\0';
    cr_assert_eq(ngx_redis_template_init(&template, 3, argv, 1), -1);
}


Test(redis_template, what_is_no_argument_cannot_vary)
{
    const char          *argv[17];
    ngx_redis_template_t template;

    for (size_t i = 0; i < 17; i++) {
        argv[i] = "x";
    }

    cr_assert_eq(ngx_redis_template_init(&template, 2, argv, 2), -1);
    cr_assert_eq(ngx_redis_template_init(&template, 0, argv, 0), -1);
    cr_assert_eq(ngx_redis_template_init(&template, 16, argv, 15), 0);
    cr_assert_eq(ngx_redis_template_init(&template, 17, argv, 1), -1);
}
