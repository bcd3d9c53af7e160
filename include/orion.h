/* orion.h - run language models on the machine in front of you.
 *
 * The whole public C ABI of liborion, in learning order:
 *
 *   1. status, errors            how every call reports
 *   2. manager                   which models exist, fetch, verify, delete
 *   3. model                     open a GGUF file, facts, tokens
 *   4. session                   generate, summarise, measure
 *
 * Conventions that hold everywhere unless a declaration says otherwise:
 *
 *   - Strings are UTF-8 and NUL-terminated.  Arguments are not retained after
 *     the call returns, except where "retained" is written.
 *   - A function returns ORION_OK (0) or a negative orion_status.  Outputs are
 *     written last; after a failure an output handle or pointer is NULL and an
 *     output count is 0.
 *   - `err` may always be NULL.  When given, the caller owns it; it is filled
 *     on failure and left untouched on success.
 *   - Option structs begin with their own size: call the matching *_init()
 *     first, then change what you want.  A NULL option pointer means defaults.
 *   - The library never prints, never exits, never aborts on bad input.
 *   - Running a model makes no network call.  Only orion_manager_pull() opens
 *     a socket outward, and not at all when the manager is offline.
 */
#ifndef ORION_H
#define ORION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(ORION_BUILD)
#define ORION_API __attribute__((visibility("default")))
#else
#define ORION_API
#endif

#define ORION_VERSION_MAJOR 0
#define ORION_VERSION_MINOR 1
#define ORION_VERSION_PATCH 0

/* "MAJOR.MINOR.PATCH" of the library that runs.  Static storage. */
ORION_API const char *orion_version(void);

/* ------------------------------------------------------------------------
 * 1. Status and errors
 * ------------------------------------------------------------------------ */

typedef enum orion_status {
    ORION_OK = 0,
    ORION_E_ARGUMENT = -1,    /* the call breaks its contract: NULL, out of range */
    ORION_E_NOMEM = -2,       /* memory could not be had */
    ORION_E_IO = -3,          /* the operating system refused a read or a write */
    ORION_E_FORMAT = -4,      /* malformed input: a file, a name, a reply */
    ORION_E_UNSUPPORTED = -5, /* well formed, but not something that we run */
    ORION_E_NOT_FOUND = -6,   /* no such model, file or repository */
    ORION_E_TOO_LONG = -7,    /* a prompt does not fit the context */
    ORION_E_NO_SPACE = -8,    /* the disk is full or too small */
    ORION_E_INTEGRITY = -9,   /* bytes are not what the publisher released */
    ORION_E_NETWORK = -10,    /* the hub could not be reached or misbehaved */
    ORION_E_DENIED = -11,     /* the hub, or the file system, says no */
    ORION_E_OFFLINE = -12,    /* a network call was needed while offline */
    ORION_E_CANCELLED = -13,  /* a callback or another thread asked to stop */
    ORION_E_BUSY = -14,       /* another process works on the same thing */
} orion_status;

/* A short constant text for a status ("not found"); never NULL. */
ORION_API const char *orion_status_text(orion_status status);

#define ORION_NO_OFFSET UINT64_MAX

/* What went wrong, for a person.  Plain data, owned by the caller. */
typedef struct orion_error {
    orion_status status;
    uint64_t offset;   /* byte in the file where reading stopped, or ORION_NO_OFFSET */
    char name[128];    /* the key, tensor, file or model at fault, or "" */
    char message[512]; /* one sentence without a final period */
} orion_error;

/* Release memory that a function handed to the caller as "free with
 * orion_free()".  NULL is a no-op. */
ORION_API void orion_free(void *memory);

/* ------------------------------------------------------------------------
 * 2. Manager: models on disk and on a hub
 * ------------------------------------------------------------------------ */

typedef struct orion_manager orion_manager;

typedef struct orion_manager_options {
    size_t size;            /* sizeof(orion_manager_options), set by _init() */
    const char *models_dir; /* NULL: $ORION_MODELS, else ~/.orionhealth/models */
    const char *hub_url;    /* NULL: $HF_ENDPOINT, else https://huggingface.co */
    const char *token;      /* NULL: $HF_TOKEN, $HF_TOKEN_PATH, $HF_HOME/token */
    const char *ca_file;    /* NULL: $SSL_CERT_FILE / $CURL_CA_BUNDLE, else the system's */
    bool offline;           /* true: no socket is ever opened; $HF_HUB_OFFLINE sets it too */
} orion_manager_options;

