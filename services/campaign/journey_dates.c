#include "services/campaign/journey_dates.h"

#include "base/clock.h"
#include "services/campaign/app.h"
#include "services/campaign/journeys.h"
#include "services/campaign/store_journeys.h"

#define FILL_MOST 500  /* persons that are looked at in one transaction */
#define MOST_YEARS 400 /* no date is looked for further away */
#define LATE_US US_PER_DAY

/* ---- when ---- */

static int64_t minutes_of(struct str time)
{
    return ((time.ptr[0] - '0') * 10 + time.ptr[1] - '0') * 60 + (time.ptr[3] - '0') * 10 +
           time.ptr[4] - '0';
}

static int64_t day_due_us(const struct journey_date *date, const struct zone *zone, int64_t day)
{
    int64_t local_s = (day + date->days) * 86400 + minutes_of(date->local_time) * 60;
    return zone_utc_s(zone, local_s, NULL) * US_PER_S;
}

static bool leaps(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t day_in_year(int64_t day, int year)
{
    int of_year, month, of_month;
    clock_civil(day, &of_year, &month, &of_month);
    if (month == 2 && of_month == 29 && !leaps(year))
        of_month = 28;
    return clock_days(year, month, of_month);
}

static int year_of(int64_t us)
{
    int year, month, day;
    clock_civil(us / US_PER_DAY, &year, &month, &day);
    return year;
}

int64_t journey_date_due(const struct journey_date *date, const struct json *traits,
                         const struct zone *zone, int64_t after_us)
{
    int64_t at_us, due_us;
    struct str text = json_str(json_get_n(traits, date->trait));
    if (text.len > 10)
        text.len = 10; /* the day: whatever time and offset follow */
    if (text.len != 10 || !clock_parse(text, true, &at_us))
        return 0;
    int64_t day = at_us >= 0 ? at_us / US_PER_DAY : -((-at_us + US_PER_DAY - 1) / US_PER_DAY);
    if (!date->yearly) {
        due_us = day_due_us(date, zone, day);
        return due_us > after_us ? due_us : 0;
    }
    int first = year_of(after_us) - 2; /* `days` may lead into another year */
    for (int year = first; year < first + MOST_YEARS; year++) {
        int64_t that_day = day_in_year(day, year);
        due_us = day_due_us(date, zone, that_day);
        if (that_day >= day && due_us > after_us)
            return due_us;
    }
    return 0;
}

/* ---- whom ---- */

static bool is_by_date(const struct shelf_program *program)
{
    return program->newest && program->definition.entry.kind == JOURNEY_ENTRY_KIND_DATE;
}

static bool date_look(struct ctx *ctx, const struct shelf_program *program, struct str person_id,
                      const struct json *traits, int64_t after_us)
{
    const struct zone *zone = journeys_zone(ctx, traits);
    if (!zone && !(zone = zone_find(ctx, program->definition.time_zone)))
        return false;
    int64_t due_us = journey_date_due(program->definition.entry.date, traits, zone, after_us);
    return due_us ? store_date_put(ctx, program->journey_id, person_id, due_us)
                  : store_date_remove(ctx, program->journey_id, person_id);
}

bool journey_dates_of(struct ctx *ctx, struct str person_id, const struct json *traits)
{
    CLEANUP(shelf_done) const struct shelf *shelf = shelf_use(ctx, campaign_of(ctx)->shelves);
    if (!shelf)
        return false;
    for (size_t i = 0; i < shelf->n_programs; i++)
        if (is_by_date(&shelf->programs[i]) &&
            !date_look(ctx, &shelf->programs[i], person_id, traits, clock_now_us()))
            return false;
    return true;
}

bool journey_dates_fill(struct ctx *ctx, const struct shelf_program *program, bool *more)
{
    struct journey_row journey;
    struct person_row *people = ARENA_ARRAY(ctx->arena, struct person_row, FILL_MOST);
    size_t n;
    *more = false;
    if (!is_by_date(program) || !store_journey(ctx, program->journey_id, &journey) ||
        !journey.dated_to.ptr)
        return !ctx_failed(ctx);
    if (!store_people(ctx, journey.dated_to, FILL_MOST, people, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct json *traits = people[i].traits.ptr ? json_parse(ctx, people[i].traits) : NULL;
        if (ctx_failed(ctx) ||
            !date_look(ctx, program, people[i].person_id, traits, clock_now_us()))
            return false;
    }
    *more = n == FILL_MOST;
    return store_journey_dated_to(ctx, program->journey_id,
                                  *more ? people[n - 1].person_id : (struct str){ NULL, 0 });
}

/* ---- it has come ---- */

static const struct json *date_properties(struct ctx *ctx, const struct journey_date *date,
                                          const struct json *traits)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "trait");
    json_put_str(&out, date->trait);
    json_key(&out, "date");
    json_put(&out, json_get_n(traits, date->trait));
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static bool date_bring(struct ctx *ctx, const struct shelf_program *program, struct str person_id,
                       const struct json *traits, int64_t due_us)
{
    const struct journey_event event = { .name = STR("fanfare.date.come"),
                                         .person_id = person_id,
                                         .properties = date_properties(
                                             ctx, program->definition.entry.date, traits),
                                         .at_us = due_us };
    struct str cause =
        arena_printf(ctx->arena, STR_FMT "/%lld", STR_ARG(person_id), (long long)due_us);
    return event.properties && journeys_bring(ctx, program, &event, cause);
}

bool journey_date_comes(struct ctx *ctx, const struct shelf_program *program, struct str person_id,
                        int64_t due_us)
{
    struct str text;
    const struct json *traits = NULL;
    bool late = clock_now_us() - due_us > LATE_US;
    if (!store_person(ctx, person_id, &text) || (text.ptr && !(traits = json_parse(ctx, text))) ||
        (!late && !date_bring(ctx, program, person_id, traits, due_us)))
        return false;
    return date_look(ctx, program, person_id, traits, MAX(due_us, clock_now_us() - LATE_US));
}
