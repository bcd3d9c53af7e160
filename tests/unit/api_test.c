/* orion.h as a program sees it: each function is called, arguments that break
 * the contract are refused, option structs of other versions are understood.
 * What the functions do is tested where they do it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model_file.h"

#include <orion.h>

#define TINY "../models/orion-tiny.gguf"
#define PLAIN "golden/llama-gqa.gguf"

static orion_model *open_model(const char *name)
{
    orion_model *model;
    orion_error err = {0};
    if (orion_model_open(data_path(name), NULL, &model, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return model;
}

static orion_session *new_session(const orion_model *model)
{
    orion_session_options options;
    orion_session *session;
    orion_error err = {0};
    orion_session_options_init(&options);
    options.threads = 1;
    if (orion_session_new(model, &options, &session, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return session;
}

static int take(const char *text, size_t len, void *user)
{
    struct bytes *out = user;
    put(out, text, len);
    return 0;
}

/* Counts; stops at the third when `user` says so. */
struct scores {
    uint64_t n;
    bool stop;
};

static int take_score(const orion_token_score *score, void *user)
{
    struct scores *scores = user;
    assert_true(score->log_likelihood <= 0 && score->token >= 0 && score->likeliest >= 0);
    return ++scores->n == 3 && scores->stop;
}

/* ---- 1. status and errors ---- */

static void test_version(void **state)
{
    char expected[32];
    (void)state;
    (void)snprintf(expected, sizeof(expected), "%d.%d.%d", ORION_VERSION_MAJOR, ORION_VERSION_MINOR,
                   ORION_VERSION_PATCH);
    assert_string_equal(orion_version(), expected);
}

static void test_status_texts(void **state)
{
    (void)state;
    for (int status = ORION_E_NAME; status <= ORION_OK; status++) {
        assert_string_not_equal(orion_status_text((orion_status)status), "unknown status");
        for (int other = ORION_E_NAME; other < status; other++)
            assert_string_not_equal(orion_status_text((orion_status)status),
                                    orion_status_text((orion_status)other));
    }
    assert_string_equal(orion_status_text((orion_status)-99), "unknown status");
}

static void test_null_handles(void **state)
{
    (void)state;
    orion_free(NULL);
    orion_manager_close(NULL);
    orion_model_list_free(NULL);
    orion_model_close(NULL);
    orion_prefix_cache_close(NULL);
    orion_session_free(NULL);
    orion_session_reset(NULL);
    orion_session_cancel(NULL);
}

/* ---- 2. manager ---- */

