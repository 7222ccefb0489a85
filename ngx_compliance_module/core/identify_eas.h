/*
 * The ActiveSync request line: plain and base64 queries -> one canonical
 * reading, and the query that is forwarded for it.  What two servers could
 * read in two ways is AMBIGUOUS, never guessed.
 * Source: MS-ASHTTP 2.2.1.1.1.
 */
#ifndef COMPLIANCE_IDENTIFY_EAS_H
#define COMPLIANCE_IDENTIFY_EAS_H

#include "compliance.h"


/* A query longer than this is refused: real ones stay below 1 KiB, and an
 * ItemId or LongId of 256 bytes may be percent-encoded threefold. */
#define COMPLIANCE_EAS_QUERY_MAX  4096

/* The order is the base64 command code's (MS-ASHTTP 2.2.1.1.1.2.2) + 1, so
 * that 0 stays "none". */
typedef enum {
    COMPLIANCE_EAS_NONE = 0,
    COMPLIANCE_EAS_SYNC,
    COMPLIANCE_EAS_SENDMAIL,
    COMPLIANCE_EAS_SMARTFORWARD,
    COMPLIANCE_EAS_SMARTREPLY,
    COMPLIANCE_EAS_GETATTACHMENT,
    COMPLIANCE_EAS_GETHIERARCHY,
    COMPLIANCE_EAS_CREATECOLLECTION,
    COMPLIANCE_EAS_DELETECOLLECTION,
    COMPLIANCE_EAS_MOVECOLLECTION,
    COMPLIANCE_EAS_FOLDERSYNC,
    COMPLIANCE_EAS_FOLDERCREATE,
    COMPLIANCE_EAS_FOLDERDELETE,
    COMPLIANCE_EAS_FOLDERUPDATE,
    COMPLIANCE_EAS_MOVEITEMS,
    COMPLIANCE_EAS_GETITEMESTIMATE,
    COMPLIANCE_EAS_MEETINGRESPONSE,
    COMPLIANCE_EAS_SEARCH,
    COMPLIANCE_EAS_SETTINGS,
    COMPLIANCE_EAS_PING,
    COMPLIANCE_EAS_ITEMOPERATIONS,
    COMPLIANCE_EAS_PROVISION,
    COMPLIANCE_EAS_RESOLVERECIPIENTS,
    COMPLIANCE_EAS_VALIDATECERT,
    COMPLIANCE_EAS_FIND,
    COMPLIANCE_EAS_COMMANDS
} compliance_eas_command_t;

typedef struct {
    bool                     base64;       /* the query's form */
    bool                     options;      /* an OPTIONS request: no command */
    compliance_eas_command_t command;
    unsigned                 version;      /* 25, 120, 121, 140, 141, 160, 161;
                                              0: the client did not say */
    compliance_device_id_t   device_id;    /* len 0 only where options */
    char                     device_type[64];  /* printable ASCII, as sent */
    compliance_principal_t   user;         /* the User parameter, folded; len 0:
                                              none was sent */
    bool                     has_policy_key;
    uint32_t                 policy_key;
} compliance_eas_request_t;

/*
 * query: the raw bytes behind the first '?' (absent: none).
 * version_header: MS-ASProtocolVersion, absent where none was sent.
 * is_options: the method was OPTIONS.
 * Writes to `canonical` the query to forward: a plain one re-encoded in the
 * order it came, parameter names in their documented spelling; a base64 one,
 * being canonical already, byte for byte.
 * OK, MALFORMED, AMBIGUOUS (a parameter given twice, names that differ only in
 * case or encoding, a plain and a base64 reading, a second '?', header and
 * query of different versions), TOO_LONG.  On an error *why names the part at
 * fault, a literal.
 */
compliance_rc_t compliance_eas_parse(compliance_str_t query,
    compliance_str_t version_header, bool is_options,
    compliance_eas_request_t *out, compliance_buf_t *canonical,
    const char **why);

/* "Sync", ...; "none" for NONE. */
const char *compliance_eas_command_name(compliance_eas_command_t command);

#endif
