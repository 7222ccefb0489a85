/*
 * Inside login_json: what the structure (login_json.c) and the tokens
 * (login_json_token.c) share.
 */
#ifndef COMPLIANCE_LOGIN_JSON_H
#define COMPLIANCE_LOGIN_JSON_H

#include "login_scan.h"


/* scan->state; named by what they wait for. */
enum {
    JSON_START = 0,      /* blanks before the first byte */
    JSON_OTHER,          /* no object: not looked at any further */
    JSON_VALUE,
    JSON_FIRST_VALUE,    /* or ']' */
    JSON_NAME,
    JSON_FIRST_NAME,     /* or '}' */
    JSON_COLON,
    JSON_BEHIND_VALUE,
    JSON_STRING,
    JSON_ESCAPE,
    JSON_HEX,
    JSON_LOW_BACKSLASH,  /* a low surrogate has to follow */
    JSON_LOW_U,
    JSON_NUMBER,
    JSON_LITERAL,
    JSON_END
};


/* A byte of a string, in the states from STRING to LOW_U; true: the string
 * ended with it. */
bool compliance_login_json_string(compliance_login_scan_t *scan, char c);

/* False where c no longer belongs to the number, which is checked then. */
bool compliance_login_json_number(compliance_login_scan_t *scan, char c);


static inline bool
compliance_login_json_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
