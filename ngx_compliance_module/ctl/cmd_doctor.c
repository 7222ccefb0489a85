/*
 * doctor: what is wrong with Redis, the clock, the files and the store, and
 * the command that mends it.  It changes nothing but with --repair.
 */
#include "audit.h"
#include "colour.h"
#include "doctor.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>


#define CLOCK_MAX  5          /* seconds; logins, links and grace go by it */
#define CERT_SOON  INT64_C(2592000)   /* 30 days */

static const char *const names[] = {
    [CTL_HEALTH_OK] = "ok",
    [CTL_HEALTH_WARNING] = "warning",
    [CTL_HEALTH_ERROR] = "error",
};


void
ctl_doctor_say(ctl_doctor_t *doctor, ctl_health_t health, const char *check,
    const char *what, const char *mend)
{
    json_t *object = ctl_json_object();

    if (health > doctor->worst) {
        doctor->worst = health;
    }

    ctl_json_set(object, "check", ctl_json_text(ctl_str(check)));
    ctl_json_set(object, "health", ctl_json_text(ctl_str(names[health])));
    ctl_json_set(object, "what", ctl_json_text(ctl_str(what)));
    ctl_json_set(object, "mend", mend == NULL ? json_null()
                                              : ctl_json_text(ctl_str(mend)));
    ctl_json_add(doctor->findings, object);

    if (!doctor->ctl->json) {
        ctl_colour_put(stdout, names[health], 8);
        printf(" %-10s %s%s%s\n", check, what,
               mend == NULL ? "" : "; ", mend == NULL ? "" : mend);
        (void) fflush(stdout);
    }
}


/* "field:value\r\n" of INFO. */
static const char *
info_field(const redisReply *info, const char *field)
{
    const char *p = info->str;
    size_t      len = strlen(field);

    while (p != NULL) {
        if (strncmp(p, field, len) == 0 && p[len] == ':') {
            return ctl_dup((compliance_str_t) { p + len + 1,
                               strcspn(p + len + 1, "\r\n") });
        }

        p = strchr(p, '\n');
        p = p == NULL ? NULL : p + 1;
    }

    return "";
}


static void
check_server(ctl_doctor_t *doctor)
{
    redisReply *info = ctl_store_ask(doctor->ctl, "INFO");
    const char *version, *policy;
    bool        recent;

    ctl_reply_expect(info, REDIS_REPLY_STRING, "its state");
    version = info_field(info, "redis_version");
    policy = info_field(info, "maxmemory_policy");

    recent = strtol(version, NULL, 10) >= 7;
    ctl_doctor_say(doctor, recent ? CTL_HEALTH_OK : CTL_HEALTH_ERROR,
                   "redis", ctl_format("version %s", version),
                   recent ? NULL : "install Redis 7 or later");

    if (strcmp(info_field(info, "role"), "master") != 0) {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "redis", "it is a replica",
                       "name the master with --redis");
    }

    if (strcmp(info_field(info, "aof_enabled"), "1") == 0) {
        ctl_doctor_say(doctor, CTL_HEALTH_OK, "persist", "appendonly is on",
                       NULL);
    } else {
        ctl_doctor_say(doctor, CTL_HEALTH_WARNING, "persist", "appendonly is "
                       "off: a restart may lose changes",
                       "redis-cli CONFIG SET appendonly yes, and in "
                       "redis.conf");
    }

    if (strcmp(info_field(info, "rdb_last_bgsave_status"), "ok") != 0
        || strcmp(info_field(info, "aof_last_write_status"), "err") == 0)
    {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "persist",
                       "the last save failed", "look at Redis' log");
    }

    if (strcmp(policy, "noeviction") == 0) {
        ctl_doctor_say(doctor, CTL_HEALTH_OK, "memory", "nothing is evicted",
                       NULL);
    } else {
        ctl_doctor_say(doctor, strcmp(info_field(info, "maxmemory"), "0") == 0
                               ? CTL_HEALTH_WARNING : CTL_HEALTH_ERROR,
                       "memory", ctl_format("maxmemory-policy %s throws "
                       "records away when memory is short",
                       ctl_escape(ctl_str(policy))),
                       "redis-cli CONFIG SET maxmemory-policy noeviction, and "
                       "in redis.conf");
    }
}


