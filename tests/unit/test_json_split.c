/*
 * A source's bytes, fed at every split: the same records, the same complaints,
 * in whatever pieces they come.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_split.h"


#define SAID_MAX  8192

typedef struct {
    char   text[SAID_MAX];
    size_t len;
} said_t;


static void
say(said_t *said, const char *kind, const char *data, size_t len)
{
    int n = snprintf(said->text + said->len, SAID_MAX - said->len,
                     "%s<%.*s>", kind, (int) len, data);

    cr_assert(n >= 0 && (size_t) n < SAID_MAX - said->len);
    said->len += (size_t) n;
}


/* Everything the splitter says, as one text; `step` bytes at a time, the first
 * time `first`. */
static void
feed(const char *in, size_t len, size_t first, size_t step, said_t *said)
{
    compliance_split_t       split;
    compliance_split_event_t event = COMPLIANCE_SPLIT_MORE;
    size_t                   from = 0, to = first < len ? first : len;
    bool                     last = false;
    char                    *copy;

    memset(&split, 0, sizeof(split));
    memset(said, 0, sizeof(*said));

    while (event != COMPLIANCE_SPLIT_END) {
        /* of its own, so that a byte too far is seen */
        copy = malloc(to - from + 1);
        cr_assert_not_null(copy);
        memcpy(copy, in + from, to - from);
        event = compliance_json_split(&split, copy, to - from, last);
        cr_assert_leq(split.consumed, to - from);
        from += split.consumed;

        switch (event) {
        case COMPLIANCE_SPLIT_RECORD:
            say(said, "R", split.text.data, split.text.len);
            break;
        case COMPLIANCE_SPLIT_MEMBERS:
            if (split.text.len > 0) {
                say(said, "M", split.text.data, split.text.len);
            }
            break;
        case COMPLIANCE_SPLIT_BROKEN:
            say(said, "B", "", 0);
            break;
        case COMPLIANCE_SPLIT_FAILED:
            say(said, "F", "", 0);
            break;
        case COMPLIANCE_SPLIT_MORE:
            cr_assert_not(last, "asks for more behind the end: %s", in);
            last = to == len;
            to = to + step < len ? to + step : len;
            break;
        case COMPLIANCE_SPLIT_END:
            break;
        }

        free(copy);
    }
}


static void
says(const char *in, const char *expected)
{
    said_t said;
    size_t len = strlen(in);

    feed(in, len, len, len, &said);
    cr_assert_str_eq(said.text, expected, "%s\nsays %s\nnot  %s", in,
                     said.text, expected);

    feed(in, len, 1, 1, &said);
    cr_assert_str_eq(said.text, expected, "bytewise: %s\nsays %s\nnot  %s", in,
                     said.text, expected);

    for (size_t n = 1; n < len; n++) {
        feed(in, len, n, len, &said);
        cr_assert_str_eq(said.text, expected, "split at %zu: %s\nsays %s", n,
                         in, said.text);
    }
}


Test(json_split, lines)
{
    says("{\"a\":1}\n{\"b\":\"\\\"}\"}\n", "R<{\"a\":1}>R<{\"b\":\"\\\"}\"}>");
    says("{\"a\":1}\r\n\r\n  {\"b\":2}\r\n", "R<{\"a\":1}>R<{\"b\":2}>");
    says("{\"a\":1}", "R<{\"a\":1}>");
    says("{\"a\":1}\n{\"b\":2}", "R<{\"a\":1}>R<{\"b\":2}>");
    says("\xef\xbb\xbf{\"a\":1}\n", "R<{\"a\":1}>");
}


