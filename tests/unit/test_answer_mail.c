/*
 * The lines of IMAP, POP3 and SMTP, and that nothing in a text or link makes a
 * second line of them.
 */
#include "fixture.h"

#include "answer_mail.h"


TestSuite(answer_mail);

#define TEXT  "Gesperrt."
#define LINK  "https://portal.example.com/?t=abc"

static char             out[COMPLIANCE_MAIL_ANSWER_MAX];
static compliance_buf_t buf;


static compliance_rc_t
answer(compliance_protocol_t protocol, compliance_verdict_t verdict,
    const char *tag, compliance_str_t text, compliance_str_t link)
{
    compliance_buf_init(&buf, out, sizeof(out));

    return compliance_mail_answer(protocol, verdict, str(tag), text, link,
        &buf);
}


#define ANSWER(protocol, verdict, want)                                       \
    do {                                                                      \
        cr_assert_eq(answer(COMPLIANCE_##protocol, COMPLIANCE_##verdict,      \
            "a1", str(TEXT), str(LINK)), COMPLIANCE_OK);                      \
        cr_assert_str_eq(out, want);                                          \
    } while (0)


Test(answer_mail, answers_are_those_of_the_design)
{
    ANSWER(IMAP, BLOCK, "a1 NO [ALERT] " TEXT " " LINK "\r\n* BYE " TEXT " "
        LINK "\r\n");
    ANSWER(IMAP, TEMPFAIL, "a1 NO [UNAVAILABLE] " TEXT "\r\n* BYE " TEXT
        "\r\n");
    ANSWER(IMAP, BAD_REQUEST, "a1 BAD " TEXT "\r\n* BYE " TEXT "\r\n");
    ANSWER(POP3, BLOCK, "-ERR [SYS/PERM] " TEXT " " LINK "\r\n");
    ANSWER(POP3, TEMPFAIL, "-ERR [SYS/TEMP] " TEXT "\r\n");
    ANSWER(POP3, BAD_REQUEST, "-ERR " TEXT "\r\n");
    ANSWER(SMTP, BLOCK, "534 5.7.9 " TEXT " " LINK "\r\n");
    ANSWER(SMTP, TEMPFAIL, "454 4.7.0 " TEXT "\r\n");
    ANSWER(SMTP, BAD_REQUEST, "501 5.5.2 " TEXT "\r\n");
}


Test(answer_mail, an_undecided_access_is_a_temporary_failure)
{
    ANSWER(SMTP, UNDECIDED, "454 4.7.0 " TEXT "\r\n");
    ANSWER(SMTP, ALLOW, "454 4.7.0 " TEXT "\r\n");
}


Test(answer_mail, other_protocols_have_no_such_answer)
{
    static const compliance_protocol_t others[] = {
        COMPLIANCE_PROTOCOL_NONE, COMPLIANCE_EAS, COMPLIANCE_WEB,
        COMPLIANCE_EWS, COMPLIANCE_MAPI, COMPLIANCE_DAV,
        COMPLIANCE_AUTODISCOVER, COMPLIANCE_PROTOCOLS };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        cr_assert_eq(answer(others[i], COMPLIANCE_BLOCK, "a", str("x"),
            str(LINK)), COMPLIANCE_MALFORMED);
    }
}


Test(answer_mail, without_a_text_the_reasons_sentence_is_told)
{
    answer(COMPLIANCE_POP3, COMPLIANCE_BLOCK, NULL, compliance_absent,
        compliance_absent);
    cr_assert_str_eq(out, "-ERR [SYS/PERM] This device does not meet your "
        "organisation's security rules.\r\n");
    answer(COMPLIANCE_SMTP, COMPLIANCE_TEMPFAIL, NULL, str(" \r\n "),
        compliance_absent);
    cr_assert_eq(strncmp(out, "454 4.7.0 The security check", 28), 0);
    answer(COMPLIANCE_SMTP, COMPLIANCE_BAD_REQUEST, NULL, str(""),
        compliance_absent);
    cr_assert_eq(strncmp(out, "501 5.5.2 The request", 21), 0);
}


/* Every line ends with CRLF, and holds only printable ASCII before it. */
static void
sound(size_t lines, size_t max, int row)
{
    size_t at = 0, n = 0, begin = 0;

    cr_assert_eq(strlen(out), buf.len, "row %d: a NUL", row);

    for (; at < buf.len; at++) {
        if (out[at] == '\r' && out[at + 1] == '\n') {
            at++;
            n++;
            cr_assert_leq(at + 1 - begin, max, "row %d", row);
            begin = at + 1;
            continue;
        }

        cr_assert(out[at] >= 0x20 && out[at] < 0x7f, "row %d at %zu: %02x",
            row, at, (unsigned char) out[at]);
    }

    cr_assert_eq(n, lines, "row %d: %zu lines", row, n);
    cr_assert_eq(begin, buf.len, "row %d", row);
}


