/*
 * identify_eas.c: one reading of an ActiveSync query, or none.
 */
#include "identify_eas.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>


static compliance_str_t
str(const char *text)
{
    return (compliance_str_t) { text, strlen(text) };
}


typedef struct {
    compliance_rc_t          rc;
    compliance_eas_request_t request;
    char                     canonical[COMPLIANCE_EAS_QUERY_MAX + 64];
    size_t                   canonical_len;
    const char              *why;
} parsed_t;


static parsed_t
parse_raw(compliance_str_t query, compliance_str_t version, bool options)
{
    parsed_t         p;
    compliance_buf_t buf;

    compliance_buf_init(&buf, p.canonical, sizeof(p.canonical));
    p.rc = compliance_eas_parse(query, version, options, &p.request, &buf,
                                &p.why);
    p.canonical_len = buf.len;
    cr_assert_eq(p.why == NULL, p.rc == COMPLIANCE_OK);

    if (p.rc != COMPLIANCE_OK) {
        cr_assert_eq(p.request.device_id.len, 0);
        cr_assert_eq(p.request.command, COMPLIANCE_EAS_NONE);
    }

    return p;
}


static parsed_t
parse(const char *query)
{
    return parse_raw(str(query), compliance_absent, false);
}


static void
refused(const char *query, compliance_rc_t rc)
{
    parsed_t p = parse(query);

    cr_assert_eq(p.rc, rc, "%s gave %d (%s)", query, p.rc,
                 p.why != NULL ? p.why : "no fault");
}

#define PLAIN  "Cmd=Sync&User=alice&DeviceId=ABC123&DeviceType=iPhone"


/* The vectors of real clients, each with what it says. */
static const struct {
    const char               *query;
    unsigned                  version;
    compliance_eas_command_t  command;
    const char               *id;
    const char               *type;
    bool                      has_key;
    uint32_t                  key;
    const char               *user;
} vectors[] = {
    { "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l", 140, COMPLIANCE_EAS_SYNC,
      "V140DEVICE", "SmartPhone", false, 0, "" },
    { "oBEJBBBOaW5lMkVDN0VDMEJCNTREBAGJpmIHQW5kcm9pZAcBAA==", 160,
      COMPLIANCE_EAS_SETTINGS, "NINE2EC7EC0BB54D", "Android", true,
      1655081217, "" },
    { "eQIJBBCuTs0Z9ZK6Vldwb/dM8JusBHVeHIQDUFBDBwEBAwYxMTkyODEBBUlOQk9Y", 121,
      COMPLIANCE_EAS_SMARTFORWARD, "AE4ECD19F592BA5657706FF74CF09BAC", "PPC",
      true, 2216451701, "" },
    { "oQkJBBBBcHBsRjE3WEsyQUJIRzdGBNTDsqEGaVBob25lCBFhbGljZUBleGFtcGxlLmNvbQ"
      "==", 161, COMPLIANCE_EAS_FOLDERSYNC, "APPLF17XK2ABHG7F", "iPhone", true,
      2712847316, "alice@example.com" },
    { "jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg=", 141, COMPLIANCE_EAS_PING,
      "6F24CAD599A5BF1A690246B8C68FAE8D", "WP8", false, 0, "" },
};

#define VECTORS  (sizeof(vectors) / sizeof(vectors[0]))


Test(identify_eas, base64_queries_of_real_clients_are_read)
{
    for (size_t i = 0; i < VECTORS; i++) {
        parsed_t p = parse(vectors[i].query);

        cr_assert_eq(p.rc, COMPLIANCE_OK, "%s: %s", vectors[i].query,
                     p.why != NULL ? p.why : "");
        cr_assert(p.request.base64);
        cr_assert_not(p.request.options);
        cr_assert_eq(p.request.version, vectors[i].version);
        cr_assert_eq(p.request.command, vectors[i].command);
        cr_assert_str_eq(p.request.device_id.data, vectors[i].id);
        cr_assert_str_eq(p.request.device_type, vectors[i].type);
        cr_assert_eq(p.request.has_policy_key, vectors[i].has_key);
        cr_assert_eq(p.request.policy_key, vectors[i].key);
        cr_assert_str_eq(p.request.user.data, vectors[i].user);
        cr_assert_str_eq(p.canonical, vectors[i].query);
    }
}


