/* What lies in the models directory, on any bytes.
 *
 * The first line says as what they are put there: "journal", "record",
 * "units", "set", "note", "ollama" or "llama"; the rest is the file.  A line
 * of JSON that needs its checksum gets it, so that what is behind is reached
 * too; with "raw-" in front it does not.  Then the store is listed, measured
 * and cleaned up.
 *
 * A journal claims no byte past the size, written and read again it says the
 * same; a record's hash is one; whatever is there, a good model beside it
 * stays as it was and nothing outside is touched.  Seeds: such files. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"
#include "fuzz.h"

#define KEY "ab34567890abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MODEL "acme/tiny/t.gguf"

static struct ori_store *store;
static char folder[300];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_folder(void)
{
    ori_store_close(store);
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *at(const char *path)
{
    static char whole[900];
    (void)snprintf(whole, sizeof(whole), "%s/%s", folder, path);
    return whole;
}

static void put(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(at(path), "wb");
    require(file != NULL);
    require((len == 0 || fwrite(data, 1, len, file) == len) && fclose(file) == 0);
}

static void make(const char *path)
{
    require(mkdir(at(path), 0700) == 0);
}

/* models/ is the store; ollama/ and llama/ are those of other programs. */
static void set_up(void)
{
    static const char *const folders[] = {"",
                                          "models",
                                          "models/.partial",
                                          "models/.lock",
                                          "models/acme",
                                          "models/acme/tiny",
                                          "ollama",
                                          "ollama/manifests",
                                          "ollama/manifests/h",
                                          "ollama/manifests/h/ns",
                                          "ollama/manifests/h/ns/m",
                                          "ollama/blobs",
                                          "llama"};
    const char *base = getenv("TMPDIR");

    (void)snprintf(folder, sizeof(folder), "%s/orion-store-fuzz.%ld", base ? base : "/tmp",
                   (long)getpid());
    for (size_t i = 0; i < ORI_COUNT(folders); i++)
        make(folders[i]);
    put("models/" MODEL, "GGUF", 4);
    put("ollama/blobs/sha256-" KEY, "GGUF", 4);
    put("llama/x.gguf", "GGUF", 4);
    require(ori_store_open(at("models"), &store, NULL) == ORION_OK);
    require(atexit(remove_folder) == 0);
}

/* A file of the store, sealed if it is not `raw`. */
static void put_sealed(const char *path, const char *text, size_t len, bool raw)
{
    struct ori_sha256 hash;
    struct ori_buf file;
    char hex[ORI_SHA256_HEX + 1];

    ori_buf_init(&file, (size_t)4 << 20);
    (void)ori_buf_add(&file, text, len);
    if (!raw) {
        ori_sha256_init(&hash);
        ori_sha256_update(&hash, text, len);
        ori_sha256_hex(&hash, hex);
        (void)ori_buf_addf(&file, "\n%s\n", hex);
    }
    put(path, ori_buf_text(&file), file.len);
    ori_buf_release(&file);
}

static void require_within(const struct ori_ranges *set, uint64_t size)
{
    uint64_t last = 0;

    for (size_t i = 0; i < set->count; i++) {
        require(set->list[i].begin < set->list[i].end && set->list[i].end <= size);
        require(i == 0 || last < set->list[i].begin);
        last = set->list[i].end;
    }
}

static void require_same(const struct ori_journal *a, const struct ori_journal *b)
{
    require(a->size_bytes == b->size_bytes && a->held == b->held && a->inode == b->inode &&
            a->modified_ns == b->modified_ns && a->done.count == b->done.count &&
            a->digest.kind == b->digest.kind && strcmp(a->digest.hex, b->digest.hex) == 0 &&
            strcmp(a->repo, b->repo) == 0 && strcmp(a->file, b->file) == 0);
    for (size_t i = 0; i < a->done.count; i++)
        require(a->done.list[i].begin == b->done.list[i].begin &&
                a->done.list[i].end == b->done.list[i].end);
}

