/*
 * Spelling distance, for error texts.
 */
#include "nearest.h"

#include <stdint.h>
#include <string.h>


#define COMPLIANCE_NEAREST_MAX  64   /* a longer word is not a typo of a name */


/* Levenshtein distance, two rows. */
static size_t
compliance_distance(const char *a, const char *b)
{
    size_t rows[2][COMPLIANCE_NEAREST_MAX + 1], la, lb, best;

    la = strlen(a);
    lb = strlen(b);

    if (la > COMPLIANCE_NEAREST_MAX || lb > COMPLIANCE_NEAREST_MAX) {
        return SIZE_MAX;
    }

    for (size_t j = 0; j <= lb; j++) {
        rows[0][j] = j;
    }

    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i & 1], *above = rows[(i - 1) & 1];

        row[0] = i;

        for (size_t j = 1; j <= lb; j++) {
            best = above[j - 1] + (a[i - 1] != b[j - 1]);

            if (above[j] + 1 < best) {
                best = above[j] + 1;
            }

            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }

            row[j] = best;
        }
    }

    return rows[la & 1][lb];
}


const char *
compliance_nearest(const char *text, const char *const *names, size_t n)
{
    size_t      d, best;
    const char *nearest;

    nearest = NULL;
    best = strlen(text) / 3 + 2;   /* more mistakes than that is a guess */

    for (size_t i = 0; i < n; i++) {
        d = compliance_distance(text, names[i]);

        if (d < best && d < strlen(names[i])) {
            best = d;
            nearest = names[i];
        }
    }

    return nearest;
}
