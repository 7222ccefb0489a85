/*
 * Keys as texts, and the two ways to find many of them: SCAN, and the members
 * of an index.  Both may tell a name twice, and none in order.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>


#define SCAN_COUNT  1000   /* keys Redis looks at between other clients */
#define CURSOR_MAX  24     /* an unsigned of 64 bits, and its NUL */


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
ctl_key_erase(const ctl_t *ctl, const char *node)
{
    KEY(compliance_key_erase(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                             ctl_str(node)));
}


const char *
ctl_key_policy(const ctl_t *ctl, const char *name)
{
    KEY(compliance_key_policy(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                              ctl_str(name)));
}


const char *
ctl_key_policies(const ctl_t *ctl)
{
    KEY(compliance_key_policies(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix));
}


const char *
ctl_key_inventory(const ctl_t *ctl, const compliance_device_id_t *id)
{
    KEY(compliance_key_inventory(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix,
                                 id));
}


const char *
ctl_key_seen(const ctl_t *ctl, int64_t time,
    const compliance_principal_t *principal)
{
    KEY(compliance_key_seen(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix, time,
                            principal));
}


const char *
ctl_key_candidate(const ctl_t *ctl)
{
    KEY(compliance_key_candidate(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix));
}


const char *
ctl_key_undo(const ctl_t *ctl)
{
    KEY(compliance_key_undo(out, COMPLIANCE_KEY_TEXT_MAX, ctl->prefix));
}


const char *
ctl_key_show(const ctl_t *ctl, const char *key)
{
    return strncmp(key, ctl->prefix.data, ctl->prefix.len) == 0
           ? key + ctl->prefix.len : key;
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


/* Names end to end, each with its NUL, in one block: a million of them must
 * not be a million blocks. */
typedef struct {
    char   *text;
    size_t  len, cap, n;
} names_t;


static void
free_names(void *object)
{
    free(((names_t *) object)->text);
}


/* ctl_alloc() would give it up with the page that is being read. */
static void
add_name(names_t *names, const redisReply *reply, size_t skip)
{
    char  *text;
    size_t cap, len;

    ctl_reply_expect(reply, REDIS_REPLY_STRING, "a name");

    /* a name with a NUL is none of ours, and would be another when cut */
    if (reply->len < skip || memchr(reply->str, '\0', reply->len) != NULL) {
        return;
    }

    len = reply->len - skip + 1;

    if (names->cap - names->len < len) {
        cap = names->cap * 2 + len + 4096;
        text = realloc(names->text, cap);

        if (text == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        names->text = text;
        names->cap = cap;
    }

    memcpy(names->text + names->len, reply->str + skip, len);
    names->len += len;
    names->n++;
}


static int
by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static const char **
sorted(const names_t *names, size_t *n)
{
    size_t       kept = 0;
    const char **list, *p = names->text;

    list = ctl_alloc_array(names->n, sizeof(*list));

    for (size_t i = 0; i < names->n; i++) {
        list[i] = p;
        p += strlen(p) + 1;
    }

    if (names->n > 0) {
        qsort(list, names->n, sizeof(*list), by_bytes);
    }

    for (size_t i = 0; i < names->n; i++) {
        if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0) {
            list[kept++] = list[i];
        }
    }

    *n = kept;

    return list;
}


/* Takes the next page of a SCAN or SSCAN; false behind the last one. */
static bool
take_page(const redisReply *reply, names_t *names, size_t skip,
    char cursor[CURSOR_MAX])
{
    const redisReply *list;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "a page of names");

    if (reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[0]->len >= CURSOR_MAX
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        ctl_die(CTL_CONTENT, "Redis answered something else than a page of "
                "names; is it Redis?");
    }

    memcpy(cursor, reply->element[0]->str, reply->element[0]->len);
    cursor[reply->element[0]->len] = '\0';
    list = reply->element[1];

    for (size_t i = 0; i < list->elements; i++) {
        add_name(names, list->element[i], skip);
    }

    return strcmp(cursor, "0") != 0;
}


static names_t *
new_names(void)
{
    names_t *names = ctl_alloc(sizeof(*names));

    ctl_keep(names, free_names);

    return names;
}


const char **
ctl_store_scan(ctl_t *ctl, const char *begin, size_t *n)
{
    char     cursor[CURSOR_MAX] = "0", *pattern, *p;
    bool     more = true;
    names_t *names = new_names();

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

    ctl_store_open(ctl);

    while (more) {
        ctl_mark_t mark = ctl_mark();

        more = take_page(ctl_store_ask(ctl, "SCAN %s MATCH %s COUNT %d",
                                       cursor, pattern, SCAN_COUNT),
                         names, strlen(begin), cursor);
        ctl_release(mark);
    }

    return sorted(names, n);
}


const char **
ctl_store_members(ctl_t *ctl, const char *key, size_t *n)
{
    char     cursor[CURSOR_MAX] = "0";
    bool     more = true;
    names_t *names = new_names();

    ctl_store_open(ctl);

    while (more) {
        ctl_mark_t mark = ctl_mark();

        more = take_page(ctl_store_ask(ctl, "SSCAN %s %s COUNT %d", key,
                                       cursor, SCAN_COUNT),
                         names, 0, cursor);
        ctl_release(mark);
    }

    return sorted(names, n);
}
