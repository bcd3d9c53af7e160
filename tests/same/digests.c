/* The digest of all logits of a text, for each of several sizes of chunks:
 *
 *     digests MODEL KV-TYPE CONTEXT THREADS CHUNK... < TEXT
 *
 * What `orion perplexity --digest --chunk N` prints, a line for each chunk, but the
 * model is opened once: check-same asks thousands of times, and to start a process takes
 * longer than most of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orion.h>

#define TEXT_BYTES ((size_t)4096)

static const char *const kv_types[] = {
    [ORION_KV_F16] = "f16", [ORION_KV_Q8_0] = "q8_0", [ORION_KV_F32] = "f32"};

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static void die(const char *why)
{
    (void)fprintf(stderr, "digests: %s\n", why);
    exit(1);
}

static orion_kv_type kv_type(const char *name)
{
    for (unsigned kv = 0; kv < sizeof(kv_types) / sizeof(*kv_types); kv++)
        if (strcmp(name, kv_types[kv]) == 0)
            return (orion_kv_type)kv;
    die("there is no such type of cache.");
    return ORION_KV_F16;
}

static size_t read_text(char text[TEXT_BYTES])
{
    const size_t len = fread(text, 1, TEXT_BYTES, stdin);

    if (len == TEXT_BYTES)
        die("the text is too long.");
    return len;
}

static void print_digest(const orion_model *model, const orion_session_options *options,
                         const char *text, size_t len)
{
    orion_session *session;
    orion_perplexity_result result;
    orion_error err = {0};

    if (orion_session_new(model, options, &session, &err) != ORION_OK ||
        orion_perplexity(session, text, len, true, &result, &err) != ORION_OK)
        die(err.message);
    (void)puts(result.digest);
    orion_session_free(session);
}

int main(int argc, char **argv)
{
    char text[TEXT_BYTES];
    orion_session_options options;
    orion_model *model;
    orion_error err = {0};

    if (argc < 6) {
        (void)fputs("use: digests MODEL KV-TYPE CONTEXT THREADS CHUNK... < TEXT\n", stderr);
        return 2;
    }
    const size_t len = read_text(text);
    orion_session_options_init(&options);
    options.kv_type = kv_type(argv[2]);
    options.context_tokens = number(argv[3]);
    options.threads = number(argv[4]);
    if (orion_model_open(argv[1], NULL, &model, &err) != ORION_OK)
        die(err.message);
    for (int i = 5; i < argc; i++) {
        options.batch_tokens = number(argv[i]);
        print_digest(model, &options, text, len);
    }
    orion_model_close(model);
    return 0;
}
