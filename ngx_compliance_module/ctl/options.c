/*
 * The command line: options may stand anywhere, "--" ends them, and every one
 * is a row of one table.  Nothing here knows a command but by its row.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    const char *name;
    char        letter;      /* 0: none */
    const char *value;       /* NULL: a flag */
    const char *environment; /* NULL: none */
    const char *summary;
} option_t;

static const option_t options[CTL_OPTIONS] = {
    [CTL_OPT_REDIS] = { "redis", 0, "ADDRESS", "COMPLIANCE_REDIS",
        "unix:/path, host:port or tls://host:port of Redis" },
    [CTL_OPT_REDIS_USER] = { "redis-user", 0, "NAME",
        "COMPLIANCE_REDIS_USER", "the ACL user of Redis" },
    [CTL_OPT_PASSWORD_FILE] = { "password-file", 0, "FILE",
        "COMPLIANCE_PASSWORD_FILE", "whose first line is the password" },
    [CTL_OPT_DB] = { "db", 0, "N", "COMPLIANCE_DB", "the Redis database (0)" },
    [CTL_OPT_PREFIX] = { "prefix", 0, "TEXT", "COMPLIANCE_PREFIX",
        "what all keys begin with (compliance:)" },
    [CTL_OPT_TIMEOUT] = { "timeout", 0, "MS", "COMPLIANCE_TIMEOUT",
        "for connecting, and for every answer (2000)" },
    [CTL_OPT_JSON] = { "json", 0, NULL, NULL, "answer in JSON" },
    [CTL_OPT_HELP] = { "help", 'h', NULL, NULL, "show how to use a command" },
    [CTL_OPT_VERSION] = { "version", 0, NULL, NULL, "show the version" },
    [CTL_OPT_FORCE] = { "force", 0, NULL, NULL,
        "do what would be refused as a conflict" },
    [CTL_OPT_LIMIT] = { "limit", 0, "N", NULL,
        "at most that many rows; 0: all (1000)" },
    [CTL_OPT_AFTER] = { "after", 0, "NAME", NULL,
        "go on behind that row" },
    [CTL_OPT_SCAN] = { "scan", 0, NULL, NULL,
        "read every record, do not rely on the indexes" },
    [CTL_OPT_USER] = { "user", 0, "NAME", NULL, "the user, as he logs in" },
    [CTL_OPT_DEVICE] = { "device", 0, "ID", NULL,
        "the device, as it names itself" },
    [CTL_OPT_PROTOCOL] = { "protocol", 0, "NAME", NULL,
        "eas, web, ews, mapi, dav, autodiscover, imap, pop3 or smtp" },
    [CTL_OPT_AT] = { "at", 0, "TIME", NULL, "judge as of then (now)" },
    [CTL_OPT_CERT] = { "cert", 0, "SHA256", NULL,
        "fingerprint of the client certificate" },
    [CTL_OPT_BINDING] = { "binding", 0, "KIND", NULL,
        "how the device is proven: asserted, secret or certificate" },
    [CTL_OPT_CLIENT_TYPE] = { "client-type", 0, "TEXT", NULL,
        "the DeviceType the client tells" },
    [CTL_OPT_USER_AGENT] = { "user-agent", 0, "TEXT", NULL,
        "the User-Agent the client tells" },
    [CTL_OPT_ADDRESS] = { "address", 0, "IP", NULL, "the client's address" },
    [CTL_OPT_LOGIN] = { "login", 0, NULL, NULL,
        "the user is only about to log in" },
    [CTL_OPT_COUNT] = { "lines", 'n', "N", NULL, "the last N records (20)" },
    [CTL_OPT_FOLLOW] = { "follow", 'f', NULL, NULL, "wait for new records" },
    [CTL_OPT_NODE] = { "node", 0, "NAME", NULL,
        "of one gateway node (default: of all)" },
    [CTL_OPT_SECRET_FILE] = { "secret-file", 0, "FILE",
        "COMPLIANCE_SECRET_FILE", "the gateway's compliance_secret_file" },
    [CTL_OPT_REASON] = { "reason", 0, "NAME", NULL, "with this reason" },
    [CTL_OPT_VERDICT] = { "verdict", 0, "NAME", NULL, "with this verdict" },
    [CTL_OPT_CSV] = { "csv", 0, NULL, NULL, "answer in CSV" },
    [CTL_OPT_LIST] = { "list", 0, NULL, NULL, "show them one by one, and change nothing" },
    [CTL_OPT_ANCHOR] = { "anchor", 0, "FILE", NULL,
        "what audit anchor printed earlier" },
    [CTL_OPT_PLAIN_UNTIL] = { "plain-until", 0, "TIME", NULL,
        "accept records without a key up to then" },
    [CTL_OPT_DEVICES] = { "devices", 0, NULL, NULL,
        "delete the user's devices, too" },
    [CTL_OPT_FULL] = { "full", 0, NULL, NULL,
        "the source is the whole list: retire what it no longer has" },
    [CTL_OPT_DELTA] = { "delta", 0, NULL, NULL,
        "the source is a part of the list (the default)" },
    [CTL_OPT_SOURCE] = { "source", 0, "NAME", NULL,
        "whose list it is, where there are several" },
    [CTL_OPT_MAX_CHANGE] = { "max-change", 0, "PERCENT", NULL,
        "of the devices may be retired or newly blocked (10)" },
    [CTL_OPT_YES] = { "yes", 'y', NULL, NULL, "do not ask" },
    [CTL_OPT_DRY_RUN] = { "dry-run", 0, NULL, NULL,
        "say what would change, and write nothing" },
    [CTL_OPT_VERBOSE] = { "verbose", 'v', NULL, NULL,
        "tell every refused record and every retired device" },
    [CTL_OPT_MAP] = { "map", 0, "COLUMN=FIELD,...", NULL,
        "what the columns are; FIELD empty: leave it out" },
    [CTL_OPT_SEPARATOR] = { "separator", 0, "CHAR", NULL,
        "between columns: , ; or tab (found out)" },
    [CTL_OPT_KEEP_UNKNOWN_USER] = { "keep-unknown-user", 0, NULL, NULL,
        "leave group default's unknown_user as it is" },
    [CTL_OPT_CREDENTIALS] = { "credentials", 0, "FILE", NULL,
        "the client id and secret for a URL, see docs/intune.md" },
    [CTL_OPT_REQUESTS] = { "requests", 0, "FILE", NULL,
        "requests as JSON, one a line; -: stdin" },
    [CTL_OPT_GROUP] = { "group", 0, "NAME", NULL, "the enforcement group" },
    [CTL_OPT_MODE] = { "mode", 0, "MODE", NULL,
        "as if the group's mode were off, report or enforce" },
    [CTL_OPT_WITH] = { "with", 0, "FILE", NULL,
        "the candidate set of groups and policies" },
    [CTL_OPT_SINCE] = { "since", 0, "TIME", NULL, "from then on: 7d, a date" },
    [CTL_OPT_UNTIL] = { "until", 0, "TIME", NULL, "until then (now)" },
    [CTL_OPT_MAX_BLOCK] = { "max-block", 0, "PERCENT", NULL,
        "the share of accesses that may come to be blocked (10)" },
    [CTL_OPT_WITH_AUDIT] = { "with-audit", 0, NULL, NULL,
        "the audit and the counted accesses too" },
    [CTL_OPT_REPLACE] = { "replace", 0, NULL, NULL,
        "in the place of what is stored" },
    [CTL_OPT_TLS_CA] = { "tls-ca", 0, "FILE", "COMPLIANCE_TLS_CA",
        "PEM: who may sign Redis' certificate (the system's)" },
    [CTL_OPT_TLS_CERT] = { "tls-cert", 0, "FILE", "COMPLIANCE_TLS_CERT",
        "PEM: our certificate for Redis, and its chain" },
    [CTL_OPT_TLS_KEY] = { "tls-key", 0, "FILE", "COMPLIANCE_TLS_KEY",
        "PEM: its key" },
    [CTL_OPT_CONFIG] = { "config", 0, "FILE", "COMPLIANCE_CONFIG",
        "options as NAME = VALUE, in place of the user's and the system's "
        "file" },
    [CTL_OPT_REPAIR] = { "repair", 0, NULL, NULL,
        "rebuild the indexes from the records" },
    [CTL_OPT_CERT_FILE] = { "cert-file", 0, "FILE", NULL,
        "check until when that certificate holds" },
};


