/* Examples: every body and response has one. */
#include "platform/contract/compiler/compiler.h"

bool examples_check(struct compiler *c, struct spot holder, struct spot schema)
{
    if (json_get(holder.node, "example") || json_size(json_get(holder.node, "examples")))
        return true;
    return wrong(c, holder, "an \"example\" is required");
}
