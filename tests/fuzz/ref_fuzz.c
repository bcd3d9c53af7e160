/* Names on any bytes: the first line is a reference, the others are the files
 * of a repository.
 *
 * What parses is written down and parsed again as the same, and is safe as
 * part of a path; what is chosen is one of the files, and would be chosen
 * again.  Seeds: a reference and names, a line each. */
#include <stdio.h>
#include <strings.h>

#include "base/dir.h"
#include "manager/internal.h"
#include "manager/shards.h"
#include "fuzz.h"

#define MAX_NAMES 64

static void require_safe(const char *path)
{
    require(ori_dir_path_ok(path) && path[0] != '/' && path[0] != '-' && path[0] != '.');
    require(!strstr(path, "/.") && !strstr(path, "/-") && !strstr(path, "//"));
    require(path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789._-/")] == '\0');
}

static void print(const struct ori_ref *ref, char *out, size_t size)
{
    const int n =
        snprintf(out, size, "%s%s%s%s%s%s%s", ref->repo, *ref->quant ? ":" : "", ref->quant,
                 *ref->file ? "/" : "", ref->file, *ref->rev ? "@" : "", ref->rev);
    require(n > 0 && (size_t)n < size);
}

static void try_reference(const char *text)
{
    static const struct ori_ref none;
    struct ori_ref ref, again;
    char printed[1000], place[ORI_STORE_PATH_MAX];
    orion_error err = {.status = ORION_OK};

    const orion_status status = ori_ref_parse(text, &ref, &err);
    if (status != ORION_OK) {
        require(status == ORION_E_NAME && err.status == status && err.message[0]);
        require(memcmp(&ref, &none, sizeof(ref)) == 0);
        return;
    }
    require_safe(ref.repo);
    require(strchr(ref.repo, '/') && strchr(ref.repo, '/') == strrchr(ref.repo, '/'));
    require(!*ref.file || !*ref.quant);
    if (*ref.file) {
        require_safe(ref.file);
        require(ori_store_place(ref.repo, ref.file, place, NULL) == ORION_OK);
        require_safe(place);
    }
    if (*ref.rev)
        require_safe(ref.rev);
    print(&ref, printed, sizeof(printed));
    require(strcmp(printed, text) == 0);
    require(ori_ref_parse(printed, &again, NULL) == ORION_OK);
    require(memcmp(&ref, &again, sizeof(ref)) == 0);
}

static void try_name(const char *name)
{
    char quantization[ORI_QUANT_MAX + 1], imported[ORI_NAME_PART_MAX + 1];
    uint32_t no, count, no_again, count_again;

    ori_quantization_of(name, quantization);
    require(strlen(quantization) <= ORI_QUANT_MAX);
    ori_import_name(name, imported, sizeof(imported));
    require(!*imported || ori_name_part_ok(imported, strlen(imported)));
    ori_shard_of(name, &no, &count);
    require(no >= 1 && no <= count && count <= ORI_MAX_SHARDS);
    if (count == 1)
        return;
    char *other = text_of(name, strlen(name));
    for (uint32_t i = 1; i <= count; i += count - 1) {
        ori_shard_name(other, i);
        require(ori_shard_same_model(name, other));
        ori_shard_of(other, &no_again, &count_again);
        require(no_again == i && count_again == count);
    }
    free(other);
}

static void try_choice(const char *const *names, size_t n, const char *quant)
{
    bool exact = false;

    const ptrdiff_t chosen = ori_hub_select(names, n, quant, &exact);
    require(chosen >= -1 && (chosen < 0 || (size_t)chosen < n));
    if (chosen < 0) {
        require(!exact);
        return;
    }
    require(ori_name_is_gguf(names[chosen]) && !ori_is_projector(names[chosen]));
    require(!*quant || exact);
    require(ori_hub_select(names + chosen, 1, quant, &exact) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *names[MAX_NAMES];
    size_t n = 0;
    char *whole = text_of(data, size);
    char *rest = whole;
    char *reference = next_part(&rest, '\n');

    try_reference(reference);
    for (char *name; n < MAX_NAMES && (name = next_part(&rest, '\n')); n++) {
        names[n] = name;
        try_name(name);
    }
    const char *colon = strchr(reference, ':');
    try_choice(names, n, "");
    if (colon && strlen(colon + 1) <= ORI_QUANT_MAX)
        try_choice(names, n, colon + 1);
    free(whole);
    return 0;
}
