/*
 * What every command of compliancectl shares.  A run is: options.c reads the
 * command line, main.c finds the command's row, the row's function does it.
 * A command plans first and writes last: ctl_die() may be called anywhere
 * before ctl_store_commit() and leaves the store as it was.
 */
#ifndef COMPLIANCE_CTL_H
#define COMPLIANCE_CTL_H

#include "../core/compliance.h"

#include <jansson.h>
#include <stdio.h>


/* Not C11's keyword: cppcheck does not see that. */
#define CTL_NORETURN  __attribute__((noreturn))


/* Exit codes; docs/cli.md is their reference. */
typedef enum {
    CTL_DONE = 0,
    CTL_NOT_FOUND = 1,   /* no such record, alias or stream */
    CTL_USAGE = 2,       /* the command line, or a value in it */
    CTL_STORE = 3,       /* Redis is away, or refuses us */
    CTL_CONFLICT = 4,    /* what is stored forbids it */
    CTL_CONTENT = 5      /* what is stored is not ours to understand */
} ctl_exit_t;

/* Who may do it; the command table says it for every command. */
typedef enum {
    CTL_VIEWER = 1,
    CTL_OPERATOR,
    CTL_ADMIN
} ctl_role_t;

typedef enum {
    CTL_OPT_REDIS = 0,
    CTL_OPT_REDIS_USER,
    CTL_OPT_PASSWORD_FILE,
    CTL_OPT_DB,
    CTL_OPT_PREFIX,
    CTL_OPT_TIMEOUT,
    CTL_OPT_JSON,
    CTL_OPT_HELP,
    CTL_OPT_VERSION,
    CTL_OPT_FORCE,
    CTL_OPT_LIMIT,
    CTL_OPT_AFTER,
    CTL_OPT_SCAN,
    CTL_OPT_USER,
    CTL_OPT_DEVICE,
    CTL_OPT_PROTOCOL,
    CTL_OPT_AT,
    CTL_OPT_CERT,
    CTL_OPT_BINDING,
    CTL_OPT_CLIENT_TYPE,
    CTL_OPT_USER_AGENT,
    CTL_OPT_ADDRESS,
    CTL_OPT_LOGIN,
    CTL_OPT_COUNT,
    CTL_OPT_FOLLOW,
    CTL_OPT_NODE,
    CTL_OPT_SECRET_FILE,
    CTL_OPT_REASON,
    CTL_OPT_VERDICT,
    CTL_OPT_CSV,
    CTL_OPT_LIST,
    CTL_OPT_ANCHOR,
    CTL_OPT_PLAIN_UNTIL,
    CTL_OPT_DEVICES,
    CTL_OPT_FULL,
    CTL_OPT_DELTA,
    CTL_OPT_SOURCE,
    CTL_OPT_MAX_CHANGE,
    CTL_OPT_YES,
    CTL_OPT_DRY_RUN,
    CTL_OPT_VERBOSE,
    CTL_OPT_MAP,
    CTL_OPT_SEPARATOR,
    CTL_OPT_KEEP_UNKNOWN_USER,
    CTL_OPT_CREDENTIALS,
    CTL_OPT_REQUESTS,
    CTL_OPT_GROUP,
    CTL_OPT_MODE,
    CTL_OPT_WITH,
    CTL_OPT_SINCE,
    CTL_OPT_UNTIL,
    CTL_OPT_MAX_BLOCK,
    CTL_OPT_TLS_CA,
    CTL_OPT_TLS_CERT,
    CTL_OPT_TLS_KEY,
    CTL_OPT_CONFIG,
    CTL_OPT_REPAIR,
    CTL_OPT_CERT_FILE,
    CTL_OPT_WITH_AUDIT,
    CTL_OPT_REPLACE,
    CTL_OPTIONS          /* count, not an option */
} ctl_opt_t;

