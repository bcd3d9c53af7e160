#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/pre.h"

#include <pcre2.h>
#include <stdlib.h>

/* ---- the expressions ---- */

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SPACES "\\s+(?!\\S)|\\s+"

#define GPT_2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|" SPACES

/* GPT-4's and what came of it: `digits` is how many go together. */
#define GPT_4(digits)                                                                              \
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"       \
                 "\\s*[\\r\\n]+|" SPACES

/* Words end where a capital follows a small letter; `ending` may follow them, and `after`
 * punctuation. */
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define GPT_4O_WITH(upper, lower, ending, digits, after)                                           \
    "[^\\r\\n\\p{L}\\p{N}]?" upper "*" lower "+" ending "|[^\\r\\n\\p{L}\\p{N}]?" upper "+" lower  \
    "*" ending "|" digits "| ?[^\\s\\p{L}\\p{N}]+" after "*|\\s*[\\r\\n]+|" SPACES
#define GPT_4O(ending, digits) GPT_4O_WITH(UPPER, LOWER, ending, digits, "[\\r\\n/]")

/* The same but for Chinese characters: what is none of these. */
#define NO_LETTER "\\p{Han}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}"
#define UPPER_NOT_HAN "[^\\p{Ll}" NO_LETTER "]"
#define LOWER_NOT_HAN "[^\\p{Lu}\\p{Lt}" NO_LETTER "]"

/* Words end where one of these marks stands. */
#define BLOOM " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"

/* Letters that have a case, as DeepSeek lists them. */
#define CASED                                                                                      \
    "A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"                 \
    "\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}"         \
    "\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}"                  \
    "\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}"    \
    "\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}"                 \
    "\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}"                 \
    "\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}"         \
    "\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}"        \
    "\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}"                 \
    "\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}"         \
    "\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}"         \
    "\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}"                   \
    "\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}"                  \
    "\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}"                 \
    "\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}"                 \
    "\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}"             \
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}"         \
    "\\x{1e900}-\\x{1e943}"

