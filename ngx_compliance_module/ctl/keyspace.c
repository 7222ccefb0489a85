/*
 * Keys as texts, and the two ways to find many of them: SCAN, and the members
 * of an index.  Both may tell a name twice, and none in order.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>


#define SCAN_COUNT  1000   /* keys Redis looks at between other clients */


static const char *
checked(const char *key, size_t len)
{
    if (len == 0) {
        ctl_die(CTL_USAGE, "a name is too long, or holds a NUL, and makes no "
                "key");
    }

    return key;
}


/* One wrapper a function of keys.c: the text lives until ctl_release(). */
#define KEY(call)                                                             \
    do {                                                                      \
        char *out = ctl_alloc(COMPLIANCE_KEY_TEXT_MAX);                       \
                                                                              \
        return checked(out, call);                                            \
    } while (0)


const char *
ctl_key_device(const ctl_t *ctl, const compliance_device_id_t *id)
{
    KEY(compliance_key_device(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix, id));
}


const char *
ctl_key_user(const ctl_t *ctl, const compliance_principal_t *name)
{
    KEY(compliance_key_user(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix, name));
}


const char *
ctl_key_group(const ctl_t *ctl, const char *name)
{
    KEY(compliance_key_group(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                             ctl_str(name)));
}


const char *
ctl_key_groups(const ctl_t *ctl)
{
    KEY(compliance_key_groups(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix));
}


const char *
ctl_key_meta(const ctl_t *ctl)
{
    KEY(compliance_key_meta(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix));
}


const char *
ctl_key_alias(const ctl_t *ctl, compliance_alias_kind_t kind,
    const char *value)
{
    KEY(compliance_key_alias(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix, kind,
                             ctl_str(value)));
}


const char *
ctl_key_user_alias(const ctl_t *ctl, const compliance_principal_t *name)
{
    KEY(compliance_key_user_alias(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                                  name));
}


const char *
ctl_key_audit(const ctl_t *ctl, const char *node)
{
    KEY(compliance_key_audit(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                             ctl_str(node)));
}


const char *
ctl_key_index(const ctl_t *ctl, const char *field, compliance_str_t value)
{
    char  *out = ctl_alloc(COMPLIANCE_KEY_TEXT_MAX);
    size_t len;

    len = compliance_key_index(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                               field, value);

    return len == 0 ? NULL : out;
}


typedef struct {
    const char **names;
    size_t       n;
    size_t       cap;
} names_t;


static void
add_name(names_t *names, const redisReply *reply, size_t skip)
{
    const char **more;

    ctl_reply_expect(reply, REDIS_REPLY_STRING, "a name");

    /* a name with a NUL is none of ours, and would be another when cut */
    if (reply->len < skip || memchr(reply->str, '\0', reply->len) != NULL) {
        return;
    }

    if (names->n == names->cap) {
        more = ctl_alloc_array(names->cap * 2 + 64, sizeof(*more));

        if (names->n > 0) {
            memcpy(more, names->names, names->n * sizeof(*more));
        }

        names->names = more;
        names->cap = names->cap * 2 + 64;
    }

    names->names[names->n++] = ctl_dup((compliance_str_t) {
                                           reply->str + skip,
                                           reply->len - skip });
}


static int
by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static const char **
sorted(names_t *names, size_t *n)
{
    size_t kept = 0;

    if (names->n > 0) {
        qsort(names->names, names->n, sizeof(*names->names), by_bytes);
    }

    for (size_t i = 0; i < names->n; i++) {
        if (kept == 0 || strcmp(names->names[kept - 1], names->names[i]) != 0)
        {
            names->names[kept++] = names->names[i];
        }
    }

    *n = kept;

    return names->names;
}


/* The next page of a SCAN or SSCAN; false behind the last one. */
static bool
page(const redisReply *reply, names_t *names, size_t skip, char **cursor)
{
    const redisReply *list;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of names");

    if (reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        ctl_die(CTL_CONTENT, "Redis answered something else than a page of "
                "names; is it Redis?");
    }

    *cursor = ctl_dup((compliance_str_t) { reply->element[0]->str,
                                           reply->element[0]->len });
    list = reply->element[1];

    for (size_t i = 0; i < list->elements; i++) {
        add_name(names, list->element[i], skip);
    }

    return strcmp(*cursor, "0") != 0;
}


const char **
ctl_store_scan(ctl_t *ctl, const char *begin, size_t *n)
{
    names_t names = { NULL, 0, 0 };
    char   *cursor = ctl_format("0"), *pattern, *p;
    bool    more = true;

    /* what a glob would read as its own is escaped */
    pattern = ctl_alloc(strlen(begin) * 2 + 2);
    p = pattern;

    for (size_t i = 0; begin[i] != '\0'; i++) {
        if (strchr("*?[]\\^", begin[i]) != NULL) {
            *p++ = '\\';
        }

        *p++ = begin[i];
    }

    *p = '*';

    while (more) {
        more = page(ctl_store_ask(ctl, "SCAN %s MATCH %s COUNT %d", cursor,
                                  pattern, SCAN_COUNT),
                    &names, strlen(begin), &cursor);
    }

    return sorted(&names, n);
}


const char **
ctl_store_members(ctl_t *ctl, const char *key, size_t *n)
{
    names_t names = { NULL, 0, 0 };
    char   *cursor = ctl_format("0");
    bool    more = true;

    while (more) {
        more = page(ctl_store_ask(ctl, "SSCAN %s %s COUNT %d", key, cursor,
                                  SCAN_COUNT),
                    &names, 0, &cursor);
    }

    return sorted(&names, n);
}
