/* Addresses: is it one, whose domain is it, and under which hash is it kept. Pure rules, no I/O. */
#pragma once

#include "base/ctx.h"

/* A mailbox that can be written to: mail_address_check() (platform/mail/message.h). */
bool address_is_valid(struct str address);

/* What is after the "@", in lower case, in the arena. */
struct str address_domain(struct arena *arena, struct str address);

/* HMAC-SHA256 of the address in lower case, as hexadecimal digits: suppressions outlive erasure by it. */
struct str address_hash(struct arena *arena, const uint8_t secret[32], struct str address);
