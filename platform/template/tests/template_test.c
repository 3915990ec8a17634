/* The language: what is escaped, what is an error and where, snippets, threads. What stock Liquid does is in
 * conformance_test.c. */
#include <pthread.h>

#include "platform/template/tests/rendering.h"

static const struct rendering escaping[] = {
    { "<b>{{ a }}</b>", "{\"a\":\"<i>&\\\"'\"}", "<b>&lt;i&gt;&amp;&quot;&#39;</b>" },
    { "{{ a | raw }}", "{\"a\":\"<i>\"}", "<i>" },
    { "{{ '<br>' }}", NULL, "&lt;br&gt;" },
    { "{{ a | escape }}", "{\"a\":\"<&lt;\"}", "&lt;&amp;lt;" },
    { "{{ a | escape_once }}", "{\"a\":\"<&lt;&#x3c;&x\"}", "&lt;&lt;&#x3c;&amp;x" },
    { "{{ a | escape | upcase }}", "{\"a\":\"<\"}", "&amp;LT;" },
    { "{{ a | raw | strip }}", "{\"a\":\" <i> \"}", "<i>" },
    { "{{ a | raw | replace: 'i', 'b' }}", "{\"a\":\"<i>\"}", "&lt;b&gt;" },
    { "{{ a | newline_to_br }}", "{\"a\":\"<\\n>\"}", "&lt;<br />\n&gt;" },
    { "{{ a | raw | newline_to_br }}", "{\"a\":\"<i>\\n\"}", "<i><br />\n" },
    { "{% capture x %}<b>{{ a }}</b>{% endcapture %}{{ x }}{{ x }}", "{\"a\":\"<\"}",
      "<b>&lt;</b><b>&lt;</b>" },
    { "{% capture x %}<b>{% endcapture %}{{ x | append: a }}{{ a | prepend: x }}", "{\"a\":\"<\"}",
      "<b>&lt;<b>&lt;" },
    { "{{ a | append: a }}", "{\"a\":\"<\"}", "&lt;&lt;" },
    { "{{ a | default: '<' }}{{ nothing | default: a }}", "{\"a\":\">\"}", "&gt;&gt;" },
    { "{{ a }}", "{\"a\":[\"<\",{\"b\":\">\"}]}", "&lt;{&quot;b&quot;:&quot;&gt;&quot;}" },
    { "{% assign l = a | raw | split: '|' %}{{ l }}", "{\"a\":\"<|>\"}", "&lt;&gt;" },
    { "{% echo a %}{% cycle a, a %}{% ifchanged %}{{ a }}{% endifchanged %}", "{\"a\":\"<\"}",
      "&lt;&lt;&lt;" },
    { "{{ a | raw | first }}{{ a | raw | slice: 0 }}", "{\"a\":\"<\"}", "&lt;" },
    { "{{ a | strip_html }}", "{\"a\":\"<b>x</b> & <scr<b>ipt>\"}", "x &amp; ipt&gt;" },
    { "{{ a | url_encode }}", "{\"a\":\"<&>\"}", "%3C%26%3E" },
    { "{% for x in a %}{{ x }}{% endfor %}", "{\"a\":{\"<\":\">\"}}", "&lt;&gt;" },
};

static const struct rendering plain[] = {
    { "{{ a }}{{ a | escape }}", "{\"a\":\"<&\"}", "<&&lt;&amp;" },
    { "{% capture x %}{{ a }}{% endcapture %}{{ x | append: a }}", "{\"a\":\"<\"}", "<<" },
    { "{{ a | newline_to_br }}", "{\"a\":\"<\\n\"}", "<<br />\n" },
};