bool
ctl_given(const ctl_t *ctl, ctl_opt_t opt)
{
    return ctl->options[opt] != NULL;
}


const char *
ctl_option_name(ctl_opt_t opt)
{
    return options[opt].name;
}


const char *
ctl_option_value(ctl_opt_t opt)
{
    return options[opt].value;
}


const char *
ctl_option_summary(ctl_opt_t opt)
{
    return options[opt].summary;
}


const char *
ctl_option_environment(ctl_opt_t opt)
{
    return options[opt].environment;
}


char
ctl_option_letter(ctl_opt_t opt)
{
    return options[opt].letter;
}


static size_t
find_letter(char letter)
{
    size_t i;

    for (i = 0; i < CTL_OPTIONS; i++) {
        if (options[i].letter != 0 && options[i].letter == letter) {
            break;
        }
    }

    return i;
}


static size_t
find_name(compliance_str_t name)
{
    size_t i;

    for (i = 0; i < CTL_OPTIONS; i++) {
        if (compliance_str_eq(name, ctl_str(options[i].name))) {
            break;
        }
    }

    return i;
}


static CTL_NORETURN void
unknown_option(const ctl_t *ctl, const char *given)
{
    const char *names[CTL_OPTIONS], *nearest;
    char       *name;

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        names[i] = options[i].name;
    }

    name = ctl_dup(ctl_str(given));
    name[strcspn(name, "=")] = '\0';
    nearest = ctl_nearest(name + strspn(name, "-"), names, CTL_OPTIONS);

    if (nearest != NULL) {
        ctl_die_usage(ctl, "unknown option \"%s\"; did you mean --%s?",
                      ctl_escape(ctl_str(name)), nearest);
    }

    ctl_die_usage(ctl, "unknown option \"%s\" (a value that begins with '-' "
                  "goes behind \"--\")", ctl_escape(ctl_str(name)));
}


