/* JSON Pointers that grow (RFC 6901). */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct str pointer_member(struct arena *arena, struct str pointer, struct str key);
struct str pointer_element(struct arena *arena, struct str pointer, size_t index);