/* Where an option's value comes from; the later is the stronger. */
typedef enum {
    CTL_FROM_NOWHERE = 0,
    CTL_FROM_SYSTEM,     /* the file of this machine */
    CTL_FROM_USER,       /* the user's own file */
    CTL_FROM_ENVIRONMENT,
    CTL_FROM_COMMAND
} ctl_origin_t;

_Static_assert(CTL_OPTIONS <= 64, "CTL_BIT has 64");

#define CTL_BIT(opt)  (UINT64_C(1) << (opt))

typedef struct ctl_s        ctl_t;
typedef struct ctl_store_s  ctl_store_t;

/* A command is a row: usage, help and dispatch all come from it. */
typedef struct {
    const char *name;        /* "device set": one word or two */
    const char *arguments;   /* as shown: "ID FIELD=VALUE..." */
    ctl_role_t  role;
    size_t      min_args;
    size_t      max_args;
    uint64_t    options;     /* its own, beside the global ones */
    const char *summary;
    ctl_exit_t  (*run)(ctl_t *ctl);
    void        (*details)(void);   /* the rest of its --help, or NULL */
} ctl_command_t;

struct ctl_s {
    const ctl_command_t *command;
    size_t               n_args;     /* without the command's own words */
    const char         **args;
    const char          *options[CTL_OPTIONS];   /* NULL: not given; "" for a
                                                    flag that was */
    ctl_origin_t         origins[CTL_OPTIONS];
    compliance_str_t     prefix;
    bool                 json;
    int64_t              now;        /* Unix seconds at the start */
    ctl_store_t         *store;      /* NULL until the first question */
};

#define CTL_MANY  SIZE_MAX


/* commands.c */
extern const ctl_command_t ctl_commands[];
extern const size_t        ctl_commands_n;

/* options.c: dies on what it does not know. */
void ctl_options_parse(ctl_t *ctl, int argc, char **argv);
/* Applies the environment and checks which options the command takes. */
void ctl_options_finish(ctl_t *ctl);
/* A command's own, beside the global ones. */
uint64_t ctl_options_taken(const ctl_command_t *command);
bool ctl_given(const ctl_t *ctl, ctl_opt_t opt);
/* A count option within [min, max], or `standard` where not given. */
int64_t ctl_option_count(const ctl_t *ctl, ctl_opt_t opt, int64_t min,
    int64_t max, int64_t standard);
void ctl_options_print(FILE *out, uint64_t options);
const char *ctl_option_name(ctl_opt_t opt);
/* Rows for the manual page, completion and the configuration file; NULL: a
 * flag, none. */
const char *ctl_option_value(ctl_opt_t opt);
const char *ctl_option_summary(ctl_opt_t opt);
const char *ctl_option_environment(ctl_opt_t opt);
char ctl_option_letter(ctl_opt_t opt);
#define CTL_GLOBAL_OPTIONS  ((CTL_BIT(CTL_OPT_VERSION + 1) - 1) \
                             | CTL_BIT(CTL_OPT_TLS_CA) \
                             | CTL_BIT(CTL_OPT_TLS_CERT) \
                             | CTL_BIT(CTL_OPT_TLS_KEY) \
                             | CTL_BIT(CTL_OPT_CONFIG))

/* config.c: what the command line and the environment left open, from the
 * user's file and the machine's. */
void ctl_config_apply(ctl_t *ctl, uint64_t taken);

/* cmd_help.c */
void ctl_usage(FILE *out, const ctl_command_t *command);
void ctl_overview(FILE *out);