Test(json_split, a_broken_line_costs_itself)
{
    says("{\"a\":1}\n{\"b\":\n{\"c\":3}\n",
         "R<{\"a\":1}>R<{\"b\":>R<{\"c\":3}>");
    says("{\"a\":1}\ngarbage\n{\"c\":3}\n", "R<{\"a\":1}>R<garbage>R<{\"c\":3}>");
    says("{\"a\":\"1\n{\"b\":2}\n{\"c\":3}\n", "B<>R<{\"b\":2}>R<{\"c\":3}>");
    says("{\"a\":{\"x\":1\n{\"b\":2}\n{\"c\":3}\n",
         "B<>R<{\"b\":2}>R<{\"c\":3}>");
    says("{\"a\":1,\n{\"b\":2}\n", "B<>R<{\"b\":2}>");
    says("{\"a\":1}\n{\"b\":\"cut", "R<{\"a\":1}>R<{\"b\":\"cut>");
    says("{\"a\":1} x\n{\"b\":2}\n", "R<{\"a\":1}>B<>R<{\"b\":2}>");
}


Test(json_split, objects_over_several_lines)
{
    says("{\n \"a\": 1\n}\n{\n \"b\": [\n{\"x\": 1},\n{\"y\": 2}]\n}\n",
         "R<{\n \"a\": 1\n}>R<{\n \"b\": [\n{\"x\": 1},\n{\"y\": 2}]\n}>");
    says("{\"a\":1}{\"b\":2} {\"c\":3}", "R<{\"a\":1}>R<{\"b\":2}>R<{\"c\":3}>");
    says("{\"a\":\n{\"b\":2}}\n", "R<{\"a\":\n{\"b\":2}}>");
}


Test(json_split, a_list)
{
    says("[]", "");
    says(" [ ] ", "");
    says("[{\"a\":1},{\"b\":[1,{}]}]", "R<{\"a\":1}>R<{\"b\":[1,{}]}>");
    says("[\n  {\"a\":1},\n  {\"b\":2}\n]\n", "R<{\"a\":1}>R<{\"b\":2}>");
    says("[1,\"x]\",null, true ]", "R<1>R<\"x]\">R<null>R<true>");
    says("[{\"a\":1}]\n[{\"b\":2}]", "R<{\"a\":1}>R<{\"b\":2}>");
}


Test(json_split, a_list_that_ends_too_early_fails)
{
    says("[{\"a\":1}", "R<{\"a\":1}>F<>");
    says("[{\"a\":1},{\"b\":", "R<{\"a\":1}>F<>");
    says("[{\"a\":1},{\"b\":\"", "R<{\"a\":1}>F<>");
    says("[", "F<>");
    says("[1", "R<1>F<>");
    says("[{\"a\":1} {\"b\":2}]", "R<{\"a\":1}>F<>");
    says("[,]", "F<>");
    says("[{\"a\":1}}", "R<{\"a\":1}>F<>");
}


Test(json_split, a_broken_record_of_a_list_costs_itself)
{
    /* braces that match: its reader finds it */
    says("[{\"a\":1},{b},{\"c\":3}]", "R<{\"a\":1}>R<{b}>R<{\"c\":3}>");
    /* a text that does not end: the next line that is indented alike */
    says("[\n {\"a\":\"1},\n {\"b\":2}\n]\n", "B<>R<{\"b\":2}>");
    says("[\n {\"a\":{\"x\":\"1,\n  {\"y\":2}\n },\n {\"b\":2}\n]\n",
         "B<>R<{\"b\":2}>");
    says("[\n {\"b\":2},\n {\"a\":\"1}\n]\n", "R<{\"b\":2}>B<>");
    says("[{\"a\":\"1},\n{\"b\":2}]", "B<>F<>");
}


Test(json_split, pages)
{
    says("{\"value\":[{\"a\":1},{\"b\":2}]}", "R<{\"a\":1}>R<{\"b\":2}>");
    says("{\"@odata.context\":\"x\",\"value\":[{\"a\":1}],"
         "\"@odata.nextLink\":\"u\"}\n{\"value\":[{\"b\":2}]}\n",
         "M<\"@odata.context\":\"x\">R<{\"a\":1}>M<\"@odata.nextLink\":\"u\">"
         "R<{\"b\":2}>");
    says("{\n \"totalCount\" : 1,\n \"results\" : [\n {\"a\":1}\n ]\n}",
         "M<\"totalCount\" : 1>R<{\"a\":1}>");
    says("{\"value\":[]}{\"devices\":[1]}", "R<1>");
}


