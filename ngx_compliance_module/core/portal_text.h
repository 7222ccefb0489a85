/*
 * The portal's words: what a failing check is called and, by platform, what
 * its person can do about it.  One table; languages are one more column.
 */
#ifndef COMPLIANCE_PORTAL_TEXT_H
#define COMPLIANCE_PORTAL_TEXT_H

#include "compliance.h"


typedef enum {
    COMPLIANCE_PLATFORM_OTHER = 0,   /* any, none, or not known to us */
    COMPLIANCE_PLATFORM_IOS,
    COMPLIANCE_PLATFORM_IPADOS,
    COMPLIANCE_PLATFORM_ANDROID,
    COMPLIANCE_PLATFORM_WINDOWS,
    COMPLIANCE_PLATFORM_MACOS,
    COMPLIANCE_PLATFORM_LINUX,
    COMPLIANCE_PLATFORMS
} compliance_platform_t;

/* A record's platform field, ASCII case-insensitive; OTHER for the rest. */
compliance_platform_t compliance_platform_parse(compliance_str_t name);

/* "iPhone", "PC", "device": fits behind "this". */
const char *compliance_platform_noun(compliance_platform_t platform);

typedef struct {
    const char *code;
    const char *title;   /* "The disk is not encrypted" */
    const char *why;     /* one sentence */
    const char *steps[COMPLIANCE_PLATFORMS];
                         /* a line each; NULL: the next best platform's */
} compliance_remedy_t;

/* Never NULL: a code that has no row gets the general one, whose .code is "".
 * Exact, lower-case. */
const compliance_remedy_t *compliance_remedy_find(compliance_str_t code);

/* The steps for a platform, or the nearest there are: iPadOS reads iOS's, and
 * all read OTHER's, which every row has. */
const char *compliance_remedy_steps(const compliance_remedy_t *remedy,
    compliance_platform_t platform);

/* All rows, the general one last: for tests and docs. */
extern const compliance_remedy_t compliance_remedies[];
extern const size_t              compliance_remedies_n;

#endif
