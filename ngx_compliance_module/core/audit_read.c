/*
 * Reading audit lines: whether a line is what was once written, what proves
 * it, and how a person is taken out of it.  The first `,"hash":"` of a line
 * ends its hashed part: inside a value every quote is escaped.
 */
#include "audit_private.h"

#include <openssl/crypto.h>
#include <string.h>


/* Takes a literal off the front. */
static bool
compliance_take(compliance_str_t *text, const char *literal)
{
    size_t len = strlen(literal);

    if (text->len < len || memcmp(text->data, literal, len) != 0) {
        return false;
    }

    text->data += len;
    text->len -= len;

    return true;
}


/* Takes what stands before `end` off the front, and `end` with it. */
static bool
compliance_take_until(compliance_str_t *text, char end, compliance_str_t *out)
{
    const char *at = memchr(text->data, end, text->len);

    if (at == NULL) {
        return false;
    }

    *out = (compliance_str_t) { text->data, (size_t) (at - text->data) };
    text->len -= out->len + 1;
    text->data = at + 1;

    return true;
}


static bool
compliance_take_hash(compliance_str_t *text, compliance_str_t *out)
{
    return compliance_take_until(text, '"', out)
           && out->len == COMPLIANCE_AUDIT_HASH_LEN;
}


/* A number in front of a comma, or of the hashed part's end. */
static bool
compliance_take_number(compliance_str_t *text, int64_t *out)
{
    size_t           len = 0;
    compliance_str_t number;

    while (len < text->len && text->data[len] >= '0'
           && text->data[len] <= '9')
    {
        len++;
    }

    number = (compliance_str_t) { text->data, len };
    text->data += len;
    text->len -= len;

    return compliance_parse_uint(number, out);
}


static bool
compliance_same(const char *hash, compliance_str_t text)
{
    return text.len == COMPLIANCE_AUDIT_HASH_LEN
           && CRYPTO_memcmp(hash, text.data, text.len) == 0;
}


/* Where the literal first stands in text, or NULL. */
static const char *
compliance_find(compliance_str_t text, const char *literal)
{
    size_t           len = strlen(literal);
    const char      *at;
    compliance_str_t left = text;

    while ((at = memchr(left.data, literal[0], left.len)) != NULL) {
        left.len -= (size_t) (at - left.data);
        left.data = at;

        if (left.len < len) {
            return NULL;
        }

        if (memcmp(at, literal, len) == 0) {
            return at;
        }

        left.data++;
        left.len--;
    }

    return NULL;
}


/* Splits a line at its hash: head `{..`, tail `,..}`. */
static bool
compliance_audit_split(compliance_str_t text, compliance_str_t *head,
    compliance_str_t *hash, compliance_str_t *tail)
{
    const char *at;

    if (text.data == NULL || text.len > COMPLIANCE_AUDIT_CHANGE_MAX) {
        return false;
    }

    at = compliance_find(text, COMPLIANCE_AUDIT_HASH);

    if (at == NULL) {
        return false;
    }

    *head = (compliance_str_t) { text.data, (size_t) (at - text.data) };
    *tail = (compliance_str_t) { at, text.len - head->len };

    return compliance_take(tail, COMPLIANCE_AUDIT_HASH)
           && compliance_take_hash(tail, hash)
           && tail->len > 0 && tail->data[tail->len - 1] == '}';
}


static bool
compliance_audit_head(compliance_str_t text, compliance_audit_line_t *line)
{
    line->kid = -1;

    return compliance_take(&text, COMPLIANCE_AUDIT_BEGIN)
           && compliance_take_until(&text, '"', &line->lane)
           && line->lane.len <= COMPLIANCE_LANE_MAX
           && compliance_take(&text, ",\"seq\":")
           && compliance_take_number(&text, &line->seq)
           && compliance_take(&text, ",\"prev\":\"")
           && compliance_take_hash(&text, &line->prev)
           && compliance_take(&text, ",\"time\":")
           && compliance_take_number(&text, &line->time_ms)
           && (!compliance_take(&text, ",\"kid\":")
               || compliance_take_number(&text, &line->kid));
}


