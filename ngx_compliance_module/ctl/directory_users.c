/*
 * Entries -> users.  All of them are kept, some 300 bytes each: whether a name
 * is one person's shows only when the last entry is read.
 */
#include "directory.h"
#include "bulk.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>


#define ATTRIBUTES_MAX  (DIRECTORY_ATTRIBUTES + 5)
#define SHOWN_MAX       50     /* lines about what could not be used */
#define VALUE_MAX       1024   /* a longer one is no name */

typedef struct {
    directory_t    *directory;
    ctl_progress_t *progress;
} reading_t;


void
directory_tell(directory_t *directory, const char *format, ...)
{
    char    text[1024];
    va_list args;

    directory->n_shown++;

    if (directory->n_shown > SHOWN_MAX) {
        return;
    }

    ctl_progress_hide();
    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ctl_warn("%s", text);

    if (directory->n_shown == SHOWN_MAX) {
        ctl_warn("what follows of this kind is only counted");
    }
}


/* A value as text; absent where it cannot be a name. */
static compliance_str_t
text_of(const struct berval *value)
{
    if (value->bv_len == 0 || value->bv_len > VALUE_MAX
        || memchr(value->bv_val, '\0', value->bv_len) != NULL)
    {
        return compliance_absent;
    }

    return (compliance_str_t) { value->bv_val, value->bv_len };
}