/* The commands, one function a row, one file a noun. */
ctl_exit_t ctl_device_set(ctl_t *ctl);
ctl_exit_t ctl_device_get(ctl_t *ctl);
ctl_exit_t ctl_device_list(ctl_t *ctl);
ctl_exit_t ctl_device_delete(ctl_t *ctl);
ctl_exit_t ctl_device_alias(ctl_t *ctl);
ctl_exit_t ctl_device_unalias(ctl_t *ctl);
ctl_exit_t ctl_device_pending(ctl_t *ctl);
ctl_exit_t ctl_device_approve(ctl_t *ctl);
ctl_exit_t ctl_device_deny(ctl_t *ctl);
ctl_exit_t ctl_user_set(ctl_t *ctl);
ctl_exit_t ctl_user_get(ctl_t *ctl);
ctl_exit_t ctl_user_list(ctl_t *ctl);
ctl_exit_t ctl_user_delete(ctl_t *ctl);
ctl_exit_t ctl_user_alias(ctl_t *ctl);
ctl_exit_t ctl_user_unalias(ctl_t *ctl);
ctl_exit_t ctl_group_set(ctl_t *ctl);
ctl_exit_t ctl_group_get(ctl_t *ctl);
ctl_exit_t ctl_group_list(ctl_t *ctl);
ctl_exit_t ctl_group_delete(ctl_t *ctl);
ctl_exit_t ctl_group_mode(ctl_t *ctl);
ctl_exit_t ctl_explain(ctl_t *ctl);
ctl_exit_t ctl_audit_tail(ctl_t *ctl);
ctl_exit_t ctl_audit_search(ctl_t *ctl);
ctl_exit_t ctl_audit_export(ctl_t *ctl);
ctl_exit_t ctl_audit_verify(ctl_t *ctl);
ctl_exit_t ctl_audit_anchor(ctl_t *ctl);
ctl_exit_t ctl_audit_trim(ctl_t *ctl);
ctl_exit_t ctl_settings_set(ctl_t *ctl);
ctl_exit_t ctl_settings_show(ctl_t *ctl);
ctl_exit_t ctl_user_erase(ctl_t *ctl);
ctl_exit_t ctl_undo(ctl_t *ctl);
ctl_exit_t ctl_impact(ctl_t *ctl);
ctl_exit_t ctl_replay(ctl_t *ctl);
ctl_exit_t ctl_candidate_set(ctl_t *ctl);
ctl_exit_t ctl_candidate_show(ctl_t *ctl);
ctl_exit_t ctl_candidate_start(ctl_t *ctl);
ctl_exit_t ctl_candidate_stop(ctl_t *ctl);
ctl_exit_t ctl_candidate_delete(ctl_t *ctl);
ctl_exit_t ctl_candidate_report(ctl_t *ctl);
ctl_exit_t ctl_tag_issue(ctl_t *ctl);
ctl_exit_t ctl_import_json(ctl_t *ctl);
ctl_exit_t ctl_import_csv(ctl_t *ctl);
ctl_exit_t ctl_policy_check(ctl_t *ctl);
ctl_exit_t ctl_policy_apply(ctl_t *ctl);
ctl_exit_t ctl_policy_list(ctl_t *ctl);
ctl_exit_t ctl_policy_show(ctl_t *ctl);
ctl_exit_t ctl_policy_diff(ctl_t *ctl);
ctl_exit_t ctl_policy_delete(ctl_t *ctl);
void ctl_policy_apply_details(void);
ctl_exit_t ctl_import_ldap(ctl_t *ctl);
ctl_exit_t ctl_completion(ctl_t *ctl);
ctl_exit_t ctl_doctor(ctl_t *ctl);
ctl_exit_t ctl_backup(ctl_t *ctl);
ctl_exit_t ctl_restore(ctl_t *ctl);
ctl_exit_t ctl_manual(ctl_t *ctl);
ctl_exit_t ctl_report_devices(ctl_t *ctl);
ctl_exit_t ctl_report_users(ctl_t *ctl);
ctl_exit_t ctl_report_blocks(ctl_t *ctl);
ctl_exit_t ctl_report_trend(ctl_t *ctl);
ctl_exit_t ctl_report_conflicts(ctl_t *ctl);
void ctl_report_devices_details(void);
void ctl_report_details(void);
ctl_exit_t ctl_import_intune(ctl_t *ctl);
ctl_exit_t ctl_import_jamf(ctl_t *ctl);
ctl_exit_t ctl_help(ctl_t *ctl);
ctl_exit_t ctl_version(ctl_t *ctl);

