#include "services/email/letters.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/locales.h"
#include "platform/service/service.h"
#include "platform/template/template.h"

#define KEPT 128
#define FRESH_US US_PER_S /* then it is looked whether another version is published */

enum part { SUBJECT, PREHEADER, HTML, TEXT, N_PARTS };
static const char *const part_names[N_PARTS] = { "subject", "preheader", "html", "text" };

/* One template or snippet (which is HTML alone) in one locale, with one subject. */
struct letter {
    uint64_t key;
    int64_t version, checked_us; /* version 0: there is none */
    int refs;
    struct template *parts[N_PARTS];
    enum error_code code; /* why it is none */
    char *why;
};

struct letters {
    pthread_mutex_t mutex;
    struct letter *kept[KEPT];
    int uses;    /* in arenas that have not ended */
    bool closed; /* freed once nobody uses it any more */
};

struct letters *letters_new(void)
{
    struct letters *letters = mem_alloc(sizeof(*letters));
    pthread_mutex_init(&letters->mutex, NULL);
    return letters;
}

/* With the lock held, or alone. */
static void letter_drop(struct letter *letter)
{
    if (!letter || --letter->refs > 0)
        return;
    for (size_t i = 0; i < N_PARTS; i++)
        template_free(letter->parts[i]);
    free(letter->why);
    free(letter);
}

static void letters_end(struct letters *letters)
{
    pthread_mutex_destroy(&letters->mutex);
    free(letters);
}

void letters_free(struct letters *letters)
{
    if (!letters)
        return;
    pthread_mutex_lock(&letters->mutex);
    for (size_t i = 0; i < KEPT; i++)
        letter_drop(letters->kept[i]);
    letters->closed = true;
    bool last = letters->uses == 0;
    pthread_mutex_unlock(&letters->mutex);
    if (last)
        letters_end(letters);
}

/* ---- a use, until its arena ends ---- */

struct use {
    struct letters *letters;
    struct letter *letter;
};

static void use_end(void *argument)
{
    struct use *use = argument;
    struct letters *letters = use->letters;
    pthread_mutex_lock(&letters->mutex);
    letter_drop(use->letter);
    bool last = --letters->uses == 0 && letters->closed;
    pthread_mutex_unlock(&letters->mutex);
    if (last)
        letters_end(letters);
}

/* With the lock held: the reference is the arena's. */
static struct letter *use_begin(struct ctx *ctx, struct letters *letters, struct letter *letter)
{
    struct use *use = ARENA_NEW(ctx->arena, struct use);
    *use = (struct use){ letters, letter };
    letter->refs++;
    letters->uses++;
    arena_at_end(ctx->arena, use_end, use);
    return letter;
}

/* ---- compiling ---- */

struct wanted {
    const char *kind;
    struct str slug, locale, subject;
    uint64_t key;
    struct entry_row entry;
    bool found;
};

static bool entry_read(struct ctx *ctx, void *argument)
{
    struct wanted *wanted = argument;
    struct locales locales = { 0 };
    if (wanted->locale.ptr)
        locales_add(&locales, wanted->locale);
    locales_end(&locales);
    for (size_t i = 0; i < locales.n && !wanted->found && !ctx_failed(ctx); i++)
        wanted->found =
            store_entry(ctx, wanted->kind, wanted->slug, locales.names[i], &wanted->entry);
    return !ctx_failed(ctx);
}

/* The source of a part; ptr NULL: it has none. */
static struct str source_of(const struct wanted *wanted, const struct json *document,
                            enum part part)
{
    if (str_is(str_of(wanted->kind), "snippet"))
        return part == HTML ? json_str(json_get(document, "liquid")) : (struct str){ NULL, 0 };
    if (part == SUBJECT && wanted->subject.ptr)
        return wanted->subject;
    return json_str(json_get(document, part_names[part]));
}

static bool parts_compile(struct ctx *ctx, const struct wanted *wanted, struct letter *letter)
{
    const struct json *document = json_parse(ctx, wanted->entry.document);
    if (!document)
        return false;
    for (size_t i = 0; i < N_PARTS; i++) {
        struct str source = source_of(wanted, document, i);
        if (source.ptr && !(letter->parts[i] = template_compile(ctx, source)))
            return ctx_fail(ctx, ERR_INVALID, "template \"" STR_FMT "\", %s", STR_ARG(wanted->slug),
                            part_names[i]);
    }
    bool whole = letter->parts[HTML] &&
                 (letter->parts[SUBJECT] || str_is(str_of(wanted->kind), "snippet"));
    return whole || ctx_fail(ctx, ERR_INVALID, "template \"" STR_FMT "\" lacks subject or html",
                             STR_ARG(wanted->slug));
}

