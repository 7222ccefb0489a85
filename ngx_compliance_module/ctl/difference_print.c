/*
 * A difference for a person, and for a program.
 */
#include "difference.h"

#include <stdlib.h>
#include <string.h>


static const char *const names[CTL_CHANGES] = {
    [CTL_SAME] = "same",
    [CTL_BLOCKED] = "blocked",
    [CTL_ADMITTED] = "admitted",
    [CTL_REPORTED] = "reported",
    [CTL_OTHERWISE] = "otherwise",
};

/* What each comes to, for a person. */
static const char *const told[CTL_CHANGES] = {
    [CTL_BLOCKED] = "newly blocked",
    [CTL_ADMITTED] = "newly admitted",
    [CTL_REPORTED] = "newly reported",
    [CTL_OTHERWISE] = "blocked for another reason",
};


const char *
ctl_change_name(ctl_change_kind_t kind)
{
    return (unsigned) kind < CTL_CHANGES ? names[kind] : "none";
}


const char *
ctl_share(int64_t part, int64_t whole)
{
    double percent = whole <= 0 ? 0 : 100.0 * (double) part / (double) whole;

    /* a share that is not none must not read as none */
    if (part > 0 && percent < 0.1) {
        return "< 0.1 %";
    }

    return ctl_format("%.1f %%", percent);
}


static const char *
protocols_text(unsigned protocols)
{
    char *text = ctl_format("%s", "");

    for (int i = 1; i < COMPLIANCE_PROTOCOLS; i++) {
        if (protocols & COMPLIANCE_BIT(i)) {
            text = ctl_format("%s%s%s", text, text[0] == '\0' ? "" : ",",
                       compliance_protocol_name((compliance_protocol_t) i));
        }
    }

    return text;
}


static const char *
outcome_text(compliance_verdict_t verdict, compliance_reason_t reason)
{
    return ctl_format("%s (%s)", compliance_verdict_name(verdict),
                      compliance_reason_name(reason));
}


static const char *
name_text(const char *name)
{
    return name[0] == '\0' ? "-" : ctl_escape(ctl_str(name));
}


static const char *
counts_text(ctl_counts_t counts, ctl_counts_t whole, bool accesses)
{
    const char *text;

    text = ctl_format("%lld users (%s), %lld devices (%s)",
                      (long long) counts.users,
                      ctl_share(counts.users, whole.users),
                      (long long) counts.devices,
                      ctl_share(counts.devices, whole.devices));

    return !accesses ? text
           : ctl_format("%s, %lld accesses (%s)", text,
                        (long long) counts.accesses,
                        ctl_share(counts.accesses, whole.accesses));
}


static void
print_summary(const ctl_difference_t *difference, bool accesses)
{
    ctl_counts_t  whole = ctl_difference_judged(difference), counts;
    ctl_table_t  *table = ctl_table(2, NULL);

    ctl_table_row(table, (const char *[]) { "judged",
        accesses ? ctl_format("%lld users, %lld devices, %lld accesses",
                              (long long) whole.users,
                              (long long) whole.devices,
                              (long long) whole.accesses)
                 : ctl_format("%lld users, %lld devices",
                              (long long) whole.users,
                              (long long) whole.devices) });

    for (int i = CTL_BLOCKED; i < CTL_CHANGES; i++) {
        counts = ctl_difference_counts(difference, (ctl_change_kind_t) i);

        if (i == CTL_BLOCKED || counts.accesses > 0) {
            ctl_table_row(table, (const char *[]) { told[i],
                counts.accesses == 0 ? "none"
                : counts_text(counts, whole, accesses) });
        }
    }

    ctl_table_print(table);
}


