/*
 * Enforcement groups and the snapshot of all of them.
 */
#ifndef COMPLIANCE_GROUP_H
#define COMPLIANCE_GROUP_H

#include "facts.h"


#define COMPLIANCE_GROUPS_MAX        128
#define COMPLIANCE_CLIENTS_MAX       16    /* allowed_clients of a group */
#define COMPLIANCE_CLIENT_TEXT_MAX   96
#define COMPLIANCE_NETWORKS_MAX      64    /* exempt_networks of a group */
#define COMPLIANCE_MESSAGE_MAX       512
#define COMPLIANCE_CONTACT_MAX       256
#define COMPLIANCE_BREAK_GLASS_MAX   32

typedef enum {
    COMPLIANCE_MODE_OFF = 1,
    COMPLIANCE_MODE_REPORT,
    COMPLIANCE_MODE_ENFORCE
} compliance_mode_t;

typedef enum {
    COMPLIANCE_REQUIRE_KNOWN = 1,
    COMPLIANCE_REQUIRE_MANAGED,
    COMPLIANCE_REQUIRE_COMPLIANT
} compliance_require_t;

/* IPv4 is kept as ::ffff:a.b.c.d with its prefix length + 96. */
typedef struct {
    uint8_t  address[16];
    unsigned bits;
} compliance_network_t;

typedef struct {
    char                 name[COMPLIANCE_GROUP_NAME_MAX + 1];
    compliance_mode_t    mode;
    int64_t              enforce_from;      /* 0: at once */
    unsigned             rollout_percent;   /* 0 to 100 */
    unsigned             protocols;         /* COMPLIANCE_BIT set, in scope */
    unsigned             deny_protocols;
    compliance_require_t require;
    compliance_risk_t    max_risk;          /* RISK_UNKNOWN: no limit */
    int64_t              max_checkin_age;   /* seconds; 0: no limit */
    bool                 unknown_device_allow;
    bool                 unknown_user_allow;
    compliance_binding_t min_binding;
    bool                 on_error_stale;
    int64_t              max_stale;         /* seconds */
    bool                 clients_restricted;/* the field is not empty */
    unsigned             n_clients;
    char                 clients[COMPLIANCE_CLIENTS_MAX]
                                [COMPLIANCE_CLIENT_TEXT_MAX + 1];
    unsigned             n_networks;
    compliance_network_t networks[COMPLIANCE_NETWORKS_MAX];
    char                 message[COMPLIANCE_MESSAGE_MAX + 1];
    char                 support_contact[COMPLIANCE_CONTACT_MAX + 1];
} compliance_group_t;

typedef struct {
    const char *name;
    int         value;
} compliance_group_choice_t;

/* One row a setting: its name, what a value must look like (for error texts
 * and the CLI's help), and how it is read.  The CLI, the API and the gateway
 * use this one table. */
typedef struct compliance_group_setting_s  compliance_group_setting_t;

struct compliance_group_setting_s {
    const char *name;
    const char *expects;    /* "off, report or enforce" */
    const char *standard;   /* the default as text */
    const char *strictest;  /* what an unreadable stored value reads as; NULL:
                               admits no client */
    /* private to group.c: use compliance_group_set() */
    bool      (*set)(compliance_group_t *group, compliance_str_t value,
                     const compliance_group_setting_t *row);
    size_t      offset;
    size_t      size;
    const compliance_group_choice_t *choices;   /* ends with a NULL name */
};

extern const compliance_group_setting_t compliance_group_settings[];
extern const size_t                     compliance_group_settings_n;

void compliance_group_defaults(compliance_group_t *group, const char *name);

/* Sets one field.  OK; ABSENT: no such setting; MALFORMED: value outside
 * `expects`, the group untouched. */
compliance_rc_t compliance_group_set(compliance_group_t *group,
    compliance_str_t field, compliance_str_t value);

/* As above for a stored value, of which nothing may fail open: an empty one
 * that is none of the setting's values is its default, an unreadable one the
 * strictest.  False: it was unreadable.  A field of no setting is ignored. */
bool compliance_group_put(compliance_group_t *group, compliance_str_t field,
    compliance_str_t value);

/* As above for a stored record (pairs: 2 * n_pairs values, field and value in
 * turn, as HGETALL tells them; a field of no setting is ignored), of which
 * nothing may fail open: an unreadable
 * value becomes the strictest its setting has and is counted. Returns the
 * number of such values; *first_bad names the first (a name of the table). */
unsigned compliance_group_read(compliance_group_t *group, const char *name,
    const compliance_value_t *pairs, size_t n_pairs, const char **first_bad);


/* All groups and the break-glass names, as of one moment.  No pointers. */
typedef struct {
    int64_t                fetched;         /* Unix seconds */
    bool                   stale;           /* kept from before an outage: only
                                               break_glass still counts */
    size_t                 n_groups;
    compliance_group_t     groups[COMPLIANCE_GROUPS_MAX];
    size_t                 n_break_glass;
    compliance_principal_t break_glass[COMPLIANCE_BREAK_GLASS_MAX];
} compliance_snapshot_t;

/* Empties it, and adds the group "default" with its defaults as groups[0]. */
void compliance_snapshot_init(compliance_snapshot_t *snapshot);
/* Adds, or sets back to its defaults; NULL where GROUPS_MAX is reached or the
 * name is none: the caller must not judge by what is left. */
compliance_group_t *compliance_snapshot_add(compliance_snapshot_t *snapshot,
    compliance_str_t name);
const compliance_group_t *compliance_snapshot_find(
    const compliance_snapshot_t *snapshot, compliance_str_t name);
bool compliance_snapshot_break_glass(const compliance_snapshot_t *snapshot,
    const compliance_principal_t *principal);
/* No-op where there is none; "default" stays. */
void compliance_snapshot_remove(compliance_snapshot_t *snapshot,
    compliance_str_t name);

/* "10.0.0.0/8", "2001:db8::/32", or a lone address.  MALFORMED where bits are
 * set behind the prefix: one of the two is a slip, and nobody knows which. */
compliance_rc_t compliance_network_parse(compliance_str_t text,
    compliance_network_t *out);
bool compliance_network_contains(const compliance_network_t *network,
    const uint8_t address[16]);

/* Text over this many bytes matches nothing: it bounds the work a client can
 * cause. Real DeviceTypes and User-Agents stay below half of it. */
#define COMPLIANCE_CLIENT_SEEN_MAX  512

/* Glob with '*' and '?', ASCII case-insensitive, linear in the text.  Absent
 * text matches nothing, "*" included. */
bool compliance_client_match(const char *pattern, compliance_str_t text);

#endif
