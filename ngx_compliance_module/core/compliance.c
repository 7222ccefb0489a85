/*
 * What every part of the core shares: the text buffer, slice comparison, strict
 * base64 and the names of the protocols.  Nothing here is lenient: a byte
 * outside a grammar is refused, never skipped.
 */
#include "compliance.h"

#include <string.h>


static const char *const protocol_names[COMPLIANCE_PROTOCOLS] = {
    [COMPLIANCE_PROTOCOL_NONE] = "none",
    [COMPLIANCE_EAS]           = "eas",
    [COMPLIANCE_WEB]           = "web",
    [COMPLIANCE_EWS]           = "ews",
    [COMPLIANCE_MAPI]          = "mapi",
    [COMPLIANCE_DAV]           = "dav",
    [COMPLIANCE_AUTODISCOVER]  = "autodiscover",
    [COMPLIANCE_IMAP]          = "imap",
    [COMPLIANCE_POP3]          = "pop3",
    [COMPLIANCE_SMTP]          = "smtp",
};


const char *
compliance_protocol_name(compliance_protocol_t protocol)
{
    if ((unsigned) protocol >= COMPLIANCE_PROTOCOLS) {
        return protocol_names[COMPLIANCE_PROTOCOL_NONE];
    }

    return protocol_names[protocol];
}


compliance_protocol_t
compliance_protocol_parse(compliance_str_t name)
{
    for (unsigned i = COMPLIANCE_EAS; i < COMPLIANCE_PROTOCOLS; i++) {
        compliance_str_t known = { protocol_names[i],
                                   strlen(protocol_names[i]) };

        if (compliance_str_eq(name, known)) {
            return (compliance_protocol_t) i;
        }
    }

    return COMPLIANCE_PROTOCOL_NONE;
}


void
compliance_buf_init(compliance_buf_t *buf, char *data, size_t cap)
{
    buf->data = data;
    buf->len = 0;
    buf->cap = cap;
    buf->overflow = (cap == 0);

    if (cap != 0) {
        data[0] = '\0';
    }
}


/* Adds all of it or, once it overflowed, nothing any more: a text that lacks
 * its middle must never look whole. */
void
compliance_buf_add(compliance_buf_t *buf, const char *data, size_t len)
{
    if (buf->overflow || len >= buf->cap - buf->len) {
        buf->overflow = true;
        return;
    }

    if (len != 0) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }

    buf->data[buf->len] = '\0';
}


void
compliance_buf_str(compliance_buf_t *buf, const char *text)
{
    compliance_buf_add(buf, text, strlen(text));
}