static void
print_reasons(const ctl_difference_t *difference, bool accesses)
{
    static const char *const headings[] = {
        "CHANGE", "REASON", "USERS", "DEVICES", "ACCESSES"
    };

    bool         any = false;
    ctl_table_t *table = ctl_table(accesses ? 5 : 4, headings);

    for (int k = CTL_BLOCKED; k < CTL_CHANGES; k++) {
        for (int i = 0; i < COMPLIANCE_REASONS; i++) {
            ctl_counts_t counts = ctl_difference_reason(difference,
                (ctl_change_kind_t) k, (compliance_reason_t) i);

            if (counts.accesses == 0) {
                continue;
            }

            any = true;
            ctl_table_row(table, (const char *[]) {
                names[k], compliance_reason_name((compliance_reason_t) i),
                ctl_format("%lld", (long long) counts.users),
                ctl_format("%lld", (long long) counts.devices),
                ctl_format("%lld", (long long) counts.accesses) });
        }
    }

    if (any) {
        puts("");
        ctl_table_print(table);
    }
}


#define ROWS_AT_ONCE  256

static void
print_rows(const ctl_difference_row_t *const *rows, size_t n, bool accesses,
    bool headed)
{
    static const char *const headings[] = {
        "CHANGE", "USER", "DEVICE", "PROTOCOLS", "NOW", "THEN", "GROUP",
        "ACCESSES", "RECORDED"
    };

    ctl_table_t *table = ctl_table(accesses ? 9 : 7, headed ? headings : NULL);

    for (size_t i = 0; i < n; i++) {
        const ctl_difference_row_t *row = rows[i];

        ctl_table_row(table, (const char *[]) {
            names[row->kind], name_text(row->user), name_text(row->device),
            protocols_text(row->protocols),
            outcome_text(row->was, row->was_reason),
            outcome_text(row->becomes, row->reason), name_text(row->group),
            ctl_format("%lld", (long long) row->accesses),
            ctl_format("%lld let in, %lld not", (long long) row->recorded_in,
                       (long long) (row->accesses - row->recorded_in)) });
    }

    ctl_table_print(table);
}


static size_t
shown(size_t n, int64_t limit)
{
    return limit > 0 && (uint64_t) limit < n ? (size_t) limit : n;
}


void
ctl_difference_print(ctl_difference_t *difference, bool accesses,
    int64_t limit)
{
    size_t n, n_shown;
    const ctl_difference_row_t *const *rows;

    print_summary(difference, accesses);
    print_reasons(difference, accesses);
    rows = ctl_difference_rows(difference, &n);
    n_shown = shown(n, limit);

    if (n > 0) {
        puts("");
    }

    for (size_t i = 0; i < n_shown; i += ROWS_AT_ONCE) {
        ctl_mark_t mark = ctl_mark();

        print_rows(rows + i, n_shown - i < ROWS_AT_ONCE ? n_shown - i
                                                        : ROWS_AT_ONCE,
                   accesses, i == 0);
        ctl_release(mark);
    }

    if (n_shown < n) {
        fprintf(stderr, "%zu of %zu shown: --limit 0 shows all\n", n_shown, n);
    }
}


static json_t *
counts_json(ctl_counts_t counts, bool accesses)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, "users", ctl_json_int(counts.users));
    ctl_json_set(object, "devices", ctl_json_int(counts.devices));

    if (accesses) {
        ctl_json_set(object, "accesses", ctl_json_int(counts.accesses));
    }

    return object;
}


static json_t *
reasons_json(const ctl_difference_t *difference, ctl_change_kind_t kind,
    bool accesses)
{
    json_t *object = ctl_json_object();

    for (int i = 0; i < COMPLIANCE_REASONS; i++) {
        ctl_counts_t counts = ctl_difference_reason(difference, kind,
            (compliance_reason_t) i);

        if (counts.accesses > 0) {
            ctl_json_set(object,
                         compliance_reason_name((compliance_reason_t) i),
                         counts_json(counts, accesses));
        }
    }

    return object;
}