static const struct ori_pre table[] = {
    {
        .names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2",
                  "midm-2.0", "jina-v5-nano"},
        .steps = {GPT_4("\\p{N}{1,3}")},
        .whole_words = true,
        .adds_bos = true,
    },
    {
        .names = {"dbrx", "smaug-bpe", "olmo2", "glm4", "chatglm-bpe"},
        .steps = {GPT_4("\\p{N}{1,3}")},
    },
    {
        /* long white space, all but what goes with the next word, in lengths of powers of two */
        .names = {"jais-2"},
        .steps =
            {GPT_4("\\p{N}{1,3}"),
             "\\A(?=\\s*[\\r\\n\\S])(?s:.+)|\\s{512}|\\s{256}|\\s{128}|\\s{64}|\\s{32}|\\s{16}|"
             "\\s{8}|\\s{4}|\\s{1,2}"},
    },
    {
        /* line ends begin a part, each of which is cut by itself */
        .names = {"laguna"},
        .steps = {"(?:\\r?\\n)++[^\\r\\n]*+(?:\\r(?!\\n)[^\\r\\n]*+)*+", GPT_4("\\p{N}")},
    },
    {
        .names = {"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "kormo",
                  "f2llmv2"},
        .steps = {GPT_4("\\p{N}")},
        .composed = true,
    },
    {.names = {"grok-2", "solar-open"}, .steps = {GPT_4("\\p{N}")}},
    {
        .names = {"minicpm5"},
        .steps = {"\\p{N}{1,3}", GPT_4("\\p{N}+")},
        .whole_words = true,
    },
    {
        /* Qwen 3.5: marks belong to letters */
        .names = {"qwen35"},
        .steps = {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|"
                               " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|" SPACES},
        .composed = true,
    },
    {
        .names = {"seed-coder"},
        .steps = {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                               " ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|" SPACES},
    },
    {
        .names = {"bailingmoe", "bailingmoe2", "llada-moe"},
        .steps = {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}|"
                  " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|" SPACES},
    },
    {
        /* words with single spaces between are one */
        .names = {"exaone-moe"},
        .steps = {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}\\p{M}*+(?: ?\\p{L}\\p{M}*+)*+|\\p{N}|"
                               " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|" SPACES},
        .composed = true,
    },
    {
        .names = {"gpt-2", "phi-2", "jais", "trillion", "exaone4", "gigachat", "a.x-4.0", "mellum",
                  "granite-docling", "roberta-bpe", "jina-es", "jina-de", "jina-v1-en",
                  "jina-v2-es", "jina-v2-de", "jina-v2-code"},
        .steps = {GPT_2},
    },
    {.names = {"mpt", "olmo", "modern-bert"}, .steps = {GPT_2}, .composed = true},
    {
        .names = {"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"},
        .steps = {"\\p{N}", GPT_2},
    },
    {.names = {"command-r"}, .steps = {"\\p{N}", GPT_2}, .composed = true},
    {
        /* words with their spaces; numbers in threes from the right */
        .names = {"superbpe"},
        .steps = {"\\p{N}+", "^\\d{1,2}(?=(?:\\d{3})+(?!\\d))|\\d{3}"},
    },
    {
        .names = {"falcon"},
        .steps = {"[\\p{P}$+<=>^~|`]+", GPT_2, "[0-9][0-9][0-9]"},
    },
    {
        .names = {"chameleon"},
        .steps = {"<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", "[\\t\\n]|    |  ", "\\p{N}",
                  "[\\p{P}!-/:-@\\[-`{-~]", GPT_2},
        .adds_bos = true,
    },
    {.names = {"bloom", "poro-chat", "gpt3-finnish"}, .steps = {BLOOM}},
    {.names = {"viking"}, .steps = {BLOOM, "\\p{N}"}},
    {
        .names = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"},
        .steps = {GPT_4O(CONTRACTIONS "?", "\\p{N}{1,3}")},
    },
    {
        /* numbers in threes from the right, where a number ends the word */
        .names = {"tiny_aya", "cohere2moe"},
        .steps = {"(?<!\\d)\\d++(?![\\p{L}\\p{M}\\p{N}\\p{Pc}])",
                  "\\A\\d{1,3}(?=(?:\\d{3})*+\\z)|\\G(?<=\\d)\\d{3}",
                  GPT_4O(CONTRACTIONS "?", "\\p{N}{1,3}")},
        .composed = true,
    },
    {
        .names = {"youtu"},
        .steps =
            {"[\\x{ac00}-\\x{d7a3}\\x{3131}-\\x{318e}]+|"
             "[\\x{ff01}\\x{2026}\\x{201c}\\x{201d}\\x{2018}\\x{2019}\\x{2014}\\x{ff1a}\\x{ff1b}"
             "\\x{ff0c}\\x{3001}-\\x{303f}\\x{fe30}-\\x{fe4f}]+|[\\x{3105}-\\x{312f}]+|"
             "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
             GPT_4O(CONTRACTIONS "?", "\\p{N}")},
        .whole_words = true,
    },
    {
        .names = {"kimi-k2"},
        .steps = {"\\p{Han}+|" GPT_4O_WITH(UPPER_NOT_HAN, LOWER_NOT_HAN, CONTRACTIONS "?",
                                           "\\p{N}{1,3}", "[\\r\\n]")},
    },
    {
        .names = {"tekken"},
        .steps = {GPT_4O("", "\\p{N}")},
        .whole_words = true,
        .adds_bos = true,
    },
    {
        .names = {"deepseek-llm"},
        .steps =
            {"[\\r\\n]", "\\s?[" CASED "]+",
             "\\s?[!-/"
             ":-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+",
             "\\s+$", "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}+"},
    },
    {
        .names = {"deepseek-coder"},
        .steps = {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+",
                  "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}"},
    },
    {
        .names = {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
        .steps = {"\\p{N}{1,3}", "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
                  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
                  "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
                  "\\s*[\\r\\n]+|" SPACES},
    },
};

