/* What all written files share. */
#include "platform/contract/compiler/compiler.h"

#define LINE 96

/* One line of literal at most LINE characters wide; "??" and hex escapes cannot go wrong with octal ones. */
void write_literal(FILE *out, struct str text)
{
    size_t column = 0;
    fputs("\"", out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (column > LINE) {
            fputs("\"\n    \"", out);
            column = 0;
        }
        if (c == '"' || c == '\\')
            column += (size_t)fprintf(out, "\\%c", c);
        else if (c == '\n')
            column += (size_t)fprintf(out, "\\n");
        else if (c < 0x20 || c == '?' || c >= 0x7F)
            column += (size_t)fprintf(out, "\\%03o", c);
        else
            column += (size_t)fprintf(out, "%c", c);
    }
    fputs("\"", out);
}

/* A comment in lines, its end marks defused. */
void write_comment(FILE *out, const char *indent, struct str text)
{
    if (!text.len)
        return;
    size_t column = strlen(indent) + 3;
    fprintf(out, "%s/* ", indent);
    struct str word;
    while (str_split(&text, ' ', &word)) {
        if (column + word.len > LINE) {
            fprintf(out, "\n%s * ", indent);
            column = strlen(indent) + 3;
        }
        for (size_t i = 0; i < word.len; i++) {
            bool mark = (word.ptr[i] == '*' && i + 1 < word.len && word.ptr[i + 1] == '/') ||
                        (word.ptr[i] == '/' && i + 1 < word.len && word.ptr[i + 1] == '*');
            fputc(word.ptr[i] == '\n' ? ' ' : word.ptr[i], out);
            if (mark)
                fputc(' ', out);
        }
        fputc(' ', out);
        column += word.len + 1;
    }
    fputs("*/\n", out);
}
