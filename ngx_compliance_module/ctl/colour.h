/*
 * A word in the colour that it has, where there is somebody to see it.
 */
#ifndef COMPLIANCE_CTL_COLOUR_H
#define COMPLIANCE_CTL_COLOUR_H

#include "ctl.h"


/* For text only: whoever answers in JSON or CSV prints without it.  Blanks
 * fill up to `width` (in bytes; 0: none). */
void ctl_colour_put(FILE *out, const char *word, int width);

#endif