static struct letter *letter_new(struct ctx *ctx, const struct wanted *wanted)
{
    struct letter *letter = mem_alloc(sizeof(*letter));
    letter->key = wanted->key;
    letter->version = wanted->found ? wanted->entry.version : 0;
    if (!wanted->found)
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no %s \"" STR_FMT "\"",
                 str_is(str_of(wanted->kind), "snippet") ? "snippet" : "email template",
                 STR_ARG(wanted->slug));
    else
        parts_compile(ctx, wanted, letter);
    letter->code = ctx->error.code;
    letter->why = mem_strdup(ctx->error.detail.ptr ? ctx->error.detail.ptr : "");
    ctx_clear(ctx);
    return letter;
}

/* ---- keeping ---- */

/* The place of this key, or the one that was looked at longest ago. With the lock held. */
static struct letter **place_of(struct letters *letters, uint64_t key)
{
    struct letter **oldest = &letters->kept[0];
    for (size_t i = 0; i < KEPT; i++) {
        struct letter **place = &letters->kept[i];
        if (*place && (*place)->key == key)
            return place;
        if (*oldest && (!*place || (*place)->checked_us < (*oldest)->checked_us))
            oldest = place;
    }
    return oldest;
}

/* What is kept, if it needs no look at the database (`version` < 0) or is of this version. */
static struct letter *kept_get(struct ctx *ctx, struct letters *letters, uint64_t key,
                               int64_t version)
{
    struct letter *found = NULL;
    pthread_mutex_lock(&letters->mutex);
    struct letter *kept = *place_of(letters, key);
    if (kept && kept->key == key && kept->version > 0 && /* what is missing may come any moment */
        (version < 0 ? clock_mono_us() - kept->checked_us < FRESH_US : kept->version == version)) {
        if (version >= 0)
            kept->checked_us = clock_mono_us();
        found = use_begin(ctx, letters, kept);
    }
    pthread_mutex_unlock(&letters->mutex);
    return found;
}

static struct letter *keep(struct ctx *ctx, struct letters *letters, struct letter *letter)
{
    pthread_mutex_lock(&letters->mutex);
    struct letter **place = place_of(letters, letter->key);
    letter_drop(*place);
    *place = letter;
    letter->refs = 1;
    letter->checked_us = clock_mono_us();
    use_begin(ctx, letters, letter);
    pthread_mutex_unlock(&letters->mutex);
    return letter;
}

static uint64_t key_of(struct ctx *ctx, const struct wanted *wanted)
{
    struct str text = arena_printf(ctx->arena, "%s\n" STR_FMT "\n" STR_FMT "\n" STR_FMT,
                                   wanted->kind, STR_ARG(wanted->slug), STR_ARG(wanted->locale),
                                   STR_ARG(wanted->subject));
    return hash_fnv1a(text.ptr, text.len);
}

/* NULL with the error that it stands for. It lives until ctx's arena ends. */
static const struct letter *letter_get(struct ctx *ctx, struct letters *letters,
                                       struct wanted *wanted)
{
    wanted->key = key_of(ctx, wanted);
    struct letter *letter = kept_get(ctx, letters, wanted->key, -1);
    if (!letter) {
        if (!sql_read(ctx, service_db(ctx), entry_read, wanted))
            return NULL;
        letter = kept_get(ctx, letters, wanted->key, wanted->found ? wanted->entry.version : 0);
    }
    if (!letter)
        letter = keep(ctx, letters, letter_new(ctx, wanted));
    if (letter->code != ERR_NONE)
        ctx_fail(ctx, letter->code, "%s", letter->why);
    return letter->code == ERR_NONE ? letter : NULL;
}

bool letter_check(struct ctx *ctx, struct letters *letters, struct str slug, struct str subject)
{
    struct wanted wanted = { .kind = "email_template", .slug = slug, .subject = subject };
    return letter_get(ctx, letters, &wanted);
}

/* ---- rendering ---- */

const struct json *letter_names(struct ctx *ctx, const struct letter_data *data)
{
    struct json_out out;
    const struct contact_row *contact = data->contact;
    ptrdiff_t space = contact->name.ptr ? str_find_char(contact->name, ' ') : -1;
    struct str first = { contact->name.ptr, space > 0 ? (size_t)space : contact->name.len };
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "person");
    json_object(&out);
    const struct {
        const char *name;
        struct str value;
    } of_person[] = { { "id", contact->person_id },
                      { "email", contact->email },
                      { "name", contact->name },
                      { "first_name", first },
                      { "locale", contact->locale } },
      texts[] = { { "message_id", data->message_id },
                  { "unsubscribe_url", data->unsubscribe_url },
                  { "preferences_url", data->preferences_url } };
    for (size_t i = 0; i < COUNT(of_person); i++) {
        json_key(&out, of_person[i].name);
        json_put_str(&out, of_person[i].value);
    }
    json_key(&out, "traits");
    json_put_raw(&out, contact->traits.ptr ? contact->traits : STR("{}"));
    json_object_end(&out);
    json_key(&out, "campaign");
    json_object(&out);
    json_key(&out, "id");
    json_put_str(&out, data->campaign_id);
    json_key(&out, "name");
    json_put_str(&out, data->campaign_name);
    json_object_end(&out);
    json_key(&out, "data");
    if (data->data)
        json_put(&out, data->data);
    else
        json_put_raw(&out, STR("{}"));
    for (size_t i = 0; i < COUNT(texts); i++) {
        json_key(&out, texts[i].name);
        json_put_str(&out, texts[i].value);
    }
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