Test(identify_eas, no_truncation_of_a_base64_query_says_the_same)
{
    for (size_t i = 0; i < VECTORS; i++) {
        size_t len = strlen(vectors[i].query);

        for (size_t n = 0; n < len; n++) {
            parsed_t p = parse_raw((compliance_str_t) { vectors[i].query, n },
                                   compliance_absent, false);

            /* A cut between two tags leaves a whole query. */
            if (p.rc == COMPLIANCE_OK) {
                cr_assert_eq(p.canonical_len, n);
                cr_assert_str_eq(p.request.device_id.data, vectors[i].id);
                cr_assert_str_eq(p.request.device_type, vectors[i].type);
            }
        }
    }
}


/* Encodes bytes and parses them. */
static parsed_t
parse_bytes(const uint8_t *bytes, size_t len)
{
    char             text[2048];
    compliance_buf_t buf;

    compliance_buf_init(&buf, text, sizeof(text));
    compliance_base64_encode(&buf, bytes, len);
    cr_assert_not(buf.overflow);
    return parse_raw((compliance_str_t) { text, buf.len }, compliance_absent,
                     false);
}

/* 14.1 Sync, "DEV1", key 7, "PPC", {1:"a"}. */
static const uint8_t sample[] = { 141, 0, 9, 4, 4, 'D', 'E', 'V', '1', 4, 7, 0,
                                  0, 0, 3, 'P', 'P', 'C', 1, 1, 'a' };

#define AT_ID    4
#define AT_KEY   9
#define AT_TYPE  14
#define AT_TAG   18


Test(identify_eas, a_truncated_record_is_refused_wherever_it_ends)
{
    for (size_t len = 0; len < sizeof(sample); len++) {
        parsed_t p = parse_bytes(sample, len);

        cr_assert_eq(p.rc, len == AT_TAG ? COMPLIANCE_OK
                                         : COMPLIANCE_MALFORMED, "%zu", len);
    }

    cr_assert_eq(parse_bytes(sample, sizeof(sample)).rc, COMPLIANCE_OK);
}


Test(identify_eas, another_length_never_yields_the_same_device)
{
    static const size_t lengths[] = { AT_ID, AT_KEY, AT_TYPE, AT_TAG + 1 };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t  bytes[sizeof(sample)];
            parsed_t p;

            if (value == sample[lengths[i]]) {
                continue;
            }

            memcpy(bytes, sample, sizeof(bytes));
            bytes[lengths[i]] = (uint8_t) value;
            p = parse_bytes(bytes, sizeof(bytes));
            cr_assert_neq(p.rc, COMPLIANCE_OK, "length %zu as %u", lengths[i],
                          value);
        }
    }
}


Test(identify_eas, bytes_behind_the_last_tag_are_refused)
{
    uint8_t bytes[sizeof(sample) + 4];

    memcpy(bytes, sample, sizeof(sample));

    for (unsigned tag = 0; tag < 256; tag++) {
        bytes[sizeof(sample)] = (uint8_t) tag;
        cr_assert_neq(parse_bytes(bytes, sizeof(sample) + 1).rc,
                      COMPLIANCE_OK);
        bytes[sizeof(sample) + 1] = 9;
        cr_assert_neq(parse_bytes(bytes, sizeof(sample) + 2).rc,
                      COMPLIANCE_OK);
    }
}


Test(identify_eas, a_tag_given_twice_is_ambiguous)
{
    static const uint8_t tags[] = { 0, 1, 3, 4, 6, 8 };

    for (size_t i = 0; i < sizeof(tags); i++) {
        uint8_t bytes[AT_TAG + 6];

        memcpy(bytes, sample, AT_TAG);
        memcpy(bytes + AT_TAG, (uint8_t[]) { tags[i], 1, 'a', tags[i], 1, 'b' },
               6);
        cr_assert_eq(parse_bytes(bytes, AT_TAG + 3).rc, COMPLIANCE_OK);
        cr_assert_eq(parse_bytes(bytes, AT_TAG + 6).rc, COMPLIANCE_AMBIGUOUS);
    }
}