static void
check_clock(ctl_doctor_t *doctor)
{
    redisReply *reply = ctl_store_ask(doctor->ctl, "TIME");
    int64_t     theirs, apart;

    ctl_reply_expect(reply, REDIS_REPLY_ARRAY, "the time");

    if (reply->elements != 2
        || !compliance_parse_uint(ctl_str(reply->element[0]->str), &theirs))
    {
        ctl_die(CTL_CONTENT, "Redis answered something else than the time; "
                "is it Redis?");
    }

    doctor->store_now = theirs;
    apart = (int64_t) time(NULL) - theirs;
    apart = apart < 0 ? -apart : apart;
    ctl_doctor_say(doctor, apart <= CLOCK_MAX ? CTL_HEALTH_OK
                                              : CTL_HEALTH_ERROR,
                   "clock", ctl_format("%lld s from Redis' clock",
                                       (long long) apart),
                   apart <= CLOCK_MAX ? NULL : "set both by NTP");
}


static void
check_secret(ctl_doctor_t *doctor)
{
    const char          *path = doctor->ctl->options[CTL_OPT_SECRET_FILE];
    compliance_keyring_t keys;
    struct stat          info;

    if (path == NULL) {
        return;
    }

    (void) ctl_keyring(doctor->ctl, &keys);   /* dies where it is unreadable */
    explicit_bzero(&keys, sizeof(keys));

    if (stat(path, &info) == 0 && (info.st_mode & S_IRWXO)) {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "secret", ctl_format(
                       "everyone can open \"%s\"", ctl_escape(ctl_str(path))),
                       ctl_format("chmod 640 %s", ctl_escape(ctl_str(path))));
    } else {
        ctl_doctor_say(doctor, CTL_HEALTH_OK, "secret", "the keys can be read",
                       NULL);
    }
}


static void
check_certificate(ctl_doctor_t *doctor, const char *path)
{
    FILE   *file;
    X509   *cert;
    int     days = 0, seconds = 0;
    int64_t left;

    if (path == NULL) {
        return;
    }

    file = fopen(path, "re");
    cert = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);

    if (file != NULL) {
        (void) fclose(file);
    }

    if (cert == NULL
        || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) != 1)
    {
        ctl_doctor_say(doctor, CTL_HEALTH_ERROR, "cert", ctl_format(
                       "no certificate can be read from \"%s\"",
                       ctl_escape(ctl_str(path))), "check the file");
        ERR_clear_error();
        X509_free(cert);
        return;
    }

    X509_free(cert);
    left = (int64_t) days * 86400 + seconds;
    ctl_doctor_say(doctor, left <= 0 ? CTL_HEALTH_ERROR
                           : left < CERT_SOON ? CTL_HEALTH_WARNING
                                              : CTL_HEALTH_OK,
                   "cert", ctl_format(left <= 0
                       ? "\"%s\" has expired %d days ago"
                       : "\"%s\" holds for another %d days",
                       ctl_escape(ctl_str(path)), days < 0 ? -days : days),
                   left < CERT_SOON ? "renew it" : NULL);
}


ctl_exit_t
ctl_doctor(ctl_t *ctl)
{
    ctl_doctor_t doctor = { .ctl = ctl, .findings = ctl_json_array() };
    json_t      *object;

    ctl_store_open(ctl);
    check_server(&doctor);
    check_clock(&doctor);
    check_secret(&doctor);
    check_certificate(&doctor, ctl->options[CTL_OPT_CERT_FILE]);
    check_certificate(&doctor, ctl->options[CTL_OPT_TLS_CERT]);
    ctl_doctor_store(&doctor);
    ctl_doctor_conflicts(&doctor);

    if (ctl->json) {
        object = ctl_json_object();
        ctl_json_set(object, "health",
                     ctl_json_text(ctl_str(names[doctor.worst])));
        ctl_json_set(object, "findings", doctor.findings);
        ctl_json_print(object);

    } else {
        json_decref(doctor.findings);
    }

    return doctor.worst == CTL_HEALTH_ERROR ? CTL_CONTENT : CTL_DONE;
}
