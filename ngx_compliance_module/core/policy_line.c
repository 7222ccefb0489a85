/*
 * Where in a policy's text a path such as "require[2].min_version" stands.
 * jansson keeps no lines; the text is looked through once more when there is
 * an error to tell.  It has been parsed before: what is not understood here
 * only makes the line less exact.
 */
#include "policy_private.h"

#include <string.h>


typedef struct {
    const char *at;
    const char *end;
    unsigned    line;
} compliance_scan_t;


static void
compliance_scan_blanks(compliance_scan_t *scan)
{
    while (scan->at < scan->end
           && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r'
               || *scan->at == '\n'))
    {
        scan->line += *scan->at == '\n';
        scan->at++;
    }
}


static bool
compliance_scan_take(compliance_scan_t *scan, char c)
{
    compliance_scan_blanks(scan);

    if (scan->at == scan->end || *scan->at != c) {
        return false;
    }

    scan->at++;

    return true;
}


/* What stands between two quotes, its escapes left as they are. */
static compliance_str_t
compliance_scan_string(compliance_scan_t *scan)
{
    const char *begin;

    if (!compliance_scan_take(scan, '"')) {
        return compliance_absent;
    }

    begin = scan->at;

    while (scan->at < scan->end && *scan->at != '"') {
        scan->at += *scan->at == '\\' && scan->end - scan->at > 1 ? 2 : 1;
    }

    if (scan->at == scan->end) {
        return compliance_absent;
    }

    return (compliance_str_t) { begin, (size_t) (scan->at++ - begin) };
}


/* One whole value, however deep. */
static void
compliance_scan_skip(compliance_scan_t *scan)
{
    size_t depth = 0;

    do {
        compliance_scan_blanks(scan);

        if (scan->at == scan->end) {
            return;
        }

        if (*scan->at == '"') {
            (void) compliance_scan_string(scan);
            continue;
        }

        if (*scan->at == '{' || *scan->at == '[') {
            depth++;

        } else if (*scan->at == '}' || *scan->at == ']') {
            if (depth == 0) {
                return;
            }

            depth--;

        } else if (*scan->at == ',' && depth == 0) {
            return;
        }

        scan->at++;

        while (depth == 0 && scan->at < scan->end
               && strchr(",]} \t\r\n", *scan->at) == NULL)
        {
            scan->at++;   /* the rest of a number or a word */
        }
    } while (depth > 0);
}


/* To the value of the element that "[2]" names; the path moves on. */
static bool
compliance_scan_element(compliance_scan_t *scan, const char **path)
{
    size_t      n = 0;
    const char *p = *path + 1;

    while (*p >= '0' && *p <= '9' && n < COMPLIANCE_POLICY_TEXT_MAX) {
        n = n * 10 + (size_t) (*p++ - '0');
    }

    if (*p != ']' || !compliance_scan_take(scan, '[')) {
        return false;
    }

    for ( ; n > 0; n--) {
        compliance_scan_skip(scan);

        if (!compliance_scan_take(scan, ',')) {
            return false;
        }
    }

    compliance_scan_blanks(scan);
    *path = p + 1;

    return true;
}


/* To the value of the longest member that the path begins with, for names may
 * have dots; *line is its name's. */
static bool
compliance_scan_member(compliance_scan_t *scan, const char **path,
    unsigned *line)
{
    size_t            best = 0, rest = strlen(*path);
    compliance_str_t  name;
    compliance_scan_t found = *scan;

    if (!compliance_scan_take(scan, '{')) {
        return false;
    }

    do {
        compliance_scan_blanks(scan);

        unsigned its_line = scan->line;

        name = compliance_scan_string(scan);

        if (name.data == NULL || !compliance_scan_take(scan, ':')) {
            break;
        }

        if (name.len > best && name.len <= rest
            && memcmp(*path, name.data, name.len) == 0
            && strchr(".[", (*path)[name.len]) != NULL)
        {
            best = name.len;
            found = *scan;
            *line = its_line;
        }

        compliance_scan_skip(scan);
    } while (compliance_scan_take(scan, ','));

    *scan = found;
    *path += best;

    return best > 0;
}


unsigned
compliance_policy_line(compliance_str_t text, const char *path)
{
    bool              found;
    unsigned          line;
    compliance_scan_t scan = { text.data, text.data + text.len, 1 };

    compliance_scan_blanks(&scan);
    line = scan.line;

    while (*path != '\0') {
        if (*path == '[') {
            found = compliance_scan_element(&scan, &path);
            line = found ? scan.line : line;

        } else {
            path += *path == '.';
            found = compliance_scan_member(&scan, &path, &line);
        }

        if (!found) {
            break;
        }
    }

    return line;
}
