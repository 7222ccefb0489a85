/*
 * The commands: one row each.  Usage, help, completion, the manual page and
 * dispatch are read from here; a command's function stands in the file of its
 * noun.
 */
#include "ctl.h"


#define LISTING   (CTL_BIT(CTL_OPT_LIMIT) | CTL_BIT(CTL_OPT_AFTER) \
                   | CTL_BIT(CTL_OPT_SCAN))
#define FORCIBLE  CTL_BIT(CTL_OPT_FORCE)
#define REQUEST   (CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_DEVICE) \
                   | CTL_BIT(CTL_OPT_PROTOCOL) | CTL_BIT(CTL_OPT_AT) \
                   | CTL_BIT(CTL_OPT_CERT) | CTL_BIT(CTL_OPT_BINDING) \
                   | CTL_BIT(CTL_OPT_CLIENT_TYPE) \
                   | CTL_BIT(CTL_OPT_USER_AGENT) \
                   | CTL_BIT(CTL_OPT_ADDRESS) | CTL_BIT(CTL_OPT_LOGIN) \
                   | CTL_BIT(CTL_OPT_REQUESTS))
#define TAILING   (CTL_BIT(CTL_OPT_COUNT) | CTL_BIT(CTL_OPT_FOLLOW) \
                   | CTL_BIT(CTL_OPT_NODE))
#define WHAT_IF   (CTL_BIT(CTL_OPT_GROUP) | CTL_BIT(CTL_OPT_MODE) \
                   | CTL_BIT(CTL_OPT_LIMIT) | CTL_BIT(CTL_OPT_PROTOCOL) \
                   | CTL_BIT(CTL_OPT_AT))
#define REPLAYING (WHAT_IF | CTL_BIT(CTL_OPT_WITH) | CTL_BIT(CTL_OPT_SINCE) \
                   | CTL_BIT(CTL_OPT_UNTIL) | CTL_BIT(CTL_OPT_USER))
#define ENFORCING (FORCIBLE | CTL_BIT(CTL_OPT_MAX_BLOCK))
#define ISSUING   (CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_DEVICE) \
                   | CTL_BIT(CTL_OPT_SECRET_FILE))
#define SPAN      (CTL_BIT(CTL_OPT_SINCE) | CTL_BIT(CTL_OPT_UNTIL) \
                   | CTL_BIT(CTL_OPT_NODE))
#define SEARCHING (SPAN | CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_DEVICE) \
                   | CTL_BIT(CTL_OPT_REASON) | CTL_BIT(CTL_OPT_VERDICT) \
                   | CTL_BIT(CTL_OPT_PROTOCOL) | CTL_BIT(CTL_OPT_LIMIT) \
                   | CTL_BIT(CTL_OPT_CSV))
#define VERIFYING (CTL_BIT(CTL_OPT_NODE) | CTL_BIT(CTL_OPT_ANCHOR) \
                   | CTL_BIT(CTL_OPT_PLAIN_UNTIL) \
                   | CTL_BIT(CTL_OPT_SECRET_FILE))
#define TRYING    (CTL_BIT(CTL_OPT_DRY_RUN) | CTL_BIT(CTL_OPT_FORCE))
#define IMPORTING (CTL_BIT(CTL_OPT_FULL) | CTL_BIT(CTL_OPT_DELTA) \
                   | CTL_BIT(CTL_OPT_SOURCE) | CTL_BIT(CTL_OPT_MAX_CHANGE) \
                   | CTL_BIT(CTL_OPT_YES) | CTL_BIT(CTL_OPT_DRY_RUN) \
                   | CTL_BIT(CTL_OPT_VERBOSE))
#define JUDGING   (CTL_BIT(CTL_OPT_YES) | CTL_BIT(CTL_OPT_DRY_RUN))
#define FETCHING  (IMPORTING | CTL_BIT(CTL_OPT_CREDENTIALS))
#define READING_DIRECTORY \
                  (CTL_BIT(CTL_OPT_FULL) | CTL_BIT(CTL_OPT_MAX_CHANGE) \
                   | CTL_BIT(CTL_OPT_YES) | CTL_BIT(CTL_OPT_DRY_RUN) \
                   | CTL_BIT(CTL_OPT_VERBOSE) \
                   | CTL_BIT(CTL_OPT_KEEP_UNKNOWN_USER))

