/*
 * Times and spans as people write them, always UTC.
 */
#include "ctl.h"

#include <string.h>
#include <time.h>


/* 9999-12-31T23:59:59Z: a later one is a typing mistake. */
#define TIME_MAX  INT64_C(253402300799)


static bool
digits(compliance_str_t text, size_t at, size_t n, int *out)
{
    int value = 0;

    if (at + n > text.len) {
        return false;
    }

    for (size_t i = at; i < at + n; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }

        value = value * 10 + (text.data[i] - '0');
    }

    *out = value;

    return true;
}


/* YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ */
static bool
calendar(compliance_str_t text, int64_t *out)
{
    int       year, month, day, hour = 0, minute = 0, second = 0;
    time_t    when;
    struct tm tm, back;

    if (text.len != 10 && text.len != 20) {
        return false;
    }

    if (!digits(text, 0, 4, &year) || !digits(text, 5, 2, &month)
        || !digits(text, 8, 2, &day) || text.data[4] != '-'
        || text.data[7] != '-')
    {
        return false;
    }

    if (text.len == 20
        && (!digits(text, 11, 2, &hour) || !digits(text, 14, 2, &minute)
            || !digits(text, 17, 2, &second) || text.data[10] != 'T'
            || text.data[13] != ':' || text.data[16] != ':'
            || text.data[19] != 'Z'))
    {
        return false;
    }

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = hour;
    tm.tm_min = minute;
    tm.tm_sec = second;

    when = timegm(&tm);

    /* timegm() makes 2 March of 30 February: what comes back must be what
     * went in */
    if (year < 1970 || gmtime_r(&when, &back) == NULL
        || back.tm_mon != month - 1 || back.tm_mday != day
        || back.tm_hour != hour || back.tm_min != minute
        || back.tm_sec != second)
    {
        return false;
    }

    *out = (int64_t) when;

    return true;
}


bool
ctl_span_parse(compliance_str_t text, int64_t *seconds)
{
    int64_t value, unit = 1;

    if (text.len == 0) {
        return false;
    }

    switch (text.data[text.len - 1]) {
    case 's': unit = 1; text.len--; break;
    case 'm': unit = 60; text.len--; break;
    case 'h': unit = 3600; text.len--; break;
    case 'd': unit = 86400; text.len--; break;
    case 'w': unit = INT64_C(7) * 86400; text.len--; break;
    }

    if (!compliance_parse_uint(text, &value) || value > TIME_MAX / unit) {
        return false;
    }

    *seconds = value * unit;

    return true;
}


bool
ctl_time_parse(compliance_str_t text, int64_t now, int64_t *out)
{
    int64_t value;

    if (text.len == 0) {
        return false;
    }

    if (compliance_str_is(text, "now")) {
        *out = now;
        return true;
    }

    if (text.data[0] == '+' || text.data[0] == '-') {
        compliance_str_t span = { text.data + 1, text.len - 1 };

        if (!ctl_span_parse(span, &value)) {
            return false;
        }

        value = text.data[0] == '+' ? now + value : now - value;

    } else if (!calendar(text, &value)
               && !compliance_parse_uint(text, &value))
    {
        return false;
    }

    if (value < 0 || value > TIME_MAX) {
        return false;
    }

    *out = value;

    return true;
}


const char *
ctl_time_format(int64_t time)
{
    char      text[32];
    time_t    when = (time_t) time;
    struct tm tm;

    if (time < 0 || time > TIME_MAX || gmtime_r(&when, &tm) == NULL
        || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        return ctl_format("%lld", (long long) time);
    }

    return ctl_dup(ctl_str(text));
}