const struct ori_pre *ori_pre_find(struct ori_str name)
{
    for (size_t i = 0; i < ORI_COUNT(table); i++)
        for (size_t j = 0; j < ORI_COUNT(table[i].names) && table[i].names[j]; j++)
            if (ori_str_eq(name, table[i].names[j]))
                return &table[i];
    return NULL;
}

/* ---- compiling ---- */

struct ori_splitter {
    pcre2_code *steps[ORI_PRE_MAX_STEPS];
    size_t n_steps;
};

void ori_splitter_free(struct ori_splitter *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_steps; i++)
        pcre2_code_free(s->steps[i]);
    free(s);
}

static orion_status compile(const char *expression, pcre2_code **out, orion_error *err)
{
    int code;
    size_t offset;

    *out = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code, &offset, NULL);
    if (!*out)
        return code == PCRE2_ERROR_HEAP_FAILED
                   ? ori_fail_nomem(err, "the tokenizer's expressions")
                   : ori_fail(err, ORION_E_UNSUPPORTED,
                              "PCRE2 does not take the tokenizer's expression (error %d at %zu)",
                              code, offset);
    (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* without it, only slower */
    return ORION_OK;
}

orion_status ori_splitter_new(const struct ori_pre *pre, struct ori_splitter **out,
                              orion_error *err)
{
    orion_status status = ORION_OK;

    *out = NULL;
    struct ori_splitter *s = calloc(1, sizeof(*s));
    if (!s)
        return ori_fail_nomem(err, "the tokenizer");
    for (size_t i = 0; pre->steps[i] && status == ORION_OK; i++) {
        status = compile(pre->steps[i], &s->steps[i], err);
        s->n_steps += status == ORION_OK;
    }
    if (status != ORION_OK) {
        ori_splitter_free(s);
        return status;
    }
    *out = s;
    return ORION_OK;
}

/* ---- cutting ---- */

struct cutter {
    const struct ori_splitter *splitter;
    pcre2_match_data *match[ORI_PRE_MAX_STEPS];
    ori_word_fn word;
    void *arg;
};

static orion_status cut(const struct cutter *c, size_t step, const char *text, size_t len);

static orion_status pass_on(const struct cutter *c, size_t step, const char *text, size_t len)
{
    if (len == 0)
        return ORION_OK;
    return step == c->splitter->n_steps ? c->word(c->arg, text, len) : cut(c, step, text, len);
}

/* What the expression of a step matches, and what stands between, each to the next
 * step; there are few of them. */
static orion_status cut(const struct cutter *c, size_t step, const char *text, size_t len)
{
    pcre2_match_data *match = c->match[step];
    orion_status status = ORION_OK;
    size_t at = 0;

    while (at < len && status == ORION_OK) {
        const int found =
            pcre2_match(c->splitter->steps[step], (PCRE2_SPTR)text, len, at, 0, match, NULL);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0)
            return found == PCRE2_ERROR_NOMEMORY ? ORION_E_NOMEM : ORION_E_UNSUPPORTED;
        const size_t *range = pcre2_get_ovector_pointer(match);
        const size_t begin = range[0], end = range[1];
        status = pass_on(c, step + 1, text + at, begin - at);
        if (status == ORION_OK)
            status = pass_on(c, step + 1, text + begin, end - begin);
        at = end; /* none of the expressions matches nothing */
    }
    return status == ORION_OK ? pass_on(c, step + 1, text + at, len - at) : status;
}

orion_status ori_split(const struct ori_splitter *splitter, const char *text, size_t len,
                       ori_word_fn word, void *arg)
{
    struct cutter c = {.splitter = splitter, .word = word, .arg = arg};
    orion_status status = ORION_OK;

    for (size_t i = 0; i < splitter->n_steps; i++) {
        c.match[i] = pcre2_match_data_create_from_pattern(splitter->steps[i], NULL);
        if (!c.match[i])
            status = ORION_E_NOMEM;
    }
    if (status == ORION_OK)
        status = pass_on(&c, 0, text, len);
    for (size_t i = 0; i < splitter->n_steps; i++)
        pcre2_match_data_free(c.match[i]);
    return status;
}
