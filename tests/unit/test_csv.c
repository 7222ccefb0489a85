/*
 * Tables, fed at every split.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"


#define SAID_MAX  4096

static void
feed(const char *in, size_t len, size_t first, size_t step, char *said)
{
    static compliance_csv_t csv;
    compliance_csv_event_t  event = COMPLIANCE_CSV_MORE;
    size_t                  from = 0, to = first < len ? first : len;
    bool                    last = false;
    char                   *copy, *p = said;

    memset(&csv, 0, sizeof(csv));
    *said = '\0';

    while (event != COMPLIANCE_CSV_END) {
        copy = malloc(to - from + 1);
        cr_assert_not_null(copy);
        memcpy(copy, in + from, to - from);
        event = compliance_csv(&csv, copy, to - from, last);
        cr_assert_leq(csv.consumed, to - from);
        from += csv.consumed;

        switch (event) {
        case COMPLIANCE_CSV_ROW:
            p += sprintf(p, "%d", (int) csv.line);
            for (size_t i = 0; i < csv.n; i++) {
                p += sprintf(p, "<%.*s>", (int) csv.fields[i].len,
                             csv.fields[i].data);
            }
            p += sprintf(p, "\n");
            break;
        case COMPLIANCE_CSV_BROKEN:
            p += sprintf(p, "%d broken\n", (int) csv.line);
            break;
        case COMPLIANCE_CSV_MORE:
            cr_assert_not(last, "asks for more behind the end: %s", in);
            last = to == len;
            to = to + step < len ? to + step : len;
            break;
        case COMPLIANCE_CSV_END:
            break;
        }

        cr_assert_lt(p - said, SAID_MAX - 1024);
        free(copy);
    }
}


static void
says(const char *in, const char *expected)
{
    char   said[SAID_MAX];
    size_t len = strlen(in);

    feed(in, len, 1, 1, said);
    cr_assert_str_eq(said, expected, "bytewise: %s\nsays %s", in, said);

    for (size_t n = 1; n <= len; n++) {
        feed(in, len, n, len, said);
        cr_assert_str_eq(said, expected, "split at %zu: %s\nsays %s", n, in,
                         said);
    }
}


Test(csv, rows_and_columns)
{
    says("id,owner\nd1,alice\n", "1<id><owner>\n2<d1><alice>\n");
    says("id,owner\r\nd1,alice\r\n", "1<id><owner>\n2<d1><alice>\n");
    says("id;owner\nd1;a,b", "1<id><owner>\n2<d1><a,b>\n");
    says("id\towner\nd1\t", "1<id><owner>\n2<d1><>\n");
    says("id\nd1\n\n\nd2\n", "1<id>\n2<d1>\n5<d2>\n");
    says("\xef\xbb\xbfid,b\n,\n", "1<id><b>\n2<><>\n");
    says("", "");
    says("\n\n", "");
}


Test(csv, quotes)
{
    says("id,\"a,b\"\n\"d\"\"1\",\"x\ny\"\n\"\",z\n",
         "1<id><a,b>\n2<d\"1><x\ny>\n4<><z>\n");
    says("id,b\n5\"\" pipe,x\"y\n", "1<id><b>\n2<5\"\" pipe><x\"y>\n");
    says("\"id\";\"b;c\"\r\n1;2\r\n", "1<id><b;c>\n2<1><2>\n");
}


Test(csv, a_quote_that_does_not_close_costs_its_row)
{
    says("id,b\nd1,\"open\nd2,x\nd3,y\n",
         "1<id><b>\n2 broken\n3<d2><x>\n4<d3><y>\n");
    says("id,b\nd1,\"x\"y\nd2,z\n", "1<id><b>\n2 broken\n3<d2><z>\n");
    says("id,b\nd1,\"", "1<id><b>\n2 broken\n");
}


Test(csv, a_row_that_is_too_long_is_passed_over)
{
    size_t len = 5 + COMPLIANCE_CSV_ROW_MAX + 100;
    char  *in = malloc(len + 1), said[SAID_MAX], again[SAID_MAX];

    cr_assert_not_null(in);
    memset(in, 'x', len);
    memcpy(in, "id,b\n", 5);
    in[len - 10] = '\n';
    feed(in, len, len, len, said);
    cr_assert(strncmp(said, "1<id><b>\n2 broken\n", 18) == 0);
    feed(in, len, 100, 977, again);
    cr_assert_str_eq(said, again);
    free(in);
}


Test(csv, too_many_columns_are_refused)
{
    char in[2 * COMPLIANCE_CSV_FIELDS_MAX + 8], said[SAID_MAX];

    memset(in, ',', sizeof(in));
    in[sizeof(in) - 1] = '\n';
    feed(in, sizeof(in), sizeof(in), 1, said);
    cr_assert_str_eq(said, "1 broken\n");
}
