/*
 * Values out of an MDM's record, and the words that MDMs have for things.
 */
#include "import_url.h"

#include <string.h>


#define NEVER  INT64_C(253402214400)   /* 9999-12-31: no date */


const json_t *
import_value(const json_t *record, const char *path)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        record = json_object_getn(record, path, (size_t) (dot - path));
        path = dot + 1;
    }

    return json_object_get(record, path);
}


compliance_str_t
import_text(const json_t *record, const char *path)
{
    const json_t *value = import_value(record, path);
    size_t        len = json_string_length(value);

    if (len == 0 || memchr(json_string_value(value), '\0', len) != NULL) {
        return compliance_absent;
    }

    return (compliance_str_t) { json_string_value(value), len };
}


int64_t
import_date(const json_t *record, const char *path)
{
    const json_t *value = import_value(record, path);
    int64_t       date;

    if (json_is_integer(value)) {
        date = json_integer_value(value);
        date = date > NEVER ? date / 1000 : date;   /* milliseconds */

    } else if (!ctl_import_time(import_text(record, path), &date)) {
        return 0;
    }

    return date >= NEVER || date < 0 ? 0 : date;
}


void
import_add_text(json_t *attributes, const char *name, compliance_str_t value)
{
    if (value.len > 0 && !compliance_str_is(value, "unknown")) {
        ctl_json_set(attributes, name, ctl_json_text(value));
    }
}


void
import_add_date(json_t *attributes, const char *name, int64_t date)
{
    if (date > 0) {
        ctl_json_set(attributes, name, ctl_json_int(date));
    }
}


void
import_add_flag(json_t *attributes, const char *name, const json_t *value)
{
    static const import_word_t words[] = {
        { "true", "1" }, { "yes", "1" }, { "on", "1" }, { "enabled", "1" },
        { "false", "0" }, { "no", "0" }, { "off", "0" }, { "disabled", "0" },
    };

    const char *word;

    if (json_is_boolean(value)) {
        ctl_json_set(attributes, name, ctl_json_bool(json_is_true(value)));
        return;
    }

    word = import_word(words, sizeof(words) / sizeof(words[0]),
                       (compliance_str_t) { json_string_value(value),
                                            json_string_length(value) });

    if (word != NULL) {
        ctl_json_set(attributes, name, ctl_json_bool(word[0] == '1'));
    }
}


const char *
import_word(const import_word_t *words, size_t n, compliance_str_t value)
{
    for (size_t i = 0; i < n && value.data != NULL; i++) {
        if (compliance_str_is(value, words[i].from)) {
            return words[i].to;
        }
    }

    return NULL;
}


/* "Windows 10", "iOS 17.4", "AndroidForWork": what it begins with. */
compliance_str_t
import_platform(compliance_str_t system, compliance_str_t model)
{
    static const import_word_t begins[] = {
        { "ipados", "ipados" }, { "ios", "ios" }, { "iphone", "ios" },
        { "android", "android" }, { "windows", "windows" },
        { "macos", "macos" }, { "mac os", "macos" }, { "osx", "macos" },
        { "linux", "linux" }, { "ubuntu", "linux" }, { "chromeos", "chromeos" },
    };

    const char *found = NULL;

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        size_t len = strlen(begins[i].from);

        if (system.len >= len
            && strncasecmp(system.data, begins[i].from, len) == 0)
        {
            found = begins[i].to;
            break;
        }
    }

    /* older records call an iPad's system iOS */
    if (found != NULL && strcmp(found, "ios") == 0 && model.len >= 4
        && strncasecmp(model.data, "iPad", 4) == 0)
    {
        found = "ipados";
    }

    return ctl_str(found);
}
