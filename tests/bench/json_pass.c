/*
 * One jansson pass over a file of JSON lines or pages: what any importer has to
 * pay for reading the bytes.  Prints the seconds it took.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


int
main(int argc, char **argv)
{
    FILE   *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    char   *line = NULL;
    size_t  cap = 0;
    ssize_t len;
    json_t *json;
    double  begun = seconds();

    if (file == NULL) {
        fputs("usage: json_pass FILE\n", stderr);
        return 2;
    }

    while ((len = getline(&line, &cap, file)) > 0) {
        json = json_loadb(line, (size_t) len, 0, NULL);

        if (json == NULL) {
            fputs("a line is no JSON\n", stderr);
            return 1;
        }

        json_decref(json);
    }

    free(line);
    (void) fclose(file);
    printf("%.3f\n", seconds() - begun);

    return 0;
}
