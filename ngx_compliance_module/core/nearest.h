/*
 * "did you mean": the known name that a misspelt one comes closest to.
 */
#ifndef COMPLIANCE_NEAREST_H
#define COMPLIANCE_NEAREST_H

#include <stddef.h>


/* The nearest of n names to `text`, or NULL where none is near. */
const char *compliance_nearest(const char *text, const char *const *names,
    size_t n);

#endif
