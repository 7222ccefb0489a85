/*
 * Users and groups out of an LDAP directory.  A run goes through the files in
 * this order:
 *   directory_settings.c  the settings file, with its presets
 *   directory_ldap.c      the connection: TLS, bind, searches page by page
 *   directory_names.c     DNs in one spelling, and tables of names
 *   directory_users.c     entries -> users, all of them in memory, compactly
 *   directory_groups.c    who is in which mapped group, nested ones resolved
 *   directory_claims.c    names that more than one person has go to nobody
 *   directory_ask.c       what is stored of a batch
 *   directory_plan.c      what is to become of each user
 *   directory_write.c     the batch as one transaction
 *   directory_run.c       all users, batch by batch, and those that vanished
 *   directory_unknown.c   who would be shut out by unknown_user=block
 *   cmd_import_ldap.c     the order, the questions and the report
 * The directory is read to its end before anything is written: a read that
 * breaks off changes nothing.
 */
#ifndef COMPLIANCE_CTL_DIRECTORY_H
#define COMPLIANCE_CTL_DIRECTORY_H

#include "arena.h"
#include "record.h"
#include "wire.h"

#include "../core/group.h"
#include "../core/siphash.h"

#include <lber.h>


#define DIRECTORY_ATTRIBUTES  16     /* of one setting */
#define DIRECTORY_BASES       16
#define DIRECTORY_ALIASES     64     /* of one user */
#define DIRECTORY_USERS_MAX   2000000
#define DIRECTORY_GROUPS      COMPLIANCE_GROUPS_MAX

typedef enum {
    DIRECTORY_NESTED_AUTO = 0,   /* by the server's rule where it has one */
    DIRECTORY_NESTED_WALK,
    DIRECTORY_NESTED_NO
} directory_nested_t;

/* group.<name> = <DN>, or a filter over users. */
typedef struct {
    const char *group;     /* the enforcement group */
    size_t      nth;       /* its bit */
    const char *source;    /* DN, or "(filter)" */
    unsigned    line;
} directory_mapping_t;

typedef struct {
    const char *path;
    const char *name;             /* "ldap": field `directory` of its users */
    const char *url;
    bool        starttls;
    bool        plain;
    const char *ca_file;
    const char *bind_dn;
    const char *password_file;
    int64_t     timeout_s;
    int64_t     page_size;
    size_t      n_user_bases;
    const char *user_bases[DIRECTORY_BASES];
    const char *user_filter;
    const char *login;
    const char *account;          /* memberUid, and DOMAIN\account */
    const char *domain;
    size_t      n_aliases;
    const char *aliases[DIRECTORY_ATTRIBUTES];
    const char *display_name;
    const char *locale;
    const char *disabled_filter;
    bool        block_disabled;
    bool        block_vanished;
    directory_nested_t nested;
    size_t      n_groups;
    const char *groups[DIRECTORY_GROUPS];    /* by bit */
    size_t      n_mappings;
    size_t      cap_mappings;
    directory_mapping_t *mappings;
} directory_settings_t;

typedef uint64_t directory_bits_t[(DIRECTORY_GROUPS + 63) / 64];

typedef enum {
    DIRECTORY_UNCHANGED = 0,
    DIRECTORY_CREATED,
    DIRECTORY_CHANGED,
    DIRECTORY_REFUSED,
    DIRECTORY_OUTCOMES
} directory_outcome_t;

typedef struct {
    const char *login;            /* canonical */
    const char *display_name;     /* or NULL */
    const char *locale;           /* or NULL */
    const char *aliases;          /* n, each with its NUL */
    uint16_t    n_aliases;
    bool        disabled;
    bool        refused;          /* has a login, and nothing is written */
    bool        wanted;           /* the look has found something to write */
    uint8_t     outcome;          /* directory_outcome_t */
    directory_bits_t groups;
} directory_user_t;

/* Text -> number.  Keys are borrowed. */
typedef struct {
    const char *key;
    uint64_t    hash;
    uint32_t    value;
} directory_slot_t;

typedef struct {
    directory_slot_t *slots;
    size_t            n;
    size_t            cap;
    uint8_t           secret[COMPLIANCE_SIPHASH_KEY];
} directory_map_t;

#define DIRECTORY_NOBODY     UINT32_MAX         /* not in the map */
#define DIRECTORY_CONTESTED  (UINT32_MAX - 1)   /* a claim of two */

typedef struct {
    size_t  members;     /* users */
    size_t  nested;      /* groups below it */
    size_t  others;      /* members that are none of the users */
} directory_group_count_t;

typedef struct directory_s  directory_t;

