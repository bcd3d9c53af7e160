/* hub - talking to a Hugging Face compatible hub.
 *
 * Everything that a server says is checked and bounded here; what comes out is
 * a file's facts (commit, size, digest, where its bytes are) and, by fetcher.h,
 * its bytes, handed to a sink.  The room writes no file and knows no models
 * directory.  All sockets of the library are opened in http.c, which refuses
 * when the hub is offline.
 *
 * Threads: a hub is immutable after opening and may be shared; each call uses
 * an engine of its own.
 */
#ifndef ORI_HUB_H
#define ORI_HUB_H

#include "base/base.h"
#include "base/digest.h"
#include "base/watch.h"
#include "hub/ref.h"

#define ORI_HUB_DEFAULT_ENDPOINT "https://huggingface.co"

struct ori_hub_config {
    const char *endpoint; /* NULL: the default */
    const char *token;    /* NULL or "": none */
    const char *ca_file;  /* NULL: the system's */
    const char *ca_dir;   /* NULL: the system's */
    const char *proxy;    /* NULL: the environment's; "": none */
    bool offline;
    bool loopback_only;  /* no socket leads off this machine */
    uint32_t stall_ms;   /* a connection silent for this long is dropped; 0: 30 s */
    uint32_t give_up_ms; /* no byte for this long ends a transfer; 0: 5 min */
};

struct ori_hub;

/* Copies what it is given.  ORION_E_ARGUMENT when the endpoint is no http(s)
 * URL or the token could not be sent in a header. */
orion_status ori_hub_open(const struct ori_hub_config *config, struct ori_hub **out,
                          orion_error *err);
void ori_hub_close(struct ori_hub *hub); /* NULL is a no-op */

const char *ori_hub_endpoint(const struct ori_hub *hub); /* without a final slash */
bool ori_hub_is_offline(const struct ori_hub *hub);

/* A token from $HF_TOKEN, $HF_TOKEN_PATH, $HF_HOME/token or the hub client's
 * usual place in *out; NULL when there is none.  Free with free(). */
orion_status ori_hub_find_token(char **out, orion_error *err);

/* What a hub says of one file. */
struct ori_hub_file {
    char repo[ORI_REPO_MAX + 1];
    char path[ORI_NAME_PATH_MAX + 1];
    char commit[41];
    uint64_t size_bytes;
    struct ori_digest digest;
    char *url; /* where the bytes are now; may expire.  Owned */
};

void ori_hub_file_release(struct ori_hub_file *file);

/* The GGUF files of a repository, as the hub lists them. */
struct ori_hub_entry {
    char *path;
    uint64_t size_bytes; /* 0: not told */
};

struct ori_hub_listing {
    struct ori_hub_entry *items; /* [n] */
    size_t n, cap;
};

/* List the repository at ref->rev ("": as it is now), which becomes the commit.  The
 * caller releases *out; it is empty after a failure. */
orion_status ori_hub_list(const struct ori_hub *hub, struct ori_ref *ref,
                          const struct ori_watch *watch, struct ori_hub_listing *out,
                          orion_error *err);
void ori_hub_listing_release(struct ori_hub_listing *listing);

/* Which file of a repository `ref` means: ref->file, or the one that the
 * quantization picks from the repository's list.  Sets ref->file and, when the
 * list was asked for, ref->rev to the commit that it is of, so that the next
 * question is about the same state. */
orion_status ori_hub_choose(const struct ori_hub *hub, struct ori_ref *ref,
                            const struct ori_watch *watch, orion_error *err);

/* Ask for a file's commit, size and digest.  `rev` may be "". */
orion_status ori_hub_resolve(const struct ori_hub *hub, const char *repo, const char *path,
                             const char *rev, const struct ori_watch *watch,
                             struct ori_hub_file *out, orion_error *err);

/* The rule behind ori_hub_choose(), also for names that are on disk: index of
 * the file that `quant` ("" for the default) picks among names[n], or -1.
 * *exact tells whether the wanted or the first default quantization was met. */
ptrdiff_t ori_hub_select(const char *const *names, size_t n, const char *quant, bool *exact);

#endif
