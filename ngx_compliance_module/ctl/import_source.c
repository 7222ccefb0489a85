/*
 * What an import reads and remembers of it: files and stdin, which ids there
 * were, and which records are worth a second reading.
 */
#include "import_private.h"

#include "../core/siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define IDS_FIRST   16384     /* slots; a power of two */
#define COPY_STEP   65536
#define FILE_BUFFER ((size_t) 256 * 1024)


static void *
zeroed(size_t n, size_t size)
{
    void *memory = calloc(n, size);

    if (memory == NULL) {
        ctl_die(CTL_STORE, "out of memory");
    }

    return memory;
}


static uint64_t *
slot(uint64_t *slots, size_t cap, uint64_t hash)
{
    size_t i = (size_t) hash & (cap - 1);

    while (slots[i] != 0 && slots[i] != hash) {
        i = (i + 1) & (cap - 1);
    }

    return &slots[i];
}


static void
grow(import_ids_t *ids)
{
    size_t    cap = ids->cap == 0 ? IDS_FIRST : ids->cap * 2;
    uint64_t *slots = zeroed(cap, sizeof(*slots));

    if (ids->cap == 0 && RAND_bytes(ids->key, sizeof(ids->key)) != 1) {
        ctl_die(CTL_STORE, "the system has no random bytes");
    }

    for (size_t i = 0; i < ids->cap; i++) {
        if (ids->slots[i] != 0) {
            *slot(slots, cap, ids->slots[i]) = ids->slots[i];
        }
    }

    free(ids->slots);
    ids->slots = slots;
    ids->cap = cap;
}


static uint64_t
hash(const import_ids_t *ids, compliance_str_t id)
{
    return compliance_siphash(ids->key, id.data, id.len) | 1;
}


bool
import_ids_add(import_ids_t *ids, compliance_str_t id)
{
    uint64_t  h, *found;

    if (ids->n >= ids->cap / 4 * 3) {
        grow(ids);
    }

    h = hash(ids, id);
    found = slot(ids->slots, ids->cap, h);

    if (*found == h) {
        return false;
    }

    *found = h;
    ids->n++;

    return true;
}


bool
import_ids_have(const import_ids_t *ids, compliance_str_t id)
{
    return ids->cap > 0 && *slot(ids->slots, ids->cap, hash(ids, id)) != 0;
}


void
import_ids_free(import_ids_t *ids)
{
    free(ids->slots);
    memset(ids, 0, sizeof(*ids));
}


void
import_bit_set(import_bits_t *bits, int64_t nth)
{
    size_t   at = (size_t) nth / 8, cap;
    uint8_t *bytes;

    if (at >= bits->cap) {
        cap = at * 2 + 4096;
        bytes = realloc(bits->bytes, cap);

        if (bytes == NULL) {
            ctl_die(CTL_STORE, "out of memory");
        }

        memset(bytes + bits->cap, 0, cap - bits->cap);
        bits->bytes = bytes;
        bits->cap = cap;
    }

    bits->bytes[at] |= (uint8_t) (1u << (nth % 8));
}


bool
import_bit(const import_bits_t *bits, int64_t nth)
{
    size_t at = (size_t) nth / 8;

    return at < bits->cap && (bits->bytes[at] >> (nth % 8) & 1) != 0;
}


FILE *
ctl_import_spool(void)
{
    const char *directory = getenv("TMPDIR");
    char       *path;
    int         fd;
    FILE       *file;

    if (directory == NULL || directory[0] != '/') {
        directory = "/var/tmp";
    }

    path = ctl_format("%s/compliancectl.XXXXXX", directory);
    fd = mkostemp(path, O_CLOEXEC);   /* mode 600 */
    file = fd < 0 ? NULL : fdopen(fd, "w+b");

    if (file == NULL || unlink(path) != 0) {
        ctl_die(CTL_STORE, "cannot make a temporary file in \"%s\": %s; name "
                "another directory in TMPDIR",
                ctl_escape(ctl_str(directory)), strerror(errno));
    }

    return file;
}


/* Stdin comes once: kept where it must be read again. */
static FILE *
spooled(ctl_import_t *import)
{
    char   bytes[COPY_STEP];
    size_t n;

    if (import->spool == NULL) {
        import->spool = ctl_import_spool();

        while ((n = fread(bytes, 1, sizeof(bytes), stdin)) > 0) {
            if (fwrite(bytes, 1, n, import->spool) != n) {
                break;
            }
        }

        if (ferror(stdin) || ferror(import->spool)
            || fflush(import->spool) != 0)
        {
            ctl_die(CTL_STORE, "cannot keep what comes on stdin: %s; nothing "
                    "was written", strerror(errno));
        }
    }

    rewind(import->spool);

    return import->spool;
}


FILE *
ctl_import_open(ctl_import_t *import, const char *path)
{
    FILE       *file;
    struct stat info;

    if (strcmp(path, "-") == 0) {
        file = import->twice ? spooled(import) : stdin;

    } else {
        file = fopen(path, "rbe");
    }

    if (file == NULL || fstat(fileno(file), &info) != 0) {
        ctl_die(CTL_USAGE, "cannot read \"%s\": %s", ctl_escape(ctl_str(path)),
                strerror(errno));
    }

    if (S_ISDIR(info.st_mode)) {
        ctl_die(CTL_USAGE, "\"%s\" is a directory",
                ctl_escape(ctl_str(path)));
    }

    if (import->twice && file != import->spool && !S_ISREG(info.st_mode)) {
        ctl_die(CTL_USAGE, "\"%s\" is no file that can be read twice: give it "
                "on stdin (\"-\")", ctl_escape(ctl_str(path)));
    }

    (void) setvbuf(file, NULL, _IOFBF, FILE_BUFFER);
    import->file = file;

    if (S_ISREG(info.st_mode)) {
        ctl_import_progress(import, 0, (int64_t) info.st_size);
    }

    return file;
}


void
import_progress_begin(ctl_import_t *import)
{
    const char *what = import->pass == IMPORT_LOOKS ? "comparing" : "importing";

    import->progress = NULL;
    import->file = NULL;
    import->progress = ctl_progress_begin(ctl_format("%s %s", what,
                                                     import->source), 0);
}


void
ctl_import_progress(ctl_import_t *import, int64_t done, int64_t total)
{
    ctl_progress_total(import->progress, total);
    ctl_progress_at(import->progress, done);
}


void
import_progress_end(ctl_import_t *import)
{
    ctl_progress_end(import->progress);

    if (import->file != NULL && import->file != import->spool
        && import->file != stdin)
    {
        (void) fclose(import->file);
    }

    import->file = NULL;
}
