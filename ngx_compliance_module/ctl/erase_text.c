/*
 * Names in texts.  A name counts where it stands by itself: "al" is not in
 * "alice", nor "alice" in "alice.smith" or in "alice@other.example".
 */
#include "erase.h"

#include <string.h>


static bool
of_a_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'
           || (unsigned char) c >= 0x80;
}


static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}


void
ctl_person_add(ctl_person_t *person, const char *text)
{
    size_t       at = 0, len = strlen(text);
    const char **grown;

    if (len == 0) {
        return;
    }

    for (size_t i = 0; i < person->n; i++) {
        if (strcmp(person->texts[i], text) == 0) {
            return;
        }
    }

    if (person->n == person->cap) {
        grown = ctl_alloc_array(person->cap * 2 + 16, sizeof(*grown));

        if (person->n > 0) {
            memcpy(grown, person->texts, person->n * sizeof(*grown));
        }

        person->texts = grown;
        person->cap = person->cap * 2 + 16;
    }

    while (at < person->n && strlen(person->texts[at]) >= len) {
        at++;
    }

    memmove(person->texts + at + 1, person->texts + at,
            (person->n - at) * sizeof(*person->texts));
    person->texts[at] = text;
    person->n++;
}


/* The length of the name that stands at text[i], or 0. */
static size_t
name_at(const ctl_person_t *person, compliance_str_t text, size_t i)
{
    if (i > 0 && of_a_name(text.data[i - 1])) {
        return 0;
    }

    for (size_t k = 0; k < person->n; k++) {
        const char *name = person->texts[k];
        size_t      n = 0;

        while (name[n] != '\0' && i + n < text.len
               && lower(text.data[i + n]) == lower(name[n]))
        {
            n++;
        }

        if (name[n] != '\0') {
            continue;
        }

        /* a full stop ends a sentence, unless more of a name follows */
        if (i + n == text.len
            || (!of_a_name(text.data[i + n]) && text.data[i + n] != '@')
            || (text.data[i + n] == '.'
                && (i + n + 1 == text.len || !of_a_name(text.data[i + n + 1]))))
        {
            return n;
        }
    }

    return 0;
}


bool
ctl_person_in(const ctl_person_t *person, compliance_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (name_at(person, text, i) > 0) {
            return true;
        }
    }

    return false;
}


char *
ctl_person_out(const ctl_person_t *person, const char *text)
{
    char            *out, *p;
    size_t           n;
    compliance_str_t in = ctl_str(text);

    if (!ctl_person_in(person, in)) {
        return NULL;
    }

    out = ctl_alloc(in.len * strlen(person->pseudonym) + 1);
    p = out;

    for (size_t i = 0; i < in.len; ) {
        n = name_at(person, in, i);

        if (n > 0) {
            p = stpcpy(p, person->pseudonym);
            i += n;

        } else {
            *p++ = in.data[i++];
        }
    }

    *p = '\0';

    return out;
}


bool
ctl_person_out_json(const ctl_person_t *person, json_t *value)
{
    bool        found = false;
    char       *text;
    void       *next;
    size_t      i;
    json_t     *item;
    const char *key;

    if (json_is_string(value)) {
        text = ctl_person_out(person, json_string_value(value));

        if (text != NULL && json_string_set(value, text) != 0) {
            ctl_die(CTL_STORE, "out of memory");
        }

        return text != NULL;
    }

    json_array_foreach(value, i, item) {
        found |= ctl_person_out_json(person, item);
    }

    json_object_foreach_safe(value, next, key, item) {
        found |= ctl_person_out_json(person, item);
    }

    return found;
}
