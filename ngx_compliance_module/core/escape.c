/*
 * Text that came from outside, on its way into HTML, JSON or a URI.  Valid
 * UTF-8 stays readable, anything else becomes U+FFFD; what could end a line,
 * steer a terminal or turn the reading direction never comes out as itself.
 */
#include "answer_http.h"

#include <string.h>
#include <utf8proc.h>


#define COMPLIANCE_REPLACEMENT  "\xef\xbf\xbd"   /* U+FFFD */


/* The code point at text[*i], and *i moves behind it; -1: an invalid byte. */
static utf8proc_int32_t
compliance_code_point(compliance_str_t text, size_t *i)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n;

    n = utf8proc_iterate((const utf8proc_uint8_t *) text.data + *i,
        (utf8proc_ssize_t) (text.len - *i), &c);

    if (n <= 0) {
        (*i)++;
        return -1;
    }

    *i += (size_t) n;

    return c;
}


/* How many bytes from i on are printable ASCII that JSON takes as they are:
 * most of what comes, and added at once. */
static size_t
compliance_json_run(compliance_str_t text, size_t i)
{
    size_t begin = i;

    while (i < text.len) {
        uint8_t c = (uint8_t) text.data[i];

        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            break;
        }

        i++;
    }

    return i - begin;
}


static bool
compliance_is_control(utf8proc_int32_t c)
{
    return (c >= 0 && c < 0x20) || (c >= 0x7f && c < 0xa0)
           || (c >= 0x2028 && c <= 0x202e)    /* separators, bidi */
           || (c >= 0x2066 && c <= 0x2069);
}


void
compliance_html_escape(compliance_buf_t *out, compliance_str_t text)
{
    size_t           i = 0, at;
    utf8proc_int32_t c;

    while (text.data != NULL && i < text.len) {
        at = i;
        c = compliance_code_point(text, &i);

        if (compliance_is_control(c)) {
            continue;
        }

        switch (c) {

        case -1:
            compliance_buf_str(out, COMPLIANCE_REPLACEMENT);
            break;

        case '&':
            compliance_buf_str(out, "&amp;");
            break;

        case '<':
            compliance_buf_str(out, "&lt;");
            break;

        case '>':
            compliance_buf_str(out, "&gt;");
            break;

        case '"':
            compliance_buf_str(out, "&quot;");
            break;

        case '\'':
            compliance_buf_str(out, "&#39;");
            break;

        default:
            compliance_buf_add(out, text.data + at, i - at);
        }
    }
}


static void
compliance_json_code(compliance_buf_t *out, utf8proc_int32_t c)
{
    static const char hex[] = "0123456789abcdef";
    char              code[6] = { '\\', 'u' };

    for (int digit = 5; digit >= 2; digit--, c >>= 4) {
        code[digit] = hex[c & 0xf];
    }

    compliance_buf_add(out, code, sizeof(code));
}


void
compliance_json_escape(compliance_buf_t *out, compliance_str_t text)
{
    size_t           i = 0, at, run;
    utf8proc_int32_t c;

    while (text.data != NULL && i < text.len) {
        run = compliance_json_run(text, i);

        if (run != 0) {
            compliance_buf_add(out, text.data + i, run);
            i += run;
            continue;
        }

        at = i;
        c = compliance_code_point(text, &i);

        if (c == -1) {
            compliance_buf_str(out, COMPLIANCE_REPLACEMENT);

        } else if (c == '"') {
            compliance_buf_str(out, "\\\"");

        } else if (c == '\\') {
            compliance_buf_str(out, "\\\\");

        } else if (compliance_is_control(c)) {
            compliance_json_code(out, c);

        } else {
            compliance_buf_add(out, text.data + at, i - at);
        }
    }
}


void
compliance_uri_escape(compliance_buf_t *out, compliance_str_t text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; text.data != NULL && i < text.len; i++) {
        uint8_t c = (uint8_t) text.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || c == '-' || c == '.' || c == '_' || c == '~')
        {
            compliance_buf_add(out, text.data + i, 1);

        } else {
            char code[3] = { '%', hex[c >> 4], hex[c & 0xf] };

            compliance_buf_add(out, code, sizeof(code));
        }
    }
}
