#include "services/broker/topic_config.h"

#include <inttypes.h>

#include "base/macros.h"

static const struct {
    const char *name;
    enum topic_setting_kind kind;
    int64_t initial, least, most;
} settings[N_TOPIC_SETTINGS] = {
#define X(key, setting_name, setting_kind, setting_initial, setting_least, setting_most)           \
    [TOPIC_##key] = { setting_name, KIND_##setting_kind, setting_initial, setting_least,           \
                      setting_most },
    TOPIC_SETTINGS(X)
#undef X
};

void topic_config_init(struct topic_config *config, int64_t segment_bytes)
{
    *config = (struct topic_config){ 0 };
    for (int i = 0; i < N_TOPIC_SETTINGS; i++)
        config->values[i] = settings[i].initial;
    config->values[TOPIC_SEGMENT_BYTES] = segment_bytes;
}

static bool policy_of(struct str value, int64_t *out)
{
    struct str part;
    int64_t bits = 0;
    while (str_split(&value, ',', &part)) {
        part = str_trim(part);
        if (str_is(part, "delete"))
            bits |= CLEANUP_DELETE;
        else if (str_is(part, "compact"))
            bits |= CLEANUP_COMPACT;
        else
            return false;
    }
    *out = bits;
    return bits != 0;
}

bool topic_config_set(struct topic_config *config, struct arena *arena, struct str name,
                      struct str value, struct str *why)
{
    for (int i = 0; i < N_TOPIC_SETTINGS; i++) {
        if (!str_is(name, settings[i].name))
            continue;
        int64_t number;
        bool ok = settings[i].kind == KIND_POLICY ? policy_of(value, &number)
                                                  : str_to_int(value, &number);
        if (!ok || number < settings[i].least || number > settings[i].most) {
            *why = settings[i].kind == KIND_POLICY
                       ? arena_printf(arena, "%s is delete, compact or both", settings[i].name)
                       : arena_printf(arena, "%s is a number from %" PRId64 " to %" PRId64,
                                      settings[i].name, settings[i].least, settings[i].most);
            return false;
        }
        config->values[i] = number;
        config->set[i] = true;
        return true;
    }
    *why = arena_printf(arena, "there is no topic setting \"" STR_FMT "\"", (int)MIN(name.len, 100),
                        name.ptr ? name.ptr : "");
    return false;
}

const char *topic_setting_name(enum topic_setting setting)
{
    return settings[setting].name;
}

struct str topic_config_text(const struct topic_config *config, struct arena *arena,
                             enum topic_setting setting)
{
    int64_t value = config->values[setting];
    if (settings[setting].kind != KIND_POLICY)
        return arena_printf(arena, "%" PRId64, value);
    return value == CLEANUP_DELETE    ? STR("delete")
           : value == CLEANUP_COMPACT ? STR("compact")
                                      : STR("delete,compact");
}