static void rewrite(const struct ori_journal *j)
{
    struct ori_journal again;
    struct ori_chain chain;

    if (ori_chain_init(&chain, j->digest.kind, j->size_bytes, NULL) != ORION_OK)
        return;
    ori_chain_from_json(&chain, j->chain);
    require(chain.known >= 1 && chain.known <= chain.n_units);
    require(ori_journal_write(store, "again", ori_journal_to_json(j, &j->done, &chain), NULL) ==
            ORION_OK);
    require(ori_journal_read(store, "again", &again, NULL) == ORION_OK);
    require_same(j, &again);
    ori_journal_release(&again);
    ori_chain_release(&chain);
    require(unlink(at("models/.partial/again.json")) == 0);
}

static void try_journal(const char *text, size_t len, bool raw)
{
    struct ori_journal journal;

    put_sealed("models/.partial/" KEY ".json", text, len, raw);
    if (ori_journal_read(store, KEY, &journal, NULL) != ORION_OK) {
        require(!journal.chain && !journal.done.list && journal.done.count == 0);
        require(journal.size_bytes == 0 && !journal.held && !*journal.verified);
        return;
    }
    require_within(&journal.done, journal.size_bytes);
    rewrite(&journal);
    require(ori_journal_claim(store, KEY, &journal, 1000) == ORION_OK);
    require_within(&journal.done, journal.size_bytes < 1000 ? journal.size_bytes : 1000);
    ori_journal_release(&journal);
}

/* The list of a note, sealed: pairs of numbers as they lie in memory. */
static void try_note(const char *text, size_t len)
{
    struct ori_range list[64];
    struct ori_ranges set = {.list = list, .cap = ORI_COUNT(list)};
    struct ori_journal journal = {.size_bytes = 5000};
    char boot_id[40];

    set.count = len / sizeof(list[0]) < set.cap ? len / sizeof(list[0]) : set.cap;
    memcpy(list, text, set.count * sizeof(list[0]));
    ori_journal_boot_id(boot_id);
    const int fd = ori_note_open(store, KEY);
    require(fd >= 0 && ori_note_write(fd, 1, boot_id, &set) && close(fd) == 0);
    require(ori_journal_claim(store, KEY, &journal, 4000) == ORION_OK);
    require_within(&journal.done, 4000);
    ori_ranges_release(&journal.done);
}

static void require_text(const char *field, size_t bytes)
{
    require(strnlen(field, bytes) < bytes);
}

static void try_record(const char *text, size_t len)
{
    struct ori_stored model;

    put("models/acme/tiny/.t.gguf.json", text, len);
    require(ori_store_look(store, MODEL, &model, NULL) == ORION_OK);
    require(!model.has_record || !model.record_damaged);
    require(!model.intact || model.has_record);
    if (model.has_record) {
        require(ori_sha256_is_hex(model.record.sha256));
        require_text(model.record.hub, sizeof(model.record.hub));
        require_text(model.record.repo, sizeof(model.record.repo));
        require_text(model.record.file, sizeof(model.record.file));
        require_text(model.record.revision, sizeof(model.record.revision));
    }
    ori_stored_release(&model);
}

static void try_units(const char *text, size_t len, bool raw)
{
    struct ori_chain chain;

    put_sealed("models/acme/tiny/.t.gguf.units", text, len, raw);
    require(ori_chain_init(&chain, ORI_DIGEST_SHA256, (uint64_t)100 << 20, NULL) == ORION_OK);
    require(ori_units_read(store, MODEL, KEY, &chain, NULL) == ORION_OK);
    require(chain.known >= 1 && chain.known <= chain.n_units);
    ori_chain_release(&chain);
}