struct directory_s {
    ctl_t                *ctl;
    directory_settings_t *settings;
    struct directory_ldap_s *ldap;

    ctl_arena_t           arena;      /* texts of the users */
    size_t                n_users;
    size_t                cap_users;
    directory_user_t     *users;
    directory_map_t       dns;        /* normal form -> user */
    directory_map_t       accounts;   /* -> user */
    directory_map_t       claims;     /* principal -> user, or CONTESTED */
    directory_group_count_t counts[DIRECTORY_GROUPS];

    /* no longer in the directory, and in the store from it */
    size_t                n_vanished;
    size_t                cap_vanished;
    const char          **vanished;

    /* of the look, or of the writing */
    size_t                n_known;        /* in the store from it, before */
    size_t                n_affected;     /* of them: groups or block change */
    size_t                n_newly_vanished;
    size_t                n_marked;       /* vanished, and written as such */

    /* told */
    size_t                n_refused;      /* users */
    size_t                n_unusable;     /* names, values */
    size_t                n_contested;    /* names */
    size_t                n_disabled;
    size_t                n_references;
    size_t                n_shown;        /* lines so far */
};


/* directory_settings.c: dies with the line that is wrong. */
void directory_settings_read(ctl_t *ctl, const char *path,
    directory_settings_t *settings);
bool directory_is_loopback(const char *url);


/* directory_ldap.c.  Every call has the timeout; what fails ends the program
 * and says what to do. */
typedef struct directory_ldap_s  directory_ldap_t;

/* One entry while it is visited.  Its values live until the visitor returns.
 */
typedef struct directory_entry_s  directory_entry_t;

/* `out` is the visitor's data. */
typedef void (*directory_visit_t)(void *data, directory_entry_t *entry);

void directory_ldap_open(directory_t *directory);
void directory_ldap_close(directory_t *directory);
/* The server resolves nested groups by itself (Active Directory). */
bool directory_ldap_has_chain_rule(const directory_t *directory);
/* Page by page.  base_only: the entry itself, false where there is none. */
bool directory_ldap_search(directory_t *directory, const char *base,
    bool base_only, const char *filter, const char *const *attributes,
    directory_visit_t visit, void *data);
const char *directory_entry_dn(directory_entry_t *entry);
/* The values of an attribute, NULL-terminated; NULL where it has none. */
struct berval **directory_entry_values(directory_entry_t *entry,
    const char *attribute);
/* A value that comes in parts ("member;range=0-1499"): *next is where the next
 * one begins, -1 behind the last. */
struct berval **directory_entry_range(directory_entry_t *entry,
    const char *attribute, long *next);
/* A text as part of a filter. */
const char *directory_filter_escape(const char *text);


/* directory_names.c */
/* A DN's spellings have one normal form; NULL where it is no DN. */
const char *directory_dn_normal(const char *dn);
/* Is attribute=value its first part? */
bool directory_dn_begins(const char *normal, const char *attribute,
    const struct berval *value);
void directory_map_init(directory_map_t *map);
/* The value of the key, put there if it is not; NOBODY: it was put. */
uint32_t directory_map_add(directory_map_t *map, const char *key,
    uint32_t value);
uint32_t directory_map_find(const directory_map_t *map, const char *key);
void directory_map_set(directory_map_t *map, const char *key, uint32_t value);
void directory_map_free(directory_map_t *map);


/* directory_users.c */
void directory_users_read(directory_t *directory);
/* The users that a filter holds for: visit with each. */
void directory_users_matching(directory_t *directory, const char *filter,
    void (*visit)(directory_t *directory, directory_user_t *user, void *data),
    void *data);
/* A line about what could not be used: the first ones are shown. */
void directory_tell(directory_t *directory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Those that follow of the same user. */
const char *directory_next_alias(const char *alias);


/* directory_groups.c */
void directory_groups_read(directory_t *directory);
bool directory_in_group(const directory_user_t *user, size_t group);


/* directory_run.c: counts what would change (writes nothing), and writes. */
typedef enum {
    DIRECTORY_LOOKS = 1,
    DIRECTORY_WRITES
} directory_pass_t;

void directory_run(directory_t *directory, directory_pass_t pass, bool tells);
/* Fills directory->vanished. */
void directory_find_vanished(directory_t *directory);


/* directory_unknown.c: shows what unknown_user=block would do and, where it
 * may, sets it.  Returns a word for the report. */
const char *directory_unknown(directory_t *directory, json_t *report);


/* directory_claims.c: what two persons have is taken from both. */
void directory_claims_settle(directory_t *directory);

#endif
