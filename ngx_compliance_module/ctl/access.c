/*
 * The counted accesses: a hash a day and principal, found by the day's index.
 * A day counts as within a range where any of it does: its counts cannot be
 * divided.
 */
#include "access_private.h"
#include "record.h"

#include <string.h>


#define PAGE        256      /* hashes asked for in one write */
#define DAY         86400
#define DAYS_MAX    3700     /* more than any retention */
#define OTHER       "other"  /* the field of those without details */
#define NOBODY      "-"      /* where a request names no user */

typedef struct {
    ctl_t                     *ctl;
    const ctl_access_filter_t *filter;
    ctl_access_pt              visit;
    void                      *data;
    int64_t                    day;    /* its first second */
} counting_t;


/* One field of the hash: an access and how often it was seen. */
static void
count(const counting_t *c, const char *user, compliance_str_t text,
    compliance_str_t number)
{
    ctl_access_t access;

    memset(&access, 0, sizeof(access));
    access.other = compliance_str_eq(text, compliance_str(OTHER));

    if ((!access.other
         && compliance_seen_read(text, &access.seen) != COMPLIANCE_OK)
        || !compliance_parse_uint(number, &access.count) || access.count == 0)
    {
        return;   /* of another version: nothing that could be judged */
    }

    access.first = c->day;
    access.last = c->day + DAY - 1;
    access.user = ctl_str(strcmp(user, NOBODY) == 0 ? "" : user);
    access.verdict = COMPLIANCE_ALLOW;
    access.reason = access.seen.reason;
    c->visit(c->data, &access);
}


static void
count_page(const counting_t *c, const char *const *users, size_t n)
{
    compliance_principal_t principal;
    redisReply            *reply;

    for (size_t i = 0; i < n; i++) {
        ctl_principal(users[i], &principal);
        ctl_store_send(c->ctl, "HGETALL %s",
                       ctl_key_seen(c->ctl, c->day, &principal));
    }

    for (size_t i = 0; i < n; i++) {
        reply = ctl_store_receive(c->ctl);
        ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "counts");

        for (size_t k = 0; k + 1 < reply->elements; k += 2) {
            count(c, users[i], ctl_reply_text(reply->element[k]),
                  ctl_reply_text(reply->element[k + 1]));
        }
    }
}


/* Names that are none, whoever wrote them, make no key. */
static size_t
principals_only(const char **users, size_t n)
{
    size_t                 kept = 0;
    compliance_principal_t principal;

    for (size_t i = 0; i < n; i++) {
        if (compliance_principal_parse(ctl_str(users[i]), &principal)
            == COMPLIANCE_OK)
        {
            users[kept++] = users[i];
        }
    }

    return kept;
}


static void
count_day(const counting_t *c)
{
    size_t       n = 1;
    char         day[COMPLIANCE_DAY_LEN + 1];
    const char **users, *only;

    if (c->filter->user.data != NULL) {
        only = ctl_dup(c->filter->user);
        users = &only;

    } else {
        compliance_day(c->day, day);
        users = ctl_store_members(c->ctl, ctl_key_index(c->ctl, "seen",
                                                        ctl_str(day)), &n);
    }

    n = principals_only(users, n);

    for (size_t i = 0; i < n; i += PAGE) {
        ctl_mark_t mark = ctl_mark();

        count_page(c, users + i, n - i < PAGE ? n - i : PAGE);
        ctl_release(mark);
    }
}


void
ctl_access_each(ctl_t *ctl, const ctl_access_filter_t *filter,
    ctl_access_pt visit, void *data)
{
    counting_t c = { ctl, filter, visit, data, 0 };
    int64_t    until = filter->until > 0 ? filter->until : ctl->now;
    int64_t    first = filter->since / DAY * DAY;

    ctl_store_open(ctl);

    if (until / DAY * DAY - first > (int64_t) DAYS_MAX * DAY) {
        first = until / DAY * DAY - (int64_t) DAYS_MAX * DAY;
    }

    for (c.day = first; !filter->audited_only && c.day <= until; c.day += DAY) {
        ctl_mark_t mark = ctl_mark();

        count_day(&c);
        ctl_release(mark);
    }

    ctl_access_audited(ctl, filter, visit, data);
}
