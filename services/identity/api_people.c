#include "base/clock.h"
#include "services/identity/identity.h"
#include "services/identity/password.h"
#include "services/identity/reply.h"
#include "services/identity/scopes.h"

static bool person_find(struct ctx *ctx, struct str person_id, struct person_row *out)
{
    return store_person(ctx, person_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no person with this id");
}

/* One who may change a person can become that person: so whoever changes somebody may do all that they may. */
static bool may_change(struct ctx *ctx, struct str person_id)
{
    struct str scopes;
    return store_person_scopes(ctx, person_id, &scopes) && caller_holds(ctx, scopes);
}

/* ---- storing ---- */

/* The roles of the body: sorted, each once, known, and none that would give more than the caller has. */
static bool roles_read(struct ctx *ctx, const struct person_put *body, struct person_row *out)
{
    size_t n;
    struct role_row role;
    struct str text = scopes_of(ctx->arena, body->roles, body->n_roles);
    const struct str *roles = scopes_list(ctx->arena, text, &n);
    if (n > ROLES_OF_A_PERSON)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/roles"), "there are too many");
    for (out->n_roles = 0; out->n_roles < n; out->n_roles++) {
        if (!store_role(ctx, roles[out->n_roles], &role))
            return ctx_fail_at(ctx, ERR_INVALID, STR("/roles"), "there is no role " STR_FMT,
                               STR_ARG(roles[out->n_roles]));
        if (!caller_holds(ctx, role.scopes))
            return false;
        out->roles[out->n_roles] = roles[out->n_roles];
    }
    return true;
}

static bool address_is_free(struct ctx *ctx, const struct person_row *person)
{
    struct person_row other;
    if (store_person_by_email(ctx, person->email, &other) &&
        !str_eq(other.person_id, person->person_id))
        return ctx_fail(ctx, ERR_CONFLICT, "the address is that of " STR_FMT,
                        STR_ARG(other.person_id));
    return !ctx_failed(ctx);
}

static bool same(const struct person_row *a, const struct person_row *b)
{
    bool same_roles = a->n_roles == b->n_roles;
    for (size_t i = 0; i < a->n_roles && same_roles; i++)
        same_roles = str_eq(a->roles[i], b->roles[i]);
    return a->version && same_roles && str_eq(a->email, b->email) && str_eq(a->name, b->name) &&
           a->active == b->active;
}

static bool person_save(struct ctx *ctx, const struct person_row *before, struct person_row *person)
{
    if (same(before, person)) {
        *person = *before;
        return true;
    }
    return store_person_put(ctx, person) &&
           (person->active || store_sessions_end(ctx, person->person_id));
}

struct reply identity_put_person(struct ctx *ctx, const struct put_person_in *in)
{
    struct expectation expected = { .if_match = in->if_match, .if_none_match = in->if_none_match };
    struct person_row before = { 0 }, person;
    int64_t now_us = clock_now_us();
    store_person(ctx, in->person_id, &before);
    person = before;
    person.person_id = in->person_id;
    person.email = small_letters(ctx->arena, in->body->email);
    person.name = in->body->name;
    person.active = in->body->active;
    person.version = before.version + 1;
    person.created_us = before.version ? before.created_us : now_us;
    person.updated_us = now_us;
    if (ctx_failed(ctx) || !expectation_check(ctx, &expected, before.version) ||
        !may_change(ctx, in->person_id) || !roles_read(ctx, in->body, &person) ||
        !address_is_free(ctx, &person) || !person_save(ctx, &before, &person))
        return reply_error(ctx);
    return reply_person(ctx, &person);
}

struct reply identity_delete_person(struct ctx *ctx, const struct delete_person_in *in)
{
    struct expectation expected = { .if_match = in->if_match, .must_match = true };
    struct person_row person;
    if (!person_find(ctx, in->person_id, &person) ||
        !expectation_check(ctx, &expected, person.version) || !may_change(ctx, in->person_id) ||
        !store_person_delete(ctx, in->person_id))
        return reply_error(ctx);
    return reply_empty(ctx);
}

/* ---- passwords ---- */

struct new_password {
    struct str person_id, kept;
};

static bool password_check(struct ctx *ctx, void *argument)
{
    const struct new_password *password = argument;
    struct person_row person;
    return person_find(ctx, password->person_id, &person) && may_change(ctx, password->person_id);
}

/* Judged again: the person may have been given more meanwhile. */
static bool password_store(struct ctx *ctx, void *argument)
{
    const struct new_password *password = argument;
    return password_check(ctx, argument) &&
           store_password(ctx, password->person_id, password->kept, clock_now_us()) &&
           store_sessions_end(ctx, password->person_id);
}

struct reply identity_put_password(struct ctx *ctx, const struct put_password_in *in)
{
    struct new_password password = { .person_id = in->person_id };
    if (!sql_read(ctx, service_db(ctx), password_check, &password))
        return reply_error(ctx);
    password.kept = password_keep(ctx->arena, in->body->password);
    if (!sql_write(ctx, service_db(ctx), password_store, &password))
        return reply_error(ctx);
    return reply_empty(ctx);
}

/* ---- asking ---- */

struct reply identity_get_person(struct ctx *ctx, const struct get_person_in *in)
{
    struct person_row person;
    if (!person_find(ctx, in->person_id, &person))
        return reply_error(ctx);
    return reply_person(ctx, &person);
}

struct reply identity_list_people(struct ctx *ctx, const struct list_people_in *in)
{
    struct str after = STR("");
    size_t n, limit = (size_t)in->limit;
    struct person_row *rows = ARENA_ARRAY(ctx->arena, struct person_row, limit + 1);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_people(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct person_list list = { .n_items = MIN(n, limit) };
    struct person *items = ARENA_ARRAY(ctx->arena, struct person, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = person_answer(ctx, &rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].person_id, 1);
    return reply_ok(ctx, person_list_encode(ctx, &list));
}
