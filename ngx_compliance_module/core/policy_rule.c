/*
 * What a rule asks of an attribute: one row an operator.  An inventory may
 * come from a table of texts, so "true", "3" and 3 are compared as what the
 * policy's author wrote.  What cannot be read as that does not hold.
 */
#include "policy_private.h"
#include "civil.h"

#include <string.h>


#define COMPLIANCE_VERSION_PARTS  8
#define COMPLIANCE_CLOCK_SKEW     86400   /* a date may be that far ahead */

typedef struct {
    size_t  n;
    int64_t parts[COMPLIANCE_VERSION_PARTS];
} compliance_version_t;


static compliance_str_t
compliance_json_text(const json_t *value)
{
    if (!json_is_string(value)) {
        return compliance_absent;
    }

    return (compliance_str_t) { json_string_value(value),
                                json_string_length(value) };
}


/* "17.4.1", "10.0.19045.3803", "14", "22.04.3 LTS", "6.1.0-18-amd64": numbers
 * between dots, and then nothing, or a text that is set apart. */
static bool
compliance_version_parse(compliance_str_t text, compliance_version_t *out)
{
    size_t  at = 0, begin;
    int64_t part;

    out->n = 0;

    for ( ;; ) {
        begin = at;

        while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
            at++;
        }

        if (out->n == COMPLIANCE_VERSION_PARTS
            || !compliance_parse_uint((compliance_str_t) { text.data + begin,
                                                           at - begin },
                                      &part))
        {
            return false;
        }

        out->parts[out->n++] = part;

        if (at == text.len) {
            return true;
        }

        if (text.data[at] != '.') {
            return strchr(" -+(", text.data[at]) != NULL
                   && text.data[at] != '\0';
        }

        at++;
    }
}


static int
compliance_version_compare(const compliance_version_t *a,
    const compliance_version_t *b)
{
    int64_t x, y;

    for (size_t i = 0; i < COMPLIANCE_VERSION_PARTS; i++) {
        x = i < a->n ? a->parts[i] : 0;
        y = i < b->n ? b->parts[i] : 0;

        if (x != y) {
            return x < y ? -1 : 1;
        }
    }

    return 0;
}


static bool
compliance_version_of(const json_t *value, compliance_version_t *out)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        out->n = 1;
        out->parts[0] = json_integer_value(value);
        return true;
    }

    return json_is_string(value)
           && compliance_version_parse(compliance_json_text(value), out);
}


static bool
compliance_version_valid(const json_t *operand)
{
    compliance_version_t version;

    return json_is_string(operand)
           && compliance_version_parse(compliance_json_text(operand),
                                       &version);
}


static bool
compliance_min_version(const json_t *operand, const json_t *value, int64_t now)
{
    compliance_version_t least, have;

    (void) now;

    return compliance_version_of(operand, &least)
           && compliance_version_of(value, &have)
           && compliance_version_compare(&have, &least) >= 0;
}


/* "17" as the highest allows 17.0 and no 17.1; "17.99" allows all of them. */
static bool
compliance_max_version(const json_t *operand, const json_t *value, int64_t now)
{
    compliance_version_t most, have;

    (void) now;

    return compliance_version_of(operand, &most)
           && compliance_version_of(value, &have)
           && compliance_version_compare(&have, &most) <= 0;
}


/* 1 and 0 for yes and no, -1 for neither. */
static int
compliance_boolean_of(const json_t *value)
{
    static const char *const yes[] = { "true", "yes", "1", "on" };
    static const char *const no[] = { "false", "no", "0", "off" };

    if (json_is_boolean(value)) {
        return json_is_true(value) ? 1 : 0;
    }

    if (json_is_integer(value)) {
        return json_integer_value(value) == 1 ? 1
               : json_integer_value(value) == 0 ? 0 : -1;
    }

    for (size_t i = 0; json_is_string(value)
                       && i < sizeof(yes) / sizeof(yes[0]); i++)
    {
        if (compliance_str_is(compliance_json_text(value), yes[i])) {
            return 1;
        }

        if (compliance_str_is(compliance_json_text(value), no[i])) {
            return 0;
        }
    }

    return -1;
}


/* Numbers, and texts that are plain decimal integers. */
static bool
compliance_number_of(const json_t *value, double *out)
{
    int64_t n;

    if (json_is_number(value)) {
        *out = json_number_value(value);
        return true;
    }

    if (json_is_string(value)
        && compliance_parse_uint(compliance_json_text(value), &n))
    {
        *out = (double) n;
        return true;
    }

    return false;
}


/* By the type of the policy's value; texts without regard to ASCII case. */
static bool
compliance_value_equal(const json_t *wanted, const json_t *value)
{
    double a, b;

    switch (json_typeof(wanted)) {

    case JSON_TRUE:
        return compliance_boolean_of(value) == 1;

    case JSON_FALSE:
        return compliance_boolean_of(value) == 0;

    case JSON_INTEGER:
    case JSON_REAL:
        /* to the bit: both were written down, neither was computed */
        return compliance_number_of(wanted, &a)
               && compliance_number_of(value, &b) && a >= b && a <= b;

    case JSON_STRING:
        return json_is_string(value)
               && strlen(json_string_value(value)) == json_string_length(value)
               && compliance_str_is(compliance_json_text(value),
                                    json_string_value(wanted));

    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL:
        break;
    }

    return false;
}


static bool
compliance_scalar_valid(const json_t *operand)
{
    return json_is_boolean(operand) || json_is_number(operand)
           || (json_is_string(operand) && json_string_length(operand) > 0);
}


static bool
compliance_list_valid(const json_t *operand)
{
    size_t  i;
    json_t *item;

    json_array_foreach((json_t *) operand, i, item) {
        if (!compliance_scalar_valid(item)) {
            return false;
        }
    }

    return json_array_size(operand) > 0;
}