ORION_API void orion_manager_options_init(orion_manager_options *options);

/* Open the manager over a models directory, creating it (mode 0700) if it is
 * missing.  Strings in options are copied.
 *
 * Returns ORION_OK, ORION_E_IO, ORION_E_DENIED, ORION_E_NOMEM.
 * Threads: one manager may be used from several threads at once. */
ORION_API orion_status orion_manager_open(const orion_manager_options *options, orion_manager **out,
                                          orion_error *err);
ORION_API void orion_manager_close(orion_manager *manager); /* NULL is a no-op */

/* Facts of one model, from the catalogue, from disk, or both. */
typedef struct orion_model_facts {
    const char *id;         /* what a user types: catalogue id, or org/repo/file.gguf */
    const char *name;       /* for people: "Phi-3 mini 4k instruct" */
    const char *version;    /* quantization of the file, "Q4_K_M"; "" when unknown */
    const char *repo;       /* "org/repo", or "" for a file dropped into the directory */
    const char *file;       /* file name within the repo */
    const char *revision;   /* commit it was fetched at; "" when not fetched by us */
    const char *sha256;     /* 64 hex digits, or "" when not recorded */
    const char *license;    /* SPDX-like id from the catalogue, or "" */
    const char *summary;    /* one line from the catalogue, or "" */
    const char *path;       /* absolute path on disk; "" when not downloaded */
    uint64_t size_bytes;    /* on disk when downloaded, else the catalogue's estimate */
    uint64_t partial_bytes; /* already fetched of an unfinished download, else 0 */
    int64_t modified_unix;  /* when the file was last written (seconds), 0 when absent */
    bool downloaded;
    bool in_catalogue;
    bool record_damaged; /* its record beside the file could not be read */
} orion_model_facts;

/* A list that the caller owns; release with orion_model_list_free().  The
 * strings in it live as long as the list. */
typedef struct orion_model_list {
    size_t count;
    const orion_model_facts *models; /* [count] */
} orion_model_list;

/* The catalogue plus whatever is on disk, each with its status; sorted:
 * catalogue order first, then by id. */
ORION_API orion_status orion_manager_available(orion_manager *manager, orion_model_list **out,
                                               orion_error *err);
/* What is on disk, by a scan of the directory; any *.gguf file counts. */
ORION_API orion_status orion_manager_downloaded(orion_manager *manager, orion_model_list **out,
                                                orion_error *err);
ORION_API void orion_model_list_free(orion_model_list *list); /* NULL is a no-op */

/* Which part of a pull is going on. */
typedef enum orion_phase {
    ORION_PHASE_RESOLVE = 0,  /* asking the hub for commit, size and hash */
    ORION_PHASE_DOWNLOAD = 1, /* bytes are arriving */
    ORION_PHASE_VERIFY = 2,   /* hashing and syncing what is on disk */
    ORION_PHASE_DONE = 3,
    ORION_PHASE_WAIT = 4, /* a retry is being waited for; `note` says why */
} orion_phase;

/* Facts about a transfer, valid during the callback. */
typedef struct orion_progress {
    orion_phase phase;
    const char *file;        /* name of the file being fetched */
    const char *note;        /* a sentence when there is something to say, else "" */
    uint64_t done_bytes;     /* on disk; never goes down during one pull */
    uint64_t total_bytes;    /* 0 while unknown */
    uint64_t resumed_bytes;  /* of done_bytes, fetched by an earlier attempt */
    double percent;          /* 0..100 */
    double bytes_per_second; /* over the last few seconds; 0 when nothing arrives */
    double seconds_left;     /* negative while unknown */
} orion_progress;

/* Called on the thread that pulls, at most about ten times a second.
 * Return non-zero to cancel; what was fetched is kept. */
typedef int (*orion_progress_fn)(const orion_progress *progress, void *user);

typedef struct orion_pull_options {
    size_t size;
    orion_progress_fn on_progress; /* may be NULL */
    void *user;
} orion_pull_options;

ORION_API void orion_pull_options_init(orion_pull_options *options);

