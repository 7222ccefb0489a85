/*
 * The settings file of a directory: "key = value" lines, '#' begins a comment.
 * A key that is not known, a value that cannot be meant and a password that
 * everyone may read end the run before anything is asked.
 */
#include "directory.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>


#define FILE_MAX_BYTES  262144
#define PAGE_DEFAULT    500
#define PAGE_MAX        1000     /* Active Directory gives no more */
#define TIMEOUT_S       30
#define TIMEOUT_MAX_S   600

typedef void set_t(directory_settings_t *settings, const char *value,
    unsigned line);

typedef struct {
    const char *key;
    const char *expects;
    set_t      *set;
    size_t      offset;      /* of a text, where set is NULL */
} row_t;


static CTL_NORETURN void
wrong(const directory_settings_t *settings, unsigned line, const char *what,
    const char *value, const char *expects)
{
    ctl_die(CTL_USAGE, "\"%s\" line %u: %s \"%s\" is not valid; it expects %s",
            ctl_escape(ctl_str(settings->path)), line, what,
            ctl_escape(ctl_str(value)), expects);
}


typedef struct {
    const char *name;
    const char *key, *value;
} preset_t;

/* What a directory of that kind calls things. */
static const preset_t presets[] = {
    { "openldap", "user_filter", "(objectClass=inetOrgPerson)" },
    { "openldap", "login", "uid" },
    { "openldap", "account", "uid" },
    { "openldap", "alias", "mail" },
    { "openldap", "display_name", "displayName" },
    { "openldap", "locale", "preferredLanguage" },

    { "ad", "user_filter", "(&(objectCategory=person)(objectClass=user))" },
    { "ad", "login", "sAMAccountName" },
    { "ad", "account", "sAMAccountName" },
    { "ad", "alias", "userPrincipalName, sAMAccountName, mail, "
      "proxyAddresses" },
    { "ad", "display_name", "displayName" },
    { "ad", "locale", "preferredLanguage" },
    { "ad", "disabled_filter",
      "(userAccountControl:1.2.840.113556.1.4.803:=2)" },
};


static bool
is_attribute(const char *text)
{
    return text[0] != '\0'
           && text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == '\0';
}


static void
set_url(directory_settings_t *settings, const char *value, unsigned line)
{
    if (strncmp(value, "ldaps://", 8) != 0
        && strncmp(value, "ldap://", 7) != 0
        && strncmp(value, "ldapi://", 8) != 0)
    {
        wrong(settings, line, "url", value, "ldaps://HOST[:PORT], "
              "ldap://HOST[:PORT] or ldapi://PATH");
    }

    settings->url = value;
}


static bool
flag(const directory_settings_t *settings, const char *key, const char *value,
    unsigned line)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
        wrong(settings, line, key, value, "yes or no");
    }

    return value[0] == 'y';
}


static void
set_starttls(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->starttls = flag(settings, "starttls", value, line);
}


static void
set_plain(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->plain = flag(settings, "plain", value, line);
}


static bool
block_or(const directory_settings_t *settings, const char *key,
    const char *value, const char *other, unsigned line)
{
    if (strcmp(value, "block") != 0 && strcmp(value, other) != 0) {
        wrong(settings, line, key, value, ctl_format("%s or block", other));
    }

    return value[0] == 'b';
}


static void
set_disabled(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->block_disabled = block_or(settings, "disabled", value, "report",
                                        line);
}


static void
set_vanished(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->block_vanished = block_or(settings, "vanished", value, "ungroup",
                                        line);
}


static void
set_nested(directory_settings_t *settings, const char *value, unsigned line)
{
    static const char *const names[] = {
        [DIRECTORY_NESTED_AUTO] = "auto",
        [DIRECTORY_NESTED_WALK] = "walk",
        [DIRECTORY_NESTED_NO] = "no",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            settings->nested = (directory_nested_t) i;
            return;
        }
    }

    wrong(settings, line, "nested", value, "auto, walk or no");
}


static void
set_page_size(directory_settings_t *settings, const char *value,
    unsigned line)
{
    if (!compliance_parse_uint(ctl_str(value), &settings->page_size)
        || settings->page_size < 1 || settings->page_size > PAGE_MAX)
    {
        wrong(settings, line, "page_size", value, "a number from 1 to 1000");
    }
}


