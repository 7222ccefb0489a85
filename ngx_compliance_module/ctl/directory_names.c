/*
 * DNs in one spelling, and a table of texts.  Servers repeat a DN as they once
 * took it, so the entry and the group that names it may differ in case,
 * blanks and escapes.
 */
#include "directory.h"

#define LDAP_DEPRECATED 0
#include <ldap.h>

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>


/* Folded; blanks at the ends go, several become one. */
static char *
fold_value(char *p, const struct berval *value)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t  len;
    const char       *text = value->bv_val;
    size_t            n = value->bv_len;
    bool              blank = false, any = false;

    len = utf8proc_map((const utf8proc_uint8_t *) text, (utf8proc_ssize_t) n,
                       &folded, UTF8PROC_STABLE | UTF8PROC_COMPOSE
                                | UTF8PROC_CASEFOLD);
    if (len >= 0) {
        text = (const char *) folded;
        n = (size_t) len;
    }

    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ') {
            blank = any;
            continue;
        }

        if (blank) {
            *p++ = ' ';
            blank = false;
        }

        /* what separates is told from what is in a value */
        if (strchr(",+=\\", text[i]) != NULL) {
            *p++ = '\\';
        }

        *p++ = text[i];
        any = true;
    }

    free(folded);

    return p;
}


static const char *
ava_normal(const LDAPAVA *ava)
{
    /* folding makes a character at most three times as long (U+0390), an
     * escape doubles it */
    char  *out = ctl_alloc(ava->la_attr.bv_len + ava->la_value.bv_len * 6 + 2);
    char  *p = out;

    for (size_t i = 0; i < ava->la_attr.bv_len; i++) {
        char c = ava->la_attr.bv_val[i];

        *p++ = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
    }

    *p++ = '=';
    *fold_value(p, &ava->la_value) = '\0';

    return out;
}


static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}


static char *
rdn_normal(const LDAPRDN rdn)
{
    size_t       n = 0;
    const char **avas;
    char        *out;

    while (rdn[n] != NULL) {
        n++;
    }

    avas = ctl_alloc_array(n, sizeof(*avas));

    for (size_t i = 0; i < n; i++) {
        avas[i] = ava_normal(rdn[i]);
    }

    qsort(avas, n, sizeof(*avas), by_text);
    out = ctl_format("%s", n > 0 ? avas[0] : "");

    for (size_t i = 1; i < n; i++) {
        out = ctl_format("%s+%s", out, avas[i]);
    }

    return out;
}


const char *
directory_dn_normal(const char *text)
{
    LDAPDN dn = NULL;
    char  *out = NULL;

    if (text[0] == '\0'
        || ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS
        || dn == NULL)
    {
        return NULL;
    }

    for (size_t i = 0; dn[i] != NULL; i++) {
        out = out == NULL ? rdn_normal(dn[i])
                          : ctl_format("%s,%s", out, rdn_normal(dn[i]));
    }

    ldap_dnfree(dn);

    return out;
}


bool
directory_dn_begins(const char *normal, const char *attribute,
    const struct berval *value)
{
    LDAPAVA     ava;
    const char *begin;
    size_t      len;

    memset(&ava, 0, sizeof(ava));
    ava.la_attr.bv_val = ctl_unconst(attribute);
    ava.la_attr.bv_len = strlen(attribute);
    ava.la_value = *value;
    begin = ava_normal(&ava);
    len = strlen(begin);

    return strncmp(normal, begin, len) == 0
           && (normal[len] == ',' || normal[len] == '\0');
}


void
directory_map_init(directory_map_t *map)
{
    memset(map, 0, sizeof(*map));

    if (RAND_bytes(map->secret, sizeof(map->secret)) != 1) {
        ctl_die(CTL_STORE, "the system has no random bytes");
    }
}


/* The slot of the key, or the free one where it would stand. */
static directory_slot_t *
slot_of(const directory_map_t *map, const char *key, uint64_t hash)
{
    size_t i = (size_t) hash & (map->cap - 1);

    while (map->slots[i].key != NULL
           && (map->slots[i].hash != hash
               || strcmp(map->slots[i].key, key) != 0))
    {
        i = (i + 1) & (map->cap - 1);
    }

    return &map->slots[i];
}


static void
grow(directory_map_t *map)
{
    directory_map_t bigger = *map;

    bigger.cap = map->cap == 0 ? 1024 : map->cap * 2;
    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));

    if (bigger.slots == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    for (size_t i = 0; i < map->cap; i++) {
        const directory_slot_t *slot = &map->slots[i];

        if (slot->key != NULL) {
            *slot_of(&bigger, slot->key, slot->hash) = *slot;
        }
    }

    free(map->slots);
    *map = bigger;
}


uint32_t
directory_map_add(directory_map_t *map, const char *key, uint32_t value)
{
    uint64_t          hash;
    directory_slot_t *slot;

    if (map->n * 3 >= map->cap * 2) {
        grow(map);
    }

    hash = compliance_siphash(map->secret, key, strlen(key));
    slot = slot_of(map, key, hash);

    if (slot->key != NULL) {
        return slot->value;
    }

    *slot = (directory_slot_t) { key, hash, value };
    map->n++;

    return DIRECTORY_NOBODY;
}


uint32_t
directory_map_find(const directory_map_t *map, const char *key)
{
    const directory_slot_t *slot;

    if (map->cap == 0) {
        return DIRECTORY_NOBODY;
    }

    slot = slot_of(map, key, compliance_siphash(map->secret, key,
                                                strlen(key)));

    return slot->key == NULL ? DIRECTORY_NOBODY : slot->value;
}


void
directory_map_set(directory_map_t *map, const char *key, uint32_t value)
{
    if (directory_map_add(map, key, value) != DIRECTORY_NOBODY) {
        slot_of(map, key, compliance_siphash(map->secret, key,
                                             strlen(key)))->value = value;
    }
}


void
directory_map_free(directory_map_t *map)
{
    free(map->slots);
    map->slots = NULL;
    map->n = map->cap = 0;
}
