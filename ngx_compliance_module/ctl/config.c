/*
 * The configuration files: NAME = VALUE, the names being those of options that
 * an environment variable can give as well.  The command line is stronger than
 * the environment, that than the user's file, and that than the machine's.
 * Whoever can write the file says where passwords go: it must be ours or
 * root's, and nobody else's to write.
 */
#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define SYSTEM_FILE  "/etc/compliancectl.conf"
#define USER_FILE    "compliancectl.conf"
#define FILE_MAX     ((size_t) 64 * 1024)


static bool
configurable(size_t opt)
{
    return ctl_option_environment((ctl_opt_t) opt) != NULL
           && opt != CTL_OPT_CONFIG;
}


static compliance_str_t
trim(const char *begin, const char *end)
{
    while (begin < end && strchr(" \t", *begin) != NULL) {
        begin++;
    }

    while (end > begin && strchr(" \t\r", end[-1]) != NULL) {
        end--;
    }

    return (compliance_str_t) { begin, (size_t) (end - begin) };
}


static CTL_NORETURN void
unknown_name(const char *where, compliance_str_t name)
{
    const char *names[CTL_OPTIONS], *nearest;
    size_t      n = 0;

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (configurable(i)) {
            names[n++] = ctl_option_name((ctl_opt_t) i);
        }
    }

    nearest = ctl_nearest(ctl_dup(name), names, n);

    if (nearest != NULL) {
        ctl_die(CTL_USAGE, "%s: unknown name \"%s\"; did you mean \"%s\"?",
                where, ctl_escape(name), nearest);
    }

    ctl_die(CTL_USAGE, "%s: unknown name \"%s\"; the names are those of "
            "options, such as redis and password-file", where,
            ctl_escape(name));
}


static void
take_line(ctl_t *ctl, const char *where, compliance_str_t line,
    ctl_origin_t origin, uint64_t taken, uint64_t *seen)
{
    const char      *equals;
    compliance_str_t name, value;
    size_t           i;

    if (line.len == 0 || line.data[0] == '#') {
        return;
    }

    equals = memchr(line.data, '=', line.len);

    if (equals == NULL) {
        ctl_die(CTL_USAGE, "%s: there is no '='; a line is NAME = VALUE",
                where);
    }

    name = trim(line.data, equals);
    value = trim(equals + 1, line.data + line.len);

    for (i = 0; i < CTL_OPTIONS; i++) {
        if (configurable(i) && compliance_str_eq(name,
                ctl_str(ctl_option_name((ctl_opt_t) i))))
        {
            break;
        }
    }

    if (i == CTL_OPTIONS) {
        unknown_name(where, name);
    }

    if (value.len == 0 || memchr(value.data, '\0', value.len) != NULL) {
        ctl_die(CTL_USAGE, "%s: \"%s\" has no value; it expects %s", where,
                ctl_option_name((ctl_opt_t) i),
                ctl_option_value((ctl_opt_t) i));
    }

    if (*seen & CTL_BIT(i)) {
        ctl_die(CTL_USAGE, "%s: \"%s\" stands there twice", where,
                ctl_option_name((ctl_opt_t) i));
    }

    *seen |= CTL_BIT(i);

    if ((taken & CTL_BIT(i)) && ctl->options[i] == NULL) {
        ctl->options[i] = ctl_dup(value);
        ctl->origins[i] = origin;
    }
}


static void
check_file(const char *path, const struct stat *info)
{
    if (S_ISREG(info->st_mode)
        && ((info->st_mode & (S_IWGRP | S_IWOTH))
            || (info->st_uid != 0 && info->st_uid != geteuid())))
    {
        ctl_die(CTL_USAGE, "others can write \"%s\", and with it send "
                "passwords elsewhere; it is not read: chown it to root or to "
                "yourself, and chmod 644 it", ctl_escape(ctl_str(path)));
    }
}


static void
take_file(ctl_t *ctl, const char *path, ctl_origin_t origin, uint64_t taken,
    bool required)
{
    struct stat      info;
    compliance_str_t text;
    const char      *p, *end, *eol;
    uint64_t         seen = 0;
    unsigned         line = 0;

    if (stat(path, &info) != 0) {
        if (!required && (errno == ENOENT || errno == ENOTDIR
                          || errno == EACCES))
        {
            return;
        }

        ctl_die(CTL_USAGE, "cannot read the configuration \"%s\": %s",
                ctl_escape(ctl_str(path)), strerror(errno));
    }

    check_file(path, &info);
    text = ctl_read_file(path, FILE_MAX);
    p = text.data;
    end = p + text.len;

    while (p < end) {
        eol = memchr(p, '\n', (size_t) (end - p));
        eol = eol == NULL ? end : eol;
        take_line(ctl, ctl_format("%s:%u", ctl_escape(ctl_str(path)), ++line),
                  trim(p, eol), origin, taken, &seen);
        p = eol + 1;
    }
}


void
ctl_config_apply(ctl_t *ctl, uint64_t taken)
{
    const char *given = ctl->options[CTL_OPT_CONFIG];
    const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (given != NULL) {
        take_file(ctl, given, CTL_FROM_USER, taken, true);
        return;
    }

    if (folder != NULL && folder[0] == '/') {
        take_file(ctl, ctl_format("%s/" USER_FILE, folder), CTL_FROM_USER,
                  taken, false);

    } else if (home != NULL && home[0] == '/') {
        take_file(ctl, ctl_format("%s/.config/" USER_FILE, home),
                  CTL_FROM_USER, taken, false);
    }

    take_file(ctl, SYSTEM_FILE, CTL_FROM_SYSTEM, taken, false);
}