static void
set_timeout(directory_settings_t *settings, const char *value, unsigned line)
{
    if (!ctl_span_parse(ctl_str(value), &settings->timeout_s)
        || settings->timeout_s < 1 || settings->timeout_s > TIMEOUT_MAX_S)
    {
        wrong(settings, line, "timeout", value, "a span from 1s to 10m");
    }
}


static void
set_name(directory_settings_t *settings, const char *value, unsigned line)
{
    if (!compliance_group_name_valid(ctl_str(value))
        || strlen(value) > 32)
    {
        wrong(settings, line, "name", value, "at most 32 of a-z, 0-9, '.', "
              "'_', '-'");
    }

    settings->name = value;
}


static void
set_user_base(directory_settings_t *settings, const char *value,
    unsigned line)
{
    if (directory_dn_normal(value) == NULL
        || settings->n_user_bases == DIRECTORY_BASES)
    {
        wrong(settings, line, "user_base", value, "the DN of a subtree; at "
              "most 16 of them");
    }

    settings->user_bases[settings->n_user_bases++] = value;
}


static const char *
filter_of(const directory_settings_t *settings, const char *key,
    const char *value, unsigned line)
{
    if (value[0] != '(') {
        wrong(settings, line, key, value, "an LDAP filter, such as "
              "(objectClass=person)");
    }

    return value;
}


static void
set_user_filter(directory_settings_t *settings, const char *value,
    unsigned line)
{
    settings->user_filter = filter_of(settings, "user_filter", value, line);
}


static void
set_disabled_filter(directory_settings_t *settings, const char *value,
    unsigned line)
{
    settings->disabled_filter = filter_of(settings, "disabled_filter", value,
                                          line);
}


static const char *
attribute_of(const directory_settings_t *settings, const char *key,
    const char *value, unsigned line)
{
    if (!is_attribute(value)) {
        wrong(settings, line, key, value, "the name of an attribute");
    }

    return value;
}


static void
set_login(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->login = attribute_of(settings, "login", value, line);
}


static void
set_account(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->account = attribute_of(settings, "account", value, line);
}


static void
set_display_name(directory_settings_t *settings, const char *value,
    unsigned line)
{
    settings->display_name = attribute_of(settings, "display_name", value,
                                          line);
}


static void
set_locale(directory_settings_t *settings, const char *value, unsigned line)
{
    settings->locale = attribute_of(settings, "locale", value, line);
}


static void
set_alias(directory_settings_t *settings, const char *value, unsigned line)
{
    compliance_str_t list = ctl_str(value), item;

    while (compliance_list_item(&list, &item)) {
        if (settings->n_aliases == DIRECTORY_ATTRIBUTES) {
            wrong(settings, line, "alias", value, "at most 16 attributes");
        }

        settings->aliases[settings->n_aliases++]
            = attribute_of(settings, "alias", ctl_dup(item), line);
    }
}


/* What the file says; the first line of a list drops the preset's. */
static const row_t rows[] = {
    { "name", NULL, set_name, 0 },
    { "url", NULL, set_url, 0 },
    { "starttls", NULL, set_starttls, 0 },
    { "plain", NULL, set_plain, 0 },
    { "ca_file", "a path", NULL, offsetof(directory_settings_t, ca_file) },
    { "bind_dn", "a DN, or user@domain", NULL,
      offsetof(directory_settings_t, bind_dn) },
    { "password_file", "a path", NULL,
      offsetof(directory_settings_t, password_file) },
    { "timeout", NULL, set_timeout, 0 },
    { "page_size", NULL, set_page_size, 0 },
    { "user_base", NULL, set_user_base, 0 },
    { "user_filter", NULL, set_user_filter, 0 },
    { "login", NULL, set_login, 0 },
    { "account", NULL, set_account, 0 },
    { "domain", "a NetBIOS name", NULL,
      offsetof(directory_settings_t, domain) },
    { "alias", NULL, set_alias, 0 },
    { "display_name", NULL, set_display_name, 0 },
    { "locale", NULL, set_locale, 0 },
    { "disabled_filter", NULL, set_disabled_filter, 0 },
    { "disabled", NULL, set_disabled, 0 },
    { "vanished", NULL, set_vanished, 0 },
    { "nested", NULL, set_nested, 0 },
};

#define N_ROWS  (sizeof(rows) / sizeof(rows[0]))


static size_t
row_of(const char *key)
{
    size_t i;

    for (i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].key, key) == 0) {
            break;
        }
    }

    return i;
}