/* One option at argv[*i]; moves *i on where its value is the next word. */
static void
parse_option(ctl_t *ctl, int argc, char **argv, int *i)
{
    size_t      opt;
    const char *word = argv[*i], *value = NULL, *equals;

    if (word[1] == '-') {
        equals = strchr(word, '=');

        opt = find_name((compliance_str_t) { word + 2,
                  equals == NULL ? strlen(word + 2)
                                 : (size_t) (equals - word - 2) });
        if (equals != NULL) {
            value = equals + 1;
        }

    } else {
        opt = find_letter(word[1]);

        if (word[2] != '\0') {
            value = word + 2;
        }
    }

    if (opt == CTL_OPTIONS) {
        unknown_option(ctl, word);
    }

    if (options[opt].value == NULL) {
        if (value != NULL) {
            ctl_die_usage(ctl, "--%s takes no value", options[opt].name);
        }

        value = "";

    } else if (value == NULL) {
        if (*i + 1 >= argc) {
            ctl_die_usage(ctl, "--%s needs a value: %s", options[opt].name,
                          options[opt].value);
        }

        value = argv[++*i];
    }

    if (options[opt].value != NULL && value[0] == '\0') {
        ctl_die_usage(ctl, "--%s is empty; it expects %s", options[opt].name,
                      options[opt].value);
    }

    if (options[opt].value != NULL && ctl->options[opt] != NULL) {
        ctl_die_usage(ctl, "--%s was given twice", options[opt].name);
    }

    ctl->options[opt] = value;
    ctl->origins[opt] = CTL_FROM_COMMAND;
}


void
ctl_options_parse(ctl_t *ctl, int argc, char **argv)
{
    bool ended = false;

    ctl->args = ctl_alloc_array((size_t) argc + 1, sizeof(*ctl->args));

    for (int i = 1; i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;

        } else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            parse_option(ctl, argc, argv, &i);

        } else {
            ctl->args[ctl->n_args++] = argv[i];
        }
    }
}


/* Whoever writes is audited, under the gateway's key where it is given. */
uint64_t
ctl_options_taken(const ctl_command_t *command)
{
    return command->options
           | (command->role < CTL_OPERATOR ? 0
                                           : CTL_BIT(CTL_OPT_SECRET_FILE));
}


void
ctl_options_finish(ctl_t *ctl)
{
    uint64_t    taken = ctl_options_taken(ctl->command) | CTL_GLOBAL_OPTIONS;
    const char *value;

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (ctl->options[i] != NULL) {
            if (!(taken & CTL_BIT(i))) {
                ctl_die_usage(ctl, "\"%s\" takes no --%s", ctl->command->name,
                              options[i].name);
            }

            continue;
        }

        if (options[i].environment != NULL && (taken & CTL_BIT(i))) {
            value = getenv(options[i].environment);

            if (value != NULL && value[0] != '\0') {
                ctl->options[i] = value;
                ctl->origins[i] = CTL_FROM_ENVIRONMENT;
            }
        }
    }

    ctl_config_apply(ctl, taken);
    ctl->json = ctl_given(ctl, CTL_OPT_JSON);
}


int64_t
ctl_option_count(const ctl_t *ctl, ctl_opt_t opt, int64_t min, int64_t max,
    int64_t standard)
{
    int64_t value;

    if (ctl->options[opt] == NULL) {
        return standard;
    }

    if (!compliance_parse_uint(ctl_str(ctl->options[opt]), &value)
        || value < min || value > max)
    {
        ctl_die_usage(ctl, "--%s \"%s\" is not a number from %lld to %lld",
                      options[opt].name,
                      ctl_escape(ctl_str(ctl->options[opt])),
                      (long long) min, (long long) max);
    }

    return value;
}


void
ctl_options_print(FILE *out, uint64_t which)
{
    char *text;

    for (size_t i = 0; i < CTL_OPTIONS; i++) {
        if (!(which & CTL_BIT(i))) {
            continue;
        }

        text = options[i].letter == 0
               ? ctl_format("--%s", options[i].name)
               : ctl_format("-%c, --%s", options[i].letter, options[i].name);

        if (options[i].value != NULL) {
            text = ctl_format("%s %s", text, options[i].value);
        }

        fprintf(out, "  %-24s %s%s%s%s\n", text, options[i].summary,
                options[i].environment == NULL ? "" : " [",
                options[i].environment == NULL ? "" : options[i].environment,
                options[i].environment == NULL ? "" : "]");
    }
}
