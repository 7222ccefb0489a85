/*
 * A table of any bytes: the same rows in one piece and in two, and an end.
 */
#include <stdlib.h>
#include <string.h>

#include "csv.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static uint64_t
walk(const char *data, size_t size, size_t first)
{
    compliance_csv_t      *csv = calloc(1, sizeof(*csv));
    compliance_csv_event_t event;
    uint64_t               hash = UINT64_C(14695981039346656037);
    size_t                 from = 0, to = first < size ? first : size;
    bool                   last = false;
    char                  *copy = malloc(size + 1);

    if (csv == NULL || copy == NULL) {
        abort();
    }

    memcpy(copy, data, size);

    do {
        event = compliance_csv(csv, copy + from, to - from, last);

        if (csv->consumed > to - from) {
            abort();
        }

        if (event == COMPLIANCE_CSV_MORE) {
            if (last) {
                abort();
            }

            last = to == size;
            to = size;

        } else {
            hash = (hash ^ (uint64_t) event ^ (uint64_t) csv->line << 8)
                   * UINT64_C(1099511628211);
        }

        for (size_t i = 0; event == COMPLIANCE_CSV_ROW && i < csv->n; i++) {
            for (size_t k = 0; k < csv->fields[i].len; k++) {
                hash = (hash ^ (unsigned char) csv->fields[i].data[k])
                       * UINT64_C(1099511628211);
            }

            hash++;
        }

        from += csv->consumed;
    } while (event != COMPLIANCE_CSV_END);

    free(copy);
    free(csv);

    return hash;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *) data + 1;

    if (size < 2) {
        return 0;
    }

    size--;

    if (walk(text, size, size)
        != walk(text, size, (size_t) data[0] * size / 256))
    {
        abort();
    }

    return 0;
}
