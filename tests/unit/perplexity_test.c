/* Perplexity, and the digest over all logits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "model_file.h"

#include "base/sha256.h"
#include "engine.h"
#include "session_world.h"

/* The same from all logits at once, in long double and with libm. */
static void test_perplexity(void **state)
{
    static const char text[] = "the and a the reason andros the nest or a thread and the rest";
    static const uint32_t contexts[] = {256, 20, 3};
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));
    const struct ori_piece piece = {text, sizeof(text) - 1, false};
    const uint32_t n_vocab = model->hp.n_vocab;
    struct ori_tokens tokens = {0};

    (void)state;
    assert_int_equal(ori_vocab_encode(model->vocab, &piece, 1, false, &tokens, NULL), ORION_OK);
    for (size_t c = 0; c < ORI_COUNT(contexts); c++) {
        struct ori_session *s = new_session(model, contexts[c], 2, 7);
        orion_perplexity_result result;
        struct ori_sha256 hash;
        char hex[65];
        long double nll = 0;
        uint64_t n = 0;

        ori_sha256_init(&hash);
        for (size_t done = 0; done < tokens.count; done += contexts[c] - 1) {
            int32_t window[256] = {ori_vocab_bos(model->vocab)};
            const size_t left = tokens.count - done;
            const uint32_t count = left < contexts[c] - 1 ? (uint32_t)left : contexts[c] - 1;
            float *logits = new_logits(model, count + 1);
            struct engine e;
            memcpy(window + 1, tokens.ids + done, count * sizeof(*window));
            engine_open(&e, model, 0, 1, contexts[c], 64, 64);
            engine_run(&e, window, 0, count + 1, logits);
            ori_sha256_update(&hash, logits, (count + 1) * (size_t)n_vocab * sizeof(float));
            for (uint32_t t = 0; t < count; t++) {
                const float *row = logits + (size_t)t * n_vocab;
                long double sum = 0;
                for (uint32_t i = 0; i < n_vocab; i++)
                    sum += expl((long double)row[i] - (long double)row[window[t + 1]]);
                nll += logl(sum);
                n++;
            }
            engine_close(&e);
            free(logits);
        }
        ori_sha256_hex(&hash, hex);
        assert_int_equal(ori_perplexity(s, text, sizeof(text) - 1, true, &result, NULL), ORION_OK);
        assert_int_equal(result.n_tokens, n);
        assert_int_equal(n, tokens.count);
        const double expected = (double)expl(nll / n);
        if (!(fabs(result.perplexity - expected) <= 1e-6 * expected))
            fail_msg("context %u: %.12g, expected %.12g", contexts[c], result.perplexity, expected);
        assert_string_equal(result.digest, hex);
        assert_int_equal(ori_perplexity(s, text, sizeof(text) - 1, false, &result, NULL), ORION_OK);
        assert_string_equal(result.digest, "");
        assert_int_equal(s->sequence.n_tokens, 0); /* nothing of it stays in the session */
        ori_session_free(s);
    }
    ori_tokens_release(&tokens);
    ori_model_close(model);
}

static void test_perplexity_refuses(void **state)
{
    static const struct {
        const char *text;
        uint32_t context;
        const char *says;
    } rows[] = {{"", 0, "0 token"}, {"the", 0, "1 token"}, {"the and", 2, "too small"}};
    struct ori_model *model = open_model(data_path(PLAIN_MODEL));

    (void)state;
    for (size_t i = 0; i < ORI_COUNT(rows); i++) {
        struct ori_session *s = new_session(model, rows[i].context, 1, 0);
        orion_perplexity_result result = {.n_tokens = 1};
        orion_error err = {0};
        const orion_status status =
            ori_perplexity(s, rows[i].text, strlen(rows[i].text), true, &result, &err);
        if (status != ORION_E_ARGUMENT || !strstr(err.message, rows[i].says))
            fail_msg("row %zu: %d '%s'", i, status, err.message);
        assert_int_equal(result.n_tokens, 0);
        ori_session_free(s);
    }
    struct ori_session *s = new_session(model, 0, 1, 0);
    orion_perplexity_result result;
    ori_session_cancel(s);
    assert_int_equal(ori_perplexity(s, "the and", 7, true, &result, NULL), ORION_E_CANCELLED);
    ori_session_free(s);
    ori_model_close(model);
}

/* One bit of one weight, and the digest is another. */
static void test_digest_sees_a_bit(void **state)
{
    static const char *const tensors[] = {"token_embd.weight", "blk.0.attn_k.weight",
                                          "blk.1.ffn_down.weight", "output_norm.weight"};
    char digests[ORI_COUNT(tensors) + 1][65];
    const char *path = path_of("bit.gguf");

    (void)state;
    for (size_t i = 0; i <= ORI_COUNT(tensors); i++) {
        struct model_file file;
        orion_perplexity_result result;
        file_read(&file, data_path(PLAIN_MODEL));
        if (i > 0)
            tensor_of(&file, tensors[i - 1])->data.data[1] ^= 0x10;
        file_write(&file, path);
        file_free(&file);
        struct ori_model *model = open_model(path);
        struct ori_session *s = new_session(model, 0, 1, 0);
        assert_int_equal(ori_perplexity(s, "the and the", 11, true, &result, NULL), ORION_OK);
        memcpy(digests[i], result.digest, sizeof(digests[i]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(digests[k], digests[i]);
        ori_session_free(s);
        ori_model_close(model);
    }
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perplexity),
        cmocka_unit_test(test_perplexity_refuses),
        cmocka_unit_test(test_digest_sees_a_bit),
    };
    return cmocka_run_group_tests_name("perplexity", tests, make_folder, remove_folder);
}
