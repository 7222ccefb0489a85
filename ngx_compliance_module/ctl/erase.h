/*
 * Taking a person out of what is stored.  A pseudonym takes the name's place,
 * a new one each time, so that what belongs together still does.
 */
#ifndef COMPLIANCE_CTL_ERASE_H
#define COMPLIANCE_CTL_ERASE_H

#include "audit.h"


#define CTL_ERASE_DEVICES_MAX  64

typedef struct {
    const char  *name;        /* canonical */
    const char  *pseudonym;   /* "erased-1a2b3c4d" */
    size_t       n, cap;
    const char **texts;       /* all names of the person, the longest first */
    size_t       n_devices;   /* met in records, each with its own pseudonym */
    const char  *devices[CTL_ERASE_DEVICES_MAX];
} ctl_person_t;

/* erase_text.c */

void ctl_person_add(ctl_person_t *person, const char *text);
/* A text holds one of the names, not as a part of a longer name. */
bool ctl_person_in(const ctl_person_t *person, compliance_str_t text);
/* The text without them; NULL where there was none. */
char *ctl_person_out(const ctl_person_t *person, const char *text);
/* The same in every string of a value, which is changed; false: there was
 * none.  Numbers, keys of objects and the like stay. */
bool ctl_person_out_json(const ctl_person_t *person, json_t *value);

/* audit_rewrite.c */

typedef struct {
    int64_t records;      /* of the stream */
    int64_t touched;      /* about the person, or naming him */
    int64_t left;         /* that name him where it cannot be taken out */
    int64_t forged;       /* touched ones that were edited before */
    int64_t keyless;      /* touched ones under a key that was not given */
} ctl_rewrite_t;

/* What there is to do. */
void ctl_rewrite_count(ctl_t *ctl, ctl_stream_t *stream,
    compliance_audit_keys_t *keys, ctl_person_t *person, ctl_rewrite_t *out);
/* Does it: the stream is copied page by page to a key of its own, which takes
 * its place at a moment when nobody has appended.  Dies where gateways append
 * without a pause; then nothing was changed. */
void ctl_rewrite(ctl_t *ctl, ctl_stream_t *stream,
    compliance_audit_keys_t *keys, ctl_person_t *person, ctl_rewrite_t *out);

#endif
