/* orion import: take in models that are on this machine already. */
#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct import_args {
    bool link, copy, move, symlink;
    const char *as;
};

#define FIELD(name) offsetof(struct import_args, name)

static const struct cli_option options[] = {
    {.kind = CLI_KIND_FLAG,
     .name = "link",
     .offset = FIELD(link),
     .help = "share the bytes with the original, or fail"},
    {.kind = CLI_KIND_FLAG, .name = "copy", .offset = FIELD(copy), .help = "copy the bytes"},
    {.kind = CLI_KIND_FLAG,
     .name = "move",
     .offset = FIELD(move),
     .help = "delete the original once the model is verified and in place"},
    {.kind = CLI_KIND_FLAG,
     .name = "symlink",
     .offset = FIELD(symlink),
     .help = "link to the original, which must stay where it is"},
    {.kind = CLI_KIND_TEXT,
     .name = "as",
     .offset = FIELD(as),
     .value = "ORG/REPO/FILE.gguf",
     .help = "keep it under this name"},
    {.kind = CLI_KIND_END},
};

static const struct cli_option_set sets[] = {{options, 0}, {NULL, 0}};

/* ---- listing ---- */

static const struct cli_column columns[] = {
    {"ID", false}, {"SIZE", true}, {"FROM", false}, {"STATE", false}, {"PATH", false}};

static void cell(const void *rows, size_t row, size_t column, char *out, size_t out_bytes)
{
    const orion_foreign *m = &((const orion_foreign *)rows)[row];
    char bytes[CLI_NUMBER_BYTES];
    const char *const texts[] = {m->id, cli_text_bytes(m->size_bytes, bytes),
                                 m->program[0] ? m->program : "folder", m->imported ? "here" : "-",
                                 m->path};

    (void)snprintf(out, out_bytes, "%s", texts[column]);
}

static int print_foreign(const struct cli *cli, const orion_foreign_list *list)
{
    if (!cli->json) {
        if (list->count == 0)
            cli_note(cli, "no other program's models were found.");
        else
            cli_table_print(columns, CLI_COUNT(columns), list->count, cell, list->models);
        return CLI_OK;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const orion_foreign *m = &list->models[i];
        cli_json_add(&array, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "program",
                                       cli_json_text(m->program), "path", cli_json_text(m->path),
                                       "id", cli_json_text(m->id), "sha256",
                                       cli_json_text(m->sha256), "size_bytes",
                                       cli_json_count(m->size_bytes), "imported", m->imported));
    }
    return cli_json_print(cli, array);
}

static int find_foreign(const struct cli *cli, const char *dir, orion_foreign_list **out)
{
    orion_error err = CLI_NO_ERROR;
    const orion_status status = orion_manager_foreign(cli->manager, dir, out, &err);

    return status == ORION_OK ? CLI_OK : cli_fail(cli, status, &err);
}

/* ---- importing ---- */

static const char *way_text(orion_import_way way)
{
    static const char *const texts[] = {
        [ORION_IMPORTED_REFLINK] = "shared with the original (reflink)",
        [ORION_IMPORTED_HARD_LINK] = "shared with the original (hard link)",
        [ORION_IMPORTED_COPY] = "copied",
        [ORION_IMPORT_WAS_THERE] = "already here",
        [ORION_IMPORTED_SYMLINK] = "a link to the original, which must stay where it is",
    };
    return texts[way];
}

static const char *way_word(orion_import_way way)
{
    static const char *const words[] = {
        [ORION_IMPORTED_REFLINK] = "reflink", [ORION_IMPORTED_HARD_LINK] = "hardlink",
        [ORION_IMPORTED_COPY] = "copy",       [ORION_IMPORT_WAS_THERE] = "present",
        [ORION_IMPORTED_SYMLINK] = "symlink",
    };
    return words[way];
}