static const struct rendering language[] = {
    { "", NULL, "" },
    { "{", NULL, "{" },
    { "a { b } %} }}", NULL, "a { b } %} }}" },
    { "{{ '}}' }}{{ \"%}\" }}", NULL, "}}%}" },
    { "{{ a.b-c }}{{a-}}", "{\"a\":{\"b-c\":1}}", "1{&quot;b-c&quot;:1}" },
    { "{% for a in (1..2) %}{% for a in (3..4) %}{{ a }}{% endfor %}{{ a }}{% endfor %}{{ a }}",
      "{\"a\":9}", "3413429" },
    { "{% for a in (1..2) %}{% assign a = 5 %}{{ a }}{% endfor %}{{ a }}", NULL, "125" },
    { "{% for a in (1..2) %}{% else %}{{ a }}{% endfor %}{% for a in b %}{% else %}{{ a }}{% endfor %}",
      "{\"a\":7}", "7" },
    { "{% for a in (1..3) %}{% capture x %}{{ a }}{% if a == 2 %}{% break %}{% endif %}"
      "{% endcapture %}{% endfor %}{{ x }}",
      NULL, "2" },
    { "{% for a in (1..9) limit: 2 offset: 3 reversed %}{{ a }}{% endfor %}", NULL, "54" },
    { "{% for a in (1..9000000000000000000) limit: 2 %}{{ a }}{% endfor %}", NULL, "12" },
    { "{{ (1..9000000000000000000).size }}", NULL, "9000000000000000000" },
    { "{% assign f = forloop %}{% for a in (1..2) %}{% assign f = forloop %}{% endfor %}{{ f.index }}",
      NULL, "3" },
    { "{% if a %}{% elsif b %}{% else %}x{% endif %}", NULL, "x" },
    { "{% if true or a > 'x' %}y{% endif %}", "{\"a\":1}", "y" },
    { "{% unless a == 1 or b %}x{% elsif true %}y{% endunless %}", "{\"a\":1}", "y" },
    { "{% raw -%}  {{ x }}  {%- endraw %}", NULL, "{{ x }}" },
    { "{% comment %}{% raw %}{% endcomment %}{% endraw %}{% endcomment %}x", NULL, "x" },
    { "{% liquid\n assign a = 1\n comment\n it's @ {{\n endcomment\n # {{\n if a == 1\n echo a\n endif -%} x",
      NULL, "1x" },
    { "{% increment a %}{% assign a = 7 %}{{ a }}{% increment a %}", "{\"a\":3}", "071" },
    { "{{ a['b'].c[-1] }}{{ ['a'].b.size }}", "{\"a\":{\"b\":{\"c\":[1,2]}}}", "21" },
    { "{{ 1 | plus: 9223372036854775806 }}", NULL, "9223372036854775807" },
    { "{{ -9223372036854775808 | divided_by: 1 }} {{ -7 | divided_by: 2 }} {{ -7 | modulo: 2 }}",
      NULL, "-9223372036854775808 -4 1" },
    { "{{ 'ÄÖß' | downcase }}{{ 'äöé' | upcase }}{{ 'ärger ÜBER' | capitalize }}", NULL,
      "äößÄÖÉÄrger über" },
    { "{{ 'abc' | truncate: -9223372036854775808 }}{{ 'abc' | slice: -9223372036854775808 }}", NULL,
      "..." },
    { "{% for a in (-9223372036854775808..9223372036854775807) limit: 2 offset: 9223372036854775807 %}"
      "{{ a }} {% endfor %}",
      NULL, "-1 0 " },
    { "{{ 'äöü' | slice: 1, 2 }}{{ 'äöü' | size }}{{ 'äöüx' | truncate: 2, '' }}", NULL, "öü3äö" },
};

static const struct rendering errors[] = {
    { "a\nb {{ x | nope }}", NULL, "line 2, column 10: there is no filter nope" },
    { "äö{% nope %}", NULL, "line 1, column 5: there is no tag nope here" },
    { "{% if a %}x", NULL, "line 1, column 3: if is not closed" },
    { "{% if a %}{% endfor %}", NULL,
      "line 1, column 13: endfor stands inside if, which is not closed" },
    { "{% endif %}", NULL, "line 1, column 3: there is no tag endif here" },
    { "{{ a", NULL, "line 1, column 5: the template ends before }}" },
    { "{{ 'a }}", NULL, "line 1, column 4: a text without its closing '" },
    { "{{ a b }}", NULL, "line 1, column 6: b stands where }} should" },
    { "{{ a. }}", NULL, "line 1, column 7: a name is missing" },
    { "{{ a | }}", NULL, "line 1, column 8: the name of a filter is missing" },
    { "{{ ä }}", NULL, "line 1, column 4: ä has no meaning here" },
    { "{% assign = 1 %}", NULL, "line 1, column 11: = stands where a name should" },
    { "{% if a == %}{% endif %}", NULL, "line 1, column 12: a value is missing" },
    { "{{ 1 | plus }}", NULL, "line 1, column 8: plus takes at least 1 argument" },
    { "{{ 1 | plus: 1, 2 }}", NULL, "line 1, column 17: plus takes 1 argument" },
    { "{{ 1 | slice: 1, 2, 3 }}", NULL, "line 1, column 21: slice takes at most 2 arguments" },
    { "{{ 1 | default: 1, x: 2 }}", NULL, "line 1, column 20: default takes no argument named x" },
    { "{% break %}", NULL, "line 1, column 3: break stands outside of a loop" },
    { "{% for a in b limit: 1 x: 2 %}{% endfor %}", NULL,
      "line 1, column 24: x stands where limit, offset or reversed should" },
    { "{% render a %}", NULL,
      "line 1, column 11: a stands where the name of a snippet, in quotes, should" },
    { "{% raw %}", NULL, "line 1, column 3: raw is not closed" },
    { "{% liquid\n if a\n%}{% endif %}", NULL, "line 2, column 2: if is not closed" },
    { "{{ 99999999999999999999 }}", NULL,
      "line 1, column 4: the number 99999999999999999999 is too large" },
    { "x\n {{ 1 | divided_by: a }}", "{\"a\":0}", "line 2, column 9: divided by 0" },
    { "{{ 9223372036854775807 | plus: 1 }}", NULL, "line 1, column 26: a number is too large" },
    { "{% if 1 < 'a' %}{% endif %}", NULL, "line 1, column 7: a number has no order with a text" },
    { "{{ a | concat: 1 }}", NULL, "line 1, column 8: concat is given a number, not a list" },
    { "{{ '%FF' | url_decode }}", NULL, "line 1, column 12: what is decoded is not text (UTF-8)" },
    { "{{ '*' | base64_decode }}", NULL, "line 1, column 10: this is not Base64" },
    { "{% render 'a' %}", NULL, "line 1, column 3: there are no snippets here" },
};

