/*
 * IMAP before login, fed at every split: whatever comes in how many pieces is
 * understood in the same way, and nothing is understood twice.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "imap_command.h"


#define MAX  256

typedef struct {
    const char *bytes;
    size_t      len;
} input_t;

#define INPUT(lit)  { lit, sizeof(lit) - 1 }


/* As the glue does: grant literals as they are asked for. */
static compliance_imap_status_t
scan(const char *data, size_t len, size_t max, unsigned *granted,
    compliance_imap_t *out)
{
    compliance_str_t         in = { data, len };
    compliance_imap_status_t status;

    while ((status = compliance_imap_scan(in, max, *granted, out))
           == COMPLIANCE_IMAP_CONTINUE)
    {
        (*granted)++;
    }

    return status;
}


/* Every prefix says MORE until one says what the whole says: `same` of it. */
static compliance_imap_status_t
scan_split(const input_t *input, compliance_imap_t *out)
{
    unsigned                 granted = 0;
    compliance_imap_status_t whole, part = COMPLIANCE_IMAP_MORE;

    for (size_t n = 0; n <= input->len && part == COMPLIANCE_IMAP_MORE; n++) {
        /* of its own, so that a byte too far is seen */
        char *copy = malloc(n + 1);

        cr_assert_not_null(copy);
        memcpy(copy, input->bytes, n);
        part = scan(copy, n, MAX, &granted, out);
        free(copy);
    }

    granted = 0;
    whole = scan(input->bytes, input->len, MAX, &granted, out);
    cr_assert_eq(part, whole, "%.*s: %d, in one piece %d", (int) input->len,
                 input->bytes, part, whole);

    return whole;
}


static void
expect_string(const compliance_imap_string_t *string, const char *value)
{
    char   buf[MAX];
    size_t len;

    cr_assert_eq(compliance_imap_string_copy(string, buf, sizeof(buf), &len),
                 COMPLIANCE_OK);
    cr_assert_eq(len, strlen(value), "%.*s", (int) len, buf);
    cr_assert_eq(memcmp(buf, value, len), 0, "%.*s", (int) len, buf);
}


static const struct {
    input_t     input;
    const char *name;
    const char *password;
} logins[] = {
    { INPUT("a1 LOGIN alice secret\r\n"), "alice", "secret" },
    { INPUT("a1 login alice#GOODPHONE secret\r\n"), "alice#GOODPHONE",
      "secret" },
    { INPUT("a.1-_ LoGiN DOM\\alice se%*cret\n"), "DOM\\alice", "se%*cret" },
    { INPUT("a1  LOGIN   alice   secret  \r\n"), "alice", "secret" },
    { INPUT("a1 LOGIN \"alice\" \"se cret\"\r\n"), "alice", "se cret" },
    { INPUT("a1 LOGIN \"a\\\"l\\\\ice\" \"{5}\"\r\n"), "a\"l\\ice", "{5}" },
    { INPUT("a1 LOGIN \"\" \"\"\r\n"), "", "" },
    { INPUT("a1 LOGIN {5}\r\nalice {6}\r\nsecret\r\n"), "alice", "secret" },
    { INPUT("a1 LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n"), "alice", "secret" },
    { INPUT("a1 LOGIN {0}\r\n {2}\r\n\r\n\r\n"), "", "\r\n" },
    { INPUT("a1 LOGIN alice {8}\n\"}{8}\r\n \n"), "alice", "\"}{8}\r\n " },
    { INPUT("a1 LOGIN \"alice\" {7}\r\np\xc3\xa4sswo\r\n"), "alice",
      "p\xc3\xa4sswo" },
    { INPUT("a1 LOGIN \"\xc3\xa4\" x\r\n"), "\xc3\xa4", "x" },
};


Test(imap_command, a_login_is_understood_at_every_split)
{
    for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
        compliance_imap_t out;

        cr_assert_eq(scan_split(&logins[i].input, &out),
                     COMPLIANCE_IMAP_COMPLETE, "%s", logins[i].input.bytes);
        cr_assert_eq(out.command, COMPLIANCE_IMAP_LOGIN);
        cr_assert_eq(out.n_args, 2);
        cr_assert_eq(out.used, logins[i].input.len);
        expect_string(&out.args[0], logins[i].name);
        expect_string(&out.args[1], logins[i].password);
    }
}


