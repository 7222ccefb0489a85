/*
 * The configuration file: "name = value" lines of what the environment may
 * give, too.  The file named by --config, else the user's own and then the
 * system's; what was given already stays.  A slip is an error: a connection to
 * the wrong store is worse than none.
 */
#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define SYSTEM_FILE  "/etc/compliancectl.conf"
#define USER_FILE    ".config/compliancectl.conf"
#define FILE_MAX     65536


static compliance_str_t
trimmed(compliance_str_t text)
{
    while (text.len > 0 && strchr(" \t\r", text.data[0]) != NULL) {
        text.data++;
        text.len--;
    }

    while (text.len > 0 && strchr(" \t\r", text.data[text.len - 1]) != NULL) {
        text.len--;
    }

    return text;
}


static CTL_NORETURN void
unknown_name(const char *path, unsigned line, compliance_str_t name)
{
    size_t      n = 0;
    const char *names[CTL_OPTIONS], *nearest;

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (ctl_option_rows[i].environment != NULL) {
            names[n++] = ctl_option_rows[i].name;
        }
    }

    nearest = ctl_nearest(ctl_dup(name), names, n);

    ctl_die(CTL_USAGE, "%s:%u: unknown setting \"%s\"%s%s%s", path, line,
            ctl_escape(name), nearest == NULL ? "" : "; did you mean \"",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
}


static void
read_line(ctl_t *ctl, uint64_t taken, uint64_t *seen, const char *path,
    unsigned line, compliance_str_t text)
{
    size_t           i = 0;
    const char      *equals;
    compliance_str_t name, value;

    text = trimmed(text);

    if (text.len == 0 || text.data[0] == '#') {
        return;
    }

    equals = memchr(text.data, '=', text.len);

    if (equals == NULL) {
        ctl_die(CTL_USAGE, "%s:%u: expected \"name = value\"", path, line);
    }

    name = trimmed((compliance_str_t) { text.data,
                                        (size_t) (equals - text.data) });
    value = trimmed((compliance_str_t) { equals + 1,
                        text.len - (size_t) (equals + 1 - text.data) });

    while (i < CTL_OPTIONS
           && (ctl_option_rows[i].environment == NULL
               || i == CTL_OPT_CONFIG
               || !compliance_str_eq(name, ctl_str(ctl_option_rows[i].name))))
    {
        i++;
    }

    if (i == CTL_OPTIONS) {
        unknown_name(path, line, name);
    }

    if (value.len == 0 || memchr(value.data, '\0', value.len) != NULL) {
        ctl_die(CTL_USAGE, "%s:%u: \"%s\" has no value", path, line,
                ctl_option_rows[i].name);
    }

    if (*seen & CTL_BIT(i)) {
        ctl_die(CTL_USAGE, "%s:%u: \"%s\" stands twice in the file", path,
                line, ctl_option_rows[i].name);
    }

    *seen |= CTL_BIT(i);

    if ((taken & CTL_BIT(i)) && ctl->options[i] == NULL) {
        ctl->options[i] = ctl_dup(value);
    }
}


/* Whoever may write the file chooses the store that commands write to. */
static void
check_file(const char *path, const struct stat *info)
{
    if ((info->st_mode & (S_IWGRP | S_IWOTH))
        || (info->st_uid != 0 && info->st_uid != geteuid()))
    {
        ctl_die(CTL_USAGE, "others than you and root may write \"%s\": chmod "
                "go-w it, or have its owner changed; it was not read",
                ctl_escape(ctl_str(path)));
    }
}


static void
read_config(ctl_t *ctl, uint64_t taken, const char *path, bool must_exist)
{
    unsigned         line = 1;
    uint64_t         seen = 0;
    const char      *newline, *shown = ctl_escape(ctl_str(path));
    struct stat      info;
    compliance_str_t text;

    if (stat(path, &info) != 0) {
        if (!must_exist && (errno == ENOENT || errno == ENOTDIR
                            || errno == EACCES))
        {
            return;
        }

        ctl_die(CTL_USAGE, "cannot read \"%s\": %s", shown, strerror(errno));
    }

    check_file(path, &info);
    text = ctl_read_file(path, FILE_MAX);

    while (text.len > 0) {
        size_t len = text.len;

        newline = memchr(text.data, '\n', text.len);

        if (newline != NULL) {
            len = (size_t) (newline - text.data);
        }

        read_line(ctl, taken, &seen, shown, line++,
                  (compliance_str_t) { text.data, len });

        text.data += len < text.len ? len + 1 : len;
        text.len -= len < text.len ? len + 1 : len;
    }
}


void
ctl_config_read(ctl_t *ctl, uint64_t taken)
{
    const char *home = getenv("HOME");

    if (ctl->options[CTL_OPT_CONFIG] != NULL) {
        read_config(ctl, taken, ctl->options[CTL_OPT_CONFIG], true);
        return;
    }

    if (home != NULL && home[0] == '/') {
        read_config(ctl, taken, ctl_format("%s/%s", home, USER_FILE), false);
    }

    read_config(ctl, taken, SYSTEM_FILE, false);
}