Test(answer_mail, nothing_in_a_text_or_link_makes_a_second_line)
{
    static const compliance_str_t hostile[] = {
        { "a\r\nb2 OK LOGIN", 14 }, { "a\nb", 3 }, { "a\rb", 3 },
        { "a\0b", 3 }, { "\xff\xfe", 2 }, { "a\xc2\x85" "b", 4 },
        { "a\xe2\x80\xa8" "b", 5 }, { "Gerät “gesperrt”", 20 },
        { "\x7f\x1b[2J", 5 }, { "\xe4\xb8\xad", 3 }, { "ﷺ", 3 },
    };

    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        int row = (int) i;

        answer(COMPLIANCE_IMAP, COMPLIANCE_BLOCK, "a", hostile[i],
            hostile[i]);
        sound(2, 1900, row);
        answer(COMPLIANCE_IMAP, COMPLIANCE_BAD_REQUEST, "a", hostile[i],
            hostile[i]);
        sound(2, 1900, row);
        answer(COMPLIANCE_POP3, COMPLIANCE_BLOCK, "a", hostile[i],
            hostile[i]);
        sound(1, 512, row);
        answer(COMPLIANCE_SMTP, COMPLIANCE_BLOCK, "a", hostile[i],
            hostile[i]);
        sound(1, 512, row);
    }
}


Test(answer_mail, texts_are_transliterated_where_they_can_be)
{
    answer(COMPLIANCE_SMTP, COMPLIANCE_BLOCK, NULL,
        str("Gerät „Straße“ – café…\t\n  Ωx "), compliance_absent);
    cr_assert_str_eq(out,
        "534 5.7.9 Gerat \"Strasse\" - cafe... ?x\r\n");
}


Test(answer_mail, a_text_opens_no_response_code)
{
    answer(COMPLIANCE_IMAP, COMPLIANCE_BAD_REQUEST, "a", str("[ALERT] x"),
        compliance_absent);
    cr_assert_str_eq(out, "a BAD (ALERT] x\r\n* BYE (ALERT] x\r\n");
}


Test(answer_mail, a_tag_that_is_none_is_not_repeated)
{
    static const char *const tags[] = {
        NULL, "", "a b", "a\r\nb", "*", "+", "a{1}", "a\"", "\\a", "a%", "(a",
        "\xff" };
    char                     long_tag[300];

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        answer(COMPLIANCE_IMAP, COMPLIANCE_TEMPFAIL, tags[i], str("x"),
            compliance_absent);
        cr_assert_str_eq(out, "* NO [UNAVAILABLE] x\r\n* BYE x\r\n", "%zu",
            i);
    }

    memset(long_tag, 'a', sizeof(long_tag));
    long_tag[256] = '\0';
    answer(COMPLIANCE_IMAP, COMPLIANCE_TEMPFAIL, long_tag, str("x"),
        compliance_absent);
    cr_assert_eq(strncmp(out, "* NO", 4), 0);
    long_tag[255] = '\0';
    answer(COMPLIANCE_IMAP, COMPLIANCE_TEMPFAIL, long_tag, str("x"),
        compliance_absent);
    cr_assert_eq(strncmp(out, "aaaa", 4), 0);

    answer(COMPLIANCE_IMAP, COMPLIANCE_TEMPFAIL, "A.1]x-", str("x"),
        compliance_absent);
    cr_assert_eq(strncmp(out, "A.1]x- NO", 9), 0);
}


Test(answer_mail, a_long_text_is_cut_and_the_link_stays_whole)
{
    char             text[4096], link[4096];
    compliance_str_t long_text = { text, 0 }, long_link = { link, 0 };

    memset(text, 'x', sizeof(text));
    memset(link, 'l', sizeof(link));

    for (size_t n = 0; n < 1200; n += 7) {
        for (size_t l = 1; l < 600; l += 31) {
            size_t found;

            long_text.len = n + 1;
            long_link.len = l;

            answer(COMPLIANCE_POP3, COMPLIANCE_BLOCK, NULL, long_text,
                long_link);
            sound(1, 512, (int) n);
            found = strcspn(out, "l");
            found = strspn(out + found, "l");
            cr_assert(found == 0 || found == l);
            cr_assert(found == l || 16 + 2 + 1 + l >= 512);

            answer(COMPLIANCE_SMTP, COMPLIANCE_BLOCK, NULL, long_text,
                long_link);
            sound(1, 512, (int) n);
        }
    }

    long_text.len = sizeof(text);
    long_link.len = 1536;
    cr_assert_eq(answer(COMPLIANCE_IMAP, COMPLIANCE_BLOCK, "a", long_text,
        long_link), COMPLIANCE_OK);
    sound(2, 1900 + 2, 0);
    cr_assert_not_null(strstr(out, "x l"));

    memset(text, 't', 255);
    text[255] = '\0';
    memset(text + 256, 'x', 1024);
    long_text = (compliance_str_t) { text + 256, 1024 };
    cr_assert_eq(answer(COMPLIANCE_IMAP, COMPLIANCE_BLOCK, text, long_text,
        long_link), COMPLIANCE_OK, "the longest answer");
    sound(2, 1900 + 256, 0);
}


Test(answer_mail, an_answer_that_does_not_fit_is_too_long)
{
    for (size_t cap = 0; cap < 20; cap++) {
        compliance_buf_init(&buf, out, cap);
        cr_assert_eq(compliance_mail_answer(COMPLIANCE_IMAP,
            COMPLIANCE_BLOCK, str("a"), str("x"), compliance_absent, &buf),
            COMPLIANCE_TOO_LONG);
    }
}
