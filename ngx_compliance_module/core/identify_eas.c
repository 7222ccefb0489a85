/*
 * The ActiveSync request line -> one canonical reading.  The servers behind us
 * disagree about duplicates, letter case, percent-encoding and where a query
 * begins; whatever two of them could read in two ways is refused here, and
 * what is forwarded has one reading only.  (Next: facts.c, decide.c.)
 *
 * A query is base64 where it is one word of the base64 alphabet: that is what
 * both the servers that test for '&' and those that test for `Cmd` take for
 * base64.  A percent-encoded one ("%3D" for its padding) is not: they would
 * decode it raw, so it is refused.
 */
#include "identify_eas.h"
#include "names.h"

#include <string.h>


/* MS-ASHTTP 2.2.1.1.1.1.4 knows no limit; what clients send has 30 characters
 * at most. */
#define DEVICE_TYPE_MAX  (sizeof(((compliance_eas_request_t *) 0)->device_type))

/* LongId has 256 bytes (MS-ASCMD 2.2.3.99), an AttachmentName may hold a
 * folder path. */
#define VALUE_MAX  1024

/* The longest documented name has 14 characters. */
#define NAME_MAX_LEN  64


#define NAME(literal)  { (literal), sizeof(literal) - 1 }

static const compliance_str_t command_names[COMPLIANCE_EAS_COMMANDS] = {
    [COMPLIANCE_EAS_NONE]              = NAME("none"),
    [COMPLIANCE_EAS_SYNC]              = NAME("Sync"),
    [COMPLIANCE_EAS_SENDMAIL]          = NAME("SendMail"),
    [COMPLIANCE_EAS_SMARTFORWARD]      = NAME("SmartForward"),
    [COMPLIANCE_EAS_SMARTREPLY]        = NAME("SmartReply"),
    [COMPLIANCE_EAS_GETATTACHMENT]     = NAME("GetAttachment"),
    [COMPLIANCE_EAS_GETHIERARCHY]      = NAME("GetHierarchy"),
    [COMPLIANCE_EAS_CREATECOLLECTION]  = NAME("CreateCollection"),
    [COMPLIANCE_EAS_DELETECOLLECTION]  = NAME("DeleteCollection"),
    [COMPLIANCE_EAS_MOVECOLLECTION]    = NAME("MoveCollection"),
    [COMPLIANCE_EAS_FOLDERSYNC]        = NAME("FolderSync"),
    [COMPLIANCE_EAS_FOLDERCREATE]      = NAME("FolderCreate"),
    [COMPLIANCE_EAS_FOLDERDELETE]      = NAME("FolderDelete"),
    [COMPLIANCE_EAS_FOLDERUPDATE]      = NAME("FolderUpdate"),
    [COMPLIANCE_EAS_MOVEITEMS]         = NAME("MoveItems"),
    [COMPLIANCE_EAS_GETITEMESTIMATE]   = NAME("GetItemEstimate"),
    [COMPLIANCE_EAS_MEETINGRESPONSE]   = NAME("MeetingResponse"),
    [COMPLIANCE_EAS_SEARCH]            = NAME("Search"),
    [COMPLIANCE_EAS_SETTINGS]          = NAME("Settings"),
    [COMPLIANCE_EAS_PING]              = NAME("Ping"),
    [COMPLIANCE_EAS_ITEMOPERATIONS]    = NAME("ItemOperations"),
    [COMPLIANCE_EAS_PROVISION]         = NAME("Provision"),
    [COMPLIANCE_EAS_RESOLVERECIPIENTS] = NAME("ResolveRecipients"),
    [COMPLIANCE_EAS_VALIDATECERT]      = NAME("ValidateCert"),
    [COMPLIANCE_EAS_FIND]              = NAME("Find"),
};

static const struct {
    compliance_str_t text;     /* MS-ASProtocolVersion */
    unsigned         version;
} versions[] = {
    { NAME("2.5"),   25 },
    { NAME("12.0"), 120 },
    { NAME("12.1"), 121 },
    { NAME("14.0"), 140 },
    { NAME("14.1"), 141 },
    { NAME("16.0"), 160 },
    { NAME("16.1"), 161 },
};

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


const char *
compliance_eas_command_name(compliance_eas_command_t command)
{
    if ((unsigned) command >= COMPLIANCE_EAS_COMMANDS) {
        return command_names[COMPLIANCE_EAS_NONE].data;
    }

    return command_names[command].data;
}


