/*
 * A plain ActiveSync query: name=value pairs, each documented name once.  The
 * form that is forwarded has the names in their documented spelling and the
 * values in the normal form of RFC 3986.
 */
#include "eas_query.h"
#include "names.h"

#include <string.h>


/* LongId has 256 bytes (MS-ASCMD 2.2.3.99), an AttachmentName may hold a
 * folder path. */
#define VALUE_MAX  1024

/* The longest documented name has 14 characters. */
#define NAME_MAX_LEN  64

#define NAME(literal)  { (literal), sizeof(literal) - 1 }

typedef enum {
    PARAM_CMD = 0,
    PARAM_USER,
    PARAM_DEVICE_ID,
    PARAM_DEVICE_TYPE,
    PARAM_OPAQUE           /* forwarded as it came, judged by nobody */
} param_kind_t;

/* MS-ASHTTP 2.2.1.1.1.1. */
static const struct {
    compliance_str_t  name;
    param_kind_t      kind;
} params[] = {
    { NAME("Cmd"),            PARAM_CMD },
    { NAME("User"),           PARAM_USER },
    { NAME("DeviceId"),       PARAM_DEVICE_ID },
    { NAME("DeviceType"),     PARAM_DEVICE_TYPE },
    { NAME("AttachmentName"), PARAM_OPAQUE },
    { NAME("CollectionId"),   PARAM_OPAQUE },
    { NAME("ItemId"),         PARAM_OPAQUE },
    { NAME("LongId"),         PARAM_OPAQUE },
    { NAME("Occurrence"),     PARAM_OPAQUE },
    { NAME("SaveInSent"),     PARAM_OPAQUE },
};

#define PARAMS  (sizeof(params) / sizeof(params[0]))


/* What a byte of a query may be; looked up once for each. */
enum {
    ALNUM      = 1,
    UNRESERVED = 2,     /* RFC 3986 2.3: means the same encoded and not */
    QUERY      = 4,     /* RFC 3986 3.4, without what separates parameters */
    BASE64     = 8,
    BAD        = 16,    /* ends a query for some readers */
    SPLIT      = 32     /* begins another one, or a parameter, for some */
};

static const uint8_t kinds[256] = {
    [0 ... ' ']   = BAD,
    ['#']         = BAD,
    [0x7f]        = BAD,
    [';']         = SPLIT,
    ['?']         = SPLIT,
    ['0' ... '9'] = ALNUM | UNRESERVED | QUERY | BASE64,
    ['A' ... 'Z'] = ALNUM | UNRESERVED | QUERY | BASE64,
    ['a' ... 'z'] = ALNUM | UNRESERVED | QUERY | BASE64,
    ['-'] = UNRESERVED | QUERY, ['.'] = UNRESERVED | QUERY,
    ['_'] = UNRESERVED | QUERY, ['~'] = UNRESERVED | QUERY,
    ['!'] = QUERY, ['$'] = QUERY, ['\''] = QUERY, ['('] = QUERY,
    [')'] = QUERY, ['*'] = QUERY, [','] = QUERY, [':'] = QUERY,
    ['@'] = QUERY, ['+'] = QUERY | BASE64, ['/'] = QUERY | BASE64,
};


static bool
is_kind(char c, unsigned kind)
{
    return (kinds[(unsigned char) c] & kind) != 0;
}


/* The kinds that every byte of a text has, and those that any has. */
typedef struct {
    unsigned all;
    unsigned any;
} text_kinds_t;


static text_kinds_t
text_kinds(compliance_str_t text)
{
    text_kinds_t found = { ALNUM | UNRESERVED | QUERY | BASE64, 0 };

    for (size_t i = 0; i < text.len; i++) {
        unsigned kind = kinds[(unsigned char) text.data[i]];

        found.all &= kind;
        found.any |= kind;
    }

    return found;
}


/* Bytes that end a query, or split it, for some readers and not for others. */
static compliance_rc_t
check_kinds(text_kinds_t found)
{
    return found.any & BAD ? COMPLIANCE_MALFORMED
           : found.any & SPLIT ? COMPLIANCE_AMBIGUOUS : COMPLIANCE_OK;
}


static bool
is_alpha(char c)
{
    c |= 0x20;
    return c >= 'a' && c <= 'z';
}


static bool
is_control(char c)
{
    return (unsigned char) c < 0x20 || c == 0x7f;
}


/* The byte that the escape at raw[at] stands for; false where it is broken. */
static bool
unescape(compliance_str_t raw, size_t at, char *c)
{
    int high, low;

    if (raw.len - at < 3) {
        return false;
    }

    high = compliance_hex_digit(raw.data[at + 1]);
    low = compliance_hex_digit(raw.data[at + 2]);

    if (high < 0 || low < 0) {
        return false;
    }

    *c = (char) (high << 4 | low);
    return true;
}


/* Percent-decodes; *plus tells of a raw '+', which some readers take for a
 * blank.  A broken escape is MALFORMED. */