static const input_t bad[] = {
    INPUT("\r\n"),
    INPUT("\n"),
    INPUT(" LOGIN a b\r\n"),
    INPUT("a1\r\n"),
    INPUT("a1 \r\n"),
    INPUT("a+1 NOOP\r\n"),
    INPUT("* NOOP\r\n"),
    INPUT("a\"1 NOOP\r\n"),
    INPUT("a\t1 NOOP\r\n"),
    INPUT("a\0 NOOP\r\n"),
    INPUT("\xc3\xa4 NOOP\r\n"),
    INPUT("a12345678901234567890123456789012 NOOP\r\n"),
    INPUT("a1 SELECT INBOX\r\n"),
    INPUT("a1 LOGINX a b\r\n"),
    INPUT("a1 LOGI a b\r\n"),
    INPUT("a1 LOGIN\r\n"),
    INPUT("a1 LOGIN \r\n"),
    INPUT("a1 LOGIN alice\r\n"),
    INPUT("a1 LOGIN alice secret more\r\n"),
    INPUT("a1 LOGIN \"alice\"secret\r\n"),
    INPUT("a1 LOGIN \"alice\"\"secret\"\r\n"),
    INPUT("a1 LOGIN \"alice secret\r\n"),
    INPUT("a1 LOGIN \"al\\ice\" secret\r\n"),
    INPUT("a1 LOGIN al\"ice secret\r\n"),
    INPUT("a1 LOGIN al(ice secret\r\n"),
    INPUT("a1 LOGIN al\0ice secret\r\n"),
    INPUT("a1 LOGIN \"al\0ice\" secret\r\n"),
    INPUT("a1 LOGIN al\xc3\xa4 secret\r\n"),
    INPUT("a1 LOGIN al{5}ice secret\r\n"),
    INPUT("a1 LOGIN {}\r\n"),
    INPUT("a1 LOGIN {+}x\r\n"),
    INPUT("a1 LOGIN {-5}\r\n"),
    INPUT("a1 LOGIN {5\r\n"),
    INPUT("a1 LOGIN {5}x\r\n"),
    INPUT("a1 LOGIN {5}\r\nalicex secret\r\n"),
    INPUT("a1 LOGIN {5}\r\nalice\"\" secret\r\n"),
    INPUT("a1 LOGIN {250}\r\n"),
    INPUT("a1 LOGIN {18446744073709551617}\r\n"),
    INPUT("a1 LOGIN {4294967297}\r\n"),
    INPUT("a1 LOGIN ~{5}\r\n"),
    INPUT("a1 LOGIN alice sec\rret\r\n"),
    INPUT("a1 NOOP x\r\n"),
    INPUT("a1 NOOP\r \r\n"),
    INPUT("a1 STARTTLS now\r\n"),
    INPUT("a1 AUTHENTICATE\r\n"),
    INPUT("a1 AUTHENTICATE \"PLAIN\"\r\n"),
    INPUT("a1 AUTHENTICATE PLAIN AGEAYg== x\r\n"),
    INPUT("a1 AUTHENTICATE PLAIN {8}\r\n"),
    INPUT("a1 AUTHENTICATE PLAIN\"\"\r\n"),
    INPUT("a1 ID\r\n"),
    INPUT("a1 ID x\r\n"),
    INPUT("a1 ID NIL x\r\n"),
    INPUT("a1 ID (\"name\")\r\n"),
    INPUT("a1 ID (\"name\"\"x\")\r\n"),
    INPUT("a1 ID (\"name\" \"x\"\"version\" \"1\")\r\n"),
    INPUT("a1 ID (\"name\" \"x\"\r\n"),
    INPUT("a1 ID (\"name\" \"x\") y\r\n"),
};


Test(imap_command, what_breaks_the_grammar_ends_with_its_line)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        compliance_imap_t out;

        cr_assert_eq(scan_split(&bad[i], &out), COMPLIANCE_IMAP_BAD, "%s",
                     bad[i].bytes);
        cr_assert_not_null(out.why);
        cr_assert_eq(out.used, bad[i].len, "%s", bad[i].bytes);
    }
}


static const input_t lost[] = {
    INPUT("a1 LOGIN {250+}\r\n"),
    INPUT("a1 LOGIN {99999999999999999999+}\r\n"),
    INPUT("a1 LOGIN al ice {5+}\r\n"),
    INPUT("a1 SELECT {5+}\r\n"),
    INPUT("a1 LOGIN {5}\r\nal\0ce secret\r\n"),
    INPUT("a1 LOGIN alice {3+}\r\n\0\0\0\r\n"),
};


Test(imap_command, where_the_next_command_cannot_be_found_the_session_ends)
{
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
        compliance_imap_t out;

        cr_assert_eq(scan_split(&lost[i], &out), COMPLIANCE_IMAP_LOST, "%s",
                     lost[i].bytes);
        cr_assert_not_null(out.why);
    }
}


