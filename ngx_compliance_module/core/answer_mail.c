/*
 * What a mail client shows its user.  The text is reduced to one line of
 * printable ASCII: a line end in it would be a second answer, and an old client
 * drops the connection over an 8-bit byte.  The link is whole or not there.
 */
#include "answer_mail.h"

#include <string.h>
#include <utf8proc.h>


/* RFC 1939 3, RFC 2449 4 and RFC 5321 4.5.3.1.5: 512 with CRLF; IMAP knows no
 * limit, and common clients take 8192: two lines and a tag fit an answer. */
#define COMPLIANCE_IMAP_LINE_MAX  1900
#define COMPLIANCE_POP3_LINE_MAX  512
#define COMPLIANCE_SMTP_LINE_MAX  512
#define COMPLIANCE_TEXT_MAX       1024   /* characters of text, cut */

#define COMPLIANCE_TAG_MAX        255    /* an IMAP tag longer than this is not
                                            repeated */

typedef struct {
    const char *block;
    const char *bad_request;
    const char *tempfail;
    size_t      line_max;
} compliance_mail_lines_t;

static const compliance_mail_lines_t compliance_imap_lines = {
    "NO [ALERT] ", "BAD ", "NO [UNAVAILABLE] ", COMPLIANCE_IMAP_LINE_MAX
};

static const compliance_mail_lines_t compliance_pop3_lines = {
    "-ERR [SYS/PERM] ", "-ERR ", "-ERR [SYS/TEMP] ", COMPLIANCE_POP3_LINE_MAX
};

/* 535 would make clients ask for the password again */
static const compliance_mail_lines_t compliance_smtp_lines = {
    "534 5.7.9 ", "501 5.5.2 ", "454 4.7.0 ", COMPLIANCE_SMTP_LINE_MAX
};

/* Letters and marks of Western texts that decompose into no ASCII. */
static const struct {
    utf8proc_int32_t c;
    const char      *ascii;
} compliance_ascii[] = {
    { 0x00c6, "AE" }, { 0x00d8, "O" },  { 0x00df, "ss" }, { 0x00e6, "ae" },
    { 0x00f8, "o" },  { 0x0131, "i" },  { 0x0141, "L" },  { 0x0142, "l" },
    { 0x0152, "OE" }, { 0x0153, "oe" },
    { 0x2010, "-" },  { 0x2013, "-" },  { 0x2014, "-" },
    { 0x2018, "'" },  { 0x2019, "'" },  { 0x201c, "\"" }, { 0x201d, "\"" },
    { 0x201e, "\"" },
};


/* "Gerät" -> "Gerat", and what has no such form -> "?" */
static void
compliance_ascii_add(compliance_buf_t *out, utf8proc_int32_t c)
{
    char              ascii[18];
    size_t            n = 0;
    utf8proc_int32_t  parts[18];   /* the longest decomposition there is */
    int               last = 0;
    utf8proc_ssize_t  len;

    for (size_t i = 0;
         i < sizeof(compliance_ascii) / sizeof(compliance_ascii[0]); i++)
    {
        if (compliance_ascii[i].c == c) {
            compliance_buf_str(out, compliance_ascii[i].ascii);
            return;
        }
    }

    len = utf8proc_decompose_char(c, parts, 18,
        UTF8PROC_DECOMPOSE|UTF8PROC_COMPAT|UTF8PROC_STRIPMARK, &last);

    for (utf8proc_ssize_t i = 0; i < len && i < 18; i++) {
        if (parts[i] >= 0x20 && parts[i] < 0x7f) {
            ascii[n++] = (char) parts[i];
        }
    }

    if (n == 0) {
        compliance_buf_str(out, "?");
        return;
    }

    compliance_buf_add(out, ascii, n);
}


/* As much as out holds; blanks and line ends in a row become one blank. */
static void
compliance_mail_text(compliance_buf_t *out, compliance_str_t text)
{
    size_t           i = 0;
    bool             blank = false;
    utf8proc_int32_t c;
    utf8proc_ssize_t n;

    while (text.data != NULL && i < text.len && !out->overflow) {
        n = utf8proc_iterate((const utf8proc_uint8_t *) text.data + i,
            (utf8proc_ssize_t) (text.len - i), &c);

        if (n <= 0) {
            c = '?';
            n = 1;
        }

        i += (size_t) n;

        if (c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x2028
            || c == 0x2029)
        {
            blank = out->len > 0;
            continue;
        }

        if (blank) {
            compliance_buf_str(out, " ");
            blank = false;
        }

        if (c < 0x7f) {
            /* behind "BAD " or "* BYE " it would open a response code */
            char ascii = out->len == 0 && c == '[' ? '(' : (char) c;

            compliance_buf_add(out, &ascii, 1);

        } else {
            compliance_ascii_add(out, c);
        }
    }
}