Test(identify_eas, tags_that_no_document_knows_are_refused)
{
    for (unsigned tag = 0; tag < 256; tag++) {
        uint8_t bytes[AT_TAG + 3];
        bool    known = tag <= 8 && tag != 2 && tag != 5;

        memcpy(bytes, sample, AT_TAG);
        memcpy(bytes + AT_TAG,
               (uint8_t[]) { (uint8_t) tag, 1, tag == 7 ? 3 : 'a' }, 3);
        cr_assert_eq(parse_bytes(bytes, sizeof(bytes)).rc,
                     known ? COMPLIANCE_OK : COMPLIANCE_MALFORMED, "%u", tag);
    }
}


Test(identify_eas, options_are_one_byte_of_two_bits)
{
    static const struct {
        uint8_t bytes[4];
        size_t  len;
        bool    good;
    } cases[] = {
        { { 7, 1, 0 }, 3, true }, { { 7, 1, 3 }, 3, true },
        { { 7, 1, 4 }, 3, false }, { { 7, 0 }, 2, false },
        { { 7, 2, 1, 1 }, 4, false }
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[AT_TAG + 4];

        memcpy(bytes, sample, AT_TAG);
        memcpy(bytes + AT_TAG, cases[i].bytes, cases[i].len);
        cr_assert_eq(parse_bytes(bytes, AT_TAG + cases[i].len).rc,
                     cases[i].good ? COMPLIANCE_OK : COMPLIANCE_MALFORMED);
    }
}


Test(identify_eas, values_of_tags_hold_no_control_characters)
{
    uint8_t bytes[AT_TAG + 4];

    memcpy(bytes, sample, AT_TAG);
    memcpy(bytes + AT_TAG, (uint8_t[]) { 3, 2, 'a', 0 }, 4);
    cr_assert_eq(parse_bytes(bytes, sizeof(bytes)).rc, COMPLIANCE_MALFORMED);
    memcpy(bytes + AT_TAG, (uint8_t[]) { 8, 2, 'a', ' ' }, 4);
    cr_assert_eq(parse_bytes(bytes, sizeof(bytes)).rc, COMPLIANCE_MALFORMED);
    memcpy(bytes + AT_TAG, (uint8_t[]) { 8, 2, 'A', 'b' }, 4);
    cr_assert_str_eq(parse_bytes(bytes, sizeof(bytes)).request.user.data,
                     "ab");
}


Test(identify_eas, only_documented_versions_and_commands_are_read)
{
    uint8_t bytes[sizeof(sample)];

    memcpy(bytes, sample, sizeof(bytes));

    for (unsigned version = 0; version < 256; version++) {
        bool known = version == 121 || version == 140 || version == 141
                     || version == 160 || version == 161;

        bytes[0] = (uint8_t) version;
        cr_assert_eq(parse_bytes(bytes, sizeof(bytes)).rc,
                     known ? COMPLIANCE_OK : COMPLIANCE_MALFORMED);
    }

    bytes[0] = 141;

    for (unsigned command = 0; command < 256; command++) {
        parsed_t p;

        bytes[1] = (uint8_t) command;
        p = parse_bytes(bytes, sizeof(bytes));
        cr_assert_eq(p.rc, command <= 23 ? COMPLIANCE_OK
                                         : COMPLIANCE_MALFORMED);

        if (p.rc == COMPLIANCE_OK) {
            cr_assert_eq((unsigned) p.request.command, command + 1);
        }
    }
}


Test(identify_eas, an_id_of_neither_kind_is_refused)
{
    uint8_t bytes[64] = { 141, 0, 9, 4, 17, 0xff };

    /* 17 bytes that are no letters: neither text nor a GUID. */
    memset(bytes + 5, 0xff, 17);
    bytes[22] = 0;
    memcpy(bytes + 23, (uint8_t[]) { 3, 'P', 'P', 'C' }, 4);
    cr_assert_eq(parse_bytes(bytes, 27).rc, COMPLIANCE_MALFORMED);

    bytes[4] = 0;
    memcpy(bytes + 5, (uint8_t[]) { 0, 3, 'P', 'P', 'C' }, 5);
    cr_assert_eq(parse_bytes(bytes, 10).rc, COMPLIANCE_MALFORMED);
}


