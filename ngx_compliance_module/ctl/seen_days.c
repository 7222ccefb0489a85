/*
 * seen:<day>:<principal> and index:seen:<day>, by day.  Nothing here is kept
 * in the history: it is no administrator's record.
 */
#include "seen_days.h"

#include <string.h>
#include <time.h>


#define BATCH  500


/* "20261124" -> the day's begin, or false. */
static bool
parse_day(const char *text, int64_t *day)
{
    char             back[COMPLIANCE_DAY_LEN + 1];
    int64_t          number;
    struct tm        tm;
    compliance_str_t digits = ctl_str(text);

    if (digits.len != COMPLIANCE_DAY_LEN
        || !compliance_parse_uint(digits, &number))
    {
        return false;
    }

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = (int) (number / 10000) - 1900;
    tm.tm_mon = (int) (number / 100 % 100) - 1;
    tm.tm_mday = (int) (number % 100);
    *day = (int64_t) timegm(&tm);
    compliance_day(*day, back);

    return strcmp(back, text) == 0;
}


const char *
ctl_seen_index(const ctl_t *ctl, int64_t day)
{
    char text[COMPLIANCE_DAY_LEN + 1];

    compliance_day(day, text);

    return ctl_key_index(ctl, "seen", ctl_str(text));
}


const int64_t *
ctl_seen_days(ctl_t *ctl, size_t *n)
{
    size_t       found;
    int64_t     *days;
    const char **names;

    names = ctl_store_scan(ctl, ctl_key_index(ctl, "seen",
                                              compliance_str("")), &found);
    days = ctl_alloc_array(found, sizeof(*days));
    *n = 0;

    for (size_t i = 0; i < found; i++) {
        if (parse_day(names[i], &days[*n])) {
            (*n)++;
        }
    }

    return days;
}


int64_t
ctl_seen_delete_day(ctl_t *ctl, int64_t day)
{
    size_t                 n, sent = 0;
    const char            *index = ctl_seen_index(ctl, day), **people;
    compliance_principal_t name;
    ctl_mark_t             mark = ctl_mark();

    people = ctl_store_members(ctl, index, &n);

    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(people[i]);

        if (len > COMPLIANCE_PRINCIPAL_MAX) {
            continue;
        }

        memset(&name, 0, sizeof(name));
        memcpy(name.data, people[i], len);
        name.len = len;
        ctl_store_send(ctl, "DEL %s", ctl_key_seen(ctl, day, &name));

        if (++sent == BATCH) {
            for (; sent > 0; sent--) {
                (void) ctl_store_receive(ctl);
            }
        }
    }

    for (; sent > 0; sent--) {
        (void) ctl_store_receive(ctl);
    }

    (void) ctl_store_ask(ctl, "DEL %s", index);
    ctl_release(mark);

    return (int64_t) n;
}
