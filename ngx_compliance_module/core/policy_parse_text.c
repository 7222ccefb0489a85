/*
 * The remediation texts of a policy: reason -> platform or "any" -> language ->
 * text or list of steps.  A text that nobody would ever be shown is an error.
 */
#include "policy_reading.h"

#include <stdio.h>
#include <string.h>


#define COMPLIANCE_TEXTS_MAX     4096   /* bytes of one text */
#define COMPLIANCE_LANGUAGE_MAX  35     /* RFC 5646, 4.4.1 */


static bool
compliance_is_language(const char *text)
{
    size_t len = strlen(text);

    return len >= 2 && len <= COMPLIANCE_LANGUAGE_MAX
           && strspn(text, "abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}


/* A list of steps becomes one text, a step a line; NULL: it is none. */
static json_t *
compliance_steps_join(const json_t *list)
{
    char             buf[COMPLIANCE_TEXTS_MAX + 1];
    size_t           i;
    json_t          *item;
    compliance_buf_t out;

    compliance_buf_init(&out, buf, sizeof(buf));

    json_array_foreach((json_t *) list, i, item) {
        compliance_str_t step = compliance_text_of(item);

        if (step.len == 0 || memchr(step.data, '\n', step.len) != NULL) {
            return NULL;
        }

        compliance_buf_str(&out, i > 0 ? "\n" : "");
        compliance_buf_add(&out, step.data, step.len);
    }

    return out.overflow || out.len == 0 ? NULL
                                        : json_stringn(out.data, out.len);
}


/* Lines of a text; no other control character. */
static bool
compliance_is_steps(const json_t *value)
{
    compliance_str_t text = compliance_text_of(value);

    if (text.data == NULL || text.len == 0 || text.len > COMPLIANCE_TEXTS_MAX)
    {
        return false;
    }

    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char) text.data[i] < 0x20 && text.data[i] != '\n') {
            return false;
        }
    }

    return true;
}


/* language -> text */
static bool
compliance_texts_read(compliance_reading_t *r, const char *path, json_t *texts)
{
    char        inner[128];
    void       *iter;
    json_t     *text;
    const char *language;

    if (!json_is_object(texts) || json_object_size(texts) == 0) {
        return compliance_wrong(r, path, "expected texts by language, such as "
                                "{\"en\": \"...\", \"de\": \"...\"}");
    }

    for (iter = json_object_iter(texts); iter != NULL;
         iter = json_object_iter_next(texts, iter))
    {
        language = json_object_iter_key(iter);
        text = json_object_iter_value(iter);
        (void) snprintf(inner, sizeof(inner), "%.90s.%.36s", path, language);

        if (!compliance_is_language(language)) {
            return compliance_wrong(r, inner, "it is no language tag such as "
                                    "de or pt-BR");
        }

        if (json_is_array(text)) {
            text = compliance_steps_join(text);

            if (text == NULL
                || json_object_iter_set_new(texts, iter, text) != 0)
            {
                return compliance_wrong(r, inner, "expected a list of steps, "
                    "each a text of one line, %d bytes together",
                    COMPLIANCE_TEXTS_MAX);
            }
        }

        if (!compliance_is_steps(text)) {
            return compliance_wrong(r, inner, "expected a text of 1 to %d "
                                    "bytes, a step a line, or a list of steps",
                                    COMPLIANCE_TEXTS_MAX);
        }
    }

    return true;
}


static bool
compliance_reason_platforms_read(compliance_reading_t *r, const char *path,
    json_t *platforms)
{
    char        inner[96];
    json_t     *texts;
    const char *name;

    if (!json_is_object(platforms) || json_object_size(platforms) == 0) {
        return compliance_wrong(r, path, "expected texts by platform (or "
                                "\"any\") and language");
    }

    json_object_foreach(platforms, name, texts) {
        compliance_str_t platform = { name, strlen(name) };

        (void) snprintf(inner, sizeof(inner), "%.60s.%.31s", path, name);

        if (!compliance_is_platform(platform)) {
            return compliance_wrong(r, inner, "expected a platform such as "
                                    "ios, or \"any\"");
        }

        if (strcmp(name, "any") != 0
            && !compliance_platform_in(r->policy->platforms, platform))
        {
            return compliance_wrong(r, inner, "the policy's \"platforms\" do "
                "not have this one: nobody would be shown the text");
        }

        if (!compliance_texts_read(r, inner, texts)) {
            return false;
        }
    }

    return true;
}


bool
compliance_remediation_read(compliance_reading_t *r, const json_t *value)
{
    char        path[96];
    bool        known;
    json_t     *platforms;
    const char *reason, *reasons[COMPLIANCE_RULES_MAX];

    r->policy->remediation = value;

    if (!json_is_object(value)) {
        return compliance_wrong(r, "remediation", "expected texts by reason, "
                                "platform and language");
    }

    memset(reasons, 0, sizeof(reasons));

    for (size_t i = 0; i < r->policy->n_rules; i++) {
        reasons[i] = r->policy->rules[i].reason;
    }

    json_object_foreach((json_t *) value, reason, platforms) {
        (void) snprintf(path, sizeof(path), "remediation.%.64s", reason);
        known = false;

        for (size_t i = 0; i < r->policy->n_rules; i++) {
            known |= strcmp(r->policy->rules[i].reason, reason) == 0;
        }

        if (!known) {
            return compliance_wrong_name(r, path, "the list of rules", reason,
                                         reasons, r->policy->n_rules);
        }

        if (!compliance_reason_platforms_read(r, path, platforms)) {
            return false;
        }
    }

    return true;
}