Test(identify_eas, a_device_type_is_printable_and_bounded)
{
    uint8_t bytes[256] = { 141, 0, 9, 4, 1, 'A', 0, 0 };

    memset(bytes + 8, 'x', 200);
    bytes[7] = 63;
    cr_assert_eq(parse_bytes(bytes, 8 + 63).rc, COMPLIANCE_OK);
    bytes[7] = 64;
    cr_assert_eq(parse_bytes(bytes, 8 + 64).rc, COMPLIANCE_TOO_LONG);
    bytes[7] = 0;
    cr_assert_eq(parse_bytes(bytes, 8).rc, COMPLIANCE_MALFORMED);
    bytes[7] = 1;
    bytes[8] = '\n';
    cr_assert_eq(parse_bytes(bytes, 9).rc, COMPLIANCE_MALFORMED);
    bytes[8] = 0xe4;
    cr_assert_eq(parse_bytes(bytes, 9).rc, COMPLIANCE_MALFORMED);
}


Test(identify_eas, base64_that_is_not_raw_is_refused)
{
    refused("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg%3D", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW%2FGmkCRrjGj66NAANXUDg=", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW_GmkCRrjGj66NAANXUDg=", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg==", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDh=", COMPLIANCE_MALFORMED);
    refused("jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg=&", COMPLIANCE_MALFORMED);
    refused("&jRIHBBBvJMrVmaW/GmkCRrjGj66NAANXUDg=", COMPLIANCE_MALFORMED);
}


Test(identify_eas, a_plain_query_is_read_and_forwarded_in_its_order)
{
    parsed_t p = parse("User=DOM%5cAlice&DeviceId=appl123&Cmd=Ping"
                       "&DeviceType=iPhone");

    cr_assert_eq(p.rc, COMPLIANCE_OK);
    cr_assert_not(p.request.base64);
    cr_assert_eq(p.request.command, COMPLIANCE_EAS_PING);
    cr_assert_str_eq(p.request.device_id.data, "APPL123");
    cr_assert_str_eq(p.request.device_type, "iPhone");
    cr_assert_str_eq(p.request.user.data, "dom\\alice");
    cr_assert_eq(p.request.version, 0);
    cr_assert_str_eq(p.canonical, "User=DOM%5CAlice&DeviceId=appl123&Cmd=Ping"
                                  "&DeviceType=iPhone");
}


Test(identify_eas, names_and_commands_are_forwarded_as_documented)
{
    parsed_t p = parse("cmd=foldersync&DEVICE%49D=a%311&deviceTYPE=x&uSER=Al"
                       "&saveinsent=T&attachmentname=mail/a%2fb&LongId=%3a+%2B"
                       "&ItemID=%C3%A4\xc3\xa4\"&Occurrence=~%7e"
                       "&collectionid=1");

    cr_assert_eq(p.rc, COMPLIANCE_OK, "%s", p.why != NULL ? p.why : "");
    cr_assert_str_eq(p.canonical,
                     "Cmd=FolderSync&DeviceId=a11&DeviceType=x&User=Al"
                     "&SaveInSent=T&AttachmentName=mail/a%2Fb&LongId=%3A+%2B"
                     "&ItemId=%C3%A4%C3%A4%22&Occurrence=~~&CollectionId=1");
}


Test(identify_eas, what_is_forwarded_is_its_own_canonical_form)
{
    static const char *const queries[] = {
        PLAIN,
        "&&Cmd=sync&&unknown=1&DeviceId=a&DeviceType=%69%2b&",
        "Cmd=SmartReply&ItemId=a%26b%3Dc&DeviceId=A&DeviceType=a%20b&User=%61",
        "Cmd=GetAttachment&AttachmentName=%2525&DeviceId=A&DeviceType=B"
    };

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        parsed_t p = parse(queries[i]), again;

        cr_assert_eq(p.rc, COMPLIANCE_OK);
        again = parse(p.canonical);
        cr_assert_eq(again.rc, COMPLIANCE_OK);
        cr_assert_str_eq(again.canonical, p.canonical);
        cr_assert_eq(again.request.command, p.request.command);
        cr_assert_str_eq(again.request.device_id.data,
                         p.request.device_id.data);
        cr_assert_str_eq(again.request.user.data, p.request.user.data);
    }
}