/* Make a model be on disk, complete and verified.
 *
 * name   catalogue id, org/repo[:QUANT], or org/repo/file.gguf
 * path   receives the absolute path of the file; free with orion_free().
 *        May be NULL.
 *
 * What is already there and intact is not fetched again; no network call is
 * made then.  A partial file from an earlier attempt, also by another process,
 * is continued.  A model appears under its name only after its SHA-256 matched
 * and it was synced; a model that was there before stays until then.
 *
 * Returns ORION_OK, ORION_E_FORMAT (not a name), ORION_E_NOT_FOUND,
 * ORION_E_DENIED (gated or private), ORION_E_NETWORK, ORION_E_OFFLINE,
 * ORION_E_INTEGRITY, ORION_E_NO_SPACE, ORION_E_IO, ORION_E_BUSY,
 * ORION_E_CANCELLED, ORION_E_NOMEM.  Blocks until done. */
ORION_API orion_status orion_manager_pull(orion_manager *manager, const char *name,
                                          const orion_pull_options *options, char **path,
                                          orion_error *err);

/* Fetch one file of a repository: pull "repo/file". */
ORION_API orion_status orion_manager_pull_file(orion_manager *manager, const char *repo,
                                               const char *file, const orion_pull_options *options,
                                               char **path, orion_error *err);

/* The absolute path of a model that is on disk; no network.  `name` is any of
 * the above, a downloaded file's stem when only one has it, or a path to a
 * .gguf file.  Free with orion_free().  ORION_E_NOT_FOUND when absent; the
 * message says how to get it. */
ORION_API orion_status orion_manager_path(orion_manager *manager, const char *name, char **path,
                                          orion_error *err);

/* Delete a model's file, its record and any partial download of it.  Only
 * files below the models directory are ever deleted.  ORION_E_NOT_FOUND when
 * nothing was there. */
ORION_API orion_status orion_manager_remove(orion_manager *manager, const char *name,
                                            orion_error *err);

/* Hash a downloaded model again and compare with its record.
 * ORION_E_INTEGRITY when it differs, ORION_E_UNSUPPORTED when no hash was
 * recorded (a file that was dropped into the directory). */
ORION_API orion_status orion_manager_verify(orion_manager *manager, const char *name,
                                            const orion_pull_options *progress, orion_error *err);

/* ------------------------------------------------------------------------
 * 3. Model
 * ------------------------------------------------------------------------ */

typedef struct orion_model orion_model;

typedef struct orion_model_options {
    size_t size;
    bool vocab_only;        /* true: only the vocabulary; generating is refused */
    bool no_sliding_window; /* true: ignore the model's attention window */
} orion_model_options;

ORION_API void orion_model_options_init(orion_model_options *options);

/* Open a GGUF file for inference.  Maps the file and indexes its tensors;
 * tensor data is not read until a session touches it.
 *
 * path  not retained.
 * out   receives a model the caller owns; release with orion_model_close().
 * err   on failure err->offset is the byte in the file where parsing stopped,
 *       or ORION_NO_OFFSET, and err->name the key or tensor.
 *
 * Returns ORION_OK, ORION_E_NOT_FOUND, ORION_E_IO, ORION_E_FORMAT (malformed
 * or truncated), ORION_E_UNSUPPORTED (well formed, but not a model we run),
 * ORION_E_NOMEM.
 *
 * Threads: callable from any thread.  An open model never changes, so
 * sessions share it without locks; close it after the last of them. */
ORION_API orion_status orion_model_open(const char *path, const orion_model_options *options,
                                        orion_model **out, orion_error *err);
ORION_API void orion_model_close(orion_model *model); /* NULL is a no-op */

/* True when `path` is a GGUF file that orion_model_open() would accept for
 * inference; false otherwise, with the reason in err. */
ORION_API bool orion_is_available(const char *path, orion_error *err);

/* Facts of an open model; strings live until orion_model_close(). */
typedef struct orion_model_info {
    const char *name;         /* general.name, or "" */
    const char *architecture; /* "phi3", "llama", ... */
    const char
        *quantization;   /* "Q4_K_M", "F16", ... by general.file_type, else the commonest type */
    const char *license; /* general.license, or "" */
    const char *chat_template; /* name of the template in use ("phi3"), or "" when there is none */
    uint64_t n_params;
    uint64_t file_bytes;
    uint32_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff, n_vocab;
    uint32_t context_tokens;        /* what the model was trained for */
    uint32_t sliding_window_tokens; /* 0: none */
    uint64_t kv_bytes_per_token;    /* with the f16 cache */
} orion_model_info;

ORION_API void orion_model_get_info(const orion_model *model, orion_model_info *out);

/* The file's metadata, in file order, as text ("phi3.block_count" = "32");
 * long arrays are given by their length.  `value` is written NUL-terminated
 * and cut to value_bytes.  Returns the full length of the value, or 0 when
 * index >= orion_model_n_metadata(). */