static json_t *
outcome_json(compliance_verdict_t verdict, compliance_reason_t reason)
{
    json_t *object = ctl_json_object();

    ctl_json_set(object, "verdict",
                 ctl_json_text(ctl_str(compliance_verdict_name(verdict))));
    ctl_json_set(object, "reason",
                 ctl_json_text(ctl_str(compliance_reason_name(reason))));

    return object;
}


static json_t *
row_json(const ctl_difference_row_t *row, bool accesses)
{
    json_t *object = ctl_json_object(), *protocols = ctl_json_array();

    for (int i = 1; i < COMPLIANCE_PROTOCOLS; i++) {
        if (row->protocols & COMPLIANCE_BIT(i)) {
            ctl_json_add(protocols, ctl_json_text(ctl_str(
                compliance_protocol_name((compliance_protocol_t) i))));
        }
    }

    ctl_json_set(object, "change", ctl_json_text(ctl_str(names[row->kind])));
    ctl_json_set(object, "user", ctl_json_text(
                     row->user[0] == '\0' ? compliance_absent
                                          : ctl_str(row->user)));
    ctl_json_set(object, "device", ctl_json_text(
                     row->device[0] == '\0' ? compliance_absent
                                            : ctl_str(row->device)));
    ctl_json_set(object, "protocols", protocols);
    ctl_json_set(object, "now", outcome_json(row->was, row->was_reason));
    ctl_json_set(object, "then", outcome_json(row->becomes, row->reason));
    ctl_json_set(object, "group", ctl_json_text(
                     row->group[0] == '\0' ? compliance_absent
                                           : ctl_str(row->group)));

    if (accesses) {
        ctl_json_set(object, "accesses", ctl_json_int(row->accesses));
        ctl_json_set(object, "recorded_let_in",
                     ctl_json_int(row->recorded_in));
    }

    return object;
}


void
ctl_difference_json(ctl_difference_t *difference, json_t *object,
    bool accesses, int64_t limit)
{
    size_t  n, n_shown;
    json_t *array = ctl_json_array(), *change;
    const ctl_difference_row_t *const *rows;

    ctl_json_set(object, "judged",
                 counts_json(ctl_difference_judged(difference), accesses));

    for (int i = CTL_BLOCKED; i < CTL_CHANGES; i++) {
        ctl_change_kind_t kind = (ctl_change_kind_t) i;

        change = counts_json(ctl_difference_counts(difference, kind),
                             accesses);
        ctl_json_set(change, "reasons",
                     reasons_json(difference, kind, accesses));
        ctl_json_set(object, names[i], change);
    }

    rows = ctl_difference_rows(difference, &n);
    n_shown = shown(n, limit);

    for (size_t i = 0; i < n_shown; i++) {
        ctl_json_add(array, row_json(rows[i], accesses));
    }

    ctl_json_set(object, "rows", array);
    ctl_json_set(object, "rows_left_out", ctl_json_int((int64_t)
                                                       (n - n_shown)));
}


const char *
ctl_difference_reasons(const ctl_difference_t *difference, size_t n)
{
    char *text = ctl_format("%s", "");
    bool  told_already[COMPLIANCE_REASONS] = { false };

    for (size_t k = 0; k < n; k++) {
        int          most = COMPLIANCE_REASON_NONE;
        ctl_counts_t best = { 0, 0, 0 };

        for (int i = 0; i < COMPLIANCE_REASONS; i++) {
            ctl_counts_t counts = ctl_difference_reason(difference,
                CTL_BLOCKED, (compliance_reason_t) i);

            if (!told_already[i] && counts.accesses > best.accesses) {
                best = counts;
                most = i;
            }
        }

        if (best.accesses == 0) {
            break;
        }

        told_already[most] = true;
        text = ctl_format("%s%s%s (%lld accesses of %lld users)", text,
                   k == 0 ? "" : ", ",
                   compliance_reason_name((compliance_reason_t) most),
                   (long long) best.accesses, (long long) best.users);
    }

    return text;
}