struct rendering {
    struct letters *letters;
    struct str locale;
};

static const struct template *snippet_get(struct ctx *ctx, struct str name, void *argument)
{
    struct rendering *rendering = argument;
    struct wanted wanted = { .kind = "snippet", .slug = name, .locale = rendering->locale };
    const struct letter *letter = letter_get(ctx, rendering->letters, &wanted);
    return letter ? letter->parts[HTML] : NULL;
}

static bool parts_render(struct ctx *ctx, struct letters *letters, const struct letter_data *data,
                         struct template *const parts[N_PARTS], struct letter_text *out)
{
    struct rendering rendering = { letters, data->contact->locale };
    const struct json *names = letter_names(ctx, data);
    if (!names)
        return false;
    struct template_options options = { .data = names,
                                        .locale = data->contact->locale,
                                        .snippet = snippet_get,
                                        .argument = &rendering };
    struct str *places[N_PARTS] = { &out->subject, &out->preheader, &out->html, &out->text };
    *out = (struct letter_text){ 0 };
    if (data->contact->time_zone.ptr && !(options.zone = zone_find(ctx, data->contact->time_zone)))
        ctx_clear(ctx); /* what a profile calls its zone may be none */
    for (size_t i = 0; i < N_PARTS; i++) {
        options.text = i != HTML;
        if (parts[i] && !template_render(ctx, parts[i], &options, places[i]))
            return ctx_fail(ctx, ctx->error.code, "template \"" STR_FMT "\", %s",
                            STR_ARG(data->template), part_names[i]);
    }
    return true;
}

/* ---- what stands for a template ---- */

static void own_free(struct template **parts)
{
    for (size_t i = 0; i < N_PARTS; i++)
        template_free(parts[i]);
}

static bool own_compile(struct ctx *ctx, const struct letter_text *own, struct template **parts)
{
    const struct str sources[N_PARTS] = { own->subject, own->preheader, own->html, own->text };
    for (size_t i = 0; i < N_PARTS; i++) {
        if (!sources[i].ptr || (parts[i] = template_compile(ctx, sources[i])))
            continue;
        struct str why = ctx->error.detail;
        ctx_clear(ctx);
        own_free(parts);
        return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/%s", part_names[i]),
                           STR_FMT, STR_ARG(why));
    }
    return true;
}

bool letter_check_own(struct ctx *ctx, const struct letter_text *own)
{
    struct template *parts[N_PARTS] = { 0 };
    if (!own_compile(ctx, own, parts))
        return false;
    own_free(parts);
    return true;
}

static bool own_render(struct ctx *ctx, struct letters *letters, const struct letter_data *data,
                       struct letter_text *out)
{
    struct template *parts[N_PARTS] = { 0 };
    if (!own_compile(ctx, data->own, parts))
        return false;
    bool ok = parts_render(ctx, letters, data, parts, out);
    own_free(parts);
    return ok;
}

bool letter_sources(struct ctx *ctx, struct str slug, struct str locale, struct letter_text *out)
{
    struct wanted wanted = { .kind = "email_template", .slug = slug, .locale = locale };
    if (!sql_read(ctx, service_db(ctx), entry_read, &wanted))
        return false;
    const struct json *document = wanted.found ? json_parse(ctx, wanted.entry.document) : NULL;
    if (!document)
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no email template \"" STR_FMT "\"",
                        STR_ARG(slug));
    *out = (struct letter_text){ .subject = source_of(&wanted, document, SUBJECT),
                                 .preheader = source_of(&wanted, document, PREHEADER),
                                 .html = source_of(&wanted, document, HTML),
                                 .text = source_of(&wanted, document, TEXT) };
    return true;
}

bool letter_render(struct ctx *ctx, struct letters *letters, const struct letter_data *data,
                   struct letter_text *out)
{
    struct wanted wanted = { .kind = "email_template",
                             .slug = data->template,
                             .locale = data->contact->locale,
                             .subject = data->subject };
    if (data->own)
        return own_render(ctx, letters, data, out);
    const struct letter *letter = letter_get(ctx, letters, &wanted);
    return letter && parts_render(ctx, letters, data, letter->parts, out);
}