void ctl_device_details(void);
void ctl_device_pending_details(void);
void ctl_user_details(void);
void ctl_group_details(void);
void ctl_explain_details(void);
void ctl_alias_details(void);
void ctl_audit_search_details(void);
void ctl_audit_verify_details(void);
void ctl_settings_details(void);
void ctl_user_erase_details(void);
void ctl_undo_details(void);
void ctl_import_json_details(void);
void ctl_import_csv_details(void);
void ctl_import_ldap_details(void);
void ctl_import_intune_details(void);
void ctl_import_jamf_details(void);
void ctl_impact_details(void);
void ctl_replay_details(void);
void ctl_candidate_details(void);


/* actor.c: who gives the command, as the audit and an override name him. */
const char *ctl_actor(void);


/* message.c: everything a person reads on stderr. */
CTL_NORETURN void ctl_die(ctl_exit_t code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The message, and then the command's usage line. */
CTL_NORETURN void ctl_die_usage(const ctl_t *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ctl_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Kept until ctl_notes_flush(): a plan that is tried again must not say it
 * twice. */
void ctl_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ctl_notes_drop(void);
void ctl_notes_flush(void);
/* A terminal is asked; anything else says no. */
bool ctl_confirm(const char *question);
/* The nearest of n names to `text`, or NULL where none is near. */
const char *ctl_nearest(const char *text, const char *const *names, size_t n);


/* memory.c: freed in one go, by ctl_release(mark) or at the end; a failed
 * allocation ends the program, before anything was written. */
typedef struct ctl_block_s *ctl_mark_t;

void *ctl_alloc(size_t size);                  /* zeroed */
void *ctl_alloc_array(size_t n, size_t size);
char *ctl_dup(compliance_str_t text);          /* NUL-terminated */
char *ctl_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* For an interface that takes no const, and does not write; or for memory that
 * is ours to wipe or free. */
void *ctl_unconst(const void *memory);
void ctl_keep(void *object, void (*release)(void *));
ctl_mark_t ctl_mark(void);
void ctl_release(ctl_mark_t mark);


/* text.c: bytes of the store -> a terminal or JSON. */
compliance_str_t ctl_str(const char *text);
/* Valid printable UTF-8 stays, all else becomes \n, \xNN or \u{...}. */
const char *ctl_escape(compliance_str_t text);
/* Whole file into memory, at most max bytes; dies where it cannot. */
compliance_str_t ctl_read_file(const char *path, size_t max);

/* file_setting.c: "key = value" of a line, which it cuts up; false: empty, or
 * a comment.  Dies on anything else. */
bool ctl_file_setting(const char *path, char *line, unsigned nth,
    const char **key, const char **value);

typedef struct ctl_table_s ctl_table_t;
/* headings: n names.  Rows are printed aligned; the last column is not
 * padded. */
ctl_table_t *ctl_table(size_t n, const char *const *headings);
void ctl_table_row(ctl_table_t *table, const char *const *cells);
void ctl_table_print(ctl_table_t *table);

/* jansson with every result checked. */
json_t *ctl_json_object(void);
json_t *ctl_json_array(void);
json_t *ctl_json_text(compliance_str_t text);  /* null where absent */
json_t *ctl_json_int(int64_t value);
json_t *ctl_json_bool(bool value);
void ctl_json_set(json_t *object, const char *key, json_t *value);
void ctl_json_add(json_t *array, json_t *value);
void ctl_json_print(json_t *value);            /* one line; frees it */


/* times.c */
#define CTL_TIME_EXPECTS  "a time: Unix seconds, 2026-12-31, " \
                          "2026-12-31T18:00:00Z, now, +7d or -12h"
#define CTL_SPAN_EXPECTS  "a span: seconds, or 90s, 15m, 12h, 7d, 2w"
bool ctl_time_parse(compliance_str_t text, int64_t now, int64_t *out);
bool ctl_span_parse(compliance_str_t text, int64_t *seconds);
/* "2026-12-31T18:00:00Z"; "never" is the caller's business. */
const char *ctl_time_format(int64_t time);

#endif
