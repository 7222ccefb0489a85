/*
 * Preloaded into nginx: the Nth allocation from now on fails.  N stands in the
 * file that FAIL_ALLOC names, shared by all processes; 0: none fails.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


static int64_t *countdown;


__attribute__((constructor)) static void
map_countdown(void)
{
    int         fd;
    void       *map;
    const char *path = getenv("FAIL_ALLOC");

    if (path == NULL || (fd = open(path, O_RDWR)) == -1) {
        return;
    }

    map = mmap(NULL, sizeof(*countdown), PROT_READ | PROT_WRITE, MAP_SHARED,
               fd, 0);
    close(fd);

    if (map != MAP_FAILED) {
        countdown = map;
    }
}


static int
fails(void)
{
    return countdown != NULL
           && __atomic_load_n(countdown, __ATOMIC_SEQ_CST) > 0
           && __atomic_sub_fetch(countdown, 1, __ATOMIC_SEQ_CST) == 0;
}


extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);


void *
malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    if (fails()) {
        return ENOMEM;
    }

    *p = __libc_memalign(alignment, size);

    return *p == NULL ? ENOMEM : 0;
}
