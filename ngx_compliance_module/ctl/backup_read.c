/*
 * Reads a saved store line by line, and believes nothing of it: gzip's own
 * checksum, ours, the number of lines, and the shape of every one.
 */
#include "backup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>


#define STEP  ((size_t) 1024 * 1024)

typedef struct {
    const char *path;
    gzFile      file;
    char       *data;
    size_t      len, pos, cap;
    int64_t     line;
} reader_t;


static CTL_NORETURN void
fault(const reader_t *reader, const char *what)
{
    ctl_die(CTL_CONTENT, "\"%s\", line %lld: %s; nothing of it was used",
            ctl_escape(ctl_str(reader->path)), (long long) reader->line, what);
}


/* False at the end.  The line is without its newline. */
static bool
next_line(reader_t *reader, compliance_str_t *line)
{
    size_t scanned = 0;
    char  *eol, *data;
    int    n;

    reader->line++;

    for ( ;; ) {
        eol = reader->len - reader->pos > scanned
              ? memchr(reader->data + reader->pos + scanned, '\n',
                       reader->len - reader->pos - scanned)
              : NULL;

        if (eol != NULL) {
            line->data = reader->data + reader->pos;
            line->len = (size_t) (eol - line->data);
            reader->pos += line->len + 1;
            return true;
        }

        scanned = reader->len - reader->pos;

        if (reader->pos > 0) {
            memmove(reader->data, reader->data + reader->pos, scanned);
            reader->len = scanned;
            reader->pos = 0;
        }

        if (reader->cap - reader->len < STEP) {
            if (reader->cap > CTL_BACKUP_LINE_MAX) {
                fault(reader, "the line is too long");
            }

            data = realloc(reader->data, reader->cap * 2 + STEP);

            if (data == NULL) {
                ctl_die(CTL_STORE, "out of memory");
            }

            reader->data = data;
            reader->cap = reader->cap * 2 + STEP;
        }

        n = gzread(reader->file, reader->data + reader->len, STEP);

        if (n < 0) {
            fault(reader, "the file is damaged or cut off");
        }

        if (n == 0) {
            if (scanned > 0) {
                fault(reader, "the file is cut off");
            }

            return false;
        }

        reader->len += (size_t) n;
    }
}


static int
nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


static bool
is_text(const json_t *value)
{
    const char *hex;
    size_t      len;

    if (json_is_string(value)) {
        return true;
    }

    hex = json_string_value(json_object_get(value, "hex"));
    len = hex == NULL ? 1 : strlen(hex);

    if (len % 2 != 0) {
        return false;
    }

    for (size_t i = 0; i < len; i++) {
        if (nibble(hex[i]) < 0) {
            return false;
        }
    }

    return true;
}


compliance_str_t
ctl_backup_text(const json_t *value)
{
    const char *hex;
    char       *out;
    size_t      len;

    if (json_is_string(value)) {
        return (compliance_str_t) { json_string_value(value),
                                    json_string_length(value) };
    }

    hex = json_string_value(json_object_get(value, "hex"));
    len = strlen(hex) / 2;
    out = ctl_alloc(len + 1);

    for (size_t i = 0; i < len; i++) {
        out[i] = (char) (nibble(hex[2 * i]) * 16 + nibble(hex[2 * i + 1]));
    }

    return (compliance_str_t) { out, len };
}


static bool
are_texts(const json_t *array, bool pairs)
{
    size_t n = json_array_size(array);

    for (size_t i = 0; i < n; i++) {
        if (!is_text(json_array_get(array, i))) {
            return false;
        }
    }

    return json_is_array(array) && n > 0 && (!pairs || n % 2 == 0);
}


static bool
are_records(const json_t *array)
{
    const json_t *record;

    for (size_t i = 0; i < json_array_size(array); i++) {
        record = json_array_get(array, i);

        if (json_array_size(record) != 2
            || !json_is_string(json_array_get(record, 0))
            || !are_texts(json_array_get(record, 1), true))
        {
            return false;
        }
    }

    return json_array_size(array) > 0;
}


