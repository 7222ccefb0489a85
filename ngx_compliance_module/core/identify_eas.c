/*
 * The ActiveSync request line -> one canonical reading.  The servers behind us
 * disagree about duplicates, letter case, percent-encoding and where a query
 * begins; whatever two of them could read in two ways is refused here, and
 * what is forwarded has one reading only.  (Next: facts.c, decide.c.)
 *
 * A query is base64 where it is one word of the base64 alphabet: that is what
 * both the servers that test for '&' and those that test for `Cmd` take for
 * base64.  A percent-encoded one ("%3D" for its padding) is not: they would
 * decode it raw, so it is refused.
 */
#include "eas_query.h"
#include "names.h"

#include <string.h>


/* MS-ASHTTP 2.2.1.1.1.1.4 knows no limit; what clients send has 30 characters
 * at most. */
#define DEVICE_TYPE_MAX  (sizeof(((compliance_eas_request_t *) 0)->device_type))

#define NAME(literal)  { (literal), sizeof(literal) - 1 }

static const compliance_str_t command_names[COMPLIANCE_EAS_COMMANDS] = {
    [COMPLIANCE_EAS_NONE]              = NAME("none"),
    [COMPLIANCE_EAS_SYNC]              = NAME("Sync"),
    [COMPLIANCE_EAS_SENDMAIL]          = NAME("SendMail"),
    [COMPLIANCE_EAS_SMARTFORWARD]      = NAME("SmartForward"),
    [COMPLIANCE_EAS_SMARTREPLY]        = NAME("SmartReply"),
    [COMPLIANCE_EAS_GETATTACHMENT]     = NAME("GetAttachment"),
    [COMPLIANCE_EAS_GETHIERARCHY]      = NAME("GetHierarchy"),
    [COMPLIANCE_EAS_CREATECOLLECTION]  = NAME("CreateCollection"),
    [COMPLIANCE_EAS_DELETECOLLECTION]  = NAME("DeleteCollection"),
    [COMPLIANCE_EAS_MOVECOLLECTION]    = NAME("MoveCollection"),
    [COMPLIANCE_EAS_FOLDERSYNC]        = NAME("FolderSync"),
    [COMPLIANCE_EAS_FOLDERCREATE]      = NAME("FolderCreate"),
    [COMPLIANCE_EAS_FOLDERDELETE]      = NAME("FolderDelete"),
    [COMPLIANCE_EAS_FOLDERUPDATE]      = NAME("FolderUpdate"),
    [COMPLIANCE_EAS_MOVEITEMS]         = NAME("MoveItems"),
    [COMPLIANCE_EAS_GETITEMESTIMATE]   = NAME("GetItemEstimate"),
    [COMPLIANCE_EAS_MEETINGRESPONSE]   = NAME("MeetingResponse"),
    [COMPLIANCE_EAS_SEARCH]            = NAME("Search"),
    [COMPLIANCE_EAS_SETTINGS]          = NAME("Settings"),
    [COMPLIANCE_EAS_PING]              = NAME("Ping"),
    [COMPLIANCE_EAS_ITEMOPERATIONS]    = NAME("ItemOperations"),
    [COMPLIANCE_EAS_PROVISION]         = NAME("Provision"),
    [COMPLIANCE_EAS_RESOLVERECIPIENTS] = NAME("ResolveRecipients"),
    [COMPLIANCE_EAS_VALIDATECERT]      = NAME("ValidateCert"),
    [COMPLIANCE_EAS_FIND]              = NAME("Find"),
};

static const struct {
    compliance_str_t text;     /* MS-ASProtocolVersion */
    unsigned         version;
} versions[] = {
    { NAME("2.5"),   25 },
    { NAME("12.0"), 120 },
    { NAME("12.1"), 121 },
    { NAME("14.0"), 140 },
    { NAME("14.1"), 141 },
    { NAME("16.0"), 160 },
    { NAME("16.1"), 161 },
};


const char *
compliance_eas_command_name(compliance_eas_command_t command)
{
    if ((unsigned) command >= COMPLIANCE_EAS_COMMANDS) {
        return command_names[COMPLIANCE_EAS_NONE].data;
    }

    return command_names[command].data;
}


compliance_eas_command_t
compliance_eas_command_parse(compliance_str_t name)
{
    for (unsigned i = COMPLIANCE_EAS_SYNC; i < COMPLIANCE_EAS_COMMANDS; i++) {
        if (name.len == command_names[i].len
            && compliance_str_is(name, command_names[i].data))
        {
            return (compliance_eas_command_t) i;
        }
    }

    return COMPLIANCE_EAS_NONE;
}


compliance_rc_t
compliance_eas_set_device_type(compliance_str_t value, compliance_eas_request_t *out)
{
    if (value.len == 0) {
        return COMPLIANCE_MALFORMED;
    }

    if (value.len >= DEVICE_TYPE_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char) value.data[i];

        if (c < 0x20 || c >= 0x7f) {
            return COMPLIANCE_MALFORMED;
        }
    }

    memcpy(out->device_type, value.data, value.len);
    out->device_type[value.len] = '\0';
    return COMPLIANCE_OK;
}


/* An empty User says no more than none. */
compliance_rc_t
compliance_eas_set_user(compliance_str_t value, compliance_eas_request_t *out)
{
    return value.len == 0 ? COMPLIANCE_OK
                          : compliance_principal_parse(value, &out->user);
}


static compliance_rc_t
parse_version(compliance_str_t header, unsigned *version)
{
    if (header.data == NULL) {
        return COMPLIANCE_OK;
    }

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (compliance_str_eq(header, versions[i].text)) {
            *version = versions[i].version;
            return COMPLIANCE_OK;
        }
    }

    return COMPLIANCE_MALFORMED;
}


static compliance_rc_t
parse(compliance_str_t query, compliance_str_t version_header,
    compliance_eas_request_t *out, compliance_buf_t *canonical,
    const char **why)
{
    unsigned        version = 0;
    compliance_rc_t rc;

    if (query.data == NULL) {
        query = compliance_str("");
    }

    *why = "query";

    if (query.len > COMPLIANCE_EAS_QUERY_MAX) {
        return COMPLIANCE_TOO_LONG;
    }

    rc = compliance_eas_looks_base64(query) ? compliance_eas_parse_base64(query, out, canonical, why)
                             : compliance_eas_parse_plain(query, out, canonical, why);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    *why = "MS-ASProtocolVersion";
    rc = parse_version(version_header, &version);

    if (rc != COMPLIANCE_OK) {
        return rc;
    }

    if (out->version != 0 && version != 0 && out->version != version) {
        return COMPLIANCE_AMBIGUOUS;
    }

    if (version != 0) {
        out->version = version;
    }

    *why = "query";
    return canonical->overflow ? COMPLIANCE_TOO_LONG : COMPLIANCE_OK;
}


compliance_rc_t
compliance_eas_parse(compliance_str_t query, compliance_str_t version_header,
    bool is_options, compliance_eas_request_t *out,
    compliance_buf_t *canonical, const char **why)
{
    compliance_rc_t rc;

    memset(out, 0, sizeof(*out));
    out->options = is_options;

    rc = parse(query, version_header, out, canonical, why);

    if (rc == COMPLIANCE_OK) {
        *why = NULL;

    } else {
        memset(out, 0, sizeof(*out));
        out->options = is_options;
    }

    return rc;
}
