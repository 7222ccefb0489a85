/*
 * What the files that read a policy's JSON share:
 *   policy_parse.c        the whole, and its plain members
 *   policy_parse_rule.c   the rules
 *   policy_parse_text.c   the remediation texts
 *   policy_wrong.c        what is told of a mistake
 */
#ifndef COMPLIANCE_POLICY_READING_H
#define COMPLIANCE_POLICY_READING_H

#include "policy_private.h"


typedef struct {
    compliance_policy_t       *policy;
    compliance_policy_error_t *error;
} compliance_reading_t;

/* Always false, for `return`. */
bool compliance_wrong(compliance_reading_t *r, const char *path,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A name that nobody knows, with the nearest of those that would be known. */
bool compliance_wrong_name(compliance_reading_t *r, const char *path,
    const char *what, const char *name, const char *const *names, size_t n);

compliance_str_t compliance_text_of(const json_t *value);
/* Lower-case letters, digits and `extra`, 1 to max: what stands between
 * commas, in keys and in indexes. */
bool compliance_is_word(compliance_str_t text, const char *extra, size_t max);
bool compliance_is_platform(compliance_str_t text);

bool compliance_days_read(compliance_reading_t *r, const char *path,
    const json_t *value, int64_t *days);
bool compliance_platforms_read(compliance_reading_t *r, const json_t *value,
    const char *path, const json_t *within);
bool compliance_require_read(compliance_reading_t *r, const json_t *value);
bool compliance_remediation_read(compliance_reading_t *r,
    const json_t *value);

#endif