/* The digest at the end of the hashed part, if there is one. */
static bool
compliance_audit_personal(compliance_str_t head, compliance_str_t *digest)
{
    size_t len = sizeof(COMPLIANCE_AUDIT_PERSONAL) - 1
                 + COMPLIANCE_AUDIT_HASH_LEN + 1;

    if (head.len < len) {
        return false;
    }

    head.data += head.len - len;
    head.len = len;

    return compliance_take(&head, COMPLIANCE_AUDIT_PERSONAL)
           && compliance_take_hash(&head, digest);
}


/* `"members"}` -> members, or empty. */
static compliance_str_t
compliance_audit_inside(compliance_str_t tail)
{
    if (tail.len > 0 && tail.data[0] == ',') {
        tail.data++;
        tail.len--;
    }

    tail.len--;

    return tail;
}


/* The mark of an erased record, behind its opening: KID:E", members} */
static compliance_rc_t
compliance_audit_mark(const compliance_audit_keys_t *keys,
    compliance_str_t tail, compliance_audit_line_t *line)
{
    char             want[COMPLIANCE_AUDIT_HASH_LEN + 1];
    int64_t          kid = -1;
    compliance_str_t by, mark;

    if (!compliance_take_until(&tail, ':', &by)
        || !compliance_take_hash(&tail, &mark)
        || (!compliance_str_eq(by, compliance_str(COMPLIANCE_AUDIT_NO_KEY))
            && !compliance_parse_uint(by, &kid)))
    {
        return COMPLIANCE_MALFORMED;
    }

    line->erased = true;
    line->personal = compliance_audit_inside(tail);

    if (kid >= 0 && !compliance_audit_has_kid(keys, kid)) {
        line->erased_proof = COMPLIANCE_AUDIT_KEY_MISSING;
        return COMPLIANCE_OK;
    }

    line->erased_proof = kid < 0 ? COMPLIANCE_AUDIT_PLAIN
                                 : COMPLIANCE_AUDIT_KEYED;

    if (!compliance_audit_hash(keys, COMPLIANCE_AUDIT_ERASE, kid, line->hash,
            tail, want))
    {
        return COMPLIANCE_NO_MEMORY;
    }

    return compliance_same(want, mark) ? COMPLIANCE_OK : COMPLIANCE_FORGED;
}


/* digest absent: the record was written without a personal part. */
static compliance_rc_t
compliance_audit_tail(const compliance_audit_keys_t *keys,
    compliance_str_t digest, compliance_str_t tail,
    compliance_audit_line_t *line)
{
    char             want[COMPLIANCE_AUDIT_HASH_LEN + 1];
    compliance_str_t all = tail, salt;

    if (digest.data == NULL) {
        return tail.len == 1 ? COMPLIANCE_OK : COMPLIANCE_FORGED;
    }

    if (compliance_take(&tail, COMPLIANCE_AUDIT_ERASED)) {
        return compliance_audit_mark(keys, tail, line);
    }

    if (compliance_take(&tail, COMPLIANCE_AUDIT_SALT)
        && compliance_take_until(&tail, '"', &salt))
    {
        line->personal = compliance_audit_inside(tail);
    }

    if (!compliance_audit_hash(keys, COMPLIANCE_AUDIT_CHAIN, -1, all,
            compliance_str(""), want))
    {
        return COMPLIANCE_NO_MEMORY;
    }

    return compliance_same(want, digest) ? COMPLIANCE_OK : COMPLIANCE_FORGED;
}


