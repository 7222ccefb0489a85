/*
 * The secret file: keys that sign links and login tags.  A broken line spoils
 * the whole file: half a keyring would refuse what the other half signed.
 */
#include "mac.h"

#include <openssl/crypto.h>
#include <string.h>


/* NULL: the key is read; else what is wrong with the line. */
static const char *
compliance_key_parse(compliance_str_t line, compliance_key_t *key)
{
    size_t           digits;
    int64_t          id;
    const char      *hex, *blank = memchr(line.data, ' ', line.len);
    compliance_str_t text;

    if (blank == NULL) {
        return "expected \"ID HEXSECRET\"";
    }

    text = (compliance_str_t) { line.data, (size_t) (blank - line.data) };

    if (!compliance_parse_uint(text, &id) || id > 255) {
        return "the id is not a number from 0 to 255";
    }

    hex = blank + 1;
    digits = line.len - text.len - 1;

    if (digits % 2 != 0) {
        return "the secret has an odd number of hex digits";
    }

    if (digits / 2 < COMPLIANCE_KEY_MIN_BYTES) {
        return "the secret is shorter than 32 bytes (64 hex digits)";
    }

    if (digits / 2 > COMPLIANCE_KEY_MAX_BYTES) {
        return "the secret is longer than 64 bytes (128 hex digits)";
    }

    for (size_t i = 0; i < digits / 2; i++) {
        int high = compliance_hex_digit(hex[2 * i]);
        int low = compliance_hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0) {
            return "the secret is not written in hex digits";
        }

        key->secret[i] = (uint8_t) (high << 4 | low);
    }

    key->id = (uint8_t) id;
    key->len = digits / 2;

    return NULL;
}


static const char *
compliance_keyring_line(compliance_str_t line, compliance_keyring_t *out)
{
    const char       *why;
    compliance_key_t  key;

    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    if (line.len == 0 || line.data[0] == '#') {
        return NULL;
    }

    if (out->n == COMPLIANCE_KEYS_MAX) {
        return "there are more than 4 keys";
    }

    memset(&key, 0, sizeof(key));
    why = compliance_key_parse(line, &key);

    if (why == NULL && compliance_key_by_id(out, key.id) != NULL) {
        why = "the id stands on an earlier line already";
    }

    if (why == NULL) {
        out->keys[out->n++] = key;
    }

    OPENSSL_cleanse(&key, sizeof(key));

    return why;
}


compliance_rc_t
compliance_keyring_parse(compliance_str_t text, compliance_keyring_t *out,
    unsigned *line, const char **why)
{
    const char *at = text.data, *newline, *end = text.data;

    memset(out, 0, sizeof(*out));
    *line = 0;
    *why = NULL;

    if (text.data != NULL) {
        end = text.data + text.len;
    }

    while (at != end && *why == NULL) {
        newline = memchr(at, '\n', (size_t) (end - at));

        if (newline == NULL) {
            newline = end;
        }

        (*line)++;
        *why = compliance_keyring_line(
            (compliance_str_t) { at, (size_t) (newline - at) }, out);
        at = newline == end ? end : newline + 1;
    }

    if (*why == NULL && out->n == 0) {
        *why = "there is no key in it";
    }

    if (*why != NULL) {
        OPENSSL_cleanse(out, sizeof(*out));
        return COMPLIANCE_MALFORMED;
    }

    return COMPLIANCE_OK;
}