Test(identify_eas, every_command_is_known_by_name_in_any_case)
{
    for (int i = COMPLIANCE_EAS_SYNC; i < COMPLIANCE_EAS_COMMANDS; i++) {
        const char *name;
        char        query[128], expected[128], lower[32];
        size_t      n;
        parsed_t    p;

        name = compliance_eas_command_name((compliance_eas_command_t) i);

        for (n = 0; name[n] != '\0'; n++) {
            lower[n] = (char) (name[n] | 0x20);
        }

        lower[n] = '\0';
        (void) snprintf(query, sizeof(query),
                        "Cmd=%s&DeviceId=A&DeviceType=B", lower);
        (void) snprintf(expected, sizeof(expected),
                        "Cmd=%s&DeviceId=A&DeviceType=B", name);
        p = parse(query);
        cr_assert_eq(p.rc, COMPLIANCE_OK, "%s", name);
        cr_assert_eq((int) p.request.command, i);
        cr_assert_str_eq(p.canonical, expected);
    }

    cr_assert_str_eq(compliance_eas_command_name(COMPLIANCE_EAS_NONE), "none");
    cr_assert_str_eq(compliance_eas_command_name(COMPLIANCE_EAS_COMMANDS),
                     "none");
}


Test(identify_eas, a_parameter_given_twice_is_ambiguous_however_it_is_spelt)
{
    static const char *const names[] = { "DeviceId", "deviceid", "Device%49d",
                                         "%44EVICEID", "DeviceId" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char query[256];

        (void) snprintf(query, sizeof(query), PLAIN "&%s=ABC123", names[i]);
        refused(query, COMPLIANCE_AMBIGUOUS);
        (void) snprintf(query, sizeof(query), "%s=XYZ&" PLAIN, names[i]);
        refused(query, COMPLIANCE_AMBIGUOUS);
    }

    refused(PLAIN "&Cmd=Sync", COMPLIANCE_AMBIGUOUS);
    refused(PLAIN "&cmd=Ping", COMPLIANCE_AMBIGUOUS);
    refused(PLAIN "&user=bob", COMPLIANCE_AMBIGUOUS);
    refused(PLAIN "&DEVICETYPE=x", COMPLIANCE_AMBIGUOUS);
    refused(PLAIN "&ItemId=1&itemid=2", COMPLIANCE_AMBIGUOUS);
}