static int import_one(const struct cli *cli, const struct import_args *args, const char *file,
                      const char *id)
{
    struct cli_progress progress = {0};
    orion_import_options how;
    orion_import_way way = ORION_IMPORT_WAS_THERE;
    orion_error err = CLI_NO_ERROR;
    char *path = NULL;

    cli_progress_init(&progress, cli, file);
    orion_import_options_init(&how);
    how.mode = args->link      ? ORION_IMPORT_LINK
               : args->copy    ? ORION_IMPORT_COPY
               : args->move    ? ORION_IMPORT_MOVE
               : args->symlink ? ORION_IMPORT_SYMLINK
                               : ORION_IMPORT_AUTO;
    how.id = id;
    how.on_progress = cli_progress_step;
    how.user = &progress;
    const orion_status status = orion_manager_import(cli->manager, file, &how, &path, &way, &err);
    cli_progress_end(&progress);
    if (status != ORION_OK)
        return cli_fail(cli, status, &err);
    cli_note(cli, "%s: %s", file, way_text(way));
    int code = CLI_OK;
    if (cli->json)
        code = cli_json_print(cli, json_pack("{s:o, s:o, s:s}", "source", cli_json_text(file),
                                             "path", cli_json_text(path), "way", way_word(way)));
    else
        (void)puts(path);
    orion_free(path);
    return code;
}

static int import_folder(const struct cli *cli, const struct import_args *args, const char *dir)
{
    orion_foreign_list *list = NULL;
    int result = find_foreign(cli, dir, &list);

    if (result != CLI_OK)
        return result;
    if (list->count == 0) {
        orion_foreign_list_free(list);
        cli_error(cli, "there are no models in '%s'.", dir);
        return CLI_NOT_FOUND;
    }
    for (size_t i = 0; i < list->count; i++) {
        const int code = import_one(cli, args, list->models[i].path, list->models[i].id);
        if (result == CLI_OK)
            result = code;
        if (code == CLI_CANCELLED)
            break;
    }
    orion_foreign_list_free(list);
    return result;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int import_run(struct cli *cli, const void *args, int n_operands, char **operands)
{
    const struct import_args *a = args;
    orion_manager *manager = NULL;
    orion_foreign_list *list = NULL;

    if (a->link + a->copy + a->move + a->symlink > 1)
        return cli_usage(cli, "--link, --copy, --move and --symlink exclude each other.");
    if (a->as && (n_operands != 1 || is_folder(operands[0])))
        return cli_usage(cli, "--as names one file.");
    int result = cli_manager(cli, &manager);
    if (result != CLI_OK)
        return result;
    if (n_operands == 0) {
        result = find_foreign(cli, NULL, &list);
        if (result == CLI_OK)
            result = print_foreign(cli, list);
        orion_foreign_list_free(list);
        return result;
    }
    cli_interrupt_install();
    for (int i = 0; i < n_operands; i++) {
        const int code = is_folder(operands[i]) ? import_folder(cli, a, operands[i])
                                                : import_one(cli, a, operands[i], a->as);
        if (result == CLI_OK)
            result = code;
        if (code == CLI_CANCELLED)
            break;
    }
    return result;
}

const struct cli_verb verb_import = {
    .name = "import",
    .usage = "[--link|--copy|--move|--symlink] [FILE|DIR]...",
    .summary = "take in models that are on this machine already",
    .details =
        "Without FILE or DIR it lists what Hugging Face, llama.cpp, Ollama and LM Studio keep\n"
        "on this machine. A DIR may be one of their stores or a folder with .gguf files. The\n"
        "bytes are shared with the original where the file system can (reflink, else hard\n"
        "link), else copied. The original is only read, unless --move is given. --symlink is\n"
        "for an original on another disk that is not to be copied: the model is lost when that\n"
        "is. The path of each model is printed on standard output.",
    .options = sets,
    .args_bytes = sizeof(struct import_args),
    .max_operands = -1,
    .run = import_run,
};