#define REPORTING (CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_GROUP) \
                   | CTL_BIT(CTL_OPT_PROTOCOL) | CTL_BIT(CTL_OPT_REASON) \
                   | CTL_BIT(CTL_OPT_SINCE) | CTL_BIT(CTL_OPT_UNTIL) \
                   | CTL_BIT(CTL_OPT_LIMIT) | CTL_BIT(CTL_OPT_CSV))

const ctl_command_t ctl_commands[] = {
    { "device set", "ID FIELD=VALUE...", CTL_OPERATOR, 1, CTL_MANY, FORCIBLE,
      "create a device, or change it", ctl_device_set, ctl_device_details },
    { "device get", "ID", CTL_VIEWER, 1, 1, 0,
      "show a device and its aliases", ctl_device_get, NULL },
    { "device list", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, LISTING,
      "list devices", ctl_device_list, NULL },
    { "device delete", "ID", CTL_OPERATOR, 1, 1, 0,
      "delete a device and its aliases", ctl_device_delete, NULL },
    { "device alias", "ID KIND VALUE", CTL_OPERATOR, 3, 3, FORCIBLE,
      "give a device another name", ctl_device_alias, ctl_alias_details },
    { "device unalias", "ID KIND VALUE", CTL_OPERATOR, 3, 3, 0,
      "take a name from a device", ctl_device_unalias, ctl_alias_details },

    { "device pending", "", CTL_VIEWER, 0, 0,
      CTL_BIT(CTL_OPT_SINCE) | CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_LIMIT)
      | CTL_BIT(CTL_OPT_CSV),
      "list devices that knocked and have no record", ctl_device_pending,
      NULL },
    { "device approve", "ID --user NAME", CTL_OPERATOR, 1, 1,
      CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_DEVICE) | FORCIBLE,
      "make a pending device a user's own", ctl_device_approve,
      ctl_device_pending_details },
    { "device deny", "ID", CTL_OPERATOR, 1, 1,
      CTL_BIT(CTL_OPT_DEVICE) | FORCIBLE,
      "block a pending device for good", ctl_device_deny,
      ctl_device_pending_details },
    { "user set", "NAME FIELD=VALUE...", CTL_ADMIN, 1, CTL_MANY, FORCIBLE,
      "create a user, or change him", ctl_user_set, ctl_user_details },
    { "user get", "NAME", CTL_VIEWER, 1, 1, 0,
      "show a user and his other names", ctl_user_get, NULL },
    { "user list", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, LISTING,
      "list users", ctl_user_list, NULL },
    { "user delete", "NAME", CTL_ADMIN, 1, 1, 0,
      "delete a user and his other names", ctl_user_delete, NULL },
    { "user alias", "NAME OTHERNAME", CTL_ADMIN, 2, 2, FORCIBLE,
      "another spelling of the same person's login", ctl_user_alias, NULL },
    { "user unalias", "NAME OTHERNAME", CTL_ADMIN, 2, 2, 0,
      "take another name away", ctl_user_unalias, NULL },

    { "group set", "NAME FIELD=VALUE...", CTL_ADMIN, 1, CTL_MANY, ENFORCING,
      "create an enforcement group, or change it", ctl_group_set,
      ctl_group_details },
    { "group mode", "NAME off|report|enforce", CTL_ADMIN, 2, 2, ENFORCING,
      "switch a group's enforcement", ctl_group_mode, NULL },
    { "group get", "NAME", CTL_VIEWER, 1, 1, 0,
      "show a group's settings", ctl_group_get, NULL },
    { "group list", "", CTL_VIEWER, 0, 0, 0,
      "list the groups", ctl_group_list, NULL },
    { "group delete", "NAME", CTL_ADMIN, 1, 1, 0,
      "delete a group without members", ctl_group_delete, NULL },

    { "explain", "--user NAME --device ID --protocol NAME", CTL_VIEWER, 0, 0,
      REQUEST, "what the gateway would decide, and why", ctl_explain,
      ctl_explain_details },
    { "impact", "--group NAME [FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY,
      WHAT_IF, "who would be blocked by a change to a group, from the records",
      ctl_impact, ctl_impact_details },
    { "replay", "--since TIME --with FILE", CTL_VIEWER, 0, CTL_MANY,
      REPLAYING, "recorded accesses, judged by a candidate set",
      ctl_replay, ctl_replay_details },
    { "candidate set", "FILE", CTL_ADMIN, 1, 1, FORCIBLE,
      "store a candidate set of groups and policies", ctl_candidate_set,
      ctl_candidate_details },
    { "candidate show", "", CTL_VIEWER, 0, 0, 0,
      "show the candidate set", ctl_candidate_show, NULL },
    { "candidate start", "", CTL_ADMIN, 0, 0, 0,
      "let it run beside the live set", ctl_candidate_start, NULL },
    { "candidate stop", "", CTL_ADMIN, 0, 0, 0,
      "let it run no longer", ctl_candidate_stop, NULL },
    { "candidate delete", "", CTL_ADMIN, 0, 0, 0,
      "stop it, and forget it", ctl_candidate_delete, NULL },
    { "candidate report", "", CTL_VIEWER, 0, 0,
      CTL_BIT(CTL_OPT_SINCE) | CTL_BIT(CTL_OPT_UNTIL) | CTL_BIT(CTL_OPT_LIMIT),
      "where it and the live set differed", ctl_candidate_report, NULL },
    { "audit tail", "", CTL_VIEWER, 0, 0, TAILING,
      "show the latest decisions", ctl_audit_tail, NULL },
    { "audit search", "[TEXT...]", CTL_VIEWER, 0, CTL_MANY, SEARCHING,
      "find records of decisions and of administrators' changes",
      ctl_audit_search, ctl_audit_search_details },
    { "audit export", "", CTL_VIEWER, 0, 0, SPAN | CTL_BIT(CTL_OPT_CSV),
      "all records of a time, as JSON lines or CSV", ctl_audit_export, NULL },
    { "audit verify", "", CTL_VIEWER, 0, 0, VERIFYING,
      "whether records were edited, removed or cut off", ctl_audit_verify,
      ctl_audit_verify_details },
    { "audit anchor", "", CTL_VIEWER, 0, 0,
      CTL_BIT(CTL_OPT_NODE) | CTL_BIT(CTL_OPT_SECRET_FILE),
      "the heads of all chains, to be kept elsewhere", ctl_audit_anchor,
      NULL },
    { "audit trim", "", CTL_ADMIN, 0, 0, CTL_BIT(CTL_OPT_DRY_RUN),
      "remove what is older than the settings allow", ctl_audit_trim, NULL },

    { "settings show", "", CTL_VIEWER, 0, 0, 0,
      "show what is set for the whole store", ctl_settings_show, NULL },
    { "settings set", "NAME=VALUE...", CTL_ADMIN, 1, CTL_MANY, 0,
      "set retention and the like", ctl_settings_set, ctl_settings_details },

    { "undo", "[ID]", CTL_ADMIN, 0, 1,
      TRYING | CTL_BIT(CTL_OPT_LIST) | CTL_BIT(CTL_OPT_COUNT),
      "take back the last change", ctl_undo, ctl_undo_details },
    { "user erase", "NAME [OTHERTEXT...]", CTL_ADMIN, 1, CTL_MANY,
      TRYING | CTL_BIT(CTL_OPT_YES) | CTL_BIT(CTL_OPT_DEVICES),
      "take a person out of all records", ctl_user_erase,
      ctl_user_erase_details },

    { "tag issue", "--user NAME --device ID", CTL_ADMIN, 0, 0, ISSUING,
      "sign a login tag, which proves a device to IMAP", ctl_tag_issue, NULL },

    { "import json", "FILE|-", CTL_OPERATOR, 1, 1, IMPORTING,
      "take devices from another MDM's JSON", ctl_import_json,
      ctl_import_json_details },
    { "import csv", "FILE|-", CTL_OPERATOR, 1, 1,
      IMPORTING | CTL_BIT(CTL_OPT_MAP) | CTL_BIT(CTL_OPT_SEPARATOR),
      "take devices from a table", ctl_import_csv, ctl_import_csv_details },
    { "import intune", "FILE|URL|-", CTL_OPERATOR, 1, 1,
      FETCHING | CTL_BIT(CTL_OPT_SINCE),
      "take devices from Intune (Graph managedDevices)", ctl_import_intune,
      ctl_import_intune_details },
    { "import jamf", "FILE|URL|-", CTL_OPERATOR, 1, 1, FETCHING,
      "take computers and mobile devices from Jamf Pro", ctl_import_jamf,
      ctl_import_jamf_details },
    { "import ldap", "SETTINGS", CTL_ADMIN, 1, 1, READING_DIRECTORY,
      "take users and groups from LDAP or Active Directory", ctl_import_ldap,
      ctl_import_ldap_details },

    { "policy check", "FILE...", CTL_VIEWER, 1, CTL_MANY, 0,
      "read compliance policies strictly, without Redis", ctl_policy_check,
      NULL },
    { "policy apply", "[FILE...]", CTL_ADMIN, 0, CTL_MANY, JUDGING,
      "store policies, and judge every device they concern", ctl_policy_apply,
      ctl_policy_apply_details },
    { "policy list", "", CTL_VIEWER, 0, 0, 0,
      "list the policies", ctl_policy_list, NULL },
    { "policy show", "NAME", CTL_VIEWER, 1, 1, 0,
      "show a policy", ctl_policy_show, NULL },
    { "policy diff", "FILE...", CTL_VIEWER, 1, CTL_MANY, 0,
      "what applying would change, in rules and devices", ctl_policy_diff,
      NULL },
    { "policy delete", "NAME", CTL_ADMIN, 1, 1, JUDGING,
      "delete a policy, and judge its devices by the rest", ctl_policy_delete,
      NULL },

    { "doctor", "", CTL_OPERATOR, 0, 0,
      CTL_BIT(CTL_OPT_FULL) | CTL_BIT(CTL_OPT_REPAIR)
      | CTL_BIT(CTL_OPT_CERT_FILE),
      "what is wrong with Redis and the store, and what mends it", ctl_doctor,
      NULL },
    { "completion", "bash|zsh|fish", CTL_VIEWER, 1, 1, 0,
      "print the completion for a shell", ctl_completion, NULL },
    { "manual", "", CTL_VIEWER, 0, 0, 0,
      "print the manual page, for man -l -", ctl_manual, NULL },
    { "backup", "FILE", CTL_VIEWER, 1, 1, CTL_BIT(CTL_OPT_WITH_AUDIT),
      "save the whole store to a file", ctl_backup, NULL },
    { "restore", "FILE", CTL_ADMIN, 1, 1,
      CTL_BIT(CTL_OPT_WITH_AUDIT) | CTL_BIT(CTL_OPT_REPLACE)
      | CTL_BIT(CTL_OPT_YES) | CTL_BIT(CTL_OPT_DRY_RUN),
      "fill the store from such a file", ctl_restore, NULL },
    { "report devices", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY,
      CTL_BIT(CTL_OPT_LIST) | CTL_BIT(CTL_OPT_USER) | CTL_BIT(CTL_OPT_GROUP)
      | CTL_BIT(CTL_OPT_LIMIT) | CTL_BIT(CTL_OPT_CSV),
      "devices by platform and state, or one by one", ctl_report_devices,
      ctl_report_devices_details },
    { "report users", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, REPORTING,
      "who had access, with which devices", ctl_report_users,
      ctl_report_details },
    { "report blocks", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, REPORTING,
      "who was blocked or would have been, and why", ctl_report_blocks,
      ctl_report_details },
    { "report trend", "[FIELD=VALUE...]", CTL_VIEWER, 0, CTL_MANY, REPORTING,
      "how accesses ended, by the day or hour", ctl_report_trend,
      ctl_report_details },
    { "report conflicts", "", CTL_VIEWER, 0, 0,
      CTL_BIT(CTL_OPT_DEVICE) | CTL_BIT(CTL_OPT_SINCE) | CTL_BIT(CTL_OPT_UNTIL)
      | CTL_BIT(CTL_OPT_LIMIT) | CTL_BIT(CTL_OPT_CSV),
      "device ids that two users or two clients present",
      ctl_report_conflicts, NULL },

    { "help", "[COMMAND]", CTL_VIEWER, 0, 2, 0,
      "show the commands, or one of them", ctl_help, NULL },
    { "version", "", CTL_VIEWER, 0, 0, 0,
      "show the version", ctl_version, NULL },
};

const size_t ctl_commands_n = sizeof(ctl_commands) / sizeof(ctl_commands[0]);
