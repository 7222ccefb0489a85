/*
 * What a group matches a request against: networks (CIDR) and client patterns
 * (globs).  Both are read from an admin's text and run on a client's bytes.
 */
#include "group.h"

#include <arpa/inet.h>
#include <string.h>


static bool
compliance_bits_clear(const uint8_t address[16], unsigned from)
{
    for (unsigned i = from; i < 128; i++) {
        if (address[i / 8] & (0x80 >> (i % 8))) {
            return false;
        }
    }

    return true;
}


compliance_rc_t
compliance_network_parse(compliance_str_t text, compliance_network_t *out)
{
    char                 address[INET6_ADDRSTRLEN];
    size_t               len = text.len;
    int64_t              bits;
    unsigned             offset;
    const char          *slash;
    compliance_network_t network;

    if (text.data == NULL || text.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    slash = memchr(text.data, '/', text.len);

    if (slash != NULL) {
        len = (size_t) (slash - text.data);
    }

    if (len >= sizeof(address) || memchr(text.data, '\0', len) != NULL) {
        return COMPLIANCE_MALFORMED;
    }

    memcpy(address, text.data, len);
    address[len] = '\0';
    memset(&network, 0, sizeof(network));

    if (inet_pton(AF_INET, address, network.address + 12) == 1) {
        network.address[10] = network.address[11] = 0xff;
        offset = 96;

    } else if (inet_pton(AF_INET6, address, network.address) == 1) {
        offset = 0;

    } else {
        return COMPLIANCE_MALFORMED;
    }

    bits = 128 - offset;

    if (slash != NULL
        && (!compliance_parse_uint((compliance_str_t) { slash + 1,
                text.len - len - 1 }, &bits) || bits > 128 - offset))
    {
        return COMPLIANCE_MALFORMED;
    }

    network.bits = (unsigned) bits + offset;

    if (!compliance_bits_clear(network.address, network.bits)) {
        return COMPLIANCE_MALFORMED;
    }

    *out = network;

    return COMPLIANCE_OK;
}


bool
compliance_network_contains(const compliance_network_t *network,
    const uint8_t address[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    unsigned             bytes = network->bits / 8, rest = network->bits % 8;
    uint8_t              mask;

    /* "::/0" means every IPv6 address; IPv4 is only mapped into that space */
    if (network->bits < 96 && memcmp(address, mapped, sizeof(mapped)) == 0) {
        return false;
    }

    if (memcmp(network->address, address, bytes) != 0) {
        return false;
    }

    if (rest == 0) {
        return true;
    }

    mask = (uint8_t) (0xff00 >> rest);

    return ((network->address[bytes] ^ address[bytes]) & mask) == 0;
}


static char
compliance_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}


/* Only the last '*' is ever gone back to: an earlier one that matched less
 * could not help what a later one may skip. */
bool
compliance_client_match(const char *pattern, compliance_str_t text)
{
    size_t      i = 0, retry = 0;
    const char *star = NULL;

    if (text.data == NULL || text.len > COMPLIANCE_CLIENT_SEEN_MAX) {
        return false;
    }

    while (i < text.len) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = i;

        } else if (*pattern != '\0'
                   && (*pattern == '?'
                       || compliance_lower(*pattern)
                          == compliance_lower(text.data[i])))
        {
            pattern++;
            i++;

        } else if (star != NULL) {
            pattern = star;
            i = ++retry;

        } else {
            return false;
        }
    }

    while (*pattern == '*') {
        pattern++;
    }

    return *pattern == '\0';
}
