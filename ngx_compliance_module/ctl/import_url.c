/*
 * Pages over HTTPS.  Each is read to its end and proven to be JSON before it
 * is kept, so that a broken one can be asked for again; all of them are kept
 * in a file of their own, for an import may read its source twice.
 */
#include "import_url.h"
#include "import_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>


#define PAGES_MAX      1000000
#define BROKEN_TRIES   3


bool
import_is_url(const char *source)
{
    return strncasecmp(source, "https://", 8) == 0
           || strncasecmp(source, "http://", 7) == 0;
}


typedef struct {
    ctl_import_t  *import;
    ctl_fetch_t   *fetch;
    const char    *list;
    import_next_t *next;
    FILE          *spool;
    int64_t        records;
    int64_t        pages;
} pages_t;


/* The page, or NULL: it is none. */
static json_t *
parse_page(const pages_t *pages, compliance_str_t body, const char **why)
{
    json_error_t error;
    json_t      *page = json_loadb(body.data, body.len, 0, &error);

    if (page == NULL) {
        *why = ctl_format("it is no JSON: %s (line %d)",
                          ctl_escape(ctl_str(error.text)), error.line);
        return NULL;
    }

    if (!json_is_array(json_object_get(page, pages->list))) {
        json_decref(page);
        *why = ctl_format("it has no list \"%s\": is it the right URL?",
                          pages->list);
        return NULL;
    }

    return page;
}


static json_t *
fetch_page(pages_t *pages, const char *url, compliance_str_t *body,
    const char **why)
{
    json_t *page;

    for (unsigned i = 0; i < BROKEN_TRIES; i++) {
        if (!ctl_fetch_get(pages->fetch, url, body, why)) {
            return NULL;
        }

        page = parse_page(pages, *body, why);

        if (page != NULL) {
            *why = NULL;   /* what an earlier try said */
            return page;
        }

        if (i + 1 < BROKEN_TRIES && !ctl_fetch_wait(pages->fetch, i)) {
            return NULL;
        }
    }

    return NULL;
}


/* Where the next page is; NULL with *why: it must not be followed. */
static char *
next_url(pages_t *pages, const json_t *page, const char *url,
    import_ids_t *seen, const char **why)
{
    const char *next = pages->next(page, url, pages->pages);
    char       *copy;

    if (next == NULL) {
        return NULL;
    }

    if (!ctl_fetch_is_same(pages->fetch, next)) {
        *why = ctl_format("its next page is on another host, \"%s\", which is "
                          "not followed", ctl_escape(ctl_str(next)));
        return NULL;
    }

    if (!import_ids_add(seen, ctl_str(next)) || pages->pages >= PAGES_MAX) {
        *why = "its pages lead in a circle";
        return NULL;
    }

    copy = strdup(next);

    if (copy == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return copy;
}


static void
keep_page(const pages_t *pages, compliance_str_t body)
{
    if (fwrite(body.data, 1, body.len, pages->spool) != body.len
        || fputc('\n', pages->spool) == EOF)
    {
        ctl_die(CTL_STORE, "cannot keep what was fetched: %s; nothing was "
                "written", strerror(errno));
    }
}


/* Pages up to the last, or to one that does not come. */
static void
fetch_pages(pages_t *pages, const char *first)
{
    char           *url = strdup(first), *next;
    const char     *why;
    json_t         *page;
    import_ids_t    seen;
    ctl_progress_t *progress = ctl_progress_begin("records fetched", 0);

    if (url == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    memset(&seen, 0, sizeof(seen));
    (void) import_ids_add(&seen, ctl_str(first));

    while (url != NULL) {
        ctl_mark_t       mark = ctl_mark();
        compliance_str_t body;

        why = NULL;
        next = NULL;
        page = fetch_page(pages, url, &body, &why);

        if (page != NULL) {
            keep_page(pages, body);
            pages->pages++;
            pages->records += (int64_t) json_array_size(
                                  json_object_get(page, pages->list));
            next = next_url(pages, page, url, &seen, &why);
            json_decref(page);
            ctl_progress_at(progress, pages->records);
        }

        if (why != NULL) {
            ctl_import_broken(pages->import, "page %lld: %s",
                              (long long) pages->pages + (page == NULL), why);
        }

        free(url);
        url = next;
        ctl_release(mark);
    }

    import_ids_free(&seen);
    ctl_progress_end(progress);
}


FILE *
import_url_open(ctl_t *ctl, ctl_import_t *import, const char *source,
    const char *list, import_next_t *next)
{
    ctl_credentials_t credentials;
    pages_t           pages;

    if (!import_is_url(source)) {
        if (ctl_given(ctl, CTL_OPT_CREDENTIALS)) {
            ctl_die_usage(ctl, "--credentials is for a URL");
        }

        return ctl_import_open(import, source);
    }

    if (import->spool == NULL) {
        memset(&pages, 0, sizeof(pages));
        ctl_credentials_read(ctl, &credentials);
        pages.import = import;
        pages.list = list;
        pages.next = next;
        pages.fetch = ctl_fetch_open(&credentials, source);
        pages.spool = import->spool = ctl_import_spool();
        fetch_pages(&pages, source);

        if (fflush(import->spool) != 0) {
            ctl_die(CTL_STORE, "cannot keep what was fetched: %s; nothing was "
                    "written", strerror(errno));
        }
    }

    import->file = import->spool;
    ctl_import_progress(import, 0, (int64_t) ftello(import->spool));
    rewind(import->spool);

    return import->spool;
}


void
import_each(ctl_import_t *import, FILE *file, import_take_t *take)
{
    ctl_records_t *records = ctl_records_file(import, file);
    ctl_mark_t     mark = ctl_mark();
    json_t        *record;
    const char    *where = "", *why;

    while (ctl_records_next(records, &record, &where, &why)) {
        if (record != NULL) {
            take(import, record, where);
        } else {
            ctl_import_refuse(import, where, "%s", why);
        }

        ctl_release(mark);
    }

    if (why != NULL) {
        ctl_import_broken(import, "%s: %s", where, why);
    }

    ctl_records_close(records);
}