Test(identify_eas, a_second_question_mark_or_a_semicolon_is_ambiguous)
{
    refused(PLAIN "?Cmd=Ping&DeviceId=Z&DeviceType=x", COMPLIANCE_AMBIGUOUS);
    refused("?" PLAIN, COMPLIANCE_AMBIGUOUS);
    refused("Cmd=Sync;User=alice;DeviceId=A;DeviceType=x",
            COMPLIANCE_AMBIGUOUS);
    refused(PLAIN ";DeviceId=Z", COMPLIANCE_AMBIGUOUS);
    refused("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l?" PLAIN,
            COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(parse(PLAIN "&ItemId=a%3Fb%3B").rc, COMPLIANCE_OK);
}


Test(identify_eas, names_that_php_would_bend_into_others_are_refused)
{
    refused(PLAIN "&+Cmd=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&%20Cmd=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&Cmd[]=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&Cmd%00=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&Cmd.x=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&C%md=Ping", COMPLIANCE_MALFORMED);
    refused(PLAIN "&%=x", COMPLIANCE_MALFORMED);
    refused(PLAIN "&\xc3\xa4=x", COMPLIANCE_MALFORMED);
}


Test(identify_eas, an_unknown_name_is_not_forwarded)
{
    char     query[256];
    parsed_t p = parse("X-1=%41&" PLAIN "&Log_2=abc");

    cr_assert_eq(p.rc, COMPLIANCE_OK);
    cr_assert_str_eq(p.canonical, PLAIN);

    (void) snprintf(query, sizeof(query), PLAIN "&%0*d=1", 65, 0);
    refused(query, COMPLIANCE_MALFORMED);
}


Test(identify_eas, a_raw_plus_is_no_letter_and_no_blank)
{
    refused("Cmd=Sync&User=al+ice&DeviceId=A&DeviceType=B",
            COMPLIANCE_AMBIGUOUS);
    refused("Cmd=Sync&User=alice&DeviceId=A&DeviceType=a+b",
            COMPLIANCE_AMBIGUOUS);
    refused("Cmd=Sync&User=alice&DeviceId=A+&DeviceType=b",
            COMPLIANCE_AMBIGUOUS);
    cr_assert_str_eq(parse("Cmd=Sync&User=al%2Bice&DeviceId=A&DeviceType=B")
                         .request.user.data, "al+ice");
}


Test(identify_eas, device_id_command_and_type_are_required)
{
    refused("", COMPLIANCE_MALFORMED);
    refused("&", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&User=alice&DeviceType=iPhone", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&User=alice&DeviceId=ABC", COMPLIANCE_MALFORMED);
    refused("User=alice&DeviceId=ABC&DeviceType=iPhone", COMPLIANCE_MALFORMED);
    refused("Cmd=&DeviceId=ABC&DeviceType=iPhone", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=&DeviceType=iPhone", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A&DeviceType=", COMPLIANCE_MALFORMED);
    cr_assert_eq(parse_raw(compliance_absent, compliance_absent, false).rc,
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(parse("Cmd=Sync&DeviceId=A&DeviceType=B").rc, COMPLIANCE_OK);
    cr_assert_eq(parse("Cmd=Sync&User=&DeviceId=A&DeviceType=B").request.user
                     .len, 0);
}


Test(identify_eas, values_are_what_their_grammar_allows)
{
    refused("Cmd=Fly&DeviceId=A&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=Syn%63%2e&DeviceId=A&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=none&DeviceId=A&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A-B&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF"
            "%FF&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A%00&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A%0&DeviceType=B", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A&DeviceType=%", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A&DeviceType=%GG", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A&DeviceType=%4G", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A&DeviceType=\xc3\xa4", COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&DeviceId=A&DeviceType=B&ItemId=%0A",
            COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&User=ali*&DeviceId=A&DeviceType=B",
            COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&User=%FF&DeviceId=A&DeviceType=B",
            COMPLIANCE_MALFORMED);
    refused("Cmd=Sync&User=a%23DEV&DeviceId=A&DeviceType=B",
            COMPLIANCE_MALFORMED);
    refused(PLAIN "#x", COMPLIANCE_MALFORMED);
    refused(PLAIN " x", COMPLIANCE_MALFORMED);
    refused(PLAIN "\r\nHost: x", COMPLIANCE_MALFORMED);
    cr_assert_eq(parse_raw((compliance_str_t) { PLAIN "\0", sizeof(PLAIN) },
                           compliance_absent, false).rc, COMPLIANCE_MALFORMED);
}


Test(identify_eas, ids_values_and_queries_are_bounded)
{
    char query[COMPLIANCE_EAS_QUERY_MAX + 8];
    char filler[COMPLIANCE_EAS_QUERY_MAX];

    refused("Cmd=Sync&DeviceId=0123456789abcdef0123456789abcdef0&DeviceType=B",
            COMPLIANCE_MALFORMED);
    cr_assert_eq(parse("Cmd=Sync&DeviceId=0123456789abcdef0123456789abcdef"
                       "&DeviceType=B").rc, COMPLIANCE_OK);

    memset(filler, 'x', sizeof(filler));
    (void) snprintf(query, sizeof(query), PLAIN "&ItemId=%.1024s", filler);
    cr_assert_eq(parse(query).rc, COMPLIANCE_OK);
    (void) snprintf(query, sizeof(query), PLAIN "&ItemId=%.1025s", filler);
    refused(query, COMPLIANCE_TOO_LONG);
    (void) snprintf(query, sizeof(query),
                    "Cmd=Sync&DeviceId=A&DeviceType=%.64s", filler);
    refused(query, COMPLIANCE_TOO_LONG);

    memset(query, 'A', sizeof(query));
    cr_assert_eq(parse_raw((compliance_str_t) { query, 4097 },
                           compliance_absent, false).rc, COMPLIANCE_TOO_LONG);
    cr_assert_eq(parse_raw((compliance_str_t) { query, 4096 },
                           compliance_absent, false).rc,
                 COMPLIANCE_MALFORMED);
}


Test(identify_eas, every_truncation_of_a_plain_query_lacks_something)
{
    static const char query[] = "Cmd=Sync&User=alice&DeviceType=iPhone"
                                "&DeviceId=ABC";

    for (size_t len = 0; len < sizeof(query) - 3; len++) {
        cr_assert_neq(parse_raw((compliance_str_t) { query, len },
                                compliance_absent, false).rc, COMPLIANCE_OK,
                      "%.*s", (int) len, query);
    }
}


Test(identify_eas, a_canonical_query_that_does_not_fit_is_too_long)
{
    compliance_eas_request_t request;
    compliance_buf_t         buf;
    char                     small[16];
    const char              *why;

    compliance_buf_init(&buf, small, sizeof(small));
    cr_assert_eq(compliance_eas_parse(str(PLAIN), compliance_absent, false,
                                      &request, &buf, &why),
                 COMPLIANCE_TOO_LONG);
    cr_assert_eq(request.device_id.len, 0);

    compliance_buf_init(&buf, small, sizeof(small));
    cr_assert_eq(compliance_eas_parse(str(vectors[0].query),
                                      compliance_absent, false, &request, &buf,
                                      &why), COMPLIANCE_TOO_LONG);
}


Test(identify_eas, the_version_header_is_one_of_the_known_ones)
{
    static const struct {
        const char *text;
        unsigned    version;
    } known[] = { { "2.5", 25 }, { "12.0", 120 }, { "12.1", 121 },
                  { "14.0", 140 }, { "14.1", 141 }, { "16.0", 160 },
                  { "16.1", 161 } };
    static const char *const bad[] = { "", "14", "14.10", "14.1, 12.1", "17.0",
                                       " 14.1", "14.1 " };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        parsed_t p = parse_raw(str(PLAIN), str(known[i].text), false);

        cr_assert_eq(p.rc, COMPLIANCE_OK);
        cr_assert_eq(p.request.version, known[i].version);
    }

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(parse_raw(str(PLAIN), str(bad[i]), false).rc,
                     COMPLIANCE_MALFORMED, "%s", bad[i]);
    }
}