static void
set_row(directory_settings_t *settings, const row_t *row, const char *value,
    unsigned line)
{
    if (row->set != NULL) {
        row->set(settings, value, line);
        return;
    }

    *(const char **) ((char *) settings + row->offset) = value;
}


static void
set_preset(directory_settings_t *settings, const char *value, unsigned line)
{
    bool found = false;

    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(presets[i].name, value) == 0) {
            set_row(settings, &rows[row_of(presets[i].key)], presets[i].value,
                    line);
            found = true;
        }
    }

    if (!found) {
        wrong(settings, line, "preset", value, "openldap or ad");
    }
}


static size_t
group_bit(directory_settings_t *settings, const char *group, unsigned line)
{
    for (size_t i = 0; i < settings->n_groups; i++) {
        if (strcmp(settings->groups[i], group) == 0) {
            return i;
        }
    }

    if (!compliance_group_name_valid(ctl_str(group))
        || strcmp(group, "default") == 0
        || settings->n_groups == DIRECTORY_GROUPS)
    {
        wrong(settings, line, "group", group, "the name of an enforcement "
              "group other than \"default\", which is everyone's without a "
              "group");
    }

    settings->groups[settings->n_groups] = group;

    return settings->n_groups++;
}


static void
add_mapping(directory_settings_t *settings, const char *group,
    const char *value, unsigned line)
{
    directory_mapping_t *mappings;

    if (value[0] != '(' && directory_dn_normal(value) == NULL) {
        wrong(settings, line, "group", value, "the DN of a group, or a filter "
              "over users in parentheses");
    }

    if (settings->n_mappings == settings->cap_mappings) {
        size_t cap = settings->cap_mappings * 2 + 16;

        mappings = ctl_alloc_array(cap, sizeof(*mappings));

        if (settings->n_mappings > 0) {
            memcpy(mappings, settings->mappings,
                   settings->n_mappings * sizeof(*mappings));
        }

        settings->mappings = mappings;
        settings->cap_mappings = cap;
    }

    settings->mappings[settings->n_mappings++] = (directory_mapping_t) {
        group, group_bit(settings, group, line), value, line
    };
}