static bool
is_key_line(const json_t *line)
{
    const char   *type = json_string_value(json_object_get(line, "type"));
    const json_t *key = json_object_get(line, "key");
    const json_t *value = json_object_get(line, "value");
    const json_t *expires = json_object_get(line, "expires");

    if (!json_is_string(key) || json_string_length(key) == 0
        || strlen(json_string_value(key)) != json_string_length(key)
        || json_string_length(key) > COMPLIANCE_KEY_TEXT_MAX
        || type == NULL || !json_is_integer(json_object_get(line, "part"))
        || (expires != NULL && !json_is_integer(expires)))
    {
        return false;
    }

    return strcmp(type, "string") == 0 ? is_text(value)
           : strcmp(type, "hash") == 0 ? are_texts(value, true)
           : strcmp(type, "set") == 0 || strcmp(type, "list") == 0
             ? are_texts(value, false)
           : strcmp(type, "stream") == 0 && are_records(value);
}


static void
check_header(const reader_t *reader, const json_t *line, bool *history)
{
    const char *format = json_string_value(json_object_get(line, "format"));

    if (format == NULL || strcmp(format, CTL_BACKUP_FORMAT) != 0) {
        fault(reader, "this is no backup of compliancectl");
    }

    if (json_integer_value(json_object_get(line, "version"))
        != CTL_BACKUP_VERSION)
    {
        fault(reader, "a newer compliancectl wrote it: use that one");
    }

    *history = json_is_true(json_object_get(line, "history"));
}


static void
check_end(reader_t *reader, const json_t *line, EVP_MD_CTX *sum)
{
    unsigned char    digest[EVP_MAX_MD_SIZE];
    char             hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned         len;
    const char      *stored;
    compliance_str_t more;

    if (EVP_DigestFinal_ex(sum, digest, &len) != 1) {
        ctl_die(CTL_STORE, "out of memory");
    }

    for (unsigned i = 0; i < len; i++) {
        (void) snprintf(hex + (size_t) 2 * i, 3, "%02x", digest[i]);
    }

    stored = json_string_value(json_object_get(line, "sha256"));

    if (stored == NULL || strcmp(stored, hex) != 0
        || json_integer_value(json_object_get(line, "lines"))
           != reader->line - 1)
    {
        fault(reader, "the checksum is wrong: the file was changed");
    }

    if (next_line(reader, &more)) {
        fault(reader, "there is something behind the end");
    }
}


int64_t
ctl_backup_read(const char *path, bool *history,
    void (*take)(void *data, const json_t *line), void *data)
{
    reader_t         reader = { .path = path };
    compliance_str_t text;
    EVP_MD_CTX      *sum = EVP_MD_CTX_new();
    json_t          *line;
    int64_t          n = 0;
    bool             ended = false;

    errno = 0;
    reader.file = gzopen(path, "rbe");

    if (reader.file == NULL) {
        ctl_die(CTL_USAGE, "cannot read \"%s\": %s", ctl_escape(ctl_str(path)),
                errno == 0 ? "out of memory" : strerror(errno));
    }

    if (sum == NULL || EVP_DigestInit_ex(sum, EVP_sha256(), NULL) != 1) {
        ctl_die(CTL_STORE, "out of memory");
    }

    while (!ended) {
        if (!next_line(&reader, &text)) {
            fault(&reader, "the file is cut off");
        }

        line = json_loadb(text.data, text.len,
                          JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

        if (!json_is_object(line)) {
            fault(&reader, reader.line == 1
                  ? "this is no backup of compliancectl" : "no JSON object");
        }

        if (reader.line == 1) {
            check_header(&reader, line, history);

        } else if (json_is_true(json_object_get(line, "end"))) {
            check_end(&reader, line, sum);
            ended = true;

        } else if (!is_key_line(line)) {
            fault(&reader, "this is no key");

        } else {
            n++;
            take(data, line);
        }

        if (!ended && EVP_DigestUpdate(sum, text.data, text.len + 1) != 1) {
            ctl_die(CTL_STORE, "out of memory");
        }

        json_decref(line);
    }

    EVP_MD_CTX_free(sum);
    (void) gzclose_r(reader.file);
    free(reader.data);

    return n;
}