ORION_API size_t orion_model_n_metadata(const orion_model *model);
ORION_API size_t orion_model_metadata(const orion_model *model, size_t index, const char **key,
                                      char *value, size_t value_bytes);

/* One tensor of the file; `name` lives until orion_model_close().
 * Returns false when index is past the last. */
typedef struct orion_tensor_info {
    const char *name;
    const char *type; /* "Q4_K" */
    uint32_t n_dims;
    uint64_t dims[4]; /* innermost first, as the file has them; unused are 1 */
    uint64_t offset_bytes, size_bytes;
} orion_tensor_info;

ORION_API size_t orion_model_n_tensors(const orion_model *model);
ORION_API bool orion_model_tensor(const orion_model *model, size_t index, orion_tensor_info *out);

#define ORION_TOKENIZE_SPECIAL 1u /* "<|end|>" in the text becomes the control token */
#define ORION_TOKENIZE_BOS 2u     /* add the beginning-of-sequence token if the model wants it */

/* Text to token ids.  Any bytes are accepted; broken UTF-8 goes through as
 * byte tokens.  *tokens is freed with orion_free(). */
ORION_API orion_status orion_tokenize(const orion_model *model, const char *text, size_t text_bytes,
                                      uint32_t flags, int32_t **tokens, size_t *n_tokens,
                                      orion_error *err);

#define ORION_DETOKENIZE_SPECIAL 1u /* show control tokens as their text instead of nothing */

/* Token ids to text (NUL-terminated; *text_bytes without the NUL, may be
 * NULL).  Bytes that are not UTF-8 come out as they are.  Free with
 * orion_free().  ORION_E_ARGUMENT for an id outside the vocabulary. */
ORION_API orion_status orion_detokenize(const orion_model *model, const int32_t *tokens,
                                        size_t n_tokens, uint32_t flags, char **text,
                                        size_t *text_bytes, orion_error *err);

/* ------------------------------------------------------------------------
 * 4. Session
 * ------------------------------------------------------------------------ */

typedef struct orion_session orion_session;

typedef struct orion_session_options {
    size_t size;
    uint32_t context_tokens; /* 0: the model's own, at most 4096 */
    uint32_t threads;        /* 0: one for each physical core */
    uint32_t batch_tokens;   /* prompt tokens computed at a time; 0: 256 */
} orion_session_options;

ORION_API void orion_session_options_init(orion_session_options *options);

/* One mutable timeline over a model: KV cache, scratch memory and threads.
 * The model must outlive it.  ORION_E_ARGUMENT when context_tokens exceeds the
 * model's context; ORION_E_NOMEM; ORION_E_UNSUPPORTED for a vocab-only model.
 *
 * Threads: a session belongs to one thread at a time, except for
 * orion_session_cancel(). */
ORION_API orion_status orion_session_new(const orion_model *model,
                                         const orion_session_options *options, orion_session **out,
                                         orion_error *err);
ORION_API void orion_session_free(orion_session *session); /* NULL is a no-op */

/* Forget everything; the next call computes its prompt from the start. */
ORION_API void orion_session_reset(orion_session *session);

/* Ask a running orion_generate() or orion_summarize() to stop after the token
 * it is at; it returns ORION_E_CANCELLED.  Callable from any thread and from a
 * signal handler.  Without a running call, the next one is stopped. */
ORION_API void orion_session_cancel(orion_session *session);

typedef struct orion_message {
    const char *role;    /* "system", "user" or "assistant" */
    const char *content; /* text; can never become a control token */
} orion_message;

typedef struct orion_generate_params {
    size_t size;
    float temperature;           /* 0: always the likeliest token.  Default 0.7 */
    uint32_t top_k;              /* keep the k likeliest; 0: all.  Default 40 */
    float top_p;                 /* keep the smallest set with this mass, (0,1].  Default 0.95 */
    float min_p;                 /* drop below this share of the likeliest, [0,1).  Default 0.05 */
    float repeat_penalty;        /* > 0, 1: off.  Default 1.0 */
    uint32_t repeat_last_tokens; /* how far back the penalty looks.  Default 64 */
    uint64_t seed;               /* same seed, same text.  Default 0 */
    uint32_t max_tokens;         /* 0: until the model ends or the context is full */
    const char *const *stop;     /* [n_stop] texts that end the answer and are not part of it */
    size_t n_stop;
} orion_generate_params;

ORION_API void orion_generate_params_init(orion_generate_params *params);

