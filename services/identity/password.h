/* Passwords as they are kept: scrypt (RFC 7914) with a salt each, written "$scrypt$ln=15,r=8,p=3$salt$hash". */
#pragma once

#include "base/ctx.h"

/* In the arena. Takes some 100 ms and 32 MiB, one at a time in a process, whoever asks: for pool threads. */
struct str password_keep(struct arena *arena, struct str password);

/* Is it the one that was kept? `kept` ptr NULL (nobody, or nobody with a password) takes as long and is false. */
bool password_is(struct arena *arena, struct str kept, struct str password);