static compliance_rc_t
percent_decode(compliance_str_t raw, char *out, size_t cap, size_t *len,
    bool *plus)
{
    size_t n = 0;

    *plus = false;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];

        if (c == '%') {
            if (!unescape(raw, i, &c)) {
                return COMPLIANCE_MALFORMED;
            }

            i += 2;

        } else if (c == '+') {
            *plus = true;
        }

        if (is_control(c)) {
            return COMPLIANCE_MALFORMED;
        }

        if (n == cap) {
            return COMPLIANCE_TOO_LONG;
        }

        out[n++] = c;
    }

    *len = n;
    return COMPLIANCE_OK;
}


/* The normal form of RFC 3986 6.2.2: what needs no escape has none, what came
 * escaped otherwise stays so, what may not stand in a query gets one. */
static void
add_normalised(compliance_buf_t *out, compliance_str_t raw)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];
        bool escaped = c == '%' && unescape(raw, i, &c);

        if (escaped) {
            i += 2;
        }

        if (is_kind(c, escaped ? UNRESERVED : QUERY)) {
            compliance_buf_add(out, &c, 1);

        } else {
            char escape[3] = { '%', hex[(unsigned char) c >> 4],
                               hex[(unsigned char) c & 15] };

            compliance_buf_add(out, escape, sizeof(escape));
        }
    }
}


/* A text id only: the 16 bytes of a GUID come in the base64 form alone. */
static compliance_rc_t
set_device_id(compliance_str_t value, text_kinds_t found,
    compliance_eas_request_t *out)
{
    return found.all & ALNUM
           ? compliance_eas_device_id(value, &out->device_id)
           : COMPLIANCE_MALFORMED;
}


/* An OPTIONS request has no command; what it says instead is not looked at. */
static compliance_rc_t
set_command(compliance_str_t value, compliance_eas_request_t *out)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!is_alpha(value.data[i])) {
            return COMPLIANCE_MALFORMED;
        }
    }

    if (out->options) {
        return COMPLIANCE_OK;
    }

    out->command = compliance_eas_command_parse(value);

    return out->command != COMPLIANCE_EAS_NONE ? COMPLIANCE_OK
                                               : COMPLIANCE_MALFORMED;
}


static compliance_rc_t
set_value(param_kind_t kind, compliance_str_t value, text_kinds_t found,
    compliance_eas_request_t *out)
{
    switch (kind) {
    case PARAM_CMD:
        return set_command(value, out);
    case PARAM_USER:
        return compliance_eas_set_user(value, out);
    case PARAM_DEVICE_ID:
        return set_device_id(value, found, out);
    case PARAM_DEVICE_TYPE:
        return compliance_eas_set_device_type(value, out);
    case PARAM_OPAQUE:
        break;
    }

    return COMPLIANCE_OK;
}


static compliance_rc_t
set_param(param_kind_t kind, compliance_str_t raw, text_kinds_t found,
    compliance_eas_request_t *out)
{
    char             decoded[VALUE_MAX];
    bool             plus;
    compliance_str_t value = { decoded, 0 };
    compliance_rc_t  rc;

    if (raw.len <= VALUE_MAX && (found.all & UNRESERVED)) {
        return set_value(kind, raw, found, out);
    }

    rc = check_kinds(found);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    rc = percent_decode(raw, decoded, sizeof(decoded), &value.len, &plus);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    return plus && kind != PARAM_OPAQUE
           ? COMPLIANCE_AMBIGUOUS
           : set_value(kind, value, text_kinds(value), out);
}


/* The index of a documented name in any case or encoding, PARAMS for another
 * one.  Names that a reader may bend into a documented one (blanks, dots,
 * brackets, NUL) are MALFORMED. */
