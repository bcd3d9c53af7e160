#include "tokenizer/trie.h"

#include <stdlib.h>

#include "tokenizer/internal.h"

/* A text and its token; they are sorted, so that those that begin alike are neighbours
 * and the shortest of them is the first. */
struct entry {
    struct ori_str text;
    int32_t token;
};

/* The entries below a node. */
struct range {
    uint32_t begin, end;
};

static int compare(const void *a, const void *b)
{
    const struct ori_str x = ((const struct entry *)a)->text;
    const struct ori_str y = ((const struct entry *)b)->text;
    const int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static uint32_t choose(const struct token *tokens, uint32_t n_tokens, uint8_t flags,
                       struct entry *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_tokens; i++)
        if ((tokens[i].flags & flags) && tokens[i].text.len > 0)
            out[n++] = (struct entry){tokens[i].text, (int32_t)i};
    return n;
}

/* How many bytes two texts begin with in common. */
static size_t common(struct ori_str a, struct ori_str b)
{
    size_t n = 0;
    while (n < a.len && n < b.len && a.data[n] == b.data[n])
        n++;
    return n;
}

/* One for the root, and one for each byte of a text that its neighbour does not share;
 * a header is too small (ORI_GGUF_MAX_HEADER) for more than 32 bits of them. */
static size_t count_nodes(const struct entry *entries, uint32_t n)
{
    size_t nodes = 1;

    for (uint32_t i = 0; i < n; i++)
        nodes += entries[i].text.len - (i > 0 ? common(entries[i - 1].text, entries[i].text) : 0);
    return nodes;
}

/* Number the nodes level by level; ranges[i] is what lies below node i. */
static void lay_out(struct ori_trie *trie, const struct entry *entries, uint32_t n_entries,
                    struct range *ranges)
{
    uint32_t n = 1, level_end = 1;
    size_t depth = 0;

    ranges[0] = (struct range){0, n_entries};
    for (uint32_t node = 0; node < n; node++) {
        if (node == level_end) {
            depth++;
            level_end = n;
        }
        struct range range = ranges[node];
        trie->first[node] = n;
        trie->tokens[node] = ORI_NO_TOKEN;
        if (range.begin < range.end && entries[range.begin].text.len == depth)
            trie->tokens[node] = entries[range.begin++].token;
        while (range.begin < range.end) {
            const char byte = entries[range.begin].text.data[depth];
            trie->bytes[n] = (uint8_t)byte;
            ranges[n].begin = range.begin;
            while (range.begin < range.end && entries[range.begin].text.data[depth] == byte)
                range.begin++;
            ranges[n++].end = range.begin;
        }
    }
    trie->first[n] = n;
    for (uint32_t child = trie->first[0]; child < trie->first[1]; child++)
        trie->root[trie->bytes[child]] = child;
}

static orion_status build(struct ori_trie *trie, const struct entry *entries, uint32_t n)
{
    const size_t nodes = count_nodes(entries, n);
    struct range *ranges = ori_alloc_array(nodes, sizeof(*ranges));

    trie->first = ori_alloc_array(nodes + 1, sizeof(*trie->first));
    trie->tokens = ori_alloc_array(nodes, sizeof(*trie->tokens));
    trie->bytes = ori_alloc_array(nodes, sizeof(*trie->bytes));
    const bool enough = ranges && trie->first && trie->tokens && trie->bytes;
    if (enough)
        lay_out(trie, entries, n, ranges);
    else
        ori_trie_release(trie);
    free(ranges);
    return enough ? ORION_OK : ORION_E_NOMEM;
}

orion_status ori_trie_init(struct ori_trie *trie, const struct token *tokens, uint32_t n_tokens,
                           uint8_t flags)
{
    struct entry *entries = ori_alloc_array(n_tokens, sizeof(*entries));

    *trie = (struct ori_trie){0};
    if (!entries)
        return ORION_E_NOMEM;
    const uint32_t n = choose(tokens, n_tokens, flags, entries);
    qsort(entries, n, sizeof(*entries), compare);
    const orion_status status = build(trie, entries, n);
    free(entries);
    return status;
}

void ori_trie_release(struct ori_trie *trie)
{
    free(trie->first);
    free(trie->tokens);
    free(trie->bytes);
    *trie = (struct ori_trie){0};
}