/* A piece of the answer: whole UTF-8 characters, NUL-terminated, valid during
 * the call.  Return non-zero to stop; the call returns ORION_E_CANCELLED. */
typedef int (*orion_text_fn)(const char *text, size_t text_bytes, void *user);

typedef enum orion_finish {
    ORION_FINISH_END = 0,     /* the model ended its answer */
    ORION_FINISH_STOP = 1,    /* a stop text was met */
    ORION_FINISH_LENGTH = 2,  /* max_tokens was reached */
    ORION_FINISH_CONTEXT = 3, /* the context is full */
    ORION_FINISH_CANCELLED = 4,
} orion_finish;

typedef struct orion_stats {
    orion_finish finish;
    uint32_t prompt_tokens; /* tokens of the prompt */
    uint32_t cached_tokens; /* of those, taken from the session's cache */
    uint32_t output_tokens;
    uint32_t parts;            /* orion_summarize(): parts summarised before the joining; 0: none */
    uint32_t incomplete_parts; /* of those, with a summary that was empty or cut at its limit */
    double prompt_ms;          /* computing the prompt */
    double output_ms;          /* producing the answer */
    double first_token_ms;     /* from the call to the first token */
} orion_stats;

/* Answer a chat.  The messages are laid out by the model's chat template and
 * end with the assistant's turn.
 *
 * The longest prefix that the session's cache already holds is not computed
 * again.  `stats` may be NULL; it is written also on ORION_E_CANCELLED.
 *
 * Returns ORION_OK, ORION_E_TOO_LONG (the prompt and one token do not fit;
 * the message gives both numbers; nothing was cut), ORION_E_UNSUPPORTED (no
 * chat template known: use orion_generate_text()), ORION_E_ARGUMENT (a
 * parameter out of range), ORION_E_CANCELLED, ORION_E_NOMEM, ORION_E_IO (the
 * model's file shrank under us). */
ORION_API orion_status orion_generate(orion_session *session, const orion_message *messages,
                                      size_t n_messages, const orion_generate_params *params,
                                      orion_text_fn on_text, void *user, orion_stats *stats,
                                      orion_error *err);

/* Continue a text as it stands, without a chat template.  Control tokens in
 * `prompt` are recognised only when parse_special is true. */
ORION_API orion_status orion_generate_text(orion_session *session, const char *prompt,
                                           bool parse_special, const orion_generate_params *params,
                                           orion_text_fn on_text, void *user, orion_stats *stats,
                                           orion_error *err);

typedef struct orion_summarize_options {
    size_t size;
    const char *period;                  /* label such as "March 2024"; NULL: not mentioned */
    const char *language;                /* "es" or "en"; NULL: the records' own */
    const orion_generate_params *params; /* NULL: temperature 0 */
    /* Told when the records do not fit and are summarised in parts: part is
     * 1..n_parts for each part and 0 for the joining.  A joining round that
     * still does not fit is cut again, so n_parts may be announced anew.  May
     * be NULL. */
    void (*on_part)(uint32_t part, uint32_t n_parts, void *user);
    void *on_part_user;
} orion_summarize_options;

ORION_API void orion_summarize_options_init(orion_summarize_options *options);

/* Summarise health records for the patient.  records[] are texts, oldest
 * first; all of them are used.  Records that do not fit the context are
 * summarised in parts and the parts joined; on_part tells so and stats->parts
 * counts them.  The summary goes to on_text.  Errors as orion_generate(). */
ORION_API orion_status orion_summarize(orion_session *session, const char *const *records,
                                       size_t n_records, const orion_summarize_options *options,
                                       orion_text_fn on_text, void *user, orion_stats *stats,
                                       orion_error *err);

/* Perplexity of a text: exp of the mean negative log-likelihood of each token
 * given those before it.  The text is cut into windows of the context length,
 * each starting anew with BOS where the model has one.
 *
 * digest  64 hex digits + NUL: SHA-256 over the bytes of all logits
 *         (little-endian float32, position by position), or NULL.
 *         Equal digests mean equal bits. */
typedef struct orion_perplexity_result {
    double perplexity;
    uint64_t n_tokens; /* predicted tokens */
    char digest[65];
} orion_perplexity_result;

ORION_API orion_status orion_perplexity(orion_session *session, const char *text, size_t text_bytes,
                                        bool want_digest, orion_perplexity_result *out,
                                        orion_error *err);

#ifdef __cplusplus
}
#endif

#endif /* ORION_H */