static compliance_rc_t
find_param(compliance_str_t raw, size_t *index)
{
    char             decoded[NAME_MAX_LEN];
    bool             plus;
    compliance_str_t name = { decoded, 0 };
    compliance_rc_t  rc;

    for (*index = 0; *index < PARAMS; ++*index) {
        compliance_str_t known = params[*index].name;

        if (raw.len == known.len && memcmp(raw.data, known.data, raw.len) == 0)
        {
            return COMPLIANCE_OK;
        }
    }

    rc = check_kinds(text_kinds(raw));

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    rc = percent_decode(raw, decoded, sizeof(decoded), &name.len, &plus);

    if (rc != COMPLIANCE_OK || name.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    for (size_t i = 0; i < name.len; i++) {
        if (!is_kind(decoded[i], ALNUM) && decoded[i] != '_'
            && decoded[i] != '-')
        {
            return COMPLIANCE_MALFORMED;
        }
    }

    for (*index = 0; *index < PARAMS; ++*index) {
        if (compliance_str_is(name, params[*index].name.data)) {
            break;
        }
    }

    return COMPLIANCE_OK;
}


typedef struct {
    compliance_str_t name;      /* as they came */
    compliance_str_t value;
    text_kinds_t     kinds;     /* of the value */
    size_t           param;     /* PARAMS: not documented */
} pair_t;


/* The next name=value of the query, empty ones passed over; false at its end.
 * A pair without '=' has an absent value. */
static bool
next_pair(compliance_str_t *query, pair_t *pair)
{
    while (query->len != 0) {
        const char       *end = memchr(query->data, '&', query->len);
        const char       *equals;
        compliance_str_t  text = *query;

        if (end != NULL) {
            text.len = (size_t) (end - query->data);
        }

        query->data += text.len + (end != NULL);
        query->len -= text.len + (end != NULL);

        if (text.len == 0) {
            continue;
        }

        equals = memchr(text.data, '=', text.len);
        pair->name = text;
        pair->value = compliance_absent;

        if (equals != NULL) {
            pair->name.len = (size_t) (equals - text.data);
            pair->value.data = equals + 1;
            pair->value.len = text.len - pair->name.len - 1;
        }

        return true;
    }

    return false;
}


/*
 * What is forwarded.  A name that is not documented is left out: no server
 * sees it, so no server can read more into the request than was judged.
 */
static void
build_plain(compliance_str_t query, const compliance_eas_request_t *out,
    compliance_buf_t *canonical)
{
    pair_t pair;

    while (next_pair(&query, &pair)) {
        if (find_param(pair.name, &pair.param) != COMPLIANCE_OK
            || pair.param == PARAMS)
        {
            continue;
        }

        if (canonical->len != 0) {
            compliance_buf_add(canonical, "&", 1);
        }

        compliance_buf_str(canonical, params[pair.param].name.data);
        compliance_buf_add(canonical, "=", 1);

        if (params[pair.param].kind == PARAM_CMD && !out->options) {
            compliance_buf_str(canonical,
                               compliance_eas_command_name(out->command));

        } else {
            add_normalised(canonical, pair.value);
        }
    }
}


/* Would build_plain() write this pair as it came? */
static bool
is_canonical(const pair_t *pair, const compliance_eas_request_t *out)
{
    return (pair->kinds.all & QUERY)
           && compliance_str_eq(pair->name, params[pair->param].name)
           && (params[pair->param].kind != PARAM_CMD || out->options
               || memcmp(pair->value.data,
                         compliance_eas_command_name(out->command),
                         pair->value.len) == 0);
}


static compliance_rc_t
parse_pair(pair_t *pair, unsigned *seen, compliance_eas_request_t *out,
    const char **why)
{
    compliance_rc_t rc;

    *why = "parameter name";

    if (pair->value.data == NULL) {
        return COMPLIANCE_MALFORMED;
    }

    rc = find_param(pair->name, &pair->param);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (pair->param == PARAMS) {
        return check_kinds(text_kinds(pair->value));
    }

    *why = params[pair->param].name.data;

    if (*seen & 1u << pair->param) {
        return COMPLIANCE_AMBIGUOUS;
    }

    *seen |= 1u << pair->param;
    pair->kinds = text_kinds(pair->value);
    return set_param(params[pair->param].kind, pair->value, pair->kinds, out);
}


/* One word of the base64 alphabet, '=' at its end only. */
bool
compliance_eas_looks_base64(compliance_str_t query)
{
    size_t len = query.len;

    while (len != 0 && query.data[len - 1] == '=') {
        len--;
    }

    for (size_t i = 0; i < len; i++) {
        if (!is_kind(query.data[i], BASE64)) {
            return false;
        }
    }

    return len != 0;
}


/* What every command needs; OPTIONS asks for none. */
static compliance_rc_t
check_complete(const compliance_eas_request_t *out, const char **why)
{
    if (out->command == COMPLIANCE_EAS_NONE) {
        *why = "Cmd";
        return COMPLIANCE_MALFORMED;
    }

    if (out->device_id.len == 0) {
        *why = "DeviceId";
        return COMPLIANCE_MALFORMED;
    }

    if (out->device_type[0] == '\0') {
        *why = "DeviceType";
        return COMPLIANCE_MALFORMED;
    }

    return COMPLIANCE_OK;
}


compliance_rc_t
compliance_eas_parse_plain(compliance_str_t query, compliance_eas_request_t *out,
    compliance_buf_t *canonical, const char **why)
{
    compliance_str_t rest = query;
    unsigned         seen = 0;
    size_t           kept = 0;
    pair_t           pair;

    while (next_pair(&rest, &pair)) {
        compliance_rc_t rc = parse_pair(&pair, &seen, out, why);

        if (rc != COMPLIANCE_OK) {
            return rc;
        }

        if (pair.param != PARAMS && is_canonical(&pair, out)) {
            kept += pair.name.len + 1 + pair.value.len + (kept != 0);
        }
    }

    if (kept == query.len) {
        compliance_buf_add(canonical, query.data, query.len);

    } else {
        build_plain(query, out, canonical);
    }

    if (!out->options) {
        return check_complete(out, why);
    }

    /* "User=" by itself is a word of base64, too. */
    if (compliance_eas_looks_base64((compliance_str_t) { canonical->data, canonical->len })) {
        *why = "query";
        return COMPLIANCE_AMBIGUOUS;
    }

    return COMPLIANCE_OK;
}