static void try_foreign(enum ori_foreign_kind kind, const char *root)
{
    struct ori_foreign *list = NULL;
    size_t n = 0;
    char whole[400];

    (void)snprintf(whole, sizeof(whole), "%s/%s", folder, root);
    require(ori_foreign_find(kind, whole, &list, &n, NULL) == ORION_OK && n <= 1);
    for (size_t i = 0; i < n; i++) {
        require(strncmp(list[i].path, whole, strlen(whole)) == 0 && !strstr(list[i].path, "/../"));
        require(!*list[i].repo || ori_name_path_ok(list[i].repo));
        require(ori_name_path_ok(list[i].file) && ori_name_is_gguf(list[i].file));
        require(!*list[i].sha256 || ori_sha256_is_hex(list[i].sha256));
    }
    ori_foreign_free(list, n);
}

static void try_all(void)
{
    struct ori_partial_facts *partials;
    struct ori_litter *litter;
    struct ori_stored *models;
    struct ori_usage usage;
    size_t n;

    require(ori_store_scan(store, &models, &n, NULL) == ORION_OK);
    require(n <= 1); /* a set may hide it */
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
    require(ori_store_partials(store, &partials, &n, NULL) == ORION_OK);
    for (size_t i = 0; i < n; i++)
        require(partials[i].done_bytes <= partials[i].size_bytes);
    free(partials);
    require(ori_store_usage(store, &usage, NULL) == ORION_OK && usage.n_models <= 1);
    require(ori_store_prune(store, 0, false, &litter, &n, NULL) == ORION_OK);
    free(litter);
}

static void require_model(void)
{
    char text[8] = "";
    FILE *file = fopen(at("models/" MODEL), "rb");
    require(file != NULL);
    require(fread(text, 1, sizeof(text), file) == 4 && memcmp(text, "GGUF", 4) == 0);
    require(fclose(file) == 0);
}

static void clean(void)
{
    static const char *const files[] = {
        "models/.partial/" KEY ".json",  "models/.partial/" KEY ".part",
        "models/.partial/" KEY ".set",   "models/.partial/" KEY ".note",
        "models/acme/tiny/.t.gguf.json", "models/acme/tiny/.t.gguf.units",
        "ollama/manifests/h/ns/m/tag",   "llama/x.gguf.json"};
    for (size_t i = 0; i < ORI_COUNT(files); i++)
        (void)unlink(at(files[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    char what[16];

    if (!end || (size_t)(end - text) >= sizeof(what))
        return 0;
    if (!store)
        set_up();
    (void)snprintf(what, sizeof(what), "%.*s", (int)(end - text), text);
    const bool raw = strncmp(what, "raw-", 4) == 0;
    const char *kind = raw ? what + 4 : what;
    size -= (size_t)(end + 1 - text);
    text = end + 1;
    if (size > 0 && text[size - 1] == '\n') /* that of a seed, which is a text file */
        size--;

    put("models/.partial/" KEY ".part", "GGUF", 4);
    if (strcmp(kind, "journal") == 0)
        try_journal(text, size, raw);
    else if (strcmp(kind, "record") == 0)
        try_record(text, size);
    else if (strcmp(kind, "units") == 0)
        try_units(text, size, raw);
    else if (strcmp(kind, "set") == 0)
        put_sealed("models/.partial/" KEY ".set", text, size, raw);
    else if (strcmp(kind, "note") == 0)
        try_note(text, size);
    else if (strcmp(kind, "ollama") == 0)
        put("ollama/manifests/h/ns/m/tag", text, size);
    else if (strcmp(kind, "llama") == 0)
        put("llama/x.gguf.json", text, size);
    else
        put("models/.partial/" KEY ".note", text, size);
    if (strcmp(kind, "ollama") == 0)
        try_foreign(ORI_FOREIGN_OLLAMA, "ollama");
    else if (strcmp(kind, "llama") == 0)
        try_foreign(ORI_FOREIGN_LLAMA_CPP, "llama");
    else
        try_all();
    require_model();
    clean();
    return 0;
}
