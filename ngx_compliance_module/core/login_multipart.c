/*
 * A multipart/form-data body (RFC 7578), as strict as browsers write it: the
 * first delimiter at its first byte, CR LF throughout, one Content-Disposition
 * a part, nothing behind the last delimiter.
 *
 * PHP finds delimiters in more than one way (a line that equals the boundary,
 * a line cut at its buffer's end), so the bytes of the boundary may stand
 * nowhere but in a delimiter: then every reader sees the same parts.  Browsers
 * draw the boundary at random; it does not occur by accident.
 */
#include "login_scan.h"

#include <string.h>


enum {
    PART_PREAMBLE = 0,    /* the first delimiter, byte by byte */
    PART_DELIMITER,       /* behind a boundary */
    PART_DELIMITER_LF,
    PART_HEADER,
    PART_HEADER_LF,
    PART_BODY,
    PART_CLOSING,         /* behind the first '-' of the last delimiter */
    PART_CLOSED,
    PART_CLOSED_LF,
    PART_END
};


/* The failure function of Knuth, Morris and Pratt: how much of the pattern is
 * still matched when the next byte does not fit. */
static void
prepare(const char *pattern, size_t len, uint8_t *fail)
{
    size_t k = 0;

    fail[0] = 0;

    for (size_t i = 1; i < len; i++) {
        while (k != 0 && pattern[i] != pattern[k]) {
            k = fail[k - 1];
        }

        k += pattern[i] == pattern[k];
        fail[i] = (uint8_t) k;
    }
}


/* One byte more; true where the pattern ends with it. */
static bool
match(const char *pattern, size_t len, const uint8_t *fail, size_t *matched,
    char c)
{
    if (*matched == len) {
        *matched = fail[len - 1];
    }

    while (*matched != 0 && pattern[*matched] != c) {
        *matched = fail[*matched - 1];
    }

    *matched += pattern[*matched] == c;

    return *matched == len;
}


void
compliance_login_multipart_init(compliance_login_scan_t *scan,
    compliance_str_t boundary)
{
    memcpy(scan->part.delimiter, "\r\n--", 4);
    memcpy(scan->part.delimiter + 4, boundary.data, boundary.len);
    scan->part.len = boundary.len + 4;

    prepare(scan->part.delimiter, scan->part.len, scan->part.fail);
    prepare(scan->part.delimiter + 2, scan->part.len - 2,
            scan->part.bare_fail);

    scan->state = PART_PREAMBLE;
}


typedef struct {
    compliance_str_t name;       /* absent: no parameter of that kind */
    compliance_str_t filename;
} disposition_t;


static void
skip_blanks(compliance_str_t *text)
{
    while (text->len != 0 && (*text->data == ' ' || *text->data == '\t')) {
        text->data++;
        text->len--;
    }
}


static bool
take_literal(compliance_str_t *text, const char *literal)
{
    compliance_str_t head = { text->data, strlen(literal) };

    if (head.len > text->len || !compliance_str_is(head, literal)) {
        return false;
    }

    text->data += head.len;
    text->len -= head.len;
    return true;
}


/* "..." without escapes.  A backslash before a closing quote hides it from
 * PHP; elsewhere it is a character of a file name. */
static bool
take_quoted(compliance_str_t *text, compliance_str_t *value)
{
    const char *end;

    if (!take_literal(text, "\"")) {
        return false;
    }

    end = memchr(text->data, '"', text->len);

    if (end == NULL || (end != text->data && end[-1] == '\\')) {
        return false;
    }

    value->data = text->data;
    value->len = (size_t) (end - text->data);
    text->data += value->len + 1;
    text->len -= value->len + 1;
    return true;
}


/* RFC 7578 4.2: form-data; name="..."; filename="...". */
static bool
parse_disposition(compliance_str_t text, disposition_t *out)
{
    *out = (disposition_t) { compliance_absent, compliance_absent };
    skip_blanks(&text);

    if (!take_literal(&text, "form-data")) {
        return false;
    }

    skip_blanks(&text);

    while (text.len != 0) {
        compliance_str_t *value;

        if (!take_literal(&text, ";")) {
            return false;
        }

        skip_blanks(&text);
        value = take_literal(&text, "name=") ? &out->name
                : take_literal(&text, "filename=") ? &out->filename : NULL;

        if (value == NULL || value->data != NULL
            || !take_quoted(&text, value))
        {
            return false;
        }

        skip_blanks(&text);
    }

    return out->name.data != NULL
           && memchr(out->name.data, '\\', out->name.len) == NULL;
}


/* An upload is no field, whatever its name; one that bears the field's name
 * has no purpose but to be mistaken for it. */
static void
part_named(compliance_login_scan_t *scan, const disposition_t *disposition)
{
    scan->part.named = true;
    compliance_login_field_begin(scan, disposition->filename.data != NULL);

    for (size_t i = 0; i < disposition->name.len; i++) {
        compliance_login_field_char(scan, disposition->name.data[i]);
    }

    compliance_login_field_end(scan);
}


/* token ":" value.  A line without a name is a continuation to PHP: refused. */
static void
header_line(compliance_login_scan_t *scan)
{
    compliance_str_t line = { scan->part.line, scan->part.line_len };
    compliance_str_t name = { line.data, 0 };
    disposition_t    disposition;

    while (name.len < line.len
           && ((line.data[name.len] >= 'A' && line.data[name.len] <= 'Z')
               || (line.data[name.len] >= 'a' && line.data[name.len] <= 'z')
               || line.data[name.len] == '-'))
    {
        name.len++;
    }

    if (name.len == 0 || name.len == line.len || line.data[name.len] != ':') {
        compliance_login_fail(scan, COMPLIANCE_MALFORMED);
        return;
    }

    if (!compliance_str_is(name, "Content-Disposition")) {
        return;
    }

    line.data += name.len + 1;
    line.len -= name.len + 1;

    if (scan->part.named || !parse_disposition(line, &disposition)) {
        compliance_login_fail(scan, COMPLIANCE_AMBIGUOUS);
        return;
    }

    part_named(scan, &disposition);
}