static CTL_NORETURN void
unknown_key(const directory_settings_t *settings, const char *key,
    unsigned line)
{
    const char *names[N_ROWS + 1], *nearest;

    for (size_t i = 0; i < N_ROWS; i++) {
        names[i] = rows[i].key;
    }

    names[N_ROWS] = "preset";
    nearest = ctl_nearest(key, names, N_ROWS + 1);

    ctl_die(CTL_USAGE, "\"%s\" line %u: there is no setting \"%s\"%s%s%s",
            ctl_escape(ctl_str(settings->path)), line,
            ctl_escape(ctl_str(key)), nearest == NULL ? "" : "; did you mean ",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}


/* A list in the file stands for itself, not beside the preset's. */
static void
begin_lists(directory_settings_t *settings, size_t row, bool *begun)
{
    if (strcmp(rows[row].key, "alias") == 0 && !*begun) {
        settings->n_aliases = 0;
        *begun = true;
    }
}


static void
take_lines(directory_settings_t *settings, char *text, bool preset)
{
    bool        given[N_ROWS] = { false }, aliases = false;
    char       *line;
    unsigned    nth = 0;
    size_t      row;
    const char *key, *value;

    while ((line = strsep(&text, "\n")) != NULL) {
        nth++;

        if (!ctl_file_setting(settings->path, line, nth, &key, &value)) {
            continue;
        }

        if (strcmp(key, "preset") == 0) {
            if (preset) {
                set_preset(settings, value, nth);
            }

            continue;
        }

        if (preset) {
            continue;
        }

        if (strncmp(key, "group.", 6) == 0) {
            add_mapping(settings, key + 6, value, nth);
            continue;
        }

        row = row_of(key);

        if (row == N_ROWS) {
            unknown_key(settings, key, nth);
        }

        if (given[row] && strcmp(key, "user_base") != 0
            && strcmp(key, "alias") != 0)
        {
            ctl_die(CTL_USAGE, "\"%s\" line %u: \"%s\" was given before",
                    ctl_escape(ctl_str(settings->path)), nth, key);
        }

        given[row] = true;
        begin_lists(settings, row, &aliases);
        set_row(settings, &rows[row], value, nth);
    }
}


static CTL_NORETURN void
missing(const directory_settings_t *settings, const char *what)
{
    ctl_die(CTL_USAGE, "\"%s\" has no %s", ctl_escape(ctl_str(settings->path)),
            what);
}


bool
directory_is_loopback(const char *url)
{
    const char    *host = strstr(url, "://") + 3;
    size_t         len = strcspn(host, ":/");
    struct in_addr address;
    char           text[INET_ADDRSTRLEN];

    if (strncmp(url, "ldapi:", 6) == 0 || strncmp(host, "[::1]", 5) == 0) {
        return true;
    }

    if (len >= sizeof(text)) {
        return false;
    }

    memcpy(text, host, len);
    text[len] = '\0';

    return strcmp(text, "localhost") == 0
           || (inet_pton(AF_INET, text, &address) == 1
               && ntohl(address.s_addr) >> 24 == 127);
}


static void
check_url(const directory_settings_t *settings)
{
    bool tls = strncmp(settings->url, "ldaps:", 6) == 0;

    if (tls && settings->starttls) {
        ctl_die(CTL_USAGE, "\"%s\": starttls is for an ldap:// url; ldaps:// "
                "has TLS from the first byte",
                ctl_escape(ctl_str(settings->path)));
    }

    if (tls || settings->starttls
        || strncmp(settings->url, "ldapi:", 6) == 0)
    {
        return;
    }

    if (!settings->plain) {
        ctl_die(CTL_USAGE, "\"%s\": \"%s\" without TLS would send the "
                "password in the clear: use ldaps://, or starttls = yes; "
                "plain = yes allows it on this machine",
                ctl_escape(ctl_str(settings->path)),
                ctl_escape(ctl_str(settings->url)));
    }

    if (!directory_is_loopback(settings->url)) {
        if (settings->bind_dn != NULL) {
            ctl_die(CTL_USAGE, "\"%s\": plain = yes is for a directory on "
                    "this machine; the password would cross the network in "
                    "the clear. Use ldaps://, or starttls = yes",
                    ctl_escape(ctl_str(settings->path)));
        }

        ctl_warn("what \"%s\" answers can be changed on its way: there is no "
                 "TLS", ctl_escape(ctl_str(settings->url)));
    }
}


/* The password itself is read only when it is sent. */
static void
check_password(const directory_settings_t *settings)
{
    struct stat info;

    if ((settings->bind_dn == NULL) != (settings->password_file == NULL)) {
        ctl_die(CTL_USAGE, "\"%s\": bind_dn and password_file go together",
                ctl_escape(ctl_str(settings->path)));
    }

    if (settings->password_file == NULL) {
        return;
    }

    if (stat(settings->password_file, &info) == 0
        && (info.st_mode & (S_IROTH | S_IWOTH)))
    {
        ctl_die(CTL_USAGE, "everyone on this machine can read the password in "
                "\"%s\"; chmod 640 it",
                ctl_escape(ctl_str(settings->password_file)));
    }
}


void
directory_settings_read(ctl_t *ctl, const char *path,
    directory_settings_t *settings)
{
    compliance_str_t text;

    (void) ctl;

    memset(settings, 0, sizeof(*settings));
    settings->path = path;
    settings->name = "ldap";
    settings->page_size = PAGE_DEFAULT;
    settings->timeout_s = TIMEOUT_S;

    text = ctl_read_file(path, FILE_MAX_BYTES);

    if (memchr(text.data, '\0', text.len) != NULL) {
        ctl_die(CTL_USAGE, "\"%s\" is no settings file: it holds a NUL",
                ctl_escape(ctl_str(path)));
    }

    /* a preset holds wherever in the file it stands */
    take_lines(settings, ctl_dup(text), true);
    take_lines(settings, ctl_dup(text), false);

    if (settings->url == NULL) {
        missing(settings, "url");
    }

    if (settings->n_user_bases == 0) {
        missing(settings, "user_base");
    }

    if (settings->login == NULL || settings->user_filter == NULL) {
        missing(settings, "login and user_filter; preset = openldap or ad "
                "has them");
    }

    if (settings->account == NULL) {
        settings->account = settings->login;
    }

    if (settings->block_disabled && settings->disabled_filter == NULL) {
        missing(settings, "disabled_filter, and does not know who is to be "
                "blocked");
    }

    check_url(settings);
    check_password(settings);
}
