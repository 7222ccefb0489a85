/*
 * The bytes of protocols' blocked answers, command by command.
 */
#include "fixture.h"

#include "answer_eas.h"


TestSuite(answer_eas);

/* MS-ASWBXML code pages: every command that can carry a Status */
static const struct {
    compliance_eas_command_t command;
    uint8_t                  page, root, status;
} rows[] = {
    { COMPLIANCE_EAS_FOLDERSYNC, 0x07, 0x56, 0x4C },
    { COMPLIANCE_EAS_FOLDERCREATE, 0x07, 0x53, 0x4C },
    { COMPLIANCE_EAS_FOLDERDELETE, 0x07, 0x54, 0x4C },
    { COMPLIANCE_EAS_FOLDERUPDATE, 0x07, 0x55, 0x4C },
    { COMPLIANCE_EAS_PING, 0x0D, 0x45, 0x47 },
    { COMPLIANCE_EAS_PROVISION, 0x0E, 0x45, 0x4B },
    { COMPLIANCE_EAS_SETTINGS, 0x12, 0x45, 0x46 },
    { COMPLIANCE_EAS_SENDMAIL, 0x15, 0x45, 0x52 },
    { COMPLIANCE_EAS_SMARTFORWARD, 0x15, 0x46, 0x52 },
    { COMPLIANCE_EAS_SMARTREPLY, 0x15, 0x47, 0x52 },
    { COMPLIANCE_EAS_FIND, 0x19, 0x45, 0x4A },
    { COMPLIANCE_EAS_ITEMOPERATIONS, 0x14, 0x45, 0x4D },
    { COMPLIANCE_EAS_SEARCH, 0x0F, 0x45, 0x4C },
    { COMPLIANCE_EAS_MOVEITEMS, 0x05, 0x45, 0x4B },
    { COMPLIANCE_EAS_GETITEMESTIMATE, 0x06, 0x45, 0x4E },
    { COMPLIANCE_EAS_MEETINGRESPONSE, 0x08, 0x47, 0x4B },
    { COMPLIANCE_EAS_RESOLVERECIPIENTS, 0x0A, 0x45, 0x47 },
    { COMPLIANCE_EAS_VALIDATECERT, 0x0B, 0x45, 0x4A },
};

static const compliance_eas_command_t without[] = {
    COMPLIANCE_EAS_NONE, COMPLIANCE_EAS_GETATTACHMENT,
    COMPLIANCE_EAS_GETHIERARCHY, COMPLIANCE_EAS_CREATECOLLECTION,
    COMPLIANCE_EAS_DELETECOLLECTION, COMPLIANCE_EAS_MOVECOLLECTION,
};

static compliance_eas_answer_t answer;


static void
blocked(compliance_eas_command_t command, unsigned version)
{
    compliance_eas_request_t request;

    memset(&request, 0, sizeof(request));
    request.command = command;
    request.version = version;
    memset(&answer, 0xff, sizeof(answer));
    compliance_eas_blocked(&request, &answer);
}


static void
is(const char *bytes, size_t len)
{
    cr_assert_eq(answer.status, 200);
    cr_assert_eq(answer.len, len);
    cr_assert_eq(memcmp(answer.body, bytes, len), 0);
}


Test(answer_eas, every_command_gets_129_in_its_own_element)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[] = "\x03\x01\x6a\x00\x00PRS\x03" "129\x00\x01\x01";

        want[5] = (char) rows[i].page;
        want[6] = (char) rows[i].root;
        want[7] = (char) rows[i].status;
        blocked(rows[i].command, 141);
        is(want, 15);
    }
}


Test(answer_eas, sync_stands_on_the_first_page)
{
    blocked(COMPLIANCE_EAS_SYNC, 161);
    is("\x03\x01\x6a\x00\x45\x4e\x03" "129\x00\x01\x01", 13);
}


Test(answer_eas, every_command_is_in_one_of_the_tables)
{
    cr_assert_eq(sizeof(rows) / sizeof(rows[0])
        + sizeof(without) / sizeof(without[0]) + 1, COMPLIANCE_EAS_COMMANDS);
}


Test(answer_eas, older_versions_and_unknown_ones_get_403)
{
    static const unsigned versions[] = { 0, 25, 120, 121, 139 };

    for (unsigned c = 0; c < COMPLIANCE_EAS_COMMANDS; c++) {
        for (size_t i = 0; i < 5; i++) {
            blocked((compliance_eas_command_t) c, versions[i]);
            cr_assert_eq(answer.status, 403);
            cr_assert_eq(answer.len, 0);
        }
    }
}


Test(answer_eas, commands_without_an_element_get_403)
{
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        blocked(without[i], 160);
        cr_assert_eq(answer.status, 403);
        cr_assert_eq(answer.len, 0);
        cr_assert_not(compliance_eas_status(without[i], 129, &answer));
    }

    cr_assert_not(compliance_eas_status(COMPLIANCE_EAS_COMMANDS, 129,
        &answer));
}


Test(answer_eas, an_options_request_gets_403)
{
    compliance_eas_request_t request;

    memset(&request, 0, sizeof(request));
    request.options = true;
    request.command = COMPLIANCE_EAS_SYNC;
    request.version = 141;
    compliance_eas_blocked(&request, &answer);
    cr_assert_eq(answer.status, 403);
    cr_assert_eq(answer.len, 0);
}


Test(answer_eas, other_statuses_make_a_client_resynchronise)
{
    cr_assert(compliance_eas_status(COMPLIANCE_EAS_SYNC, 12, &answer));
    is("\x03\x01\x6a\x00\x45\x4e\x03" "12\x00\x01\x01", 12);
    cr_assert(compliance_eas_status(COMPLIANCE_EAS_FOLDERSYNC, 9, &answer));
    is("\x03\x01\x6a\x00\x00\x07\x56\x4c\x03" "9\x00\x01\x01", 13);
    cr_assert(compliance_eas_status(COMPLIANCE_EAS_PING, 7, &answer));
    is("\x03\x01\x6a\x00\x00\x0d\x45\x47\x03" "7\x00\x01\x01", 13);
    cr_assert(compliance_eas_status(COMPLIANCE_EAS_PING, 0, &answer));
    is("\x03\x01\x6a\x00\x00\x0d\x45\x47\x03" "0\x00\x01\x01", 13);
    cr_assert(compliance_eas_status(COMPLIANCE_EAS_PING, 999, &answer));
    cr_assert_not(compliance_eas_status(COMPLIANCE_EAS_PING, 1000, &answer));
}
