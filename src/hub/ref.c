#include "hub/ref.h"

#include <ctype.h>
#include <string.h>

/* Take text[0..len) into a field of `max` characters. */
static bool take(char *field, size_t max, const char *text, size_t len)
{
    if (len > max)
        return false;
    memcpy(field, text, len);
    field[len] = '\0';
    return true;
}

static orion_status refuse(orion_error *err, const char *text, const char *why)
{
    return ori_fail_at(err, ORION_E_NAME, ORION_NO_OFFSET, text,
                       "'%.200s' is not a model's name: %s; write org/repo, org/repo:QUANT or "
                       "org/repo/file.gguf",
                       text, why);
}

static const char *parse_rev(const char *text, size_t *len, struct ori_ref *ref)
{
    const char *at = strchr(text, '@');
    if (!at)
        return NULL;
    *len = (size_t)(at - text);
    if (!take(ref->rev, ORI_REV_MAX, at + 1, strlen(at + 1)) || !ori_name_path_ok(ref->rev))
        return "what follows '@' is no revision";
    return NULL;
}

static const char *parse_repo(const char *text, size_t len, struct ori_ref *ref)
{
    const size_t org = strcspn(text, "/");
    if (org >= len)
        return "there is no '/' in it";
    const char *name = text + org + 1;
    const size_t name_len = strcspn(name, "/:@");
    if (!ori_name_part_ok(text, org) || !ori_name_part_ok(name, name_len))
        return "organisation and repository are made of letters, digits, '.', '_' and '-', and "
               "begin with neither '.' nor '-'";
    if (org > 96 || name_len > 96 || !take(ref->repo, ORI_REPO_MAX, text, org + 1 + name_len))
        return "organisation or repository is longer than 96 characters";
    return NULL;
}

/* What follows the repository: "", ":QUANT" or "/path". */
static const char *parse_rest(const char *rest, size_t len, struct ori_ref *ref)
{
    if (len == 0)
        return ori_name_is_gguf(ref->repo) ? "it gives a file without its repository" : NULL;
    if (rest[0] == ':') {
        if (!take(ref->quant, ORI_QUANT_MAX, rest + 1, len - 1) ||
            !ori_name_part_ok(ref->quant, len - 1))
            return "what follows ':' is no quantization such as Q4_K_M";
        return NULL;
    }
    if (!take(ref->file, ORI_NAME_PATH_MAX, rest + 1, len - 1))
        return "the file's path is too long";
    if (!ori_name_path_ok(ref->file))
        return "each part of the file's path is made of letters, digits, '.', '_' and '-', and "
               "begins with neither '.' nor '-'";
    if (!ori_name_is_gguf(ref->file))
        return "the file does not end in .gguf";
    return NULL;
}

orion_status ori_ref_parse(const char *text, struct ori_ref *out, orion_error *err)
{
    struct ori_ref ref = {0};
    size_t len = strlen(text);

    *out = (struct ori_ref){0};
    if (strstr(text, "://"))
        return refuse(err, text, "it is a URL; leave the scheme and the host out");
    const char *why = parse_rev(text, &len, &ref);
    if (!why)
        why = parse_repo(text, len, &ref);
    if (!why) {
        const size_t repo = strlen(ref.repo);
        why = repo > len ? "there is no '/' in it" : parse_rest(text + repo, len - repo, &ref);
    }
    if (why)
        return refuse(err, text, why);
    *out = ref;
    return ORION_OK;
}

static bool five_digits(const char *text)
{
    for (int i = 0; i < 5; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return true;
}

bool ori_ref_is_shard(const char *file)
{
    static const char pattern[] = "-00000-of-00000.gguf";
    const size_t n = sizeof(pattern) - 1, len = strlen(file);
    if (len < n || !ori_name_is_gguf(file))
        return false;
    const char *tail = file + len - n;
    return tail[0] == '-' && five_digits(tail + 1) && memcmp(tail + 6, "-of-", 4) == 0 &&
           five_digits(tail + 10);
}
