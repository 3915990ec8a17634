/* Non-cryptographic hashes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* MurmurHash3 x86 32 bits (public domain algorithm by A. Appleby): the bucketing hash of flagd and OFREP. */
uint32_t hash_murmur3_32(const void *data, size_t bytes, uint32_t seed);

/* Kafka's murmur2 (seed 0x9747b28c), positive part: partition = hash_murmur2(key) % partitions. */
uint32_t hash_murmur2(const void *data, size_t bytes);

/* CRC-32C (Castagnoli; RFC 3720 appendix B.4), continued from `crc` (start with 0). */
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t bytes);

/* FNV-1a, 64 bits: for hash tables inside a process. */
uint64_t hash_fnv1a(const void *data, size_t bytes);

/* SipHash-2-4 with 128 bits (J.-P. Aumasson, D. J. Bernstein): who does not know the key cannot find two texts with
 * the same hash. */
void hash_sip128(const uint8_t key[16], const void *data, size_t bytes, uint8_t out[16]);
