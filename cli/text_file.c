#include "cli/text_file.h"

#include <errno.h>
#include <iconv.h>
#include <sys/stat.h>

#include "base/clock.h"

#define PIECE_BYTES 65536

static const char *encoding_of(FILE *file, size_t *mark)
{
    static const struct {
        const char *bytes, *encoding;
        size_t n;
    } marks[] = { { "\xEF\xBB\xBF", NULL, 3 },
                  { "\xFF\xFE", "UTF-16LE", 2 },
                  { "\xFE\xFF", "UTF-16BE", 2 } };
    char first[3] = { 0 };
    size_t n = fread(first, 1, sizeof(first), file);
    rewind(file);
    for (size_t i = 0; i < COUNT(marks); i++)
        if (n >= marks[i].n && memcmp(first, marks[i].bytes, marks[i].n) == 0) {
            *mark = marks[i].n;
            return marks[i].encoding;
        }
    *mark = 0;
    return NULL;
}

/* All of `from` into `to`; what is left of a piece that ends inside a character goes before the next one. */
static bool convert(iconv_t converter, FILE *from, FILE *to)
{
    static char in[PIECE_BYTES], out[4 * PIECE_BYTES];
    size_t kept = 0, n;
    while ((n = fread(in + kept, 1, sizeof(in) - kept, from)) > 0) {
        char *at = in, *end = out;
        size_t left = kept + n, room = sizeof(out);
        if (iconv(converter, &at, &left, &end, &room) == (size_t)-1 && errno != EINVAL)
            return false;
        if (fwrite(out, 1, (size_t)(end - out), to) != (size_t)(end - out))
            return false;
        memmove(in, at, left);
        kept = left;
    }
    return kept == 0 && !ferror(from) && fflush(to) == 0;
}

/* Takes over the file. The copy has no name: it goes with the process. */
static FILE *converted(struct ctx *ctx, FILE *file, const char *path, const char *encoding)
{
    iconv_t converter = iconv_open("UTF-8", encoding);
    FILE *copy = converter == (iconv_t)-1 ? NULL : tmpfile();
    if (converter == (iconv_t)-1)
        ctx_fail(ctx, ERR_INVALID, "there is no encoding %s", encoding);
    else if (!copy)
        ctx_fail(ctx, ERR_UNAVAILABLE, "no room to convert %s: %s", path, strerror(errno));
    else if (!convert(converter, file, copy))
        ctx_fail(ctx, ERR_INVALID, "%s is not in %s", path, encoding);
    if (converter != (iconv_t)-1)
        iconv_close(converter);
    fclose(file);
    if (copy && ctx_failed(ctx)) {
        fclose(copy);
        return NULL;
    }
    return copy;
}

bool text_file_open(struct ctx *ctx, const char *path, const char *encoding, struct text_file *out)
{
    struct stat facts;
    size_t mark = 0;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &facts) != 0) {
        ctx_fail(ctx, ERR_NOT_FOUND, "%s cannot be read: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return false;
    }
    out->changed_us = facts.st_mtim.tv_sec * US_PER_S + facts.st_mtim.tv_nsec / 1000;
    const char *told = encoding_of(file, &mark);
    if (!encoding)
        encoding = told;
    fseek(file, (long)mark, SEEK_SET);
    if (encoding) {
        file = converted(ctx, file, path, encoding);
        if (!file || fstat(fileno(file), &facts) != 0)
            return false;
        rewind(file);
        mark = 0;
    }
    out->file = file;
    out->bytes = facts.st_size;
    out->skipped = (int64_t)mark;
    return true;
}
