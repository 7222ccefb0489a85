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


bool
compliance_str_is(compliance_str_t a, const char *literal)
{
    if (a.data == NULL || a.len != strlen(literal)) {
        return false;
    }

    for (size_t i = 0; i < a.len; i++) {
        unsigned char x = (unsigned char) a.data[i];
        unsigned char y = (unsigned char) literal[i];

        if (x >= 'A' && x <= 'Z') {
            x |= 0x20;
        }

        if (y >= 'A' && y <= 'Z') {
            y |= 0x20;
        }

        if (x != y) {
            return false;
        }
    }

    return true;
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


static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* The value of one character, or -1; c62 and c63 tell the alphabets apart. */
static int
base64_value(char c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    if (c == c62) {
        return 62;
    }

    return c == c63 ? 63 : -1;
}


/* in: without padding.  A single left-over character carries no byte, and
 * bits behind the last byte that are not zero would let one value be spelt in
 * several ways: both are refused. */
static compliance_rc_t
base64_decode(const char *in, size_t len, const char *alphabet, uint8_t *out,
    size_t cap, size_t *out_len)
{
    char     c62 = alphabet[62], c63 = alphabet[63];
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t   n = 0;

    if (len % 4 == 1) {
        return COMPLIANCE_MALFORMED;
    }

    if (len / 4 * 3 + (len % 4 != 0 ? len % 4 - 1 : 0) > cap) {
        return COMPLIANCE_TOO_LONG;
    }

    for (size_t i = 0; i < len; i++) {
        int value = base64_value(in[i], c62, c63);

        if (value < 0) {
            return COMPLIANCE_MALFORMED;
        }

        bits = bits << 6 | (uint32_t) value;
        n_bits += 6;

        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t) (bits >> n_bits);
            bits &= (1u << n_bits) - 1;
        }
    }

    if (bits != 0) {
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

    return base64_decode(in.data, len, alphabet_std, out, cap, out_len);
}


compliance_rc_t
compliance_base64url_decode(compliance_str_t in, uint8_t *out, size_t cap,
    size_t *out_len)
{
    if (in.data == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    return base64_decode(in.data, in.len, alphabet_url, out, cap, out_len);
}


static void
base64_encode(compliance_buf_t *buf, const uint8_t *in, size_t len,
    const char *alphabet, bool padding)
{
    while (len > 0) {
        size_t   n = len < 3 ? len : 3;
        uint32_t bits = (uint32_t) in[0] << 16
                        | (n > 1 ? (uint32_t) in[1] << 8 : 0)
                        | (n > 2 ? in[2] : 0);
        char     quad[4] = {
            alphabet[bits >> 18],
            alphabet[bits >> 12 & 63],
            n > 1 ? alphabet[bits >> 6 & 63] : '=',
            n > 2 ? alphabet[bits & 63] : '=',
        };

        compliance_buf_add(buf, quad, padding ? sizeof(quad) : n + 1);
        in += n;
        len -= n;
    }
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