/* ---- snippets ---- */

static const struct {
    const char *name, *source;
} sources[] = {
    { "hello", "Hello {{ name }}{{ data }}!" },
    { "item",
      "{{ forloop.index }}/{{ forloop.length }} {{ item }}{% unless forloop.last %}, {% endunless %}" },
    { "bad", "x\n{{ 1 | divided_by: 0 }}" },
    { "outer", "[{% render 'hello', name: name %}]" },
    { "deep", "{% render 'bad' %}" },
    { "broken", "{% if %}" },
};

static struct template *compiled[COUNT(sources)];

static const struct template *snippet(struct ctx *ctx, struct str name, void *argument)
{
    for (size_t i = 0; i < COUNT(sources); i++)
        if (str_is(name, sources[i].name)) {
            if (!compiled[i])
                compiled[i] = template_compile(ctx, str_of(sources[i].source));
            return compiled[i];
        }
    return ctx_fail(ctx, ERR_NOT_FOUND, "there is none of that name"), NULL;
}

static const struct rendering snippets[] = {
    { "{% assign name = 'x' %}{% render 'hello' %}", "{\"data\":1}", "Hello !" },
    { "{% render 'hello', name: a %}{{ name }}", "{\"a\":\"<\"}", "Hello &lt;!" },
    { "{% render 'hello' with a as name %}", "{\"a\":5}", "Hello 5!" },
    { "{% render 'item' for a %}", "{\"a\":[4,\"<\"]}", "1/2 4, 2/2 &lt;" },
    { "{% render 'item' for a as item %}", "{\"a\":[]}", "" },
    { "{% render 'hello' with b for a, name: forloop %}", NULL,
      "line 1, column 30: a stands where : should" },
    { "{% for i in (1..2) %}{% render 'outer', name: i %}{% endfor %}", NULL,
      "[Hello 1!][Hello 2!]" },
    { "{% capture x %}{% render 'hello', name: '&' %}{% endcapture %}{{ x }}", NULL,
      "Hello &amp;!" },
    { "a\n{% render 'deep' %}", NULL,
      "line 2, column 3: in the snippet deep: line 1, column 3: in the snippet bad: "
      "line 2, column 8: divided by 0" },
    { "{% render 'none' %}", NULL,
      "line 1, column 3: the snippet none: there is none of that name" },
    { "{% render 'broken' %}", NULL,
      "line 1, column 3: the snippet broken: line 1, column 7: a value is missing" },
};

static void test_code_of_a_missing_snippet(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct str text;
    struct template *template = template_compile(&ctx, STR("{% render 'none' %}"));
    CHECK(
        !template_render(&ctx, template, &(struct template_options){ .snippet = snippet }, &text));
    CHECK_INT(ctx.error.code, ERR_NOT_FOUND);
    template_free(template);
}

/* ---- threads ---- */

static void *render_often(void *argument)
{
    const struct template *template = argument;
    for (int i = 0; i < 300; i++) {
        struct arena *arena CLEANUP(arena_freep) = arena_new(0);
        struct ctx ctx = { .arena = arena };
        struct str text, data = arena_printf(arena, "{\"names\":[\"Ä%d\",\"<\"]}", i);
        struct template_options options = { .data = json_parse(&ctx, data) };
        CHECK(template_render(&ctx, template, &options, &text));
        CHECK_STR(text, arena_printf(arena, "1 ä%d 2 &lt; 0", i).ptr);
    }
    return NULL;
}

static void test_threads_share_a_template(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct template *template = template_compile(
        &ctx, STR("{% for n in names %}{{ forloop.index }} {{ n | downcase }} {% endfor %}"
                  "{% increment x %}"));
    pthread_t threads[4];
    REQUIRE(template);
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, render_often, template) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    template_free(template);
}

int main(void)
{
    CHECK_RENDERINGS(escaping);
    CHECK_RENDERINGS(plain, .text = true);
    CHECK_RENDERINGS(language);
    CHECK_RENDERINGS(errors);
    CHECK_RENDERINGS(snippets, .snippet = snippet);
    test_code_of_a_missing_snippet();
    test_threads_share_a_template();
    for (size_t i = 0; i < COUNT(sources); i++)
        template_free(compiled[i]);
    return check_end();
}
