/*
 * ActiveSync queries.  What is accepted is forwarded in a form that a PHP
 * server (the last of two parameters, exact names, decoded) and SOGo (the
 * first one, names in any case, raw) read as it was judged.
 */
#include <stdlib.h>
#include <string.h>

#include "identify_eas.h"
#include "names.h"

#include "fuzz_php.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


#define QUERY_MAX  (4 * COMPLIANCE_EAS_QUERY_MAX)


static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}


/* $_GET[name]; false where it is not set. */
static bool
php_get(compliance_str_t query, const char *name, char *out, size_t *out_len)
{
    bool   found = false;
    size_t at = 0;

    while (at < query.len) {
        const char *amp = memchr(query.data + at, '&', query.len - at);
        size_t      end = amp != NULL ? (size_t) (amp - query.data)
                                      : query.len;
        const char *equals = memchr(query.data + at, '=', end - at);
        size_t      name_end = equals != NULL ? (size_t) (equals - query.data)
                                              : end;
        char        key[QUERY_MAX];
        size_t      key_len = name_end - at;

        memcpy(key, query.data + at, key_len);
        key_len = urldecode(key, key_len);

        if (key_len == strlen(name) && memcmp(key, name, key_len) == 0) {
            found = true;
            *out_len = 0;

            if (equals != NULL) {
                *out_len = end - name_end - 1;
                memcpy(out, equals + 1, *out_len);
                *out_len = urldecode(out, *out_len);
            }
        }

        at = end + 1;
    }

    return found;
}


/* SOGo's _valueForParameter: of a query with '&' in it. */
static compliance_str_t
sogo_value(compliance_str_t query, const char *prefix)
{
    size_t n = strlen(prefix), at = 0;

    while (at < query.len) {
        const char       *amp = memchr(query.data + at, '&', query.len - at);
        size_t            end = amp != NULL ? (size_t) (amp - query.data)
                                            : query.len;
        compliance_str_t  head = { query.data + at, n };

        if (end - at >= n && compliance_str_is(head, prefix)) {
            return (compliance_str_t) { head.data + n, end - at - n };
        }

        at = end + 1;
    }

    return compliance_absent;
}


static void
check_readers(const compliance_eas_request_t *request, compliance_str_t query)
{
    char                    value[QUERY_MAX];
    compliance_str_t        text = { value, 0 };
    compliance_device_id_t  id;
    compliance_principal_t  user;
    const char             *name;

    check(memchr(query.data, '?', query.len) == NULL);
    check(memchr(query.data, ';', query.len) == NULL);

    if (request->options) {
        return;
    }

    name = compliance_eas_command_name(request->command);
    check(memchr(query.data, '&', query.len) != NULL);

    check(php_get(query, "Cmd", value, &text.len));
    check(text.len == strlen(name) && memcmp(value, name, text.len) == 0);
    text = sogo_value(query, "Cmd=");
    check(text.len == strlen(name) && memcmp(text.data, name, text.len) == 0);

    text.data = value;
    check(php_get(query, "DeviceId", value, &text.len));
    check(compliance_eas_device_id(text, &id) == COMPLIANCE_OK
          && compliance_device_id_eq(&id, &request->device_id));
    text = sogo_value(query, "DeviceId=");
    check(compliance_eas_device_id(text, &id) == COMPLIANCE_OK
          && compliance_device_id_eq(&id, &request->device_id));

    text.data = value;

    if (php_get(query, "User", value, &text.len) && text.len != 0) {
        check(compliance_principal_parse(text, &user) == COMPLIANCE_OK
              && compliance_principal_eq(&user, &request->user));

    } else {
        check(request->user.len == 0);
    }
}


static void
one(compliance_str_t query, compliance_str_t version, bool options)
{
    compliance_eas_request_t request, again;
    compliance_buf_t         buf, buf2;
    char                     canonical[QUERY_MAX], twice[QUERY_MAX];
    const char              *why;
    compliance_str_t         text = { canonical, 0 };

    compliance_buf_init(&buf, canonical, sizeof(canonical));

    if (compliance_eas_parse(query, version, options, &request, &buf, &why)
        != COMPLIANCE_OK)
    {
        check(why != NULL && request.device_id.len == 0);
        return;
    }

    check(why == NULL);
    check(options || (request.device_id.len != 0
                      && request.command != COMPLIANCE_EAS_NONE
                      && request.device_type[0] != '\0'));

    text.len = buf.len;

    if (text.len > COMPLIANCE_EAS_QUERY_MAX) {
        return;
    }

    compliance_buf_init(&buf2, twice, sizeof(twice));
    check(compliance_eas_parse(text, version, options, &again, &buf2, &why)
          == COMPLIANCE_OK);
    check(buf2.len == buf.len && memcmp(twice, canonical, buf.len) == 0);
    check(again.command == request.command && again.base64 == request.base64
          && again.version == request.version
          && compliance_device_id_eq(&again.device_id, &request.device_id)
          && compliance_principal_eq(&again.user, &request.user));

    if (!request.base64) {
        check_readers(&request, text);

    } else {
        check(memchr(canonical, '&', buf.len) == NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compliance_str_t query = { (const char *) data, size };

    one(query, compliance_absent, false);
    one(query, compliance_str("14.1"), false);
    one(query, compliance_absent, true);

    /* The input as the header, too. */
    one(compliance_str("Cmd=Sync&DeviceId=A&DeviceType=B"), query, false);
    return 0;
}