Test(identify_eas, header_and_query_of_different_versions_are_ambiguous)
{
    cr_assert_eq(parse_raw(str(vectors[4].query), str("14.1"), false).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(parse_raw(str(vectors[4].query), str("12.1"), false).rc,
                 COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(parse_raw(str(vectors[4].query), str("x"), false).rc,
                 COMPLIANCE_MALFORMED);
}


Test(identify_eas, options_needs_no_device_and_has_no_command)
{
    static const char *const good[] = { "", "User=alice", PLAIN,
                                        "Cmd=OPTIONS&DeviceId=A" };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        parsed_t p = parse_raw(str(good[i]), compliance_absent, true);

        cr_assert_eq(p.rc, COMPLIANCE_OK, "%s", good[i]);
        cr_assert(p.request.options);
        cr_assert_eq(p.request.command, COMPLIANCE_EAS_NONE);
        cr_assert_str_eq(p.canonical, good[i]);
    }

    cr_assert_eq(parse_raw(compliance_absent, compliance_absent, true).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(parse_raw(str(vectors[0].query), compliance_absent, true).rc,
                 COMPLIANCE_OK);
    cr_assert_eq(parse_raw(str(vectors[0].query), compliance_absent, true)
                     .request.command, COMPLIANCE_EAS_NONE);
    cr_assert_eq(parse_raw(str("DeviceId=A&DeviceId=B"), compliance_absent,
                           true).rc, COMPLIANCE_AMBIGUOUS);
    cr_assert_eq(parse_raw(str("Cmd=%20&x=1"), compliance_absent, true).rc,
                 COMPLIANCE_MALFORMED);
    cr_assert_eq(parse_raw(str("User=&x=1"), compliance_absent, true).rc,
                 COMPLIANCE_AMBIGUOUS);
}