compliance_rc_t
compliance_audit_read(const compliance_audit_keys_t *keys,
    compliance_str_t text, compliance_audit_line_t *line)
{
    char             want[COMPLIANCE_AUDIT_HASH_LEN + 1];
    bool             holds = true;
    compliance_rc_t  rc;
    compliance_str_t head, tail, digest = compliance_absent;

    memset(line, 0, sizeof(*line));

    if (!compliance_audit_split(text, &head, &line->hash, &tail)
        || !compliance_audit_head(head, line))
    {
        return COMPLIANCE_MALFORMED;
    }

    if (line->kid >= 0 && !compliance_audit_has_kid(keys, line->kid)) {
        line->proof = COMPLIANCE_AUDIT_KEY_MISSING;

    } else {
        line->proof = line->kid < 0 ? COMPLIANCE_AUDIT_PLAIN
                                    : COMPLIANCE_AUDIT_KEYED;

        if (!compliance_audit_hash(keys, COMPLIANCE_AUDIT_CHAIN, line->kid,
                head, compliance_str(""), want))
        {
            return COMPLIANCE_NO_MEMORY;
        }

        holds = compliance_same(want, line->hash);
    }

    (void) compliance_audit_personal(head, &digest);
    rc = compliance_audit_tail(keys, digest, tail, line);

    return rc == COMPLIANCE_OK && !holds ? COMPLIANCE_FORGED : rc;
}


bool
compliance_audit_follows(compliance_audit_chain_t *chain,
    const compliance_audit_line_t *line)
{
    if (line->lane.len != strlen(chain->lane)
        || memcmp(line->lane.data, chain->lane, line->lane.len) != 0
        || (uint64_t) line->seq != chain->seq + 1
        || memcmp(line->prev.data, chain->hash, COMPLIANCE_AUDIT_HASH_LEN)
           != 0)
    {
        return false;
    }

    memcpy(chain->hash, line->hash.data, COMPLIANCE_AUDIT_HASH_LEN);
    chain->seq++;

    return true;
}


compliance_rc_t
compliance_audit_verify(compliance_audit_chain_t *chain, compliance_str_t text)
{
    compliance_rc_t         rc;
    compliance_audit_line_t line;

    rc = compliance_audit_read(chain->keys, text, &line);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    return compliance_audit_follows(chain, &line) ? COMPLIANCE_OK
                                                  : COMPLIANCE_AMBIGUOUS;
}


compliance_rc_t
compliance_audit_erase(const compliance_audit_keys_t *keys,
    compliance_str_t text, const compliance_audit_line_t *line,
    compliance_str_t members, compliance_buf_t *out)
{
    char    mark[COMPLIANCE_AUDIT_HASH_LEN + 1];
    size_t  place, tail;
    int64_t kid = compliance_audit_kid(keys);

    /* up to the hash's closing quote */
    compliance_buf_add(out, text.data,
        (size_t) (line->hash.data - text.data) + COMPLIANCE_AUDIT_HASH_LEN
        + 1);
    compliance_buf_str(out, COMPLIANCE_AUDIT_ERASED);

    if (kid < 0) {
        compliance_buf_str(out, COMPLIANCE_AUDIT_NO_KEY);

    } else {
        compliance_buf_int(out, kid);
    }

    compliance_buf_str(out, ":");
    place = out->len;
    memset(mark, '0', sizeof(mark));
    compliance_buf_add(out, mark, COMPLIANCE_AUDIT_HASH_LEN);
    compliance_buf_str(out, "\"");
    tail = out->len;
    compliance_buf_str(out, ",");
    compliance_buf_add(out, members.data, members.len);
    compliance_buf_str(out, "}");

    if (out->overflow) {
        return COMPLIANCE_TOO_LONG;
    }

    if (!compliance_audit_hash(keys, COMPLIANCE_AUDIT_ERASE, kid, line->hash,
            (compliance_str_t) { out->data + tail, out->len - tail }, mark))
    {
        return COMPLIANCE_NO_MEMORY;
    }

    memcpy(out->data + place, mark, COMPLIANCE_AUDIT_HASH_LEN);

    return COMPLIANCE_OK;
}
