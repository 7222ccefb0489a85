/*
 * What the importers of an MDM's own interface share: pages over HTTPS, kept
 * in a file until all of them are there, and values out of their records.
 */
#ifndef COMPLIANCE_CTL_IMPORT_URL_H
#define COMPLIANCE_CTL_IMPORT_URL_H

#include "import.h"
#include "fetch.h"


/* The URL of the page behind this one, or NULL: it was the last.  nth: pages
 * so far. */
typedef const char *import_next_t(const json_t *page, const char *url,
    int64_t nth);

/* "https://..." or "http://..." */
bool import_is_url(const char *source);
/* The source, whether it is a file or a URL.  list: the member of a page that
 * holds its records. */
FILE *import_url_open(ctl_t *ctl, ctl_import_t *import, const char *source,
    const char *list, import_next_t *next);
/* Every record to take(); what is no record is refused. */
typedef void import_take_t(ctl_import_t *import, const json_t *record,
    const char *where);
void import_each(ctl_import_t *import, FILE *file, import_take_t *take);


/* import_values.c: of a record; path: "general.udid". */
const json_t *import_value(const json_t *record, const char *path);
/* Absent where it is none, or empty. */
compliance_str_t import_text(const json_t *record, const char *path);
/* 0 where it is none: 0001-01-01 and 9999-12-31 say so, too. */
int64_t import_date(const json_t *record, const char *path);
/* What a policy asks for: left out where the source does not know. */
void import_add_text(json_t *attributes, const char *name,
    compliance_str_t value);
void import_add_date(json_t *attributes, const char *name, int64_t date);
/* true and false, and the words that MDMs have for them. */
void import_add_flag(json_t *attributes, const char *name,
    const json_t *value);

/* A word of the source -> ours, without regard to case; NULL: not listed. */
typedef struct {
    const char *from;
    const char *to;
} import_word_t;

const char *import_word(const import_word_t *words, size_t n,
    compliance_str_t value);
/* ios, ipados, android, windows, macos, linux; absent where it is none. */
compliance_str_t import_platform(compliance_str_t system,
    compliance_str_t model);

#endif
