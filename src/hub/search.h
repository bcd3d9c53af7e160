/* Asking a hub for repositories. */
#ifndef ORI_HUB_SEARCH_H
#define ORI_HUB_SEARCH_H

#include "hub/hub.h"

#define ORI_HUB_SEARCH_MAX 100

/* A repository with GGUF files, as the hub describes it. */
struct ori_hub_hit {
    char repo[ORI_REPO_MAX + 1];
    char updated[40];      /* ISO date, or "" */
    char architecture[64]; /* or "" */
    uint64_t downloads, likes;
    uint64_t n_params; /* 0: unknown */
    bool gated;
};

/* The hub's first answers to `words`, at most `limit` of 1..ORI_HUB_SEARCH_MAX,
 * in its order; free() the array.  What could not be pulled by its name is
 * left out. */
orion_status ori_hub_search(const struct ori_hub *hub, const char *words, uint32_t limit,
                            const struct ori_watch *watch, struct ori_hub_hit **out, size_t *n,
                            orion_error *err);

#endif
