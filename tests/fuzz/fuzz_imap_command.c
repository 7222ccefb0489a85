/*
 * IMAP before login: no input is read beyond its end, and any split of it is
 * understood as the whole is.
 */
#include <stdlib.h>
#include <string.h>

#include "imap_command.h"


#define MAX  512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static compliance_imap_status_t
scan(const uint8_t *data, size_t size, unsigned *granted,
    compliance_imap_t *out)
{
    compliance_str_t         in = { (const char *) data, size };
    compliance_imap_status_t status;

    while ((status = compliance_imap_scan(in, MAX, *granted, out))
           == COMPLIANCE_IMAP_CONTINUE)
    {
        if (++*granted > 64 || out->used > size) {
            abort();
        }
    }

    return status;
}


static void
check_complete(const compliance_imap_t *out, size_t size)
{
    char   buf[MAX];
    size_t len;

    if (out->used == 0 || out->used > size || out->tag.len == 0
        || out->tag.len > COMPLIANCE_IMAP_TAG_MAX)
    {
        abort();
    }

    for (size_t i = 0; i < out->n_args; i++) {
        if (compliance_imap_string_copy(&out->args[i], buf, sizeof(buf), &len)
                != COMPLIANCE_OK
            || len > out->args[i].raw.len)
        {
            abort();
        }
    }

    if (out->command == COMPLIANCE_IMAP_LOGIN && out->n_args != 2) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                   used, n = 0;
    unsigned                 granted = 0;
    compliance_str_t         in, line;
    compliance_imap_t        out, part_out;
    compliance_imap_status_t whole, part;

    if (size > MAX) {
        size = MAX;
    }

    whole = scan(data, size, &granted, &out);

    if (whole == COMPLIANCE_IMAP_COMPLETE) {
        check_complete(&out, size);
    }

    granted = 0;

    do {
        part = scan(data, n, &granted, &part_out);
    } while (part == COMPLIANCE_IMAP_MORE && n++ < size);

    if (part != whole || (whole == COMPLIANCE_IMAP_COMPLETE
                          && (part_out.used != out.used
                              || part_out.command != out.command)))
    {
        abort();
    }

    in.data = (const char *) data;
    in.len = size;

    if (compliance_imap_line(in, MAX, &line, &used) == COMPLIANCE_IMAP_COMPLETE
        && (used > size || line.len >= used))
    {
        abort();
    }

    return 0;
}