static void
header_char(compliance_login_scan_t *scan, char c)
{
    if (c == '\r') {
        scan->state = PART_HEADER_LF;
        return;
    }

    if (((unsigned char) c < 0x20 && c != '\t') || c == 0x7f) {
        compliance_login_fail(scan, COMPLIANCE_MALFORMED);
        return;
    }

    if (scan->part.line_len == sizeof(scan->part.line)) {
        compliance_login_fail(scan, COMPLIANCE_TOO_LONG);
        return;
    }

    scan->part.line[scan->part.line_len++] = c;
}


static void
header_end(compliance_login_scan_t *scan)
{
    if (scan->part.line_len != 0) {
        header_line(scan);
        scan->part.line_len = 0;
        scan->state = PART_HEADER;

    } else if (scan->part.named) {
        scan->part.matched = 0;
        scan->part.bare = 0;
        scan->state = PART_BODY;

    } else {
        compliance_login_fail(scan, COMPLIANCE_MALFORMED);
    }
}


static void
part_end(compliance_login_scan_t *scan)
{
    if (scan->value != NULL) {
        size_t held = scan->part.len;

        scan->value->len -= held < scan->value->len ? held : scan->value->len;
        scan->value = NULL;
    }

    scan->part.named = false;
    scan->part.line_len = 0;
    scan->part.bare = 0;
    scan->state = PART_DELIMITER;
}


/* The boundary's bytes end with c: is it a delimiter? */
static void
boundary_seen(compliance_login_scan_t *scan, bool delimiter)
{
    if (scan->state == PART_BODY && delimiter) {
        part_end(scan);

    } else {
        compliance_login_fail(scan, COMPLIANCE_AMBIGUOUS);
    }
}


static void
expect(compliance_login_scan_t *scan, char c, char expected, unsigned next)
{
    if (c == expected) {
        scan->state = next;

    } else {
        compliance_login_fail(scan, COMPLIANCE_MALFORMED);
    }
}


static void
inside_part(compliance_login_scan_t *scan, char c)
{
    bool delimiter = false, bare;

    if (scan->state == PART_BODY) {
        if (scan->value != NULL) {
            compliance_login_value_char(scan->value, c);
        }

        delimiter = match(scan->part.delimiter, scan->part.len,
                          scan->part.fail, &scan->part.matched, c);
    }

    bare = match(scan->part.delimiter + 2, scan->part.len - 2,
                 scan->part.bare_fail, &scan->part.bare, c);

    if (bare) {
        boundary_seen(scan, delimiter);

    } else if (scan->state == PART_HEADER) {
        header_char(scan, c);

    } else if (scan->state == PART_HEADER_LF) {
        if (c == '\n') {
            header_end(scan);

        } else {
            compliance_login_fail(scan, COMPLIANCE_MALFORMED);
        }
    }
}


/* The bytes of an upload that cannot begin a delimiter. */
static size_t
skip_content(const compliance_login_scan_t *scan, const char *data, size_t len)
{
    size_t n = 0;

    if (scan->state != PART_BODY || scan->value != NULL
        || scan->part.matched != 0 || scan->part.bare != 0)
    {
        return 0;
    }

    while (n < len && data[n] != '\r' && data[n] != '-') {
        n++;
    }

    return n;
}


static void
preamble(compliance_login_scan_t *scan, char c)
{
    if (c != scan->part.delimiter[2 + scan->part.bare]) {
        compliance_login_fail(scan, COMPLIANCE_MALFORMED);

    } else if (++scan->part.bare == scan->part.len - 2) {
        part_end(scan);
    }
}


void
compliance_login_multipart_feed(compliance_login_scan_t *scan,
    const char *data, size_t len)
{
    for (size_t i = 0; i < len && scan->failed == COMPLIANCE_OK; i++) {
        char c;

        i += skip_content(scan, data + i, len - i);

        if (i == len) {
            break;
        }

        c = data[i];

        switch (scan->state) {
        case PART_PREAMBLE:
            preamble(scan, c);
            break;
        case PART_DELIMITER:
            if (c == '-') {
                scan->state = PART_CLOSING;
            } else {
                expect(scan, c, '\r', PART_DELIMITER_LF);
            }

            break;
        case PART_DELIMITER_LF:
            expect(scan, c, '\n', PART_HEADER);
            break;
        case PART_HEADER:
        case PART_HEADER_LF:
        case PART_BODY:
            inside_part(scan, c);
            break;
        case PART_CLOSING:
            expect(scan, c, '-', PART_CLOSED);
            break;
        case PART_CLOSED:
            expect(scan, c, '\r', PART_CLOSED_LF);
            break;
        case PART_CLOSED_LF:
            expect(scan, c, '\n', PART_END);
            break;
        case PART_END:
            compliance_login_fail(scan, COMPLIANCE_MALFORMED);
            break;
        }
    }
}


void
compliance_login_multipart_end(compliance_login_scan_t *scan)
{
    if (scan->state != PART_CLOSED && scan->state != PART_END) {
        compliance_login_fail(scan, COMPLIANCE_MALFORMED);
    }
}