Test(json_split, a_list_within_a_record_is_no_page)
{
    says("{\"a\":{\"value\":[1]}}\n", "R<{\"a\":{\"value\":[1]}}>");
    says("{\"a\":\"value\",\"b\":[1]}\n", "R<{\"a\":\"value\",\"b\":[1]}>");
    says("{\"value\":1,\"b\":[1]}\n", "R<{\"value\":1,\"b\":[1]}>");
    says("{\"xvalue\":[1]}\n", "R<{\"xvalue\":[1]}>");
}


Test(json_split, a_page_that_ends_too_early_fails)
{
    says("{\"value\":[{\"a\":1}", "R<{\"a\":1}>F<>");
    says("{\"value\":[{\"a\":1}]", "R<{\"a\":1}>F<>");
    says("{\"value\":[{\"a\":1}],\"x\":", "R<{\"a\":1}>F<>");
    says("{\"value\":", "B<>");
}


Test(json_split, what_is_no_json_at_all_fails)
{
    says("", "F<>");
    says("  \n ", "F<>");
    says("<html>\n<body>", "F<>");
    says("id,owner\n", "F<>");
}


Test(json_split, places_are_told)
{
    static const char lines[] = "{\"a\":1}\n\n{\"b\":2}\n";
    static const char pages[] = "{\"value\":[1]}{\"value\":[2,3]}";
    compliance_split_t split;
    size_t             from = 0;

    memset(&split, 0, sizeof(split));
    compliance_json_split(&split, lines, sizeof(lines) - 1, true);
    cr_assert_eq(split.line, 1);
    from = split.consumed;
    compliance_json_split(&split, lines + from, sizeof(lines) - 1 - from, true);
    cr_assert_eq(split.line, 3);
    cr_assert_eq(split.page, 0);

    memset(&split, 0, sizeof(split));
    from = 0;

    for (int i = 0; i < 3;) {
        i += compliance_json_split(&split, pages + from,
                                   sizeof(pages) - 1 - from, true)
             == COMPLIANCE_SPLIT_RECORD;
        from += split.consumed;
    }

    cr_assert_eq(split.page, 2);
    cr_assert_eq(split.record, 2);
    cr_assert_eq(split.line, 0);
}


/* A record over the limit is passed over without being kept. */
static void
passes_over(const char *begin, const char *end, const char *expected)
{
    size_t len = strlen(begin) + 3 * COMPLIANCE_RECORD_MAX + strlen(end);
    char  *in = malloc(len + 1), *p = in;
    said_t said;

    cr_assert_not_null(in);
    p += sprintf(p, "%s", begin);
    memset(p, 'x', 3 * COMPLIANCE_RECORD_MAX);
    p += 3 * COMPLIANCE_RECORD_MAX;
    sprintf(p, "%s", end);
    feed(in, len, 65536, 65536, &said);
    cr_assert_str_eq(said.text, expected);
    feed(in, len, len, len, &said);
    cr_assert_str_eq(said.text, expected);
    free(in);
}


Test(json_split, a_record_that_is_too_long_is_passed_over)
{
    passes_over("{\"a\":\"", "\"}\n{\"b\":2}\n", "B<>R<{\"b\":2}>");
    passes_over("{\"b\":2}\n{\"a\":\"", "\"}\n{\"c\":3}\n",
                "R<{\"b\":2}>B<>R<{\"c\":3}>");
    passes_over("[{\"a\":\"", "\"},{\"b\":2}]", "B<>R<{\"b\":2}>");
    passes_over("{\"value\":[{\"a\":\"", "\"},{\"b\":2}]}", "B<>R<{\"b\":2}>");
}


Test(json_split, nesting_has_an_end)
{
    char   in[512];
    said_t said;

    memset(in, '[', sizeof(in));
    memcpy(in, "[{\"a\":", 6);
    feed(in, sizeof(in), sizeof(in), 1, &said);
    cr_assert_str_eq(said.text, "F<>");
}
