/*
 * What every part of the core shares: slices, result codes, protocols and the
 * sized names that become Redis keys.  The core is pure C11: no nginx, no
 * socket, no clock, no global state, no allocation on the decision path.
 */
#ifndef COMPLIANCE_H
#define COMPLIANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/* A borrowed slice: not NUL-terminated, may hold any byte.  data == NULL means
 * absent, which is not the same as empty. */
typedef struct {
    const char *data;
    size_t      len;
} compliance_str_t;

#define compliance_str(lit)  ((compliance_str_t) { (lit), sizeof(lit) - 1 })
#define compliance_absent    ((compliance_str_t) { NULL, 0 })


typedef enum {
    COMPLIANCE_OK = 0,
    COMPLIANCE_ABSENT,     /* nothing was presented; no error by itself */
    COMPLIANCE_MALFORMED,  /* breaks its grammar */
    COMPLIANCE_AMBIGUOUS,  /* two readers could understand two things */
    COMPLIANCE_TOO_LONG,   /* over a named limit, or the output is too small */
    COMPLIANCE_EXPIRED,    /* signed by us, but no longer valid */
    COMPLIANCE_FORGED,     /* the signature does not hold, or its key is gone */
    COMPLIANCE_NO_MEMORY
} compliance_rc_t;


/* The ways in.  The values index tables and bit sets: COMPLIANCE_BIT(). */
typedef enum {
    COMPLIANCE_PROTOCOL_NONE = 0,
    COMPLIANCE_EAS,
    COMPLIANCE_WEB,
    COMPLIANCE_EWS,
    COMPLIANCE_MAPI,
    COMPLIANCE_DAV,
    COMPLIANCE_AUTODISCOVER,
    COMPLIANCE_IMAP,
    COMPLIANCE_POP3,
    COMPLIANCE_SMTP,
    COMPLIANCE_PROTOCOLS   /* count, not a protocol */
} compliance_protocol_t;

#define COMPLIANCE_BIT(protocol)  (1u << (protocol))
#define COMPLIANCE_ALL_PROTOCOLS  ((1u << COMPLIANCE_PROTOCOLS) - 2)

/* "eas", "web", ...; never NULL ("none" for NONE). */
const char *compliance_protocol_name(compliance_protocol_t protocol);

/* Exact, lower-case name -> protocol; NONE where it is not one. */
compliance_protocol_t compliance_protocol_parse(compliance_str_t name);


/* An EAS DeviceId has at most 32 characters (MS-ASHTTP 2.2.1.1.1.1.3); 64 lets
 * an MDM's own ids, UUIDs among them, be record ids. */
#define COMPLIANCE_DEVICE_ID_MAX  64

/* An address has at most 254 bytes (RFC 5321 4.5.3.1.3); folding may lengthen
 * a name, what does not fit is refused. */
#define COMPLIANCE_PRINCIPAL_MAX  254

#define COMPLIANCE_FINGERPRINT_LEN  64   /* SHA-256 in lower-case hex */

#define COMPLIANCE_GROUP_NAME_MAX   64

/* Canonical and NUL-terminated; len 0 means none. */
typedef struct {
    size_t len;
    char   data[COMPLIANCE_DEVICE_ID_MAX + 1];
} compliance_device_id_t;

typedef struct {
    size_t len;
    char   data[COMPLIANCE_PRINCIPAL_MAX + 1];
} compliance_principal_t;


/* Grows left to right, refuses what does not fit, is never half-terminated:
 * the one way core code composes text into a caller's memory. */
typedef struct {
    char  *data;
    size_t len;
    size_t cap;        /* bytes of data, the closing NUL's included */
    bool   overflow;   /* sticky: check once at the end */
} compliance_buf_t;

void compliance_buf_init(compliance_buf_t *buf, char *data, size_t cap);
void compliance_buf_add(compliance_buf_t *buf, const char *data, size_t len);
void compliance_buf_str(compliance_buf_t *buf, const char *text);
void compliance_buf_int(compliance_buf_t *buf, int64_t value);


/* Byte equality of slices; absent equals only absent. */
bool compliance_str_eq(compliance_str_t a, compliance_str_t b);
/* ASCII-case-insensitive, against a literal. */
bool compliance_str_is(compliance_str_t a, const char *literal);

/* 0 to 15, or -1. */
int compliance_hex_digit(char c);

/* Strict decimal: 1 to 18 digits, no sign, no blanks.  False otherwise, and
 * *out is untouched. */
bool compliance_parse_uint(compliance_str_t text, int64_t *out);

/* The next item of a comma-separated list, blanks around it taken off; *list is
 * what follows.  False at the end; an empty item comes out as a slice of
 * length 0. */
bool compliance_list_item(compliance_str_t *list, compliance_str_t *item);

/* Strict RFC 4648 decoding: exact alphabet, exact padding, zero trailing bits.
 * Writes at most cap bytes. */
compliance_rc_t compliance_base64_decode(compliance_str_t in, uint8_t *out,
    size_t cap, size_t *out_len);

/* RFC 4648 section 5, without padding; the same strictness. */
compliance_rc_t compliance_base64url_decode(compliance_str_t in, uint8_t *out,
    size_t cap, size_t *out_len);
void compliance_base64url_encode(compliance_buf_t *buf, const uint8_t *in,
    size_t len);
void compliance_base64_encode(compliance_buf_t *buf, const uint8_t *in,
    size_t len);

#endif