static compliance_eas_command_t
command_parse(compliance_str_t name)
{
    for (unsigned i = COMPLIANCE_EAS_SYNC; i < COMPLIANCE_EAS_COMMANDS; i++) {
        if (name.len == command_names[i].len
            && compliance_str_is(name, command_names[i].data))
        {
            return (compliance_eas_command_t) i;
        }
    }

    return COMPLIANCE_EAS_NONE;
}


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


static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
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
            int high, low;

            if (raw.len - i < 3
                || (high = hex_value(raw.data[i + 1])) < 0
                || (low = hex_value(raw.data[i + 2])) < 0)
            {
                return COMPLIANCE_MALFORMED;
            }

            c = (char) (high << 4 | low);
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
        bool escaped = c == '%';

        if (escaped) {
            c = (char) (hex_value(raw.data[i + 1]) << 4
                        | hex_value(raw.data[i + 2]));
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


static compliance_rc_t
set_device_type(compliance_str_t value, compliance_eas_request_t *out)
{
    if (value.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (value.len >= DEVICE_TYPE_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    for (size_t i = 0; i < value.len; i++) {
        if (is_control(value.data[i]) || (value.data[i] & 0x80)) {
            return COMPLIANCE_MALFORMED;
        }
    }

    memcpy(out->device_type, value.data, value.len);
    out->device_type[value.len] = '\0';
    return COMPLIANCE_OK;
}


/* An empty User says no more than none. */
static compliance_rc_t
set_user(compliance_str_t value, compliance_eas_request_t *out)
{
    return value.len == 0 ? COMPLIANCE_OK
                          : compliance_principal_parse(value, &out->user);
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

    out->command = command_parse(value);

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
        return set_user(value, out);
    case PARAM_DEVICE_ID:
        return set_device_id(value, found, out);
    case PARAM_DEVICE_TYPE:
        return set_device_type(value, out);
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
            compliance_buf_str(canonical, command_names[out->command].data);

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
               || compliance_str_eq(pair->value,
                                    command_names[out->command]));
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
static bool
looks_base64(compliance_str_t query)
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


static compliance_rc_t
parse_plain(compliance_str_t query, compliance_eas_request_t *out,
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
    if (looks_base64((compliance_str_t) { canonical->data, canonical->len })) {
        *why = "query";
        return COMPLIANCE_AMBIGUOUS;
    }

    return COMPLIANCE_OK;
}


typedef struct {
    const uint8_t *p;
    size_t         left;
} reader_t;


static bool
read_u8(reader_t *in, uint8_t *out)
{
    if (in->left == 0) {
        return false;
    }

    *out = *in->p++;
    in->left--;
    return true;
}


/* u8 length, and as many bytes. */
static bool
read_counted(reader_t *in, compliance_str_t *out)
{
    uint8_t n;

    if (!read_u8(in, &n) || in->left < n) {
        return false;
    }

    *out = (compliance_str_t) { (const char *) in->p, n };
    in->p += n;
    in->left -= n;
    return true;
}


/* MS-ASHTTP 2.2.1.1.1.2.1, before the tags. */
static compliance_rc_t
parse_head(reader_t *in, compliance_eas_request_t *out, const char **why)
{
    uint8_t          version, command, locale;
    compliance_str_t id, key, type;
    compliance_rc_t  rc;

    *why = "protocol version";

    if (!read_u8(in, &version)
        || (version != 121 && version != 140 && version != 141
            && version != 160 && version != 161))
    {
        return COMPLIANCE_MALFORMED;
    }

    *why = "command code";

    if (!read_u8(in, &command) || command + 1 >= COMPLIANCE_EAS_COMMANDS) {
        return COMPLIANCE_MALFORMED;
    }

    out->version = version;
    out->command = out->options ? COMPLIANCE_EAS_NONE
                                : (compliance_eas_command_t) (command + 1);

    *why = "locale";

    if (!read_u8(in, &locale) || !read_u8(in, &locale)) {
        return COMPLIANCE_MALFORMED;
    }

    *why = "DeviceId";

    if (!read_counted(in, &id)) {
        return COMPLIANCE_MALFORMED;
    }

    rc = compliance_eas_device_id(id, &out->device_id);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    *why = "policy key";

    if (!read_counted(in, &key) || (key.len != 0 && key.len != 4)) {
        return COMPLIANCE_MALFORMED;
    }

    if (key.len == 4) {
        const uint8_t *k = (const uint8_t *) key.data;

        out->has_policy_key = true;
        out->policy_key = (uint32_t) k[0] | (uint32_t) k[1] << 8
                          | (uint32_t) k[2] << 16 | (uint32_t) k[3] << 24;
    }

    *why = "DeviceType";

    if (!read_counted(in, &type)) {
        return COMPLIANCE_MALFORMED;
    }

    return set_device_type(type, out);
}


/* MS-ASHTTP 2.2.1.1.1.2.3: the tags a client may send. */
enum {
    TAG_ATTACHMENT_NAME = 0,
    TAG_COLLECTION_ID   = 1,
    TAG_ITEM_ID         = 3,
    TAG_LONG_ID         = 4,
    TAG_OCCURRENCE      = 6,
    TAG_OPTIONS         = 7,
    TAG_USER            = 8
};

#define KNOWN_TAGS  (1u << TAG_ATTACHMENT_NAME | 1u << TAG_COLLECTION_ID      \
                     | 1u << TAG_ITEM_ID | 1u << TAG_LONG_ID                  \
                     | 1u << TAG_OCCURRENCE | 1u << TAG_OPTIONS               \
                     | 1u << TAG_USER)

#define OPTION_BITS  3u    /* SaveInSent, AcceptMultiPart */


static compliance_rc_t
parse_tags(reader_t *in, compliance_eas_request_t *out, const char **why)
{
    unsigned seen = 0;

    *why = "tag";

    while (in->left != 0) {
        uint8_t          tag;
        compliance_str_t value;

        if (!read_u8(in, &tag) || tag > TAG_USER
            || !(KNOWN_TAGS & 1u << tag) || !read_counted(in, &value))
        {
            return COMPLIANCE_MALFORMED;
        }

        if (seen & 1u << tag) {
            return COMPLIANCE_AMBIGUOUS;
        }

        seen |= 1u << tag;

        if (tag == TAG_OPTIONS) {
            if (value.len != 1
                || ((unsigned char) value.data[0] & ~OPTION_BITS))
            {
                return COMPLIANCE_MALFORMED;
            }

            continue;
        }

        for (size_t i = 0; i < value.len; i++) {
            if (is_control(value.data[i])) {
                return COMPLIANCE_MALFORMED;
            }
        }

        if (tag == TAG_USER) {
            compliance_rc_t rc = set_user(value, out);

            if (rc != COMPLIANCE_OK) {
                *why = "User";
                return rc;
            }
        }
    }

    return COMPLIANCE_OK;
}


static compliance_rc_t
parse_base64(compliance_str_t query, compliance_eas_request_t *out,
    compliance_buf_t *canonical, const char **why)
{
    uint8_t         bytes[COMPLIANCE_EAS_QUERY_MAX / 4 * 3];
    reader_t        in = { bytes, 0 };
    compliance_rc_t rc;

    *why = "base64";
    rc = compliance_base64_decode(query, bytes, sizeof(bytes), &in.left);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    out->base64 = true;
    rc = parse_head(&in, out, why);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    rc = parse_tags(&in, out, why);

    if (rc == COMPLIANCE_OK) {
        compliance_buf_add(canonical, query.data, query.len);
    }

    return rc;
}


static compliance_rc_t
parse_version(compliance_str_t header, unsigned *version)
{
    if (header.data == NULL) {
        return COMPLIANCE_OK;
    }

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (compliance_str_eq(header, versions[i].text)) {
            *version = versions[i].version;
            return COMPLIANCE_OK;
        }
    }

    return COMPLIANCE_MALFORMED;
}


static compliance_rc_t
parse(compliance_str_t query, compliance_str_t version_header,
    compliance_eas_request_t *out, compliance_buf_t *canonical,
    const char **why)
{
    unsigned        version = 0;
    compliance_rc_t rc;

    if (query.data == NULL) {
        query = compliance_str("");
    }

    *why = "query";

    if (query.len > COMPLIANCE_EAS_QUERY_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    rc = looks_base64(query) ? parse_base64(query, out, canonical, why)
                             : parse_plain(query, out, canonical, why);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    *why = "MS-ASProtocolVersion";
    rc = parse_version(version_header, &version);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (out->version != 0 && version != 0 && out->version != version) {
        return COMPLIANCE_AMBIGUOUS;
    }

    if (version != 0) {
        out->version = version;
    }

    *why = "query";
    return canonical->overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}


compliance_rc_t
compliance_eas_parse(compliance_str_t query, compliance_str_t version_header,
    bool is_options, compliance_eas_request_t *out,
    compliance_buf_t *canonical, const char **why)
{
    compliance_rc_t rc;

    memset(out, 0, sizeof(*out));
    out->options = is_options;

    rc = parse(query, version_header, out, canonical, why);

    if (rc == COMPLIANCE_OK) {
        *why = NULL;

    } else {
        memset(out, 0, sizeof(*out));
        out->options = is_options;
    }

    return rc;
}