void
compliance_buf_int(compliance_buf_t *buf, int64_t value)
{
    char      digits[20];   /* 2^63 has 19 digits, and a sign */
    char     *p = digits + sizeof(digits);
    uint64_t  rest = value < 0 ? - (uint64_t) value : (uint64_t) value;

    do {
        *--p = (char) ('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);

    if (value < 0) {
        *--p = '-';
    }

    compliance_buf_add(buf, p, (size_t) (digits + sizeof(digits) - p));
}


bool
compliance_str_eq(compliance_str_t a, compliance_str_t b)
{
    if (a.data == NULL || b.data == NULL) {
        return a.data == b.data;
    }

    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static unsigned char
to_lower(char c)
{
    unsigned char byte = (unsigned char) c;

    return (unsigned char) (byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}


bool
compliance_str_is(compliance_str_t a, const char *literal)
{
    if (a.data == NULL) {
        return false;
    }

    for (size_t i = 0; i < a.len; i++) {
        if (literal[i] == '\0' || to_lower(a.data[i]) != to_lower(literal[i])) {
            return false;
        }
    }

    return literal[a.len] == '\0';
}


int
compliance_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


bool
compliance_parse_uint(compliance_str_t text, int64_t *out)
{
    int64_t value = 0;

    if (text.data == NULL || text.len == 0 || text.len > 18) {
        return false;
    }

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }

        value = value * 10 + (text.data[i] - '0');
    }

    *out = value;
    return true;
}


bool
compliance_list_item(compliance_str_t *list, compliance_str_t *item)
{
    const char *end, *comma;

    if (list->data == NULL) {
        return false;
    }

    end = list->data + list->len;
    comma = memchr(list->data, ',', list->len);

    item->data = list->data;
    item->len = (size_t) ((comma != NULL ? comma : end) - list->data);

    if (comma != NULL) {
        list->data = comma + 1;
        list->len = (size_t) (end - comma - 1);

    } else {
        *list = compliance_absent;
    }

    while (item->len > 0 && item->data[0] == ' ') {
        item->data++;
        item->len--;
    }

    while (item->len > 0 && item->data[item->len - 1] == ' ') {
        item->len--;
    }

    return true;
}


static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a character and, above its six bits, the alphabets it is of;
 * of none: 0. */
#define STD   0x40
#define URL   0x80
#define B(v)  (STD | URL | (v))

static const uint8_t base64_values[256] = {
    ['+'] = STD | 62, ['-'] = URL | 62, ['/'] = STD | 63, ['_'] = URL | 63,
    ['0'] = B(52), B(53), B(54), B(55), B(56), B(57), B(58), B(59), B(60),
        B(61),
    ['A'] = B(0), B(1), B(2), B(3), B(4), B(5), B(6), B(7), B(8), B(9),
        B(10), B(11), B(12), B(13), B(14), B(15), B(16), B(17), B(18), B(19),
        B(20), B(21), B(22), B(23), B(24), B(25),
    ['a'] = B(26), B(27), B(28), B(29), B(30), B(31), B(32), B(33), B(34),
        B(35), B(36), B(37), B(38), B(39), B(40), B(41), B(42), B(43), B(44),
        B(45), B(46), B(47), B(48), B(49), B(50), B(51),
};

#undef B


/* in: without padding.  A single left-over character carries no byte, and
 * bits behind the last byte that are not zero would let one value be spelt in
 * several ways: both are refused. */
static compliance_rc_t
base64_decode(const char *in, size_t len, uint8_t alphabet, uint8_t *out,
    size_t cap, size_t *out_len)
{
    const uint8_t *values = base64_values;
    const uint8_t *p = (const uint8_t *) in;
    size_t         rest = len % 4, n = len / 4 * 3;
    uint8_t        of_all = STD | URL;
    uint32_t       bits = 0;

    if (rest == 1) {
        return COMPLIANCE_MALFORMED;
    }

    if (n + (rest != 0 ? rest - 1 : 0) > cap) {
        return COMPLIANCE_TOO_LONG;
    }

    for (const uint8_t *end = p + (len - rest); p != end; p += 4) {
        uint8_t a = values[p[0]], b = values[p[1]];
        uint8_t c = values[p[2]], d = values[p[3]];

        of_all &= a & b & c & d;
        *out++ = (uint8_t) (a << 2 | (b & 63) >> 4);
        *out++ = (uint8_t) (b << 4 | (c & 63) >> 2);
        *out++ = (uint8_t) (c << 6 | (d & 63));
    }

    for (size_t i = 0; i < rest; i++) {
        of_all &= values[p[i]];
        bits |= (uint32_t) (values[p[i]] & 63) << (18 - 6 * i);
    }

    for (; rest > 1; rest--) {
        *out++ = (uint8_t) (bits >> 16);
        bits = bits << 8 & 0xffffff;
        n++;
    }

    if (!(of_all & alphabet) || bits != 0) {
        return COMPLIANCE_MALFORMED;
    }

    *out_len = n;
    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_base64_decode(compliance_str_t in, uint8_t *out, size_t cap,
    size_t *out_len)
{
    size_t len = in.len;

    if (in.data == NULL || len % 4 != 0) {
        return COMPLIANCE_MALFORMED;
    }

    /* Of a last group at most two characters are padding. */
    if (len != 0 && in.data[len - 1] == '=') {
        len--;

        if (in.data[len - 1] == '=') {
            len--;
        }
    }

    return base64_decode(in.data, len, STD, out, cap, out_len);
}


compliance_rc_t
compliance_base64url_decode(compliance_str_t in, uint8_t *out, size_t cap,
    size_t *out_len)
{
    if (in.data == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    return base64_decode(in.data, in.len, URL, out, cap, out_len);
}


static void
base64_encode(compliance_buf_t *buf, const uint8_t *in, size_t len,
    const char *alphabet, bool padding)
{
    size_t  rest = len % 3;
    size_t  need = len / 3 * 4
                   + (rest == 0 ? 0 : padding ? 4 : rest + 1);
    char   *out = buf->data + buf->len;

    if (buf->overflow || need >= buf->cap - buf->len) {
        buf->overflow = true;
        return;
    }

    for (const uint8_t *end = in + (len - rest); in != end; in += 3) {
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] << 4 | in[1] >> 4) & 63];
        *out++ = alphabet[(in[1] << 2 | in[2] >> 6) & 63];
        *out++ = alphabet[in[2] & 63];
    }

    if (rest != 0) {
        uint8_t second = rest == 2 ? in[1] : 0;

        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] << 4 | second >> 4) & 63];

        if (rest == 2) {
            *out++ = alphabet[second << 2 & 63];
        }

        for (size_t i = rest; padding && i < 3; i++) {
            *out++ = '=';
        }
    }

    *out = '\0';
    buf->len += need;
}


void
compliance_base64url_encode(compliance_buf_t *buf, const uint8_t *in,
    size_t len)
{
    base64_encode(buf, in, len, alphabet_url, false);
}


void
compliance_base64_encode(compliance_buf_t *buf, const uint8_t *in, size_t len)
{
    base64_encode(buf, in, len, alphabet_std, true);
}
