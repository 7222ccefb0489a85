/*
 * A source of any bytes: the splitter says the same of it in one piece and in
 * two, comes to an end, and never gives more than it was given.
 */
#include <stdlib.h>
#include <string.h>

#include "json_split.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* A hash of everything that was said; the first piece has `first` bytes. */
static uint64_t
walk(const char *data, size_t size, size_t first)
{
    compliance_split_t       split;
    compliance_split_event_t event;
    uint64_t                 hash = UINT64_C(14695981039346656037);
    size_t                   from = 0, to = first < size ? first : size;
    bool                     last = false;

    memset(&split, 0, sizeof(split));

    do {
        event = compliance_json_split(&split, data + from, to - from, last);

        if (split.consumed > to - from) {
            abort();
        }

        if (event == COMPLIANCE_SPLIT_MORE) {
            if (last) {
                abort();
            }

            last = to == size;
            to = size;

        } else {
            hash = (hash ^ (uint64_t) event) * UINT64_C(1099511628211);
        }

        if (event == COMPLIANCE_SPLIT_RECORD
            || event == COMPLIANCE_SPLIT_MEMBERS)
        {
            if (split.text.data < data + from
                || split.text.data + split.text.len > data + to)
            {
                abort();
            }

            for (size_t i = 0; i < split.text.len; i++) {
                hash = (hash ^ (unsigned char) split.text.data[i])
                       * UINT64_C(1099511628211);
            }

            hash ^= (uint64_t) split.line * 31 + (uint64_t) split.record;
        }

        from += split.consumed;
    } while (event != COMPLIANCE_SPLIT_END);

    return hash;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *) data + 1;
    size_t      first;

    if (size < 2) {
        return 0;
    }

    size--;
    first = (size_t) data[0] * size / 256;

    if (walk(text, size, size) != walk(text, size, first)) {
        abort();
    }

    return 0;
}