static directory_user_t *
new_user(directory_t *directory)
{
    directory_user_t *users, *user;
    size_t            cap;

    if (directory->n_users == DIRECTORY_USERS_MAX) {
        ctl_die(CTL_STORE, "the directory has more than %d users: take a "
                "narrower user_base or user_filter. Nothing was written",
                DIRECTORY_USERS_MAX);
    }

    if (directory->n_users == directory->cap_users) {
        cap = directory->cap_users * 2 + 1024;
        users = realloc(directory->users, cap * sizeof(*users));

        if (users == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        directory->users = users;
        directory->cap_users = cap;
    }

    user = &directory->users[directory->n_users];
    memset(user, 0, sizeof(*user));

    return user;
}


static void
refuse(directory_t *directory, const char *dn, const char *why)
{
    directory->n_refused++;
    directory_tell(directory, "%s: %s; not imported",
                   ctl_escape(ctl_str(dn)), why);
}


/* Of several values the one that the entry is named by. */
static const struct berval *
one_login(const directory_t *directory, struct berval **values,
    const char *normal)
{
    if (values[1] == NULL) {
        return values[0];
    }

    for (size_t i = 0; values[i] != NULL; i++) {
        if (directory_dn_begins(normal, directory->settings->login, values[i]))
        {
            return values[i];
        }
    }

    return NULL;
}


/* Canonical, or NULL with the reason. */
static const char *
login_of(directory_t *directory, directory_entry_t *entry, const char *normal,
    const char **why)
{
    const char            *attribute = directory->settings->login;
    struct berval        **values = directory_entry_values(entry, attribute);
    const struct berval   *value;
    compliance_principal_t name;

    if (values == NULL || values[0] == NULL) {
        *why = ctl_format("has no %s", attribute);
        return NULL;
    }

    value = one_login(directory, values, normal);

    if (value == NULL) {
        *why = ctl_format("has several values of %s, and none names the entry",
                          attribute);
        return NULL;
    }

    if (compliance_principal_parse(text_of(value), &name) != COMPLIANCE_OK) {
        *why = ctl_format("%s \"%s\" is no name the gateway takes", attribute,
                          ctl_escape((compliance_str_t) { value->bv_val,
                                                          value->bv_len }));
        return NULL;
    }

    return ctl_dup((compliance_str_t) { name.data, name.len });
}


typedef struct {
    size_t      n;
    const char *names[DIRECTORY_ALIASES];
} aliases_t;


static void
unusable(directory_t *directory, const directory_user_t *user,
    const char *what, compliance_str_t value)
{
    directory->n_unusable++;
    directory_tell(directory, "%s: %s \"%s\" cannot be used, and is left out",
                   ctl_escape(ctl_str(user->login)), what, ctl_escape(value));
}


/* A comma would read as two in the record's list. */
static void
add_alias(directory_t *directory, const directory_user_t *user,
    aliases_t *aliases, const char *what, compliance_str_t text)
{
    compliance_principal_t name;

    if (compliance_principal_parse(text, &name) != COMPLIANCE_OK
        || memchr(name.data, ',', name.len) != NULL)
    {
        unusable(directory, user, what, text);
        return;
    }

    if (strcmp(name.data, user->login) == 0) {
        return;
    }

    for (size_t i = 0; i < aliases->n; i++) {
        if (strcmp(aliases->names[i], name.data) == 0) {
            return;
        }
    }

    if (aliases->n == DIRECTORY_ALIASES) {
        unusable(directory, user, "one name more than 64,", text);
        return;
    }

    aliases->names[aliases->n++]
        = ctl_dup((compliance_str_t) { name.data, name.len });
}


/* "SMTP:Alice@example.com" is an address, "X500:..." is none. */
static bool
take_address(compliance_str_t *text)
{
    const char *colon = memchr(text->data, ':', text->len);

    if (colon == NULL) {
        return true;
    }

    if (colon - text->data != 4 || strncasecmp(text->data, "smtp", 4) != 0) {
        return false;
    }

    text->data += 5;
    text->len -= 5;

    return true;
}


static void
take_aliases(directory_t *directory, directory_entry_t *entry,
    directory_user_t *user)
{
    const directory_settings_t *settings = directory->settings;
    aliases_t        aliases = { 0, { NULL } };
    struct berval  **values;
    size_t           len = 0;
    char            *p;

    for (size_t i = 0; i < settings->n_aliases; i++) {
        bool proxy = strcasecmp(settings->aliases[i], "proxyAddresses") == 0;

        values = directory_entry_values(entry, settings->aliases[i]);

        for (size_t k = 0; values != NULL && values[k] != NULL; k++) {
            compliance_str_t text = text_of(values[k]);

            if (text.data == NULL || !proxy || take_address(&text)) {
                add_alias(directory, user, &aliases, settings->aliases[i],
                          text);
            }
        }
    }

    values = settings->domain == NULL ? NULL
             : directory_entry_values(entry, settings->account);

    if (values != NULL && values[0] != NULL
        && text_of(values[0]).data != NULL)
    {
        add_alias(directory, user, &aliases, settings->account,
                  ctl_str(ctl_format("%s\\%s", settings->domain,
                                     ctl_dup(text_of(values[0])))));
    }

    for (size_t i = 0; i < aliases.n; i++) {
        len += strlen(aliases.names[i]) + 1;
    }

    p = ctl_arena_alloc(&directory->arena, len + 1);
    user->aliases = p;
    user->n_aliases = (uint16_t) aliases.n;

    for (size_t i = 0; i < aliases.n; i++) {
        p = stpcpy(p, aliases.names[i]) + 1;
    }
}


/* The first value, as the record's field takes it. */
static const char *
field_of(directory_t *directory, directory_entry_t *entry,
    const directory_user_t *user, const char *attribute, const char *field)
{
    const ctl_field_t *row = ctl_field_find(&ctl_user_kind, ctl_str(field));
    compliance_str_t   text, canonical;
    struct berval    **values;
    char              *tag;

    values = attribute == NULL ? NULL
             : directory_entry_values(entry, attribute);

    if (values == NULL || values[0] == NULL || values[0]->bv_len == 0) {
        return NULL;
    }

    text = text_of(values[0]);

    if (strcmp(field, "locale") == 0 && text.data != NULL) {
        /* "de_DE", "de-de, en;q=0.5" */
        tag = ctl_dup(text);
        tag[strcspn(tag, ",; ")] = '\0';

        for (char *p = tag; *p != '\0'; p++) {
            *p = *p == '_' ? '-' : *p;
        }

        text = ctl_str(tag);
    }

    if (text.data == NULL
        || !row->check(directory->ctl, row, text, &canonical))
    {
        unusable(directory, user, attribute,
                 (compliance_str_t) { values[0]->bv_val, values[0]->bv_len });
        return NULL;
    }

    return ctl_arena_copy(&directory->arena, canonical).data;
}


static void
take_account(directory_t *directory, directory_entry_t *entry, uint32_t nth)
{
    struct berval  **values;
    compliance_str_t text;

    values = directory_entry_values(entry, directory->settings->account);

    for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
        text = text_of(values[i]);

        if (text.data != NULL) {
            (void) directory_map_add(&directory->accounts,
                       ctl_arena_copy(&directory->arena, text).data, nth);
        }
    }
}