static void test_manager(void **state)
{
    const orion_stored_file file = {.repo = "a/b", .file = "c.gguf", .sha256 = ""};
    orion_stored_file_list *files;
    int fd;
    orion_manager_options options;
    orion_pull_options pull;
    orion_download_options download;
    orion_manager *manager;
    uint64_t id = 9;
    orion_model_list *list;
    orion_offer_list *offers;
    orion_error err = {0};
    char *path = (char *)&options;
    char models[600];

    (void)state;
    (void)snprintf(models, sizeof(models), "%s", path_of("models"));
    orion_manager_options_init(&options);
    orion_pull_options_init(&pull);
    options.models_dir = models;
    options.offline = true;
    assert_int_equal(orion_manager_open(&options, &manager, &err), ORION_OK);
    assert_int_equal(orion_manager_available(manager, &list, &err), ORION_OK);
    assert_true(list->count > 0);
    assert_string_equal(list->models[0].id, "phi3-mini-4k");
    assert_false(list->models[0].downloaded);
    orion_model_list_free(list);
    assert_int_equal(orion_manager_downloaded(manager, &list, &err), ORION_OK);
    assert_int_equal(list->count, 0);
    orion_model_list_free(list);
    assert_int_equal(orion_manager_files(manager, NULL, &files, &err), ORION_OK);
    assert_int_equal(files->count, 0);
    orion_stored_file_list_free(files);
    assert_int_equal(orion_manager_open_file(manager, &file, &fd, &err), ORION_E_NOT_FOUND);
    assert_int_equal(fd, -1);
    assert_int_equal(orion_manager_path(manager, "phi3-mini-4k", &path, &err), ORION_E_NOT_FOUND);
    assert_null(path);
    assert_int_equal(orion_manager_remove(manager, "phi3-mini-4k", &err), ORION_E_NOT_FOUND);
    assert_int_equal(orion_manager_verify(manager, "phi3-mini-4k", &pull, &err), ORION_E_NOT_FOUND);
    assert_int_equal(orion_manager_pull(manager, "phi3-mini-4k", &pull, &path, &err),
                     ORION_E_OFFLINE);
    assert_null(path);
    assert_int_equal(orion_manager_pull_file(manager, "a/b", "c.gguf", NULL, &path, &err),
                     ORION_E_OFFLINE);
    orion_download_options_init(&download);
    download.kind = (orion_download_kind)3;
    assert_int_equal(orion_download_start(manager, "phi3-mini-4k", &download, &id, &err),
                     ORION_E_ARGUMENT);
    download.kind = ORION_DOWNLOAD_VERIFY;
    assert_int_equal(orion_download_start(manager, "phi3-mini-4k", &download, &id, &err),
                     ORION_E_NOT_FOUND);
    assert_int_equal(id, 0);
    assert_true(orion_download_changes(manager, 0, -1) > 0);
    assert_int_equal(orion_download_changes(NULL, 0, -1), 1);
    assert_int_equal(orion_download_keep(manager, &err), ORION_OK);
    assert_int_equal(orion_download_keep(NULL, &err), ORION_E_ARGUMENT);
    assert_true(orion_manager_is_offline(manager) && !orion_manager_is_offline(NULL));
    assert_int_equal(orion_manager_model(manager, "phi3-mini", &list, &err), ORION_OK);
    assert_string_equal(list->models[0].id, "phi3-mini-4k");
    orion_model_list_free(list);
    assert_int_equal(orion_manager_offers(manager, "acme/tiny", &offers, &err), ORION_E_OFFLINE);
    assert_null(offers);
    assert_int_equal(orion_manager_offers(manager, "acme/tiny:Q8_0", &offers, &err), ORION_E_NAME);
    orion_manager_close(manager);

    assert_int_equal(orion_manager_model(NULL, "x", &list, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_offers(NULL, "x/y", &offers, &err), ORION_E_ARGUMENT);
    orion_offer_list_free(NULL);
    assert_int_equal(orion_manager_open(&options, NULL, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_available(NULL, &list, &err), ORION_E_ARGUMENT);
    assert_null(list);
    assert_int_equal(orion_manager_downloaded(NULL, &list, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_files(NULL, NULL, &files, &err), ORION_E_ARGUMENT);
    assert_null(files);
    assert_int_equal(orion_manager_open_file(NULL, &file, &fd, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_path(NULL, "x", &path, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_remove(NULL, "x", &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_verify(NULL, "x", NULL, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_pull(NULL, "x", NULL, &path, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_manager_pull_file(NULL, "x", "y", NULL, &path, &err), ORION_E_ARGUMENT);
    char command[700];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", models);
    assert_int_equal(system(command), 0);
}

static void test_machine(void **state)
{
    static const struct {
        uint64_t memory, available;
        orion_fit_verdict verdict;
    } cases[] = {
        {0, 1000, ORION_FIT_FITS},     {875, 1000, ORION_FIT_FITS}, {876, 1000, ORION_FIT_TIGHT},
        {1000, 1000, ORION_FIT_TIGHT}, {1001, 1000, ORION_FIT_NOT}, {1000, 0, ORION_FIT_TIGHT},
    };
    orion_machine machine;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(orion_fit_judge(cases[i].memory, cases[i].available), cases[i].verdict);
    orion_machine_get(&machine);
    assert_true(machine.cores >= 1 && *machine.cpu_tier);
    assert_true(machine.available_bytes > 0 && machine.memory_bytes >= machine.available_bytes);
}

/* ---- 3. model ---- */

static void test_model(void **state)
{
    orion_model *model = open_model(TINY);
    orion_model_info info;
    orion_tensor_info tensor;
    uint64_t bytes = 0;
    const char *key = NULL;
    char value[16];
    bool found = false;

    (void)state;
    orion_model_get_info(model, &info);
    assert_string_equal(info.architecture, "phi3");
    assert_string_equal(info.chat_template, "phi3");
    assert_string_equal(info.quantization, "F16");
    assert_true(strlen(info.name) > 0 && strlen(info.license) > 0);
    assert_int_equal(info.n_vocab, 2309);
    assert_int_equal(info.context_tokens, 1024);
    const uint64_t elements = 2ull * info.n_layers * info.n_heads_kv * info.head_dim;
    assert_int_equal(info.kv_bytes_per_token, 2 * elements);
    assert_int_equal(orion_model_kv_bytes_per_token(model, ORION_KV_F16), 2 * elements);
    assert_int_equal(orion_model_kv_bytes_per_token(model, ORION_KV_F32), 4 * elements);
    assert_int_equal(orion_model_kv_bytes_per_token(model, ORION_KV_Q8_0), elements / 32 * 34);
    assert_int_equal(orion_model_kv_bytes_per_token(model, (orion_kv_type)3), 0);

    assert_true(orion_model_n_tensors(model) > 0);
    for (size_t i = 0; i < orion_model_n_tensors(model); i++) {
        assert_true(orion_model_tensor(model, i, &tensor));
        assert_true(tensor.offset_bytes + tensor.size_bytes <= info.file_bytes);
        bytes += tensor.size_bytes;
    }
    assert_true(bytes > info.n_params && bytes < info.file_bytes);
    assert_true(orion_model_tensor(model, 0, &tensor));
    assert_string_equal(tensor.name, "token_embd.weight");
    assert_string_equal(tensor.type, "F16");
    assert_int_equal(tensor.n_dims, 2);
    assert_int_equal(tensor.dims[0], info.n_embd);
    assert_int_equal(tensor.dims[1], info.n_vocab);
    assert_int_equal(tensor.dims[3], 1);
    assert_int_equal(tensor.size_bytes, 2ull * info.n_embd * info.n_vocab);
    assert_false(orion_model_tensor(model, orion_model_n_tensors(model), &tensor));

    size_t kinds[4] = {0};
    for (size_t i = 0; i < orion_model_n_metadata(model); i++) {
        const size_t len = orion_model_metadata(model, i, &key, value, sizeof(value));
        const orion_value_kind kind = orion_model_metadata_kind(model, i);
        kinds[kind]++;
        assert_true(kind != ORION_VALUE_FLAG || !strcmp(value, "true") || !strcmp(value, "false"));
        if (strcmp(key, "general.architecture") == 0)
            assert_int_equal(kind, ORION_VALUE_TEXT);
        if (strcmp(key, "tokenizer.ggml.tokens") == 0)
            assert_int_equal(kind, ORION_VALUE_LIST);
        assert_true(strlen(value) < sizeof(value) && strlen(value) <= len);
        if (strcmp(key, "phi3.context_length") == 0) {
            found = true;
            assert_string_equal(value, "1024");
            assert_int_equal(kind, ORION_VALUE_NUMBER);
            assert_int_equal(len, 4);
            /* Only the length. */
            assert_int_equal(orion_model_metadata(model, i, NULL, NULL, 0), 4);
        }
    }
    assert_true(found);
    assert_int_equal(
        orion_model_metadata(model, orion_model_n_metadata(model), &key, value, sizeof(value)), 0);
    assert_int_equal(orion_model_metadata_kind(model, orion_model_n_metadata(model)),
                     ORION_VALUE_TEXT);
    assert_true(kinds[ORION_VALUE_FLAG] > 0);
    orion_model_close(model);
}

static void test_is_available(void **state)
{
    orion_error err = {0};
    (void)state;
    assert_true(orion_is_available(data_path(TINY), NULL));
    assert_false(orion_is_available(data_path("golden/absent.gguf"), &err));
    assert_int_equal(err.status, ORION_E_NOT_FOUND);
    assert_false(orion_is_available(data_path("golden/records-en.txt"), &err));
    assert_int_equal(err.status, ORION_E_FORMAT);
    assert_int_equal(err.offset, 0);
    assert_false(orion_is_available(NULL, &err));
    assert_int_equal(err.status, ORION_E_ARGUMENT);
}

static void test_vocab_only(void **state)
{
    orion_model_options options;
    orion_model *model;
    orion_model_info info;
    orion_session *session = (orion_session *)&options;
    orion_error err = {0};

    (void)state;
    orion_model_options_init(&options);
    options.vocab_only = true;
    assert_int_equal(orion_model_open(data_path(TINY), &options, &model, &err), ORION_OK);
    orion_model_get_info(model, &info);
    assert_string_equal(info.architecture, "phi3");
    assert_int_equal(info.n_vocab, 2309);
    assert_int_equal(info.n_layers, 0);
    assert_int_equal(orion_session_new(model, NULL, &session, &err), ORION_E_UNSUPPORTED);
    assert_null(session);
    assert_non_null(strstr(err.message, "vocabulary only"));
    orion_model_close(model);
}

static void test_tokens(void **state)
{
    static const char *const texts[] = {
        "",
        "Su presión arterial es 131/82 mmHg.",
        " two  spaces ",
        "line\nbreaks\n\n",
        "<|end|> is text",
        "emoji 😀 and \x01 control",
        "\xFF\xC3 broken \xE2\x82 bytes",
    };
    orion_model *model = open_model(TINY);
    int32_t *tokens;
    size_t n_tokens;
    char *back;
    size_t back_bytes;
    orion_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const size_t len = strlen(texts[i]);
        assert_int_equal(orion_tokenize(model, texts[i], len, 0, &tokens, &n_tokens, &err),
                         ORION_OK);
        assert_int_equal(orion_detokenize(model, tokens, n_tokens, 0, &back, &back_bytes, &err),
                         ORION_OK);
        assert_int_equal(back_bytes, len);
        assert_memory_equal(back, texts[i], len + 1);
        orion_free(back);
        orion_free(tokens);
    }
    assert_int_equal(orion_tokenize(model, "a\0b", 3, 0, &tokens, &n_tokens, &err), ORION_OK);
    assert_int_equal(orion_detokenize(model, tokens, n_tokens, 0, &back, &back_bytes, &err),
                     ORION_OK);
    assert_int_equal(back_bytes, 3);
    assert_memory_equal(back, "a\0b", 4);
    orion_free(back);
    orion_free(tokens);

    assert_int_equal(
        orion_tokenize(model, "<|end|>", 7, ORION_TOKENIZE_SPECIAL, &tokens, &n_tokens, &err),
        ORION_OK);
    assert_int_equal(n_tokens, 1);
    assert_int_equal(orion_detokenize(model, tokens, 1, 0, &back, NULL, &err), ORION_OK);
    assert_string_equal(back, "");
    orion_free(back);
    assert_int_equal(
        orion_detokenize(model, tokens, 1, ORION_DETOKENIZE_SPECIAL, &back, NULL, &err), ORION_OK);
    assert_string_equal(back, "<|end|>");
    orion_free(back);
    orion_free(tokens);

    assert_int_equal(orion_tokenize(model, "a", 1, ORION_TOKENIZE_BOS, &tokens, &n_tokens, &err),
                     ORION_OK);
    assert_int_equal(tokens[0], 1);
    orion_free(tokens);
    assert_int_equal(orion_tokenize(model, NULL, 0, 0, &tokens, &n_tokens, &err), ORION_OK);
    assert_int_equal(n_tokens, 0);
    orion_free(tokens);

    for (int32_t bad = -1; bad <= 2309; bad += 2310) {
        back = (char *)&err;
        back_bytes = 7;
        assert_int_equal(orion_detokenize(model, &bad, 1, 0, &back, &back_bytes, &err),
                         ORION_E_ARGUMENT);
        assert_null(back);
        assert_int_equal(back_bytes, 0);
        assert_non_null(strstr(err.message, bad < 0 ? "token -1 " : "token 2309 "));
    }
    orion_model_close(model);
}

/* ---- 4. session ---- */

static void test_session(void **state)
{
    static const orion_message message = {"user", "2024-03-06: Weight 91.4 kg."};
    static const char *const records[] = {"2024-03-06: Weight 91.4 kg."};
    orion_model *model = open_model(TINY);
    orion_session *session = new_session(model);
    orion_generate_params params;
    orion_summarize_options options;
    orion_perplexity_result result;
    struct bytes out = {0};
    orion_stats stats;
    orion_error err = {0};

    (void)state;
    orion_generate_params_init(&params);
    assert_true(params.temperature > 0 && params.top_k == 40 && params.repeat_last_tokens == 64);
    params.max_tokens = 5;
    assert_int_equal(orion_generate(session, &message, 1, &params, take, &out, &stats, &err),
                     ORION_OK);
    assert_int_equal(stats.output_tokens, 5);
    assert_true(out.len > 0);
    assert_int_equal(orion_generate(session, &message, 1, &params, NULL, NULL, NULL, NULL),
                     ORION_OK);
    assert_int_equal(
        orion_generate_text(session, "Weight", false, &params, take, &out, &stats, &err), ORION_OK);
    orion_session_reset(session);
    assert_int_equal(
        orion_generate_text(session, "Weight", true, &params, NULL, NULL, &stats, &err), ORION_OK);
    assert_int_equal(stats.cached_tokens, 0);

    orion_summarize_options_init(&options);
    options.params = &params;
    options.language = "en";
    assert_int_equal(orion_summarize(session, records, 1, &options, take, &out, &stats, &err),
                     ORION_OK);
    assert_int_equal(stats.output_tokens, 5);
    assert_int_equal(orion_perplexity(session, "Weight 91 kg", 12, true, &result, &err), ORION_OK);
    assert_true(result.perplexity > 1);
    struct scores scores = {0};
    assert_int_equal(orion_perplexity_each(session, "Weight 91 kg", 12, false, take_score, &scores,
                                           &result, &err),
                     ORION_OK);
    assert_true(scores.n == result.n_tokens && scores.n > 3);
    scores = (struct scores){.stop = true};
    assert_int_equal(orion_perplexity_each(session, "Weight 91 kg", 12, false, take_score, &scores,
                                           &result, &err),
                     ORION_E_CANCELLED);
    assert_true(scores.n == 3 && result.n_tokens == 0);

    orion_session_cancel(session);
    stats = (orion_stats){.finish = ORION_FINISH_END, .output_tokens = 9};
    assert_int_equal(orion_generate(session, &message, 1, &params, take, &out, &stats, &err),
                     ORION_E_CANCELLED);
    assert_int_equal(stats.finish, ORION_FINISH_CANCELLED);
    assert_int_equal(stats.output_tokens, 0);
    free(out.data);
    orion_session_free(session);
    orion_model_close(model);
}

/* A prompt is there for the next session, and an answer once it was saved. */
static void test_prefix_cache(void **state)
{
    static const char text[] = "2024-03-06: Visit for thirst. Weight 91.4 kg. Glucose 149 mg/dL.\n"
                               "2024-04-10: Visit for cough. Weight 90.2 kg. Glucose 131 mg/dL.\n"
                               "2024-05-15: Visit for thirst. Weight 89.9 kg. Glucose 128 mg/dL.";
    orion_model *model = open_model(TINY);
    orion_prefix_cache_options where;
    orion_prefix_cache *cache;
    orion_session_options options;
    orion_session *session;
    orion_generate_params params;
    orion_stats stats[2];
    int32_t *tokens;
    size_t n;
    uint32_t restored;
    uint64_t n_files, bytes;
    orion_error err = {0};

    (void)state;
    orion_prefix_cache_options_init(&where);
    where.dir = path_of("cache");
    where.existing_only = true;
    assert_int_equal(orion_prefix_cache_open(NULL, &where, &cache, &err), ORION_E_NOT_FOUND);
    assert_null(cache);
    where.existing_only = false;
    if (orion_prefix_cache_open(NULL, &where, &cache, &err) != ORION_OK)
        fail_msg("%s", err.message);
    orion_session_options_init(&options);
    options.threads = 1;
    options.prefix_cache = cache;
    orion_generate_params_init(&params);
    params.max_tokens = 3;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(orion_session_new(model, &options, &session, &err), ORION_OK);
        assert_int_equal(
            orion_generate_text(session, text, false, &params, NULL, NULL, &stats[i], &err),
            ORION_OK);
        assert_int_equal(orion_session_save(session, &err), ORION_OK);
        orion_session_free(session);
    }
    assert_int_equal(stats[0].cached_tokens, 0);
    assert_true(stats[1].cached_tokens >= 64 && stats[1].cached_tokens % 64 == 0);

    assert_int_equal(
        orion_tokenize(model, text, strlen(text), ORION_TOKENIZE_BOS, &tokens, &n, NULL), ORION_OK);
    assert_int_equal(orion_session_new(model, &options, &session, &err), ORION_OK);
    assert_int_equal(orion_session_restore(session, tokens, n, &restored, &err), ORION_OK);
    assert_int_equal(restored, n / 64 * 64);
    assert_int_equal(orion_session_restore(session, tokens, n, NULL, NULL), ORION_OK);
    orion_session_free(session);
    orion_free(tokens);

    assert_int_equal(orion_prefix_cache_usage(cache, &n_files, &bytes, &err), ORION_OK);
    assert_true(n_files >= 1 && bytes > 1000);
    assert_int_equal(orion_prefix_cache_clear(cache, &err), ORION_OK);
    assert_int_equal(orion_prefix_cache_usage(cache, &n_files, NULL, NULL), ORION_OK);
    assert_int_equal(n_files, 0);
    orion_prefix_cache_close(cache);
    assert_int_equal(rmdir(path_of("cache/prefixes")), 0);
    assert_int_equal(rmdir(path_of("cache")), 0);

    where = (orion_prefix_cache_options){.size = 0};
    assert_int_equal(orion_prefix_cache_open(NULL, &where, &cache, &err), ORION_E_ARGUMENT);
    assert_int_equal(orion_prefix_cache_open(NULL, NULL, &cache, &err), ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "ORION_CACHE"));
    orion_model_close(model);
}

/* NULL where a value is needed: refused by name, outputs empty. */
static void test_null_arguments(void **state)
{
    static const orion_message no_role = {NULL, "x"};
    static const orion_message no_content = {"user", NULL};
    static const orion_message message = {"user", "x"};
    static const char *const records[] = {"a", NULL};
    orion_model *model = open_model(PLAIN);
    orion_session *session = new_session(model);
    orion_model *other = model;
    orion_session *another = session;
    int32_t *tokens = (int32_t *)&model;
    size_t n = 3;
    char *text = (char *)&model;
    orion_perplexity_result result = {.n_tokens = 3};
    orion_error err;

#define REFUSED(call)                                                                              \
    do {                                                                                           \
        orion_stats stats = {.output_tokens = 9};                                                  \
        memset(&err, 0, sizeof(err));                                                              \
        assert_int_equal(call, ORION_E_ARGUMENT);                                                  \
        assert_non_null(strstr(err.message, "NULL"));                                              \
        assert_true(strncmp(err.message, #call, strcspn(#call, "(")) == 0);                        \
        (void)stats;                                                                               \
    } while (0)

    (void)state;
    REFUSED(orion_model_open(NULL, NULL, &other, &err));
    assert_null(other);
    REFUSED(orion_model_open("x", NULL, NULL, &err));
    REFUSED(orion_session_new(NULL, NULL, &another, &err));
    assert_null(another);
    REFUSED(orion_session_new(model, NULL, NULL, &err));
    REFUSED(orion_tokenize(NULL, "x", 1, 0, &tokens, &n, &err));
    assert_null(tokens);
    assert_int_equal(n, 0);
    REFUSED(orion_tokenize(model, NULL, 1, 0, &tokens, &n, &err));
    REFUSED(orion_tokenize(model, "x", 1, 0, NULL, &n, &err));
    REFUSED(orion_tokenize(model, "x", 1, 0, &tokens, NULL, &err));
    n = 3;
    REFUSED(orion_detokenize(NULL, NULL, 0, 0, &text, &n, &err));
    assert_null(text);
    assert_int_equal(n, 0);
    REFUSED(orion_detokenize(model, NULL, 1, 0, &text, &n, &err));
    REFUSED(orion_detokenize(model, NULL, 0, 0, NULL, &n, &err));
    REFUSED(orion_generate(NULL, &message, 1, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_generate(session, NULL, 1, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_generate(session, &message, 0, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_generate(session, &no_role, 1, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_generate(session, &no_content, 1, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_generate_text(NULL, "x", false, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_generate_text(session, NULL, false, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_summarize(NULL, records, 1, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_summarize(session, NULL, 1, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_summarize(session, records, 0, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_summarize(session, records, 2, NULL, NULL, NULL, &stats, &err));
    REFUSED(orion_perplexity(NULL, "x", 1, false, &result, &err));
    assert_int_equal(result.n_tokens, 0);
    REFUSED(orion_perplexity(session, NULL, 1, false, &result, &err));
    REFUSED(orion_perplexity(session, "x", 1, false, NULL, &err));
    REFUSED(orion_perplexity_each(NULL, "x", 1, false, take_score, NULL, &result, &err));
    REFUSED(orion_perplexity_each(session, NULL, 1, false, take_score, NULL, &result, &err));
    REFUSED(orion_perplexity_each(session, "x", 1, false, NULL, NULL, &result, &err));
    REFUSED(orion_perplexity_each(session, "x", 1, false, take_score, NULL, NULL, &err));
    REFUSED(orion_prefix_cache_open(NULL, NULL, NULL, &err));
    REFUSED(orion_prefix_cache_usage(NULL, NULL, NULL, &err));
    REFUSED(orion_prefix_cache_clear(NULL, &err));
    REFUSED(orion_session_save(NULL, &err));
    REFUSED(orion_session_restore(NULL, NULL, 0, NULL, &err));
    REFUSED(orion_session_restore(session, NULL, 1, NULL, &err));
    orion_session_free(session);
    orion_model_close(model);
}

/* Statistics are empty after a refusal, whatever refused. */
static void test_stats_after_a_refusal(void **state)
{
    static const orion_message message = {"user", "x"};
    orion_model *model = open_model(PLAIN); /* has no chat template */
    orion_session *session = new_session(model);
    orion_generate_params params = {.size = 0};
    orion_stats stats = {.output_tokens = 9};
    orion_error err;

    (void)state;
    assert_int_equal(orion_generate(session, &message, 1, NULL, NULL, NULL, &stats, &err),
                     ORION_E_UNSUPPORTED);
    assert_int_equal(stats.output_tokens, 0);
    stats.output_tokens = 9;
    assert_int_equal(orion_generate_text(session, "x", false, &params, NULL, NULL, &stats, &err),
                     ORION_E_ARGUMENT);
    assert_int_equal(stats.output_tokens, 0);
    orion_generate_params_init(&params);
    params.n_stop = 2;
    assert_int_equal(orion_generate_text(session, "x", false, &params, NULL, NULL, &stats, &err),
                     ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "2 stop texts"));
    orion_session_free(session);
    orion_model_close(model);
}

/* Structs of a future version are longer, of a past one shorter; one without a
 * size was not set up. */
static void test_option_sizes(void **state)
{
    struct {
        orion_generate_params ours;
        char unknown[64];
    } future;
    orion_model *model = open_model(PLAIN);
    orion_session *session = new_session(model);
    orion_session_options small;
    orion_session *other;
    orion_stats stats;
    orion_error err = {0};

    (void)state;
    memset(&future, 0x5A, sizeof(future));
    orion_generate_params_init(&future.ours);
    future.ours.size = sizeof(future);
    future.ours.max_tokens = 3;
    assert_int_equal(
        orion_generate_text(session, "the", false, &future.ours, NULL, NULL, &stats, &err),
        ORION_OK);
    assert_int_equal(stats.output_tokens, 3);

    /* Past: had no more than the temperature.  What follows is not read. */
    memset(&future.ours, 0x5A, sizeof(future.ours));
    future.ours.size = offsetof(orion_generate_params, top_k);
    future.ours.temperature = 0;
    assert_int_equal(
        orion_generate_text(session, "the", false, &future.ours, NULL, NULL, &stats, &err),
        ORION_OK);
    assert_int_equal(stats.finish, ORION_FINISH_CONTEXT); /* max_tokens is 0 */

    /* Past: had no cache type. */
    orion_session_options_init(&small);
    small.size = offsetof(orion_session_options, kv_type);
    small.kv_type = (orion_kv_type)77;
    assert_int_equal(orion_session_new(model, &small, &other, &err), ORION_OK);
    orion_session_free(other);
    small.size = sizeof(small);
    assert_int_equal(orion_session_new(model, &small, &other, &err), ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "77"));

    memset(&small, 0, sizeof(small));
    other = session;
    assert_int_equal(orion_session_new(model, &small, &other, &err), ORION_E_ARGUMENT);
    assert_null(other);
    assert_non_null(strstr(err.message, "orion_session_options_init"));
    const orion_model_options no_size = {.size = 0};
    orion_model *opened = model;
    assert_int_equal(orion_model_open(data_path(PLAIN), &no_size, &opened, &err), ORION_E_ARGUMENT);
    assert_null(opened);
    assert_non_null(strstr(err.message, "orion_model_options_init"));
    const orion_summarize_options no_summary = {.size = 0};
    const char *const records[] = {"x"};
    assert_int_equal(orion_summarize(session, records, 1, &no_summary, NULL, NULL, NULL, &err),
                     ORION_E_ARGUMENT);
    assert_non_null(strstr(err.message, "orion_summarize_options_init"));
    orion_session_free(session);
    orion_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),        cmocka_unit_test(test_status_texts),
        cmocka_unit_test(test_null_handles),   cmocka_unit_test(test_manager),
        cmocka_unit_test(test_model),          cmocka_unit_test(test_is_available),
        cmocka_unit_test(test_vocab_only),     cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_session),        cmocka_unit_test(test_prefix_cache),
        cmocka_unit_test(test_null_arguments), cmocka_unit_test(test_stats_after_a_refusal),
        cmocka_unit_test(test_option_sizes),   cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests_name("api", tests, make_folder, remove_folder);
}
