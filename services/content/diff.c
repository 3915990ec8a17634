#include "services/content/diff.h"

#include "services/content/pointer.h"

struct differ {
    struct arena *arena;
    struct changes *out;
};

static void note(struct differ *differ, const char *op, struct str path, const struct json *before,
                 const struct json *after)
{
    struct changes *out = differ->out;
    out->more |= out->n == CHANGES_MOST;
    if (!out->more)
        out->items[out->n++] = (struct changed){ op, path, before, after };
}

static void compare(struct differ *differ, struct str path, const struct json *before,
                    const struct json *after);

static void compare_objects(struct differ *differ, struct str path, const struct json *before,
                            const struct json *after)
{
    for (struct json_iter it = json_iter(before); json_next(&it);) {
        const struct json *now = json_get_n(after, it.key);
        struct str below = pointer_member(differ->arena, path, it.key);
        if (now)
            compare(differ, below, it.value, now);
        else
            note(differ, "remove", below, it.value, NULL);
    }
    for (struct json_iter it = json_iter(after); json_next(&it);)
        if (!json_get_n(before, it.key))
            note(differ, "add", pointer_member(differ->arena, path, it.key), NULL, it.value);
}

static const struct json **elements(struct arena *arena, const struct json *array)
{
    const struct json **all = ARENA_ARRAY(arena, const struct json *, json_size(array));
    for (struct json_iter it = json_iter(array); json_next(&it);)
        all[it.index] = it.value;
    return all;
}

static void compare_arrays(struct differ *differ, struct str path, const struct json *before,
                           const struct json *after)
{
    const struct json **old = elements(differ->arena, before),
                      **new = elements(differ->arena, after);
    size_t n_old = json_size(before), n_new = json_size(after), same = 0;
    while (same < MIN(n_old, n_new) && json_equal(old[same], new[same]))
        same++;
    while (n_old > same && n_new > same && json_equal(old[n_old - 1], new[n_new - 1])) {
        n_old--;
        n_new--;
    }
    for (size_t i = same; i < MIN(n_old, n_new); i++)
        compare(differ, pointer_element(differ->arena, path, i), old[i], new[i]);
    for (size_t i = n_old; i > n_new; i--) /* from the end, so that the places before stay */
        note(differ, "remove", pointer_element(differ->arena, path, i - 1), old[i - 1], NULL);
    for (size_t i = n_old; i < n_new; i++)
        note(differ, "add", pointer_element(differ->arena, path, i), NULL, new[i]);
}

static void compare(struct differ *differ, struct str path, const struct json *before,
                    const struct json *after)
{
    if (differ->out->more || json_equal(before, after))
        return;
    if (json_type(before) == JSON_OBJECT && json_type(after) == JSON_OBJECT)
        compare_objects(differ, path, before, after);
    else if (json_type(before) == JSON_ARRAY && json_type(after) == JSON_ARRAY)
        compare_arrays(differ, path, before, after);
    else
        note(differ, "replace", path, before, after);
}

void changes_find(struct arena *arena, const struct json *before, const struct json *after,
                  struct changes *out)
{
    struct differ differ = { arena, out };
    *out = (struct changes){ .items = ARENA_ARRAY(arena, struct changed, CHANGES_MOST) };
    compare(&differ, STR(""), before, after);
}
