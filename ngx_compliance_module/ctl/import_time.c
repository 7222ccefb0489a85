/*
 * Times as MDMs write them.  timegm() would cost more than the rest of a
 * record.
 */
#include "import.h"


/* 9999-12-31T23:59:59Z, and the least that must be milliseconds: a second of
 * the year 3000. */
#define TIME_MAX          INT64_C(253402300799)
#define MILLISECONDS_MIN  INT64_C(32503680000)


static bool
digits(compliance_str_t text, size_t at, size_t n, int64_t *out)
{
    int64_t value = 0;

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


static bool
is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}


/* Days since 1970-01-01; compliance_day() is the way back. */
static bool
days(int64_t year, int64_t month, int64_t day, int64_t *out)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                   31 };
    int64_t years, era, of_era, of_year;

    if (month < 1 || month > 12 || day < 1
        || day > lengths[month - 1] + (month == 2 && is_leap(year)))
    {
        return false;
    }

    years = month <= 2 ? year - 1 : year;
    era = years / 400;
    of_era = years - era * 400;
    of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    *out = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
           - 719468;

    return true;
}


/* ".1234567", then "", "Z" or "+01:00". */
static bool
zone(compliance_str_t text, size_t at, int64_t *offset)
{
    int64_t hours, minutes;

    *offset = 0;

    if (at < text.len && text.data[at] == '.') {
        for (at++; at < text.len && text.data[at] >= '0'
             && text.data[at] <= '9'; at++)
        {
            continue;
        }
    }

    if (at == text.len
        || (at + 1 == text.len && (text.data[at] == 'Z'
                                   || text.data[at] == 'z')))
    {
        return true;
    }

    if (at + 6 != text.len || (text.data[at] != '+' && text.data[at] != '-')
        || text.data[at + 3] != ':' || !digits(text, at + 1, 2, &hours)
        || !digits(text, at + 4, 2, &minutes) || hours > 14 || minutes > 59)
    {
        return false;
    }

    *offset = (hours * 60 + minutes) * 60;

    if (text.data[at] == '-') {
        *offset = -*offset;
    }

    return true;
}


static bool
calendar(compliance_str_t text, int64_t *out)
{
    int64_t year, month, day, hour = 0, minute = 0, second = 0, offset = 0;
    int64_t number;

    if (text.len < 10 || !digits(text, 0, 4, &year)
        || !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day)
        || text.data[4] != '-' || text.data[7] != '-'
        || !days(year, month, day, &number))
    {
        return false;
    }

    if (text.len > 10
        && ((text.data[10] != 'T' && text.data[10] != ' ')
            || !digits(text, 11, 2, &hour) || !digits(text, 14, 2, &minute)
            || !digits(text, 17, 2, &second) || text.data[13] != ':'
            || text.data[16] != ':' || hour > 23 || minute > 59 || second > 60
            || !zone(text, 19, &offset)))
    {
        return false;
    }

    number = number * 86400 + hour * 3600 + minute * 60 + second - offset;
    *out = number < 0 ? 0 : number;   /* 0001-01-01: never */

    return true;
}


bool
ctl_import_time(compliance_str_t text, int64_t *out)
{
    int64_t value;

    if (compliance_parse_uint(text, &value)) {
        value = value >= MILLISECONDS_MIN ? value / 1000 : value;

        if (value > TIME_MAX) {
            return false;
        }

        *out = value;
        return true;
    }

    return text.data != NULL && calendar(text, out);
}