_Static_assert(2 * COMPLIANCE_IMAP_LINE_MAX + COMPLIANCE_TAG_MAX + 2
    <= COMPLIANCE_MAIL_ANSWER_MAX, "the longest answer fits");


static bool
compliance_link_printable(compliance_str_t link)
{
    for (size_t i = 0; i < link.len; i++) {
        if (link.data[i] <= 0x20 || link.data[i] >= 0x7f) {
            return false;
        }
    }

    return link.data != NULL && link.len > 0;
}


/* RFC 9051: tag = 1*<any ASTRING-CHAR except "+">.  Anything else is answered
 * untagged. */
static compliance_str_t
compliance_mail_tag(compliance_str_t tag)
{
    if (tag.data == NULL || tag.len == 0 || tag.len > COMPLIANCE_TAG_MAX) {
        return compliance_str("*");
    }

    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.data[i];

        if (c <= 0x20 || c >= 0x7f || strchr("(){%*\"\\+", c) != NULL) {
            return compliance_str("*");
        }
    }

    return tag;
}


/* head + as much of text as leaves room + " " + link, CRLF. */
static void
compliance_mail_line(compliance_buf_t *out, const char *head,
    compliance_str_t text, compliance_str_t link, size_t max)
{
    size_t used = strlen(head) + sizeof("\r\n") - 1;
    size_t room;

    if (used + link.len + 1 >= max) {
        link.len = 0;
    }

    room = max - used - (link.len > 0 ? link.len + 1 : 0);

    if (text.len > room) {
        text.len = room;
    }

    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }

    compliance_buf_str(out, head);
    compliance_buf_add(out, text.data, text.len);

    if (link.len > 0) {
        if (text.len > 0) {
            compliance_buf_str(out, " ");
        }

        compliance_buf_add(out, link.data, link.len);
    }

    compliance_buf_str(out, "\r\n");
}


static const compliance_mail_lines_t *
compliance_mail_lines(compliance_protocol_t protocol)
{
    switch (protocol) {

    case COMPLIANCE_IMAP:
        return &compliance_imap_lines;

    case COMPLIANCE_POP3:
        return &compliance_pop3_lines;

    case COMPLIANCE_SMTP:
        return &compliance_smtp_lines;

    case COMPLIANCE_PROTOCOL_NONE:
    case COMPLIANCE_EAS:
    case COMPLIANCE_WEB:
    case COMPLIANCE_EWS:
    case COMPLIANCE_MAPI:
    case COMPLIANCE_DAV:
    case COMPLIANCE_AUTODISCOVER:
    case COMPLIANCE_PROTOCOLS:
        break;
    }

    return NULL;
}


compliance_rc_t
compliance_mail_answer(compliance_protocol_t protocol,
    compliance_verdict_t verdict, compliance_str_t tag, compliance_str_t text,
    compliance_str_t portal_link, compliance_buf_t *out)
{
    char                           clean[COMPLIANCE_TEXT_MAX + 1];
    const char                    *head = NULL;
    compliance_buf_t               line;
    compliance_reason_t            standard = COMPLIANCE_STORE_UNAVAILABLE;
    const compliance_mail_lines_t *lines = compliance_mail_lines(protocol);

    if (lines == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    switch (verdict) {

    case COMPLIANCE_BLOCK:
        head = lines->block;
        standard = COMPLIANCE_DEVICE_NONCOMPLIANT;
        break;

    case COMPLIANCE_BAD_REQUEST:
        head = lines->bad_request;
        standard = COMPLIANCE_IDENTITY_MALFORMED;
        break;

    case COMPLIANCE_UNDECIDED:
    case COMPLIANCE_ALLOW:
    case COMPLIANCE_TEMPFAIL:
        head = lines->tempfail;
        break;
    }

    compliance_buf_init(&line, clean, sizeof(clean));
    compliance_mail_text(&line, text);

    if (line.len == 0) {
        compliance_buf_str(&line, compliance_reason_sentence(standard));
    }

    text = (compliance_str_t) { clean, line.len };

    if (verdict != COMPLIANCE_BLOCK
        || !compliance_link_printable(portal_link))
    {
        portal_link = compliance_absent;
    }

    if (protocol == COMPLIANCE_IMAP) {
        tag = compliance_mail_tag(tag);
        compliance_buf_add(out, tag.data, tag.len);
        compliance_buf_str(out, " ");
    }

    compliance_mail_line(out, head, text, portal_link, lines->line_max);

    if (protocol == COMPLIANCE_IMAP) {
        /* some clients (OfflineIMAP) show the last line they got, not the
         * first: it says the same */
        compliance_mail_line(out, "* BYE ", text, portal_link,
            lines->line_max);
    }

    return out->overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}