Test(imap_command, a_command_that_outgrows_its_limit_ends_the_session)
{
    char              line[MAX];
    unsigned          granted = 0;
    compliance_imap_t out;
    const char       *begins[] = { "a", "a1 LOGIN x", "a1 LOGIN \"", "? ",
                                   "a1 ID (", "a1 LOGIN x y" };

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        memset(line, i == 4 ? ' ' : 'x', sizeof(line));
        memcpy(line, begins[i], strlen(begins[i]));

        cr_assert_eq(scan(line, MAX - 1, MAX, &granted, &out),
                     COMPLIANCE_IMAP_MORE, "%s", begins[i]);
        cr_assert_eq(scan(line, MAX, MAX, &granted, &out),
                     COMPLIANCE_IMAP_LOST, "%s", begins[i]);
    }
}


Test(imap_command, a_literal_that_just_fits_can_be_finished)
{
    char              line[MAX];
    int               head;
    unsigned          granted = 0;
    compliance_imap_t out;

    for (int len = MAX - 40; len < MAX; len++) {
        memset(line, 'p', sizeof(line));
        head = snprintf(line, sizeof(line), "a LOGIN x {%d}\r\n", len);
        line[head] = 'p';
        granted = 0;

        if (head + len + 1 > MAX) {
            cr_assert_eq(scan(line, (size_t) head, MAX, &granted, &out),
                         COMPLIANCE_IMAP_BAD, "%d", len);
            continue;
        }

        cr_assert_eq(scan(line, (size_t) head, MAX, &granted, &out),
                     COMPLIANCE_IMAP_MORE, "%d", len);
        cr_assert_eq(granted, 1);
        line[head + len] = '\n';
        cr_assert_eq(scan(line, (size_t) (head + len + 1), MAX, &granted,
                          &out),
                     COMPLIANCE_IMAP_COMPLETE, "%d", len);
        cr_assert_eq(out.args[1].raw.len, (size_t) len);
    }
}


Test(imap_command, a_literal_waits_until_it_is_granted)
{
    compliance_str_t  in = compliance_str("a1 LOGIN {5}\r\nalice {6}\r\nsecret"
                                          "\r\n");
    compliance_imap_t out;

    cr_assert_eq(compliance_imap_scan(in, MAX, 0, &out),
                 COMPLIANCE_IMAP_CONTINUE);
    cr_assert_eq(out.command, COMPLIANCE_IMAP_LOGIN);
    cr_assert_eq(out.used, strlen("a1 LOGIN {5}\r\n"));
    cr_assert_eq(compliance_imap_scan(in, MAX, 1, &out),
                 COMPLIANCE_IMAP_CONTINUE);
    cr_assert_eq(out.used, strlen("a1 LOGIN {5}\r\nalice {6}\r\n"));
    cr_assert_eq(compliance_imap_scan(in, MAX, 2, &out),
                 COMPLIANCE_IMAP_COMPLETE);
}


static const struct {
    input_t                   input;
    compliance_imap_command_t command;
    size_t                    n_args;
} others[] = {
    { INPUT("a NOOP\r\n"), COMPLIANCE_IMAP_NOOP, 0 },
    { INPUT("a noop \n"), COMPLIANCE_IMAP_NOOP, 0 },
    { INPUT("a CAPABILITY\r\n"), COMPLIANCE_IMAP_CAPABILITY, 0 },
    { INPUT("a LOGOUT\r\n"), COMPLIANCE_IMAP_LOGOUT, 0 },
    { INPUT("a STARTTLS\r\n"), COMPLIANCE_IMAP_STARTTLS, 0 },
    { INPUT("a12345678901234567890123456789.- NOOP\r\n"),
      COMPLIANCE_IMAP_NOOP, 0 },
    { INPUT("a AUTHENTICATE PLAIN\r\n"), COMPLIANCE_IMAP_AUTHENTICATE, 1 },
    { INPUT("a AUTHENTICATE PLAIN \r\n"), COMPLIANCE_IMAP_AUTHENTICATE, 1 },
    { INPUT("a AUTHENTICATE plain AGEAYg==\r\n"),
      COMPLIANCE_IMAP_AUTHENTICATE, 2 },
    { INPUT("a AUTHENTICATE LOGIN =\r\n"), COMPLIANCE_IMAP_AUTHENTICATE, 2 },
};


Test(imap_command, the_other_commands_are_understood_at_every_split)
{
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        compliance_imap_t out;

        cr_assert_eq(scan_split(&others[i].input, &out),
                     COMPLIANCE_IMAP_COMPLETE, "%s", others[i].input.bytes);
        cr_assert_eq(out.command, others[i].command);
        cr_assert_eq(out.n_args, others[i].n_args);
        cr_assert_eq(out.used, others[i].input.len);
    }
}