static bool
compliance_scalar_or_list_valid(const json_t *operand)
{
    return compliance_scalar_valid(operand) || compliance_list_valid(operand);
}


static bool
compliance_listed(const json_t *operand, const json_t *value)
{
    size_t  i;
    json_t *item;

    json_array_foreach((json_t *) operand, i, item) {
        if (compliance_value_equal(item, value)) {
            return true;
        }
    }

    return false;
}


static bool
compliance_equals(const json_t *operand, const json_t *value, int64_t now)
{
    (void) now;

    return compliance_value_equal(operand, value);
}


static bool
compliance_one_of(const json_t *operand, const json_t *value, int64_t now)
{
    (void) now;

    return compliance_listed(operand, value);
}


/* Can it be told whether value is what is wanted? */
static bool
compliance_comparable(const json_t *wanted, const json_t *value)
{
    double n;

    if (json_is_boolean(wanted)) {
        return compliance_boolean_of(value) >= 0;
    }

    if (json_is_number(wanted)) {
        return compliance_number_of(value, &n);
    }

    return json_is_string(value)
           && strlen(json_string_value(value)) == json_string_length(value);
}


/* Only what can be compared is "not" it: of a boolean the other boolean, of a
 * text a text.  "unknown" or a list proves nothing. */
static bool
compliance_not(const json_t *operand, const json_t *value, int64_t now)
{
    size_t  i;
    json_t *item;
    bool    comparable = false;

    (void) now;

    if (!json_is_array(operand)) {
        return compliance_comparable(operand, value)
               && !compliance_value_equal(operand, value);
    }

    json_array_foreach((json_t *) operand, i, item) {
        comparable |= compliance_comparable(item, value);
    }

    return comparable && !compliance_listed(operand, value);
}


static bool
compliance_span_valid(const json_t *operand)
{
    int64_t seconds;

    return json_is_string(operand)
           && compliance_span_parse(compliance_json_text(operand), &seconds)
           && seconds > 0;
}


static bool
compliance_max_age(const json_t *operand, const json_t *value, int64_t now)
{
    int64_t age, time;

    if (!compliance_span_parse(compliance_json_text(operand), &age)) {
        return false;
    }

    if (json_is_integer(value)) {
        time = json_integer_value(value);

    } else if (!compliance_time_parse(compliance_json_text(value), &time)) {
        return false;
    }

    return time > 0 && time <= now + COMPLIANCE_CLOCK_SKEW
           && now - time <= age;
}


static bool
compliance_number_valid(const json_t *operand)
{
    return json_is_number(operand);
}


static bool
compliance_min(const json_t *operand, const json_t *value, int64_t now)
{
    double n;

    (void) now;

    return compliance_number_of(value, &n) && n >= json_number_value(operand);
}


static bool
compliance_max(const json_t *operand, const json_t *value, int64_t now)
{
    double n;

    (void) now;

    return compliance_number_of(value, &n) && n <= json_number_value(operand);
}


static bool
compliance_exists_valid(const json_t *operand)
{
    return json_is_boolean(operand);
}


/* A value that is there; of one that is not, compliance_rule_holds() knows. */
static bool
compliance_exists(const json_t *operand, const json_t *value, int64_t now)
{
    (void) value;
    (void) now;

    return json_is_true(operand);
}


const compliance_operator_t compliance_operators[] = {
    { "min_version", "a version such as \"17.4.1\"",
      compliance_version_valid, compliance_min_version },
    { "max_version", "a version such as \"17.4.1\"",
      compliance_version_valid, compliance_max_version },
    { "equals", "a text, a number, true or false",
      compliance_scalar_valid, compliance_equals },
    { "one_of", "a list of texts, numbers, true or false",
      compliance_list_valid, compliance_one_of },
    { "not", "a text, a number, true or false, or a list of them",
      compliance_scalar_or_list_valid, compliance_not },
    { "max_age", "a span such as \"90d\" or \"12h\"",
      compliance_span_valid, compliance_max_age },
    { "min", "a number", compliance_number_valid, compliance_min },
    { "max", "a number", compliance_number_valid, compliance_max },
    { "exists", "true or false", compliance_exists_valid, compliance_exists },
};

const size_t compliance_operators_n
    = sizeof(compliance_operators) / sizeof(compliance_operators[0]);


/* null and an empty text report nothing. */
static bool
compliance_reported(const json_t *value)
{
    return value != NULL && !json_is_null(value)
           && !(json_is_string(value) && json_string_length(value) == 0);
}


static bool
compliance_condition_holds(const compliance_demand_t *condition,
    const json_t *value, int64_t now)
{
    for (size_t i = 0; i < condition->n; i++) {
        if (!condition->operators[i].operator->holds(
                condition->operators[i].operand, value, now))
        {
            return false;
        }
    }

    return true;
}


/* A "when" that cannot be told narrows nothing: the rule judges. */
static bool
compliance_narrowed_out(const compliance_demand_t *when,
    const json_t *inventory, int64_t now)
{
    const json_t *value;

    if (when->attribute == NULL) {
        return false;
    }

    value = json_object_get(inventory, when->attribute);

    return compliance_reported(value)
           ? !compliance_condition_holds(when, value, now)
           : json_is_true(when->exists);
}


bool
compliance_rule_holds(const compliance_rule_t *rule, const json_t *inventory,
    int64_t now)
{
    const json_t *value = json_object_get(inventory,
                                          rule->condition.attribute);

    if (compliance_narrowed_out(&rule->when, inventory, now)) {
        return true;
    }

    if (!compliance_reported(value)) {
        return rule->optional || json_is_false(rule->condition.exists);
    }

    return compliance_condition_holds(&rule->condition, value, now);
}
