/* {% render %}: templates inside templates, each with names of its own. */
#include "platform/template/program.h"

/* A snippet that is to be rendered, once or for each. */
struct call {
    const struct render_call *tag;
    const struct template *snippet;
    const struct value *args; /* worked out where the tag stands */
};

/* What the snippet never names is not kept. */
static bool bind(struct run *run, struct str name, const struct value *value)
{
    const struct template *template = run->template;
    for (uint32_t i = 0; i < template->n_names; i++)
        if (str_eq(template->names[i], name))
            liquid_assign(run, i, value);
    return liquid_steps(run, 1 + template->n_names / BYTES_PER_STEP);
}

/* item: what the snippet is for, NULL: nothing; loop: of `for`, NULL: none. */
static bool bind_all(struct run *run, const struct call *call, const struct value *item,
                     const struct loop *loop)
{
    struct value forloop = { .kind = KIND_LOOP, .loop = loop };
    for (size_t i = 0; i < call->tag->n_args; i++)
        if (!bind(run, call->tag->args[i].name, &call->args[i]))
            return false;
    return (!item || bind(run, call->tag->as, item)) &&
           (!loop || bind(run, STR("forloop"), &forloop));
}

static bool render_once(struct run *run, const struct call *call, const struct value *item,
                        const struct loop *loop)
{
    const struct template *caller = run->template;
    const struct instruction *at = run->at, *next = run->next;
    struct frame *frame = run->frame;
    run->depth++;
    bool ok = liquid_enter(run, call->snippet, NULL) && bind_all(run, call, item, loop) &&
              liquid_execute(run);
    run->depth--;
    run->template = caller;
    run->frame = frame;
    run->at = at;
    run->next = next;
    return ok || liquid_fail(run, "in the snippet " STR_FMT, STR_ARG(call->tag->name));
}

static bool render_each(struct run *run, const struct call *call, const struct value *with)
{
    struct value items;
    if (!liquid_items(run, with, 0, SIZE_MAX, &items))
        return false;
    struct for_call shown = { .name = call->tag->as };
    struct loop loop = { .call = &shown, .items = items.list.items, .n = items.list.n };
    for (; loop.index < loop.n; loop.index++)
        if (!liquid_steps(run, 1) || !render_once(run, call, &loop.items[loop.index], &loop))
            return false;
    return true;
}

static bool find_snippet(struct run *run, struct str name, const struct template **out)
{
    if (!run->options->snippet)
        return liquid_fail(run, "there are no snippets here");
    if (run->depth == TEMPLATE_MOST_DEPTH)
        return liquid_too_large(run, "more than %zu snippets are inside each other",
                                TEMPLATE_MOST_DEPTH);
    *out = run->options->snippet(run->ctx, name, run->options->argument);
    return *out || liquid_fail(run, "the snippet " STR_FMT, STR_ARG(name));
}

bool op_liquid_render(struct run *run, const struct instruction *in)
{
    const struct render_call *tag = in->render;
    struct value with, *args = ARENA_ARRAY(run->ctx->arena, struct value, tag->n_args);
    struct call call = { .tag = tag, .args = args };
    if (!find_snippet(run, tag->name, &call.snippet) ||
        (tag->with && !liquid_load(run, tag->with, &with)))
        return false;
    for (size_t i = 0; i < tag->n_args; i++)
        if (!liquid_steps(run, 1) || !liquid_load(run, &tag->args[i].value, &args[i]))
            return false;
    if (tag->with && tag->each && is_list(&with))
        return render_each(run, &call, &with);
    return render_once(run, &call, tag->with ? &with : NULL, NULL);
}
