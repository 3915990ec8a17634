#include "services/identity/store.h"

#include "services/identity/scopes.h"

/* ---- roles ---- */

#define ROLE_COLUMNS "SELECT role, description, scopes, version, updated_us FROM roles"

static struct role_row role_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct role_row){ .role = row_str(ctx, rows, 0),
                              .description = row_str(ctx, rows, 1),
                              .scopes = row_str(ctx, rows, 2),
                              .version = row_int(rows, 3),
                              .updated_us = row_int(rows, 4) };
}

bool store_role(struct ctx *ctx, struct str role, struct role_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, ROLE_COLUMNS " WHERE role = $1", sql_str(role)))
        return false;
    *out = role_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_roles(struct ctx *ctx, struct str after, size_t limit, struct role_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows, ROLE_COLUMNS " WHERE role > $1 ORDER BY role LIMIT $2",
                   sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = role_of(ctx, &rows);
    return !ctx_failed(ctx);
}

static bool one_changed(struct ctx *ctx, int64_t changed)
{
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "it was changed by somebody else at the same time");
}

bool store_role_put(struct ctx *ctx, const struct role_row *role)
{
    int64_t changed;
    return sql_exec(ctx, &changed,
                    "INSERT INTO roles (role, description, scopes, version, updated_us)"
                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (role) DO UPDATE SET"
                    " description = excluded.description, scopes = excluded.scopes,"
                    " version = excluded.version, updated_us = excluded.updated_us"
                    " WHERE roles.version = excluded.version - 1",
                    sql_str(role->role), sql_str(role->description), sql_str(role->scopes),
                    sql_int(role->version), sql_int(role->updated_us)) &&
           one_changed(ctx, changed);
}

bool store_role_delete(struct ctx *ctx, struct str role)
{
    return sql_exec(ctx, NULL, "DELETE FROM roles WHERE role = $1", sql_str(role));
}

bool store_role_people(struct ctx *ctx, struct str role, int64_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM person_roles WHERE role = $1", sql_str(role)))
        return false;
    *n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

/* ---- people ---- */

#define PERSON_COLUMNS                                                                             \
    "SELECT person_id, email, name, active, password, version, created_us, updated_us,"            \
    " signed_in_us FROM people"

static struct person_row person_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct person_row){ .person_id = row_str(ctx, rows, 0),
                                .email = row_str(ctx, rows, 1),
                                .name = row_str(ctx, rows, 2),
                                .active = row_bool(rows, 3),
                                .password = row_str(ctx, rows, 4),
                                .version = row_int(rows, 5),
                                .created_us = row_int(rows, 6),
                                .updated_us = row_int(rows, 7),
                                .signed_in_us = row_int(rows, 8) };
}

static bool read_roles(struct ctx *ctx, struct person_row *person)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows, "SELECT role FROM person_roles WHERE person_id = $1 ORDER BY role",
                   sql_str(person->person_id)))
        return false;
    for (person->n_roles = 0; sql_next(ctx, &rows);)
        if (person->n_roles < ROLES_OF_A_PERSON)
            person->roles[person->n_roles++] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

bool store_person(struct ctx *ctx, struct str person_id, struct person_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, PERSON_COLUMNS " WHERE person_id = $1", sql_str(person_id)))
        return false;
    *out = person_of(ctx, &rows);
    sql_rows_close(&rows);
    return read_roles(ctx, out);
}

bool store_person_by_email(struct ctx *ctx, struct str email, struct person_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, PERSON_COLUMNS " WHERE email = $1", sql_str(email)))
        return false;
    *out = person_of(ctx, &rows);
    sql_rows_close(&rows);
    return read_roles(ctx, out);
}

bool store_people(struct ctx *ctx, struct str after, size_t limit, struct person_row *out,
                  size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows, PERSON_COLUMNS " WHERE person_id > $1 ORDER BY person_id LIMIT $2",
                   sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = person_of(ctx, &rows);
    for (size_t i = 0; i < *n && !ctx_failed(ctx); i++)
        read_roles(ctx, &out[i]);
    return !ctx_failed(ctx);
}

static bool write_roles(struct ctx *ctx, const struct person_row *person)
{
    if (!sql_exec(ctx, NULL, "DELETE FROM person_roles WHERE person_id = $1",
                  sql_str(person->person_id)))
        return false;
    for (size_t i = 0; i < person->n_roles; i++)
        if (!sql_exec(ctx, NULL,
                      "INSERT INTO person_roles (person_id, role) VALUES ($1, $2)"
                      " ON CONFLICT DO NOTHING",
                      sql_str(person->person_id), sql_str(person->roles[i])))
            return false;
    return true;
}

bool store_person_put(struct ctx *ctx, const struct person_row *person)
{
    int64_t changed;
    return sql_exec(ctx, &changed,
                    "INSERT INTO people (person_id, email, name, active, version, created_us,"
                    " updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                    " ON CONFLICT (person_id) DO UPDATE SET email = excluded.email,"
                    " name = excluded.name, active = excluded.active, version = excluded.version,"
                    " updated_us = excluded.updated_us"
                    " WHERE people.version = excluded.version - 1",
                    sql_str(person->person_id), sql_str(person->email), sql_str(person->name),
                    sql_bool(person->active), sql_int(person->version), sql_int(person->created_us),
                    sql_int(person->updated_us)) &&
           one_changed(ctx, changed) && write_roles(ctx, person);
}

bool store_person_delete(struct ctx *ctx, struct str person_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM person_roles WHERE person_id = $1",
                    sql_str(person_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM people WHERE person_id = $1", sql_str(person_id)) &&
           store_sessions_end(ctx, person_id);
}

bool store_password(struct ctx *ctx, struct str person_id, struct str kept, int64_t now_us)
{
    return sql_exec(ctx, NULL,
                    "UPDATE people SET password = $2, version = version + 1, updated_us = $3"
                    " WHERE person_id = $1",
                    sql_str(person_id), sql_str(kept), sql_int(now_us));
}

bool store_signed_in(struct ctx *ctx, struct str person_id, int64_t at_us)
{
    return sql_exec(ctx, NULL, "UPDATE people SET signed_in_us = $2 WHERE person_id = $1",
                    sql_str(person_id), sql_int(at_us));
}

bool store_person_scopes(struct ctx *ctx, struct str person_id, struct str *scopes)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT r.scopes FROM person_roles p JOIN roles r ON r.role = p.role"
                   " WHERE p.person_id = $1",
                   sql_str(person_id)))
        return false;
    for (*scopes = STR(""); sql_next(ctx, &rows);)
        *scopes = scopes_union(ctx->arena, *scopes, row_str(ctx, &rows, 0));
    return !ctx_failed(ctx);
}