static const struct {
    input_t     input;
    const char *name;
    const char *version;
} ids[] = {
    { INPUT("a ID NIL\r\n"), NULL, NULL },
    { INPUT("a id nil\r\n"), NULL, NULL },
    { INPUT("a ID ()\r\n"), NULL, NULL },
    { INPUT("a ID (\"name\" \"Mail (1) \\\"x\\\"\" \"version\" \"16.0\")\r\n"),
      "Mail (1) \"x\"", "16.0" },
    { INPUT("a ID ( \"os\" NIL \"Name\" {4}\r\n)\r\n( \"version\" {1+}\r\n2 )"
            "\r\n"),
      ")\r\n(", "2" },
    { INPUT("a ID (name x version nil)\r\n"), "x", NULL },
    { INPUT("a ID (\"name\" NIL)\r\n"), NULL, NULL },
    { INPUT("a ID (\"name\" \"NIL\")\r\n"), "NIL", NULL },
};


Test(imap_command, an_id_is_understood_at_every_split)
{
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        compliance_imap_t out;

        cr_assert_eq(scan_split(&ids[i].input, &out),
                     COMPLIANCE_IMAP_COMPLETE, "%s", ids[i].input.bytes);
        cr_assert_eq(out.command, COMPLIANCE_IMAP_ID);
        cr_assert_eq(out.used, ids[i].input.len);
        cr_assert_eq(out.id_name.raw.data != NULL, ids[i].name != NULL);
        cr_assert_eq(out.id_version.raw.data != NULL, ids[i].version != NULL);

        if (ids[i].name != NULL) {
            expect_string(&out.id_name, ids[i].name);
        }

        if (ids[i].version != NULL) {
            expect_string(&out.id_version, ids[i].version);
        }
    }
}


Test(imap_command, an_id_has_thirty_pairs_at_most)
{
    char              line[1024] = "a ID (";
    unsigned          granted = 0;
    compliance_imap_t out;

    for (int i = 0; i < COMPLIANCE_IMAP_ID_PAIRS_MAX; i++) {
        strcat(line, "a b ");
    }

    strcat(line, ")\r\n");
    cr_assert_eq(scan(line, strlen(line), sizeof(line), &granted, &out),
                 COMPLIANCE_IMAP_COMPLETE);

    strcpy(strchr(line, ')'), "a b)\r\n");
    cr_assert_eq(scan(line, strlen(line), sizeof(line), &granted, &out),
                 COMPLIANCE_IMAP_BAD);
}


Test(imap_command, what_follows_a_command_is_left_alone)
{
    unsigned          granted = 0;
    const char        text[] = "a NOOP\r\nb LOGIN {5}\r\nalice x\r\n";
    compliance_imap_t out;

    cr_assert_eq(scan(text, sizeof(text) - 1, MAX, &granted, &out),
                 COMPLIANCE_IMAP_COMPLETE);
    cr_assert_eq(out.used, strlen("a NOOP\r\n"));
    cr_assert_eq(granted, 0);
}


Test(imap_command, a_sasl_line_is_cut_at_its_end)
{
    size_t           used;
    compliance_str_t line, in = compliance_str("AGEAYg==\r\nnext");

    for (size_t n = 0; n < 10; n++) {
        in.len = n;
        cr_assert_eq(compliance_imap_line(in, MAX, &line, &used),
                     COMPLIANCE_IMAP_MORE);
    }

    cr_assert_eq(compliance_imap_line(in, 9, &line, &used),
                 COMPLIANCE_IMAP_LOST);

    in.len = 14;
    cr_assert_eq(compliance_imap_line(in, MAX, &line, &used),
                 COMPLIANCE_IMAP_COMPLETE);
    cr_assert_eq(line.len, 8);
    cr_assert_eq(used, 10);

    in = compliance_str("\n");
    cr_assert_eq(compliance_imap_line(in, MAX, &line, &used),
                 COMPLIANCE_IMAP_COMPLETE);
    cr_assert_eq(line.len, 0);
    cr_assert_eq(used, 1);
}


Test(imap_command, a_string_that_does_not_fit_is_not_cut)
{
    char                     buf[4];
    size_t                   len;
    compliance_imap_string_t string = { compliance_str("a\\\"b\\\\"), true };

    cr_assert_eq(compliance_imap_string_copy(&string, buf, 4, &len),
                 COMPLIANCE_OK);
    cr_assert_eq(len, 4);
    cr_assert_eq(memcmp(buf, "a\"b\\", 4), 0);
    cr_assert_eq(compliance_imap_string_copy(&string, buf, 3, &len),
                 COMPLIANCE_TOO_LONG);
}
