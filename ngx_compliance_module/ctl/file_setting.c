/*
 * A line of a settings file: "key = value", '#' begins a comment.
 */
#include "ctl.h"

#include <string.h>


bool
ctl_file_setting(const char *path, char *line, unsigned nth,
    const char **key, const char **value)
{
    char *equals, *end;

    line += strspn(line, " \t");

    if (line[0] == '\0' || line[0] == '#') {
        return false;
    }

    equals = strchr(line, '=');

    if (equals == NULL) {
        ctl_die(CTL_USAGE, "\"%s\" line %u is no \"key = value\"",
                ctl_escape(ctl_str(path)), nth);
    }

    for (end = equals; end > line && strchr(" \t", end[-1]) != NULL; end--) {
        /* the key's blanks */
    }

    *value = equals + 1 + strspn(equals + 1, " \t");
    *end = '\0';
    *key = line;

    for (end = equals + 1 + strlen(equals + 1);
         end > *value && strchr(" \t\r", end[-1]) != NULL; end--)
    {
        end[-1] = '\0';
    }

    if ((*value)[0] == '\0') {
        ctl_die(CTL_USAGE, "\"%s\" line %u: \"%s\" has no value",
                ctl_escape(ctl_str(path)), nth,
                ctl_escape(ctl_str(line)));
    }

    return true;
}
