/*
 * Commands by the thousand: written as they go over the wire, sent in one
 * write, and answered into memory that goes all at once.  A connection of its
 * own.  An error reply ends the program as store.c's do; what stands inside an
 * EXEC's array is the caller's.
 */
#ifndef COMPLIANCE_CTL_WIRE_H
#define COMPLIANCE_CTL_WIRE_H

#include "arena.h"
#include "store.h"


typedef struct ctl_wire_s  ctl_wire_t;

ctl_wire_t *ctl_wire_open(const ctl_t *ctl);
void ctl_wire_close(ctl_wire_t *wire);

/* A command of n words, and then its words. */
void ctl_wire_begin(ctl_wire_t *wire, const char *command, size_t n);
void ctl_wire_word(ctl_wire_t *wire, compliance_str_t word);
void ctl_wire_words(ctl_wire_t *wire, const char *command, size_t n,
    const compliance_str_t *words);

void ctl_wire_flush(ctl_wire_t *wire);
/* The next reply, which lives until ctl_wire_reset(). */
const redisReply *ctl_wire_next(ctl_wire_t *wire);
void ctl_wire_reset(ctl_wire_t *wire);
/* An error inside an EXEC: ends the program. */
CTL_NORETURN void ctl_wire_refused(ctl_wire_t *wire, const redisReply *reply);

#endif