static void
visit_user(void *data, directory_entry_t *entry)
{
    reading_t        *reading = data;
    directory_t      *directory = reading->directory;
    directory_user_t *user;
    const char       *dn = directory_entry_dn(entry);
    const char       *normal = directory_dn_normal(dn), *login, *why = "";
    uint32_t          nth;

    if (normal == NULL) {
        refuse(directory, dn, "its DN is not valid");
        return;
    }

    /* bases may overlap */
    if (directory_map_find(&directory->dns, normal) != DIRECTORY_NOBODY) {
        return;
    }

    login = login_of(directory, entry, normal, &why);

    if (login == NULL) {
        refuse(directory, dn, why);
        return;
    }

    user = new_user(directory);
    nth = (uint32_t) directory->n_users;
    user->login = ctl_arena_copy(&directory->arena, ctl_str(login)).data;
    take_aliases(directory, entry, user);
    user->display_name = field_of(directory, entry, user,
                                  directory->settings->display_name,
                                  "display_name");
    user->locale = field_of(directory, entry, user,
                            directory->settings->locale, "locale");
    take_account(directory, entry, nth);
    (void) directory_map_add(&directory->dns,
               ctl_arena_copy(&directory->arena, ctl_str(normal)).data, nth);
    directory->n_users++;
    ctl_progress_at(reading->progress, (int64_t) directory->n_users);
}


void
directory_users_read(directory_t *directory)
{
    const directory_settings_t *settings = directory->settings;
    const char *attributes[ATTRIBUTES_MAX];
    size_t      n = 0;
    reading_t   reading = { directory, ctl_progress_begin("users read", 0) };

    attributes[n++] = settings->login;
    attributes[n++] = settings->account;

    for (size_t i = 0; i < settings->n_aliases; i++) {
        attributes[n++] = settings->aliases[i];
    }

    if (settings->display_name != NULL) {
        attributes[n++] = settings->display_name;
    }

    if (settings->locale != NULL) {
        attributes[n++] = settings->locale;
    }

    attributes[n] = NULL;

    directory_map_init(&directory->dns);
    directory_map_init(&directory->accounts);

    for (size_t i = 0; i < settings->n_user_bases; i++) {
        (void) directory_ldap_search(directory, settings->user_bases[i], false,
                                     settings->user_filter, attributes,
                                     visit_user, &reading);
    }

    ctl_progress_end(reading.progress);
}


typedef struct {
    directory_t *directory;
    void       (*visit)(directory_t *directory, directory_user_t *user,
                    void *data);
    void        *data;
} matching_t;


static void
visit_match(void *data, directory_entry_t *entry)
{
    matching_t  *matching = data;
    directory_t *directory = matching->directory;
    const char  *normal = directory_dn_normal(directory_entry_dn(entry));
    uint32_t     nth;

    nth = normal == NULL ? DIRECTORY_NOBODY
          : directory_map_find(&directory->dns, normal);

    if (nth != DIRECTORY_NOBODY) {
        matching->visit(directory, &directory->users[nth], matching->data);
    }
}


void
directory_users_matching(directory_t *directory, const char *filter,
    void (*visit)(directory_t *directory, directory_user_t *user, void *data),
    void *data)
{
    static const char *const attributes[] = { "1.1", NULL };

    const directory_settings_t *settings = directory->settings;
    matching_t  matching = { directory, visit, data };
    const char *both = ctl_format("(&%s%s)", settings->user_filter, filter);

    for (size_t i = 0; i < settings->n_user_bases; i++) {
        (void) directory_ldap_search(directory, settings->user_bases[i], false,
                                     both, attributes, visit_match, &matching);
    }
}


const char *
directory_next_alias(const char *alias)
{
    return alias + strlen(alias) + 1;
}
