/*
 * Texts and links of any bytes in answers: mail lines stay lines, HTML stays
 * inert, JSON stays JSON.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "answer_http.h"
#include "answer_mail.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
mail(compliance_protocol_t protocol, size_t lines, compliance_str_t tag,
    compliance_str_t text, compliance_str_t link)
{
    char             out[COMPLIANCE_MAIL_ANSWER_MAX];
    size_t           n = 0;
    compliance_buf_t buf;

    compliance_buf_init(&buf, out, sizeof(out));

    if (compliance_mail_answer(protocol, COMPLIANCE_BLOCK, tag, text, link,
            &buf) != COMPLIANCE_OK)
    {
        abort();
    }

    for (size_t i = 0; i < buf.len; i++) {
        if (out[i] == '\r' && out[i + 1] == '\n') {
            i++;
            n++;

        } else if (out[i] < 0x20 || out[i] >= 0x7f) {
            abort();
        }
    }

    if (n != lines || (lines == 1 && buf.len > 512)) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            *out;
    size_t           cap = 6 * size + 64;
    json_t          *json;
    compliance_buf_t buf;
    compliance_str_t text = { (const char *) data, size };
    compliance_str_t half = { (const char *) data, size / 2 };
    compliance_str_t rest = { (const char *) data + size / 2, size - size / 2 };

    mail(COMPLIANCE_IMAP, 2, half, text, rest);
    mail(COMPLIANCE_IMAP, 2, text, half, rest);
    mail(COMPLIANCE_POP3, 1, text, half, rest);
    mail(COMPLIANCE_SMTP, 1, text, rest, half);

    out = malloc(cap);

    if (out == NULL) {
        return 0;
    }

    compliance_buf_init(&buf, out, cap);
    compliance_html_escape(&buf, text);

    if (buf.overflow || strpbrk(out, "<>\"'") != NULL) {
        abort();
    }

    compliance_buf_init(&buf, out, cap);
    compliance_buf_str(&buf, "[\"");
    compliance_json_escape(&buf, text);
    compliance_buf_str(&buf, "\"]");
    json = json_loadb(out, buf.len, JSON_ALLOW_NUL, NULL);

    if (buf.overflow || json == NULL) {
        abort();
    }

    json_decref(json);

    compliance_buf_init(&buf, out, cap);
    compliance_uri_escape(&buf, text);

    if (buf.overflow || strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijk"
            "lmnopqrstuvwxyz0123456789-._~%") != buf.len)
    {
        abort();
    }

    free(out);

    return 0;
}
