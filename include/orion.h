/* orion.h - run language models on the machine in front of you.
 *
 * The whole public C ABI of liborion, in learning order:
 *
 *   1. status, errors            how every call reports
 *   2. manager                   which models exist, fetch, verify, delete,
 *                                import; downloads in the background
 *   3. model                     open a GGUF file, facts, tokens
 *   4. session                   generate, summarise, measure
 *   5. embedder                  texts to vectors
 *   6. scheduler                 many requests at once over one model
 *   7. endpoints                 models that answer outside of this process
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
 *   - Running a model makes no network call.  Only what fetches or asks a hub
 *     says so and opens a socket outward: pull, download, plan, fit, search,
 *     and repair, and endpoints that were allowed to; and not at all when the
 *     manager is offline.
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
    ORION_E_FORMAT = -4,      /* malformed input: a file, a reply */
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
    ORION_E_NAME = -15,       /* it can't be the name of a model, a repository or a file */
} orion_status;

/* A short constant text for a status ("not found"); never NULL. */
ORION_API const char *orion_status_text(orion_status status);

#define ORION_NO_OFFSET UINT64_MAX

#define ORION_MAX_THREADS 256u /* that compute together, wherever options have `threads` */

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

/* What is left out (NULL, 0) comes from the environment, else from the
 * configuration file, else it is the default; orion_manager_settings() tells. */
typedef struct orion_manager_options {
    size_t size;            /* sizeof(orion_manager_options), set by _init() */
    const char *models_dir; /* NULL: $ORION_MODELS, else ~/.orionhealth/models */
    const char *hub_url;    /* NULL: $HF_ENDPOINT, else https://huggingface.co */
    const char *token;      /* NULL: $HF_TOKEN, $HF_TOKEN_PATH, $HF_HOME/token */
    const char *ca_file;    /* NULL: $SSL_CERT_FILE / $CURL_CA_BUNDLE, else the system's */
    bool offline;           /* true: no socket is ever opened; $HF_HUB_OFFLINE sets it too */
    const char *proxy;      /* NULL: $HTTPS_PROXY, $ALL_PROXY; "": none */
    uint64_t
        limit_bytes_per_second; /* of all downloads together; 0: $ORION_LIMIT_RATE, else none */
    uint32_t connections;       /* at most this many, 1..16; 0: $ORION_CONNECTIONS, else 16 */
    const char *config_file;    /* NULL: $ORION_CONFIG, else ~/.orionhealth/config.json; "": none */
    bool names_only; /* true: a path to a file that is not in the models directory is no name.
                      * For servers, whom anyone may ask */
} orion_manager_options;

ORION_API void orion_manager_options_init(orion_manager_options *options);

/* Open the manager over a models directory, creating it (mode 0700) if it is
 * missing.  Strings in options are copied.  Where none is known (no home either),
 * paths to files are models all the same, and what needs the directory returns
 * ORION_E_ARGUMENT; with names_only, opening does.
 *
 * Returns ORION_OK, ORION_E_ARGUMENT (a setting), ORION_E_IO, ORION_E_DENIED,
 * ORION_E_NOMEM.
 * Threads: one manager may be used from several threads at once. */
ORION_API orion_status orion_manager_open(const orion_manager_options *options, orion_manager **out,
                                          orion_error *err);
ORION_API void orion_manager_close(orion_manager *manager); /* NULL is a no-op */
/* Was it opened so that no socket is opened, by whichever setting?  False for NULL. */
ORION_API bool orion_manager_is_offline(orion_manager *manager);

/* A model that was imported with ORION_IMPORT_SYMLINK is a link to a file
 * elsewhere, which may change or go without us. */
typedef enum orion_link_state {
    ORION_LINK_NONE = 0,    /* a file of its own */
    ORION_LINK_INTACT = 1,  /* the target is as it was when it was verified, by size and time */
    ORION_LINK_CHANGED = 2, /* it is not: verify the model */
    ORION_LINK_GONE = 3,    /* the target is gone or cannot be read; repair or remove the model */
} orion_link_state;

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
    const char *role;    /* "model", or "projector" for an mmproj file beside a model */
    uint32_t n_files; /* more than 1: cut into that many; `path` is the first, sizes are of all */
    const char *link_target; /* of a link (of several, the worst off), the file; or "" */
    orion_link_state link;
    const char *languages; /* codes from the catalogue, the best first: "en es"; or "" */
    bool supported;        /* the catalogue says that this version runs it */
    /* What running it takes at a context of 4096 tokens, or its own if that is
     * less; the catalogue's estimate, 0 when unknown.  orion_manager_fit() knows. */
    uint64_t memory_bytes;
    int64_t verified_unix; /* when its bytes were last found to be the publisher's; 0: never */
    bool intact;           /* size and time of the file are what they were then */
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
/* The one model of orion_manager_available() that `name` means; any name will do.
 * ORION_E_NOT_FOUND when it is neither in the catalogue nor, in part, on disk. */
ORION_API orion_status orion_manager_model(orion_manager *manager, const char *name,
                                           orion_model_list **out, orion_error *err);
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
    const char *sha256;      /* of the file, by its publisher; "" while unknown */
} orion_progress;

/* Called on the thread that pulls, at most about ten times a second, and once
 * for each phase.
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
 * name   catalogue id, org/repo[:QUANT], or org/repo/file.gguf, each but the
 *        first with an optional @REVISION; any shard stands for all of a model
 *        that is cut into several files, which appear together or not at all
 * path   receives the absolute path of the file; free with orion_free().
 *        May be NULL.
 *
 * What is already there and intact is not fetched again; no network call is
 * made then.  A partial file from an earlier attempt, also by another process,
 * is continued.  A model appears under its name only after its SHA-256 matched
 * and it was synced; a model that was there before stays until then.
 *
 * Returns ORION_OK, ORION_E_NAME, ORION_E_FORMAT (no GGUF file), ORION_E_NOT_FOUND,
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
 * message says how to get it.  ORION_E_NAME when it can't be one. */
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

/* Verify, and when bytes are found damaged fetch those ranges again, so that
 * the model is what was released.  Nothing is fetched for an intact model. */
ORION_API orion_status orion_manager_repair(orion_manager *manager, const char *name,
                                            const orion_pull_options *progress, orion_error *err);

/* ---- giving models on ---- */

/* A file on disk that is as it was when its hash was checked, so that others may
 * be told its hash.  What was dropped into the directory, or changed since, is
 * none. */
typedef struct orion_stored_file {
    const char *repo;     /* "org/repo" */
    const char *file;     /* path in the repository; each piece of a cut model is a file */
    const char *revision; /* commit it was fetched at; "" when not known */
    const char *sha256;   /* 64 hex digits */
    uint64_t size_bytes;
    int64_t modified_unix;
} orion_stored_file;

typedef struct orion_stored_file_list {
    size_t count;
    const orion_stored_file *files; /* [count], sorted by repository, then by path */
} orion_stored_file_list;

/* Those of a repository, or all when `repo` is NULL; none is no error.  Release
 * with orion_stored_file_list_free(). */
ORION_API orion_status orion_manager_files(orion_manager *manager, const char *repo,
                                           orion_stored_file_list **out, orion_error *err);
ORION_API void orion_stored_file_list_free(orion_stored_file_list *list); /* NULL is a no-op */

/* Open such a file to read.  *fd is the caller's, to close(); -1 after a failure.
 * What is opened has that hash, or it is ORION_E_NOT_FOUND: also when the file has
 * been replaced or changed since it was listed. */
ORION_API orion_status orion_manager_open_file(orion_manager *manager,
                                               const orion_stored_file *file, int *fd,
                                               orion_error *err);

/* ---- before fetching ---- */

/* What a pull of `name` would do.  The hub is asked; no byte of the model is
 * fetched and nothing is written. */
typedef struct orion_plan_file {
    const char *file; /* path in the repository */
    const char *path; /* absolute, where it will be */
    uint64_t size_bytes;
    uint64_t present_bytes; /* already here: all of it, or of an unfinished download */
} orion_plan_file;

typedef struct orion_plan {
    size_t count;
    const orion_plan_file *files; /* [count] */
    const char *hub, *repo;
    const char *revision; /* commit; "" when nothing had to be asked */
    uint64_t size_bytes, present_bytes, transfer_bytes; /* of all files */
    uint64_t free_bytes;                                /* on that disk */
    uint64_t quota_left_bytes;                          /* UINT64_MAX: no quota */
    bool fits; /* disk and quota have room for what is missing */
} orion_plan;

/* The plan is the caller's: orion_plan_free().  Errors as orion_manager_pull(). */
ORION_API orion_status orion_manager_plan(orion_manager *manager, const char *name,
                                          orion_plan **out, orion_error *err);
ORION_API void orion_plan_free(orion_plan *plan); /* NULL is a no-op */

typedef enum orion_fit_verdict {
    ORION_FIT_FITS = 0,
    ORION_FIT_TIGHT = 1, /* it fits, but leaves less than an eighth of the memory free */
    ORION_FIT_NOT = 2,
} orion_fit_verdict;

/* What a session keeps keys and values as.  Each gives other results, and the
 * same ones everywhere. */
typedef enum orion_kv_type {
    ORION_KV_F16 = 0,
    ORION_KV_Q8_0 = 1, /* a little over half of f16; needs heads of a multiple of 32 dimensions */
    ORION_KV_F32 = 2,  /* twice f16 */
} orion_kv_type;

/* Would a model run on this machine?  Plain data. */
typedef struct orion_fit {
    orion_fit_verdict verdict;
    bool local;        /* read from disk; else its header from the hub */
    bool runs;         /* this version can run it */
    char why_not[256]; /* when it can't, else "" */
    char name[128];    /* general.name, or "" */
    char architecture[64];
    char quantization[32]; /* "Q4_K_M", or "" */
    uint64_t n_params;
    uint64_t file_bytes;
    uint64_t download_bytes; /* still to be fetched, 0 when it is here */
    uint64_t disk_free_bytes;
    bool embeds;             /* it makes embeddings: a context is one text, computed at once; its
                              * keys and values are kept as floats, of one layer at a time */
    uint32_t sequences;      /* requests at once, and */
    uint32_t context_tokens; /* tokens of each, that the next figures are for */
    uint32_t trained_tokens; /* context that the model was made for; 0: unknown */
    uint64_t weights_bytes, kv_bytes, buffer_bytes, memory_bytes; /* memory: the sum */
    uint32_t n_experts, n_experts_used; /* of a mixture of experts, and for a token; else 0 */
    uint64_t active_bytes;              /* of the weights those that a token uses */
    uint64_t available_bytes;           /* memory of this machine that can be had now; 0: unknown */
    uint32_t max_context_tokens;        /* the largest that fits into it; 0: none does */
} orion_fit;

/* What is asked about: a session, or a scheduler with several sequences. */
typedef struct orion_fit_options {
    size_t size;
    uint32_t context_tokens; /* of each sequence; 0: the model's own, at most 4096, of a model for
                              * embeddings at most 2048 */
    uint32_t sequences;      /* that are full at once, as a scheduler's; 0: 1, a session */
    orion_kv_type kv_type;
} orion_fit_options; /* a model for embeddings takes the context alone */

ORION_API void orion_fit_options_init(orion_fit_options *options);

/* options may be NULL.  Reads the file's header only; of a model that is not
 * here, by ranged requests; of one that is, once for as long as the file is as it
 * was.  ORION_E_UNSUPPORTED when kv_type can't hold the model's heads. */
ORION_API orion_status orion_manager_fit(orion_manager *manager, const char *name,
                                         const orion_fit_options *options, orion_fit *out,
                                         orion_error *err);

/* The rule behind the verdict, for figures that one has.  available_bytes 0
 * (unknown) is never more than tight. */
ORION_API orion_fit_verdict orion_fit_judge(uint64_t memory_bytes, uint64_t available_bytes);

/* The machine, as the library sees it.  Plain data. */
typedef struct orion_machine {
    const char *cpu_tier;     /* of the kernels in use: "avx512"; static storage */
    uint32_t cores;           /* physical ones that this process may run on */
    uint64_t memory_bytes;    /* 0: unknown */
    uint64_t available_bytes; /* of it, that can be had now without swapping; 0: unknown */
} orion_machine;

ORION_API void orion_machine_get(orion_machine *out);

/* A repository that the hub found. */
typedef struct orion_hit {
    const char *repo;
    const char *updated;      /* ISO date, or "" */
    const char *architecture; /* or "" */
    uint64_t downloads, likes;
    uint64_t n_params; /* 0: unknown */
    bool gated;        /* needs a token whose owner accepted its terms */
} orion_hit;

typedef struct orion_hit_list {
    size_t count;
    const orion_hit *hits; /* [count], in the hub's order */
} orion_hit_list;

/* Ask the hub for repositories with GGUF files.  limit 1..100.  Release with
 * orion_hit_list_free(). */
ORION_API orion_status orion_manager_search(orion_manager *manager, const char *words,
                                            uint32_t limit, orion_hit_list **out, orion_error *err);
ORION_API void orion_hit_list_free(orion_hit_list *list); /* NULL is a no-op */

/* A model that a repository on the hub offers. */
typedef struct orion_offer {
    const char *id; /* org/repo/file.gguf: the name to pull it by */
    const char *file;
    const char *quantization; /* by its name: "Q4_K_M", or "" */
    const char *role;         /* "model" or "projector" */
    uint32_t n_files;         /* more than 1: cut into that many; `file` is the first */
    uint64_t size_bytes;      /* of all of them; 0: not told */
    bool preferred;           /* what the repository's name alone means */
    bool downloaded;
} orion_offer;

typedef struct orion_offer_list {
    size_t count;
    const orion_offer *offers; /* [count], by name */
    const char *repo, *revision;
} orion_offer_list;

/* Ask the hub what `repo` offers: org/repo, with an optional @REVISION.  Release
 * with orion_offer_list_free().  Errors as orion_manager_pull(). */
ORION_API orion_status orion_manager_offers(orion_manager *manager, const char *repo,
                                            orion_offer_list **out, orion_error *err);
ORION_API void orion_offer_list_free(orion_offer_list *list); /* NULL is a no-op */

/* ---- the disk ---- */

typedef struct orion_usage {
    size_t n_models, n_partials;
    uint64_t model_bytes, partial_bytes; /* a link counts as 0 */
    uint64_t free_bytes;                 /* on the disk of the models directory */
    uint64_t quota_bytes;                /* models.max_bytes of the configuration; 0: none */
    uint64_t disk_bytes;                 /* of that disk in all; 0: unknown */
} orion_usage;

ORION_API orion_status orion_manager_usage(orion_manager *manager, orion_usage *out,
                                           orion_error *err);

/* Delete unfinished downloads: of `name`, or all of them when it is NULL.
 * Those under way, here or in another process, stay.  *n counts the deleted
 * and *freed_bytes their bytes; both may be NULL. */
ORION_API orion_status orion_manager_remove_partials(orion_manager *manager, const char *name,
                                                     size_t *n, uint64_t *freed_bytes,
                                                     orion_error *err);

/* A model that another program keeps on this machine. */
typedef struct orion_foreign {
    const char *program; /* "Hugging Face", "llama.cpp", "Ollama", "LM Studio"; "" for a folder */
    const char *path;    /* absolute, of the bytes themselves */
    const char *id;      /* what it would be called here, org/repo/file.gguf */
    const char *sha256;  /* that it is kept under, or "" */
    uint64_t size_bytes;
    bool imported; /* something is at that place here */
} orion_foreign;

typedef struct orion_foreign_list {
    size_t count;
    const orion_foreign *models; /* [count] */
} orion_foreign_list;

/* What there is in `dir`, the store of another program or a folder with .gguf
 * files; NULL: in the usual places of all of them.  Nothing is written.
 * Release with orion_foreign_list_free(). */
ORION_API orion_status orion_manager_foreign(orion_manager *manager, const char *dir,
                                             orion_foreign_list **out, orion_error *err);
ORION_API void orion_foreign_list_free(orion_foreign_list *list); /* NULL is a no-op */

typedef enum orion_import_mode {
    ORION_IMPORT_AUTO = 0, /* share the bytes where the file system can, else copy */
    ORION_IMPORT_LINK = 1, /* share them (a reflink or a hard link), or ORION_E_UNSUPPORTED */
    ORION_IMPORT_COPY = 2,
    ORION_IMPORT_MOVE = 3, /* delete the original once the model is verified and in place */
    /* Make a symbolic link to the original, which must stay where it is: for a
     * store on another disk, where a copy is too dear.  The only mode that
     * does; the link takes no room here and counts for none. */
    ORION_IMPORT_SYMLINK = 4,
} orion_import_mode;

typedef enum orion_import_way {
    ORION_IMPORTED_REFLINK = 0,
    ORION_IMPORTED_HARD_LINK = 1,
    ORION_IMPORTED_COPY = 2,
    ORION_IMPORT_WAS_THERE = 3,
    ORION_IMPORTED_SYMLINK = 4,
} orion_import_way;

typedef struct orion_import_options {
    size_t size;
    orion_import_mode mode;
    const char *id; /* org/repo/file.gguf to keep it under; NULL: by where it comes from */
    orion_progress_fn on_progress; /* may be NULL */
    void *user;
} orion_import_options;

ORION_API void orion_import_options_init(orion_import_options *options);

/* Take a .gguf file of this machine in, hashed once.  The original is only
 * read, unless it is to be moved.  *path receives where it is now; free with
 * orion_free().  path and way may be NULL.
 *
 * Returns ORION_OK, ORION_E_NOT_FOUND, ORION_E_FORMAT (no GGUF file),
 * ORION_E_INTEGRITY (not the hash that it was kept under), ORION_E_DENIED
 * (another model is at that place), ORION_E_UNSUPPORTED, ORION_E_NO_SPACE,
 * ORION_E_IO, ORION_E_CANCELLED, ORION_E_NOMEM. */
ORION_API orion_status orion_manager_import(orion_manager *manager, const char *file,
                                            const orion_import_options *options, char **path,
                                            orion_import_way *way, orion_error *err);

/* What may go from the models directory; no model is ever among it. */
typedef struct orion_litter {
    const char *what; /* "unfinished download", "stray file", ... */
    const char *path; /* below the models directory */
    uint64_t bytes;
    int64_t modified_unix;
    bool removed;
} orion_litter;

typedef struct orion_litter_list {
    size_t count;
    const orion_litter *items; /* [count] */
} orion_litter_list;

/* Find it, and delete it unless dry_run.  Unfinished downloads count only when
 * no one worked on them for older_than_s seconds; what another process uses
 * stays.  Release with orion_litter_list_free(). */
ORION_API orion_status orion_manager_prune(orion_manager *manager, int64_t older_than_s,
                                           bool dry_run, orion_litter_list **out, orion_error *err);
ORION_API void orion_litter_list_free(orion_litter_list *list); /* NULL is a no-op */

/* ---- configuration ---- */

/* One setting that is in force, and where it came from. */
typedef struct orion_setting {
    const char *key;    /* as in the configuration file: "models.dir" */
    const char *value;  /* as text; a token is not shown, only that there is one */
    const char *source; /* "option", "default", the variable or the file */
} orion_setting;

typedef struct orion_setting_list {
    size_t count;
    const orion_setting *settings; /* [count] */
} orion_setting_list;

/* Release with orion_setting_list_free(). */
ORION_API orion_status orion_manager_settings(orion_manager *manager, orion_setting_list **out,
                                              orion_error *err);
ORION_API void orion_setting_list_free(orion_setting_list *list); /* NULL is a no-op */

/* ---- downloads in the background ----
 *
 * Any number at once, over one pool of connections and under one limit.  The
 * first one starts the manager's threads; orion_manager_close() stops what is
 * still going on and keeps what was fetched.  orion_manager_pull(), _verify()
 * and _repair() are these that are waited for.  All calls are callable from any
 * thread. */

typedef enum orion_download_kind {
    ORION_DOWNLOAD_PULL = 0,
    ORION_DOWNLOAD_VERIFY = 1, /* as orion_manager_verify(): nothing is fetched */
    ORION_DOWNLOAD_REPAIR = 2, /* as orion_manager_repair(): what is damaged is fetched */
} orion_download_kind;

typedef enum orion_download_stage {
    ORION_DOWNLOAD_QUEUED = 0, /* waits for its turn */
    ORION_DOWNLOAD_RUNNING = 1,
    ORION_DOWNLOAD_PAUSED = 2,
    ORION_DOWNLOAD_DONE = 3, /* the model is on disk, verified */
    ORION_DOWNLOAD_FAILED = 4,
    ORION_DOWNLOAD_CANCELLED = 5, /* what was fetched is kept for another time */
} orion_download_stage;

/* Plain data, a copy of how it stood. */
typedef struct orion_download_facts {
    uint64_t id;
    orion_download_stage stage;
    orion_phase phase;                               /* while it runs */
    char name[256];                                  /* what was asked for */
    char file[256];                                  /* being fetched; "" until it is known */
    char note[200];                                  /* what is being waited for, or "" */
    uint64_t done_bytes, total_bytes, resumed_bytes; /* as in orion_progress */
    double percent, bytes_per_second, seconds_left;
    uint32_t connections; /* at work for it */
    orion_error error;    /* why it failed; status ORION_OK otherwise */
    orion_download_kind kind;
    char model[800]; /* what `name` means: its id in a list of models; "" until it is known */
} orion_download_facts;

/* Called at most about ten times a second for each download and at each change
 * of stage, on a thread of the manager: return soon, and do not call
 * orion_manager_close(), orion_download_wait() or orion_manager_pull() in it. */
typedef void (*orion_download_fn)(const orion_download_facts *facts, void *user);

typedef struct orion_download_options {
    size_t size;
    orion_download_fn on_change; /* may be NULL */
    void *user;                  /* retained until orion_download_free() */
    orion_download_kind kind;
} orion_download_options;

ORION_API void orion_download_options_init(orion_download_options *options);

/* Begin to pull, verify or repair `name`.  Returns at once; what goes wrong later
 * is in the facts.  *id is never 0 and never used again.
 * Returns ORION_OK, ORION_E_NAME, ORION_E_NOT_FOUND (unknown; or not on disk,
 * to verify or repair it), ORION_E_UNSUPPORTED (to verify a file that is not in the
 * models directory), ORION_E_ARGUMENT, ORION_E_BUSY (there are 1,024 of them), ORION_E_NOMEM. */
ORION_API orion_status orion_download_start(orion_manager *manager, const char *name,
                                            const orion_download_options *options, uint64_t *id,
                                            orion_error *err);

/* All of these: ORION_E_NOT_FOUND when there is no download with that id. */
ORION_API orion_status orion_download_get(orion_manager *manager, uint64_t id,
                                          orion_download_facts *out, orion_error *err);
/* Close its connections and keep its bytes; no-op when it is over.  What was
 * hashed is hashed again when it goes on. */
ORION_API orion_status orion_download_pause(orion_manager *manager, uint64_t id, orion_error *err);
/* Go on after a pause, a failure or a cancel; no-op otherwise. */
ORION_API orion_status orion_download_resume(orion_manager *manager, uint64_t id, orion_error *err);
ORION_API orion_status orion_download_cancel(orion_manager *manager, uint64_t id, orion_error *err);
/* Wait until it is done, failed, cancelled or paused, at most timeout_ms
 * (negative: as long as it takes).  `facts` and `path` may be NULL; *path is
 * set when it is done; free with orion_free(). */
ORION_API orion_status orion_download_wait(orion_manager *manager, uint64_t id, int timeout_ms,
                                           orion_download_facts *facts, char **path,
                                           orion_error *err);
/* Stop it if need be, wait for a callback in progress, and forget it. */
ORION_API orion_status orion_download_free(orion_manager *manager, uint64_t id, orion_error *err);
/* The ids of all that were not freed, oldest first; free with orion_free(). */
ORION_API orion_status orion_download_list(orion_manager *manager, uint64_t **ids, size_t *n,
                                           orion_error *err);

/* For those who show all of them: wait until something about any download is no
 * longer as it was when this returned `seen` (0: do not wait), at most timeout_ms
 * (negative: as long as it takes).  Returns what to give the next time, never 0;
 * `seen` itself when nothing has changed.  Then list and get. */
ORION_API uint64_t orion_download_changes(orion_manager *manager, uint64_t seen, int timeout_ms);

/* Make the pulls that orion_download_start() begins outlive this process, however it
 * ends: for servers.  Those that an earlier one left are here again, under new ids:
 * what had not ended, or had failed, goes on, what was paused is paused.  From now on
 * it is written down, in the models directory, what is to go on next time.
 *
 * Call it once, before the first orion_download_start().  Pulls that someone waits for
 * (orion_manager_pull()) are not among them, nor are those of other processes.
 *
 * Returns ORION_OK, ORION_E_BUSY (another process keeps the downloads of this
 * directory, or another manager of this one: go on without), ORION_E_IO,
 * ORION_E_DENIED, ORION_E_NO_SPACE, ORION_E_NOMEM.  After a failure downloads work,
 * and are not kept. */
ORION_API orion_status orion_download_keep(orion_manager *manager, orion_error *err);

/* ------------------------------------------------------------------------
 * 3. Model
 * ------------------------------------------------------------------------ */

typedef struct orion_model orion_model;

typedef struct orion_model_options {
    size_t size;
    bool vocab_only;           /* true: only the vocabulary; generating is refused */
    bool no_sliding_window;    /* true: ignore the model's attention window */
    const char *pre_tokenizer; /* how a byte-pair tokenizer cuts texts into words: a name as
                                * tokenizer.ggml.pre has it ("qwen2"); NULL: what the file says */
    const char *chat_template; /* lays out chats: a built-in template's name ("chatml") or a
                                * Jinja program, not retained; NULL: the file's own does */
    const char *pooling;       /* how a text becomes one vector, for a model whose file does not
                                * say: "mean", "cls" or "last"; NULL: what the file says */
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
 * ORION_E_ARGUMENT (a pooling that there is not, or other than the file's),
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
    const char *chat_template; /* the template in use: the name of the built-in one that it is like
                                  ("phi3"), else "jinja", or "" when there is none */
    uint64_t n_params;
    uint64_t file_bytes;
    uint32_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff, n_vocab;
    uint32_t n_experts, n_experts_used; /* of a mixture of experts, and for a token; else 0.
                                           n_ff is of each of them */
    uint64_t active_bytes;              /* of the weights, those that a token uses */
    uint32_t context_tokens;            /* what the model was trained for */
    uint32_t sliding_window_tokens;     /* 0: none */
    uint64_t kv_bytes_per_token;        /* with the f16 cache */
    uint32_t embedding_length; /* of its vectors, when it makes embeddings and no answers; else 0 */
    const char *pooling;       /* how a text becomes one vector: "mean", "cls" (the first token's),
                                * "last", or "" when it does not, or the file does not say */
    uint32_t chat_skills;      /* what the template knows: ORION_CHAT_..., or-ed */
    const char
        *chat_note; /* "", or a sentence: why the file's own template is not the one in use */
} orion_model_info;

#define ORION_CHAT_MARKS_THINKING 1u /* thinking comes apart from the answer */
#define ORION_CHAT_SWITCHES_THINKING 2u
#define ORION_CHAT_EFFORT 4u /* reasoning_effort has an effect */
#define ORION_CHAT_TOOLS 8u  /* tools are shown, and calls of them can be read */
#define ORION_CHAT_DOCUMENTS 16u

ORION_API void orion_model_get_info(const orion_model *model, orion_model_info *out);

/* Bytes of a KV cache of that type for each token of context, in all layers: those
 * with a sliding window stop at it, and orion_manager_fit() counts that.  0 when the type
 * can't hold the model's heads, and for a vocab-only model. */
ORION_API uint64_t orion_model_kv_bytes_per_token(const orion_model *model, orion_kv_type type);

/* The file's metadata, in file order, as text ("phi3.block_count" = "32");
 * long arrays are given by their length.  `value` is written NUL-terminated
 * and cut to value_bytes.  Returns the full length of the value, or 0 when
 * index >= orion_model_n_metadata(). */
ORION_API size_t orion_model_n_metadata(const orion_model *model);
ORION_API size_t orion_model_metadata(const orion_model *model, size_t index, const char **key,
                                      char *value, size_t value_bytes);

/* What kind of value it is; ORION_VALUE_TEXT when index is past the last. */
typedef enum orion_value_kind {
    ORION_VALUE_TEXT = 0,
    ORION_VALUE_NUMBER = 1,
    ORION_VALUE_FLAG = 2, /* "true" or "false" */
    ORION_VALUE_LIST = 3,
} orion_value_kind;

ORION_API orion_value_kind orion_model_metadata_kind(const orion_model *model, size_t index);

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

/* ---- a model again, in another type ---- */

/* Facts during orion_quantize(), valid during the callback. */
typedef struct orion_quantize_progress {
    const char *tensor;    /* that is at hand */
    const char *from, *to; /* its types; equal: it is copied */
    const char *note; /* once for each tensor: a sentence when it does not get what was asked for
                       * (rows that are not whole blocks, importance not measured), else "" */
    uint32_t index, n_tensors;
    uint64_t done_bytes, total_bytes; /* of tensors in the new file */
    double percent;
} orion_quantize_progress;

/* Called on the calling thread when a tensor begins, and about ten times a second
 * besides.  Return non-zero to cancel. */
typedef int (*orion_quantize_fn)(const orion_quantize_progress *progress, void *user);

typedef struct orion_quantize_params {
    size_t size;
    const char *type;    /* a type or a mix of types, "Q4_K_M" (default); case does not matter */
    const char *imatrix; /* NULL: none; else the path of llama.cpp's importance matrix */
    uint32_t threads;    /* 0: one for each physical core */
    bool pure;           /* every matrix gets the type that most have in the mix */
    bool requantize;     /* also from types that have lost something already */
    bool replace;        /* a file that is at `out` */
    orion_quantize_fn on_progress; /* may be NULL */
    void *user;
} orion_quantize_params;

ORION_API void orion_quantize_params_init(orion_quantize_params *params);

typedef struct orion_quantize_result {
    uint64_t in_bytes, out_bytes;
    uint32_t n_tensors;
    uint32_t n_converted;  /* of them; the others were copied */
    uint32_t n_fallback;   /* of a type other than the mix says, for the length of their rows */
    uint32_t n_unmeasured; /* converted, but not in the importance matrix that was given */
    double bits_per_weight;
} orion_quantize_result;

/* Write the model at the path `in` in another type to the path `out`, which is there
 * when it is complete and synced, and not before.  Any GGUF file will do, also one of
 * an architecture that we don't run.  The bytes do not depend on threads and CPU.
 *
 * params  NULL means the defaults.
 * result  may be NULL; zero after a failure.
 *
 * Returns ORION_OK, ORION_E_ARGUMENT (no such type; `out` is `in` or no file; the
 * importance matrix is of another model, or lacks a matrix that would become IQ3_XXS or
 * IQ2, or Q2_K in Q2_K_S, or is not given where there are such), ORION_E_DENIED (`out` is
 * there and may not be replaced), ORION_E_FORMAT (a malformed file, or weights that are no
 * numbers), ORION_E_UNSUPPORTED (a part of a split model; quantized already and not
 * allowed), ORION_E_NO_SPACE (known before it begins), ORION_E_CANCELLED, ORION_E_IO,
 * ORION_E_NOMEM. */
ORION_API orion_status orion_quantize(const char *in, const char *out,
                                      const orion_quantize_params *params,
                                      orion_quantize_result *result, orion_error *err);

/* The names that params->type may have, from the largest to the smallest; NULL past the
 * last.  Static storage. */
ORION_API const char *orion_quantize_type(size_t index);

/* ---- text and tokens ---- */

#define ORION_TOKENIZE_SPECIAL 1u /* "<|end|>" in the text becomes the control token */
#define ORION_TOKENIZE_BOS 2u     /* begin with the token that the model wants in front */
#define ORION_TOKENIZE_EOS 4u     /* end with the one behind (</s>, [SEP]): the text is complete */

/* Text to token ids.  Any bytes are accepted; broken UTF-8 goes through as
 * byte tokens where the vocabulary has them, and else is left out or unknown.  *tokens is freed
 * with orion_free(). */
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

/* Computed prefixes that outlive a session: system prompts, long documents.
 * What a prompt has in common with an earlier one, of any process, is read in
 * instead of computed; the bits are the same.
 *
 * On disk lie the model's keys and values of 64 tokens a file, sealed with
 * AES-256-GCM under a random key in the same folder; names are keyed hashes.
 * No text is written.  Deleting the key, or the folder, is always safe, and so
 * is anything that other processes do there: what is damaged, cut, or of another
 * model, file, window, rope or KV type is not used, and computed anew. */
typedef struct orion_prefix_cache orion_prefix_cache;

typedef struct orion_prefix_cache_options {
    size_t size;
    const char *dir;    /* NULL: the manager's cache.dir, usually ~/.orionhealth/cache */
    uint64_t max_bytes; /* of all files; 0: the manager's cache.max_bytes, usually 2 GiB.  The
                         * least recently used give way */
    bool existing_only; /* true: ORION_E_NOT_FOUND instead of making a new one */
} orion_prefix_cache_options;

ORION_API void orion_prefix_cache_options_init(orion_prefix_cache_options *options);

/* Open the cache, making its folder (0700) and key (0600) where they are missing.
 *
 * manager  whose configuration tells what options leave out; not retained.  May
 *          be NULL when options name the folder.
 * out      receives a cache the caller owns; release with
 *          orion_prefix_cache_close() after the sessions that use it.
 *
 * Returns ORION_OK, ORION_E_ARGUMENT (no folder known), ORION_E_IO,
 * ORION_E_DENIED, ORION_E_NO_SPACE, ORION_E_NOMEM.
 * Threads: an open cache is shared by sessions, threads and processes. */
ORION_API orion_status orion_prefix_cache_open(orion_manager *manager,
                                               const orion_prefix_cache_options *options,
                                               orion_prefix_cache **out, orion_error *err);
ORION_API void orion_prefix_cache_close(orion_prefix_cache *cache); /* NULL is a no-op */

/* How many files there are, and their bytes; either may be NULL. */
ORION_API orion_status orion_prefix_cache_usage(const orion_prefix_cache *cache, uint64_t *n_files,
                                                uint64_t *bytes, orion_error *err);
/* Delete all of it, the key included.  Nothing more is found through this handle;
 * open the cache anew for a new key. */
ORION_API orion_status orion_prefix_cache_clear(const orion_prefix_cache *cache, orion_error *err);

typedef struct orion_session orion_session;

typedef struct orion_session_options {
    size_t size;
    uint32_t context_tokens; /* 0: the model's own, at most 4096 */
    uint32_t threads;        /* 0: one for each physical core */
    uint32_t batch_tokens;   /* prompt tokens computed at a time; 0: 512 */
    orion_kv_type kv_type;   /* default ORION_KV_F16 */
    const orion_prefix_cache
        *prefix_cache; /* NULL: none.  Prompts are then looked up there and
                        * kept as they are computed; must outlive the session */
} orion_session_options;

ORION_API void orion_session_options_init(orion_session_options *options);

/* One mutable timeline over a model: KV cache, scratch memory and threads.
 * The model must outlive it.  ORION_E_ARGUMENT when context_tokens exceeds the
 * model's context; ORION_E_NOMEM; ORION_E_UNSUPPORTED for a vocab-only model,
 * and when kv_type can't hold the model's heads.
 *
 * Threads: a session belongs to one thread at a time, except for
 * orion_session_cancel(). */
ORION_API orion_status orion_session_new(const orion_model *model,
                                         const orion_session_options *options, orion_session **out,
                                         orion_error *err);
ORION_API void orion_session_free(orion_session *session); /* NULL is a no-op */

/* Forget everything; the next call computes its prompt from the start. */
ORION_API void orion_session_reset(orion_session *session);

/* Keep what the session holds, answers included, in its prefix cache: all that
 * is whole blocks and not there yet.  Prompts are kept without being asked.
 * ORION_E_ARGUMENT when the session has no prefix cache; ORION_E_IO,
 * ORION_E_NO_SPACE, ORION_E_NOMEM. */
ORION_API orion_status orion_session_save(orion_session *session, orion_error *err);

/* Make the session hold the longest beginning of tokens[n_tokens] that it or its
 * prefix cache has; *n_restored (may be NULL) tells how long it is.  Prompts do
 * so without being asked.  That nothing is found is no error. */
ORION_API orion_status orion_session_restore(orion_session *session, const int32_t *tokens,
                                             size_t n_tokens, uint32_t *n_restored,
                                             orion_error *err);

/* Ask a running orion_generate() or orion_summarize() to stop at once, which is
 * within the time that a layer takes; it returns ORION_E_CANCELLED.  Callable from any thread and
 * from a signal handler.  Without a running call, the next one is stopped. */
ORION_API void orion_session_cancel(orion_session *session);

typedef struct orion_message {
    const char *role; /* "system", "user", "assistant" or "tool" */
    const char
        *content; /* text; can never become a control token.  NULL: none, beside tool_calls */
    /* Each of these may be NULL. */
    const char *thinking;     /* of an earlier answer; templates that know it show it or not */
    const char *tool_calls;   /* of an earlier answer: a JSON list of calls, each as a piece of the
                               * kind ORION_PIECE_TOOL_CALL has it, perhaps with an "id" */
    const char *tool_call_id; /* of a tool's result: the call that it answers */
    const char *tool_name;    /* of a tool's result: the tool */
} orion_message;

typedef enum orion_thinking {
    ORION_THINKING_AS_IS = 0, /* the default: as the model's template has it */
    ORION_THINKING_ON = 1,
    ORION_THINKING_OFF = 2,
} orion_thinking;

/* What a model's template is told besides the messages.  What it knows nothing of is
 * ORION_E_UNSUPPORTED, with the member's name in err->name: orion_model_info.chat_skills
 * tells beforehand. */
typedef struct orion_chat_options {
    size_t size;
    orion_thinking thinking;
    const char *reasoning_effort; /* "low", "medium", "high"; NULL: the template's own.  Has no
                                   * effect on templates that know no effort */
    const char *tools;            /* a JSON list of what the model may call, in OpenAI's shape:
                                   * [{"type": "function", "function": {"name": "f", "description": "",
                                   * "parameters": {}}}]; NULL: nothing */
    const char
        *documents; /* a JSON list of objects, mostly {"title": "", "text": ""}; NULL: none */
    const char *variables; /* a JSON object with more of the template's own; NULL: none */
} orion_chat_options;

ORION_API void orion_chat_options_init(orion_chat_options *options);

typedef struct orion_generate_params {
    size_t size;
    float temperature;           /* 0: always the likeliest token.  Default 0.7 */
    uint32_t top_k;              /* keep the k likeliest; 0: all.  Default 40 */
    float top_p;                 /* keep the smallest set with this mass, (0,1].  Default 0.95 */
    float min_p;                 /* drop below this share of the likeliest, [0,1).  Default 0.05 */
    float repeat_penalty;        /* > 0, 1: off.  Default 1.0 */
    uint32_t repeat_last_tokens; /* how far back it looks, prompt included.  Default 64 */
    float frequency_penalty;     /* off a logit for each time its token is in the answer; -2..2 */
    float presence_penalty;      /* off it once if it is there at all; -2..2.  Defaults 0 */
    uint64_t seed;               /* same seed, same text.  Default 0 */
    uint32_t max_tokens;         /* 0: until the model ends or the context is full */
    const char *const *stop;     /* [n_stop] texts that end the answer and are not part of it */
    size_t n_stop;
    int32_t lookup; /* ORION_LOOKUP_AUTO (default), ORION_LOOKUP_OFF, or 1..15: longest draft */
} orion_generate_params;

/* Lookup decoding: what came after the same tokens before is guessed to come
 * again, and several guesses are checked at the cost of little more than one
 * token.  The answer is the same, to the bit, at any temperature; where it
 * repeats its prompt it comes sooner.  Automatic: with models that are large
 * enough to gain (64 MiB), as far as guesses prove right. */
#define ORION_LOOKUP_AUTO 0
#define ORION_LOOKUP_OFF (-1)

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
    uint32_t cached_tokens; /* of those, taken from the session or its prefix cache */
    uint32_t output_tokens;
    uint32_t parts;            /* orion_summarize(): parts summarised before the joining; 0: none */
    uint32_t incomplete_parts; /* of those, with a summary that was empty or cut at its limit */
    double prompt_ms;          /* computing the prompt */
    double output_ms;          /* producing the answer */
    double first_token_ms;     /* from the call to the first token */
    uint32_t drafted_tokens;   /* guessed by lookup decoding */
    uint32_t accepted_tokens;  /* of those, how many were right */
} orion_stats;

/* Answer a chat.  The messages are laid out by the model's chat template and
 * end with the assistant's turn.  What the model thinks first is not told:
 * orion_answer() tells it.
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

/* One token of the vocabulary and how likely it was. */
typedef struct orion_token_logprob {
    int32_t token;
    const char *bytes; /* its own text, perhaps part of a character; [n_bytes] */
    size_t n_bytes;
    float logprob; /* natural logarithm, by the model alone: before temperature and cuts */
} orion_token_logprob;

/* A token that was chosen, and the likeliest ones at its place, best first. */
typedef struct orion_token_choice {
    orion_token_logprob chosen;
    const orion_token_logprob *top; /* [n_top] */
    size_t n_top;
} orion_token_choice;

typedef enum orion_piece_kind {
    ORION_PIECE_ANSWER = 0,
    ORION_PIECE_THINKING = 1,
    /* A call, whole: {"type": "function", "function": {"name": "f", "arguments": {}}}, with
     * an "id" where the model wrote one.  Only of tools that were given. */
    ORION_PIECE_TOOL_CALL = 2,
} orion_piece_kind;

/* A piece of an answer, valid during the call. */
typedef struct orion_answer_piece {
    const char *text; /* whole UTF-8 characters, NUL-terminated; may be "" */
    size_t text_bytes;
    const orion_token_choice
        *choices; /* [n_choices] made since the last piece; none unless asked */
    size_t n_choices;
    orion_piece_kind kind;
} orion_answer_piece;

/* Return non-zero to stop. */
typedef int (*orion_piece_fn)(const orion_answer_piece *piece, void *user);
/* The last call of a request, exactly once.  `err` is filled unless status is ORION_OK. */
typedef void (*orion_done_fn)(orion_status status, const orion_stats *stats, const orion_error *err,
                              void *user);

#define ORION_NO_LOGPROBS (-1)
#define ORION_MAX_LOGPROBS 20

/* All that can be asked, for sessions, schedulers and endpoints alike. */
typedef struct orion_request {
    size_t size;
    const orion_message *messages; /* [n_messages] a chat; or, when n_messages is 0, */
    size_t n_messages;
    const char *prompt;                  /* a text to continue as it stands */
    bool parse_special;                  /* control tokens in `prompt` are recognised */
    const orion_generate_params *params; /* NULL: defaults */
    int32_t
        top_logprobs; /* ORION_NO_LOGPROBS (default), or tell of each token and so many others */
    orion_piece_fn on_piece;        /* may be NULL */
    orion_done_fn on_done;          /* not of orion_answer(), which returns what it would tell */
    void *user;                     /* retained until on_done() */
    const orion_chat_options *chat; /* NULL: defaults */
} orion_request;

ORION_API void orion_request_init(orion_request *request);

/* Answer a request, as orion_generate() and orion_generate_text() do, and tell apart
 * what the model thinks, answers and calls.  `stats` may be NULL.
 *
 * Where the template marks thinking, what stands before the answer in these marks is
 * of the kind ORION_PIECE_THINKING, without them and without white space around it.
 * Where tools were given, so is what is written in the form of a call; what has
 * the form but can't be read stays part of the answer.  Stop texts are looked for in
 * all that the model writes.
 *
 * Returns what orion_generate() does, and ORION_E_FORMAT (a member of `chat`, or
 * tool_calls of a message, is not the JSON that it should be). */
ORION_API orion_status orion_answer(orion_session *session, const orion_request *request,
                                    orion_stats *stats, orion_error *err);

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
 * In a session with a prefix cache each batch of whole blocks is kept, forgotten,
 * and read back before the next one is computed upon it: equal digests with and
 * without show that what is restored is what was computed.
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

/* How well one token of a text was predicted; valid during the call. */
typedef struct orion_token_score {
    uint32_t position;     /* in its window, where BOS is 0 */
    int32_t token;         /* that comes in the text */
    int32_t likeliest;     /* that the model would have chosen; of equals the lowest id */
    double log_likelihood; /* of `token`, natural logarithm: <= 0 */
} orion_token_score;

/* Return non-zero to stop; the call returns ORION_E_CANCELLED. */
typedef int (*orion_score_fn)(const orion_token_score *score, void *user);

/* orion_perplexity() that tells of each predicted token, in order. */
ORION_API orion_status orion_perplexity_each(orion_session *session, const char *text,
                                             size_t text_bytes, bool want_digest,
                                             orion_score_fn on_score, void *user,
                                             orion_perplexity_result *out, orion_error *err);

/* ---- measuring speed ---- */

typedef enum orion_bench_kind {
    ORION_BENCH_PREFILL = 0, /* batch by batch, as a prompt is computed */
    ORION_BENCH_DECODE = 1,  /* one by one with the logits of each, as an answer is */
} orion_bench_kind;

typedef struct orion_bench_result {
    double wall_ms;
    double cpu_ms;          /* of all threads of the process: less noisy on a busy machine */
    uint64_t weight_bytes;  /* weights that had to be read, each once for a batch or a token */
    uint64_t multiply_adds; /* of weights with activations */
    /* DECODE: what the same threads got that only read the weights of a layer after each
     * token, off the clock; else 0.  Of small models that is what caches give. */
    double read_bytes_per_second;
} orion_bench_result;

/* Measure how long `tokens` random tokens take behind depth_tokens others,
 * which are computed before the clock starts, or are still in the cache from
 * an earlier call.  What the session held is forgotten; its prefix cache is not
 * used.  The first call on a session is slower: it reads the model's file and
 * takes memory.
 *
 * Returns ORION_OK, ORION_E_ARGUMENT (no tokens), ORION_E_TOO_LONG (the context
 * is too small), ORION_E_CANCELLED, ORION_E_NOMEM, ORION_E_IO. */
ORION_API orion_status orion_bench(orion_session *session, orion_bench_kind kind, uint32_t tokens,
                                   uint32_t depth_tokens, orion_bench_result *out,
                                   orion_error *err);

/* What the session's threads sustain together in loops that do nothing else (the
 * median over a quarter of a second): decoding is bound by the first, prompts by the second.
 * On a machine that others use, too, both change within seconds: orion_bench_result has
 * what reading gave during an answer; measure products beside what they are compared with. */
typedef struct orion_bench_peaks {
    const char *cpu_tier; /* of the kernels in use: "avx512"; static storage */
    uint32_t threads;
    double read_bytes_per_second;    /* from memory, of a block larger than most caches */
    double multiply_adds_per_second; /* of 8-bit numbers, by the tier's instructions */
} orion_bench_peaks;

/* Takes 256 MiB of memory for its duration, about a second. */
ORION_API orion_status orion_bench_machine(orion_session *session, orion_bench_peaks *out,
                                           orion_error *err);

/* ------------------------------------------------------------------------
 * 5. Embedder
 * ------------------------------------------------------------------------ */

/* Scratch memory and threads that turn texts into vectors, by a model that was made
 * for it: texts of like meaning get vectors of like direction. */
typedef struct orion_embedder orion_embedder;

typedef struct orion_embedder_options {
    size_t size;
    uint32_t threads;      /* 0: one for each physical core */
    uint32_t batch_tokens; /* computed at a time, hence the longest text, at most 8192; 0: the
                            * model's context, at most 2048.  Memory grows with it */
} orion_embedder_options;

ORION_API void orion_embedder_options_init(orion_embedder_options *options);

/* An embedder over a model, which must outlive it.  *out is the caller's; release
 * with orion_embedder_free().
 *
 * Returns ORION_OK, ORION_E_UNSUPPORTED (the model makes no embeddings: its
 * orion_model_info has no pooling), ORION_E_ARGUMENT (batches beyond the model's
 * context, or too large), ORION_E_NOMEM.
 *
 * Threads: an embedder belongs to one thread at a time. */
ORION_API orion_status orion_embedder_new(const orion_model *model,
                                          const orion_embedder_options *options,
                                          orion_embedder **out, orion_error *err);
ORION_API void orion_embedder_free(orion_embedder *embedder); /* NULL is a no-op */

/* A text, or tokens in its place. */
typedef struct orion_embed_input {
    const char *text; /* [text_bytes], any bytes; never becomes a control token.  The model's own
                       * tokens go before and behind it */
    size_t text_bytes;
    const int32_t *tokens; /* [n_tokens], taken as they are; NULL: the text counts */
    size_t n_tokens;
} orion_embed_input;

/* Called after each batch, on the caller's thread; `done` inputs of `total` have
 * their vectors.  Return non-zero to stop; the call returns ORION_E_CANCELLED. */
typedef int (*orion_embed_fn)(size_t done, size_t total, void *user);

/* Make the vectors of inputs[n_inputs], n_inputs >= 1.  Short inputs are computed
 * together; a vector is the same, bit by bit, whatever else is asked for, and
 * whatever the number of threads.
 *
 * out       the caller's, float[n_inputs][embedding_length] of the model's info; each
 *           vector has length 1, so a dot product of two is their cosine.  Not to be
 *           used after a failure.
 * n_tokens  the caller's, [n_inputs], or NULL: how many tokens each input was.
 *
 * Returns ORION_OK, ORION_E_TOO_LONG (an input has more tokens than are computed at a
 * time; the message gives both numbers; nothing was cut), ORION_E_ARGUMENT (an input
 * without tokens, or with one outside the vocabulary), ORION_E_CANCELLED,
 * ORION_E_NOMEM, ORION_E_FORMAT (broken weights), ORION_E_IO (the model's file shrank
 * under us). */
ORION_API orion_status orion_embed(orion_embedder *embedder, const orion_embed_input *inputs,
                                   size_t n_inputs, orion_embed_fn on_progress, void *user,
                                   float *out, uint32_t *n_tokens, orion_error *err);

/* ------------------------------------------------------------------------
 * 6. Scheduler
 * ------------------------------------------------------------------------ */

/* Many requests at once over one model, for servers: they share batches, and
 * what their prompts have in common is computed once.  By the promise of equal
 * bits an answer does not depend on who else is there: it is the one that
 * orion_generate() gives with the same parameters. */
typedef struct orion_scheduler orion_scheduler;

typedef struct orion_scheduler_options {
    size_t size;
    uint32_t context_tokens; /* of each request; 0: the model's own, at most 4096 */
    uint32_t threads;        /* 0: one for each physical core */
    uint32_t batch_tokens;   /* prompt tokens computed at a time; 0: 256, or 512 for one sequence */
    uint32_t sequences;      /* requests computed at once, 1..64; 0: 4.  Each may fill a context */
    uint32_t waiting;        /* requests that may wait for a place; 0: 64 */
    orion_kv_type kv_type;
    const orion_prefix_cache *prefix_cache; /* NULL: none; must outlive the scheduler */
} orion_scheduler_options;

ORION_API void orion_scheduler_options_init(orion_scheduler_options *options);

/* Start a scheduler and its thread over a model, which must outlive it.  Errors
 * as orion_session_new(). */
ORION_API orion_status orion_scheduler_open(const orion_model *model,
                                            const orion_scheduler_options *options,
                                            orion_scheduler **out, orion_error *err);
/* Cancel what is under way, wait for the last callback, and free it.  Not from a
 * callback.  NULL is a no-op. */
ORION_API void orion_scheduler_close(orion_scheduler *scheduler);

/* Hand in a request; everything is copied but `user`.  Callbacks come on the scheduler's
 * thread: return soon.  What can be known at once
 * is returned and on_done() is not called then: ORION_E_ARGUMENT,
 * ORION_E_TOO_LONG, ORION_E_UNSUPPORTED (no chat template), ORION_E_BUSY (so
 * many wait already), ORION_E_CANCELLED (the scheduler is closing), ORION_E_NOMEM.
 * *id (may be NULL) is never 0, and set before any callback; these may come before
 * the call returns.
 *
 * Threads: from any, callbacks included. */
ORION_API orion_status orion_scheduler_submit(orion_scheduler *scheduler,
                                              const orion_request *request, uint64_t *id,
                                              orion_error *err);
/* Stop a request after the token it is at; on_done() tells ORION_E_CANCELLED.
 * One that is over is no error.  From any thread. */
ORION_API void orion_scheduler_cancel(orion_scheduler *scheduler, uint64_t id);

/* Give back the memory of keys and values that no request has used for idle_s seconds; 0: that
 * none uses now.  A conversation that goes on later is computed anew.  It happens after the
 * batch that is being computed.  From any thread; NULL is a no-op. */
ORION_API void orion_scheduler_give_back(orion_scheduler *scheduler, uint32_t idle_s);

/* How it stands; plain data. */
typedef struct orion_scheduler_load {
    uint32_t running, waiting;
    uint64_t requests;                                    /* ended since the start */
    uint64_t prompt_tokens, cached_tokens, output_tokens; /* of them */
    uint64_t kv_bytes;     /* of keys and values: what was written and not given back */
    uint64_t buffer_bytes; /* of scratch memory */
} orion_scheduler_load;

ORION_API void orion_scheduler_get_load(const orion_scheduler *scheduler,
                                        orion_scheduler_load *out);

/* ------------------------------------------------------------------------
 * 7. Endpoints
 * ------------------------------------------------------------------------ */

/* Models that answer outside of this process, by OpenAI's API: at the server that
 * runs on this machine (`orion serve`), or at a `remote` entry of the configuration
 * file, which is a name for a model elsewhere.  What is sent to a remote leaves this
 * machine, so it takes privacy.allow_remote in that file, a strategy other than
 * local-only, and no offline; otherwise it is refused before a socket is opened. */

/* Which is meant by a name that a local model and a remote could answer to. */
typedef enum orion_strategy {
    ORION_LOCAL_ONLY = 0,    /* the default: never a remote */
    ORION_PREFER_LOCAL = 1,  /* a remote when no local model of that name is here, runs and fits */
    ORION_PREFER_REMOTE = 2, /* a remote when there is one of that name */
} orion_strategy;

typedef struct orion_remote {
    const char *name;    /* what a user types */
    const char *url;     /* "https://host/v1" */
    const char *model;   /* what it is called there */
    bool usable;         /* requests may be sent there */
    const char *why_not; /* a sentence when not, else "" */
} orion_remote;

typedef struct orion_remote_list {
    size_t count;
    const orion_remote *remotes; /* [count], in the order of the file */
    orion_strategy strategy;
} orion_remote_list;

/* Release with orion_remote_list_free(). */
ORION_API orion_status orion_manager_remotes(orion_manager *manager, orion_remote_list **out,
                                             orion_error *err);
ORION_API void orion_remote_list_free(orion_remote_list *list); /* NULL is a no-op */

/* Does `name` mean a remote now, by the strategy?  A name that is none of a remote
 * never does.  ORION_E_DENIED or ORION_E_OFFLINE when only a remote is called so and
 * it may not be used: the message says why.  No network. */
ORION_API orion_status orion_manager_choose(orion_manager *manager, const char *name, bool *remote,
                                            orion_error *err);

typedef struct orion_endpoint orion_endpoint;

/* Open a remote by its name, whatever the strategy prefers.  Opens no connection.
 *
 * Returns ORION_OK, ORION_E_NOT_FOUND, ORION_E_DENIED (not allowed, or its key would
 * go unencrypted), ORION_E_OFFLINE, ORION_E_ARGUMENT (its address or key can't be
 * used), ORION_E_NOMEM.
 * Threads: an endpoint may be used from several at once. */
ORION_API orion_status orion_endpoint_open_remote(orion_manager *manager, const char *name,
                                                  orion_endpoint **out, orion_error *err);

/* Open a server of ours.  url NULL: $ORION_SERVER, else the one that runs on this
 * machine; else "http://host:port".  By itself this leads to a loopback address and
 * nowhere else, offline too; a server on another machine that was named is a way out
 * like a remote, and wants the same to be allowed.  Its token is that of the server
 * on this machine when that has this address, else the one in the file that
 * $ORION_SERVER_TOKEN_FILE names.  Opens no connection.
 *
 * ORION_E_NOT_FOUND when none runs here; else as orion_endpoint_open_remote(). */
ORION_API orion_status orion_endpoint_open_server(orion_manager *manager, const char *url,
                                                  orion_endpoint **out, orion_error *err);

/* Stop what is under way, wait for the last callback, and free it.  Not from a
 * callback.  NULL is a no-op. */
ORION_API void orion_endpoint_close(orion_endpoint *endpoint);

/* Valid until it is closed. */
ORION_API const char *orion_endpoint_url(const orion_endpoint *endpoint);
/* Does what is sent there leave this machine? */
ORION_API bool orion_endpoint_is_remote(const orion_endpoint *endpoint);

/* Hand in a request, as orion_scheduler_submit() takes it; callbacks are on a thread
 * of the endpoint's.  `model` is what a server of ours calls it (an id); of a remote
 * it is not looked at.
 *
 * A server of ours gives the answer that orion_generate() would give here, with the
 * same model, context and KV type; what its API can't say is ORION_E_UNSUPPORTED at
 * once (lookup, repeat_last_tokens, parse_special, log-probabilities).  A remote is
 * told what OpenAI's API has words for: temperature, top_p, seed, max_tokens, stop and
 * the penalties other than repeat_penalty.
 *
 * stats: tokens as the endpoint counts them; times as they are seen from here, with
 * prompt_ms the time to the first piece.
 *
 * on_done() tells ORION_OK, ORION_E_NETWORK (not reached, or not OpenAI's API),
 * ORION_E_DENIED (the key), ORION_E_NOT_FOUND, ORION_E_TOO_LONG, ORION_E_ARGUMENT,
 * ORION_E_BUSY (asked too often), ORION_E_CANCELLED, ORION_E_NOMEM. */
ORION_API orion_status orion_endpoint_submit(orion_endpoint *endpoint, const char *model,
                                             const orion_request *request, uint64_t *id,
                                             orion_error *err);
/* Close the request's connection, upon which the endpoint stops; on_done() tells
 * ORION_E_CANCELLED.  One that is over is no error.  From any thread. */
ORION_API void orion_endpoint_cancel(orion_endpoint *endpoint, uint64_t id);

/* A model in the memory of a server of ours. */
typedef struct orion_loaded {
    const char *id, *name, *quantization;
    const char *path; /* of its file, absolute, on that machine */
    orion_kv_type kv_type;
    uint64_t memory_bytes;
    uint32_t context_tokens, running, waiting;
    int64_t expires_unix; /* when it goes if it is not used; 0: not by itself */
    bool unloading;
} orion_loaded;

typedef struct orion_loaded_list {
    size_t count;
    const orion_loaded *models; /* [count] */
} orion_loaded_list;

/* Ask a server of ours what it holds, and wait for the answer, a few seconds at most.
 * Release with orion_loaded_list_free(). */
ORION_API orion_status orion_endpoint_loaded(orion_endpoint *endpoint, orion_loaded_list **out,
                                             orion_error *err);
ORION_API void orion_loaded_list_free(orion_loaded_list *list); /* NULL is a no-op */
/* Tell it to let go of one.  ORION_E_NOT_FOUND when it does not hold it. */
ORION_API orion_status orion_endpoint_unload(orion_endpoint *endpoint, const char *model,
                                             orion_error *err);

/* For servers: be found by orion_endpoint_open_server() on this machine, by this user,
 * from now until the announcement ends, however the process does.  token_file (may be
 * NULL) is where the token is that `url` wants.  ORION_E_BUSY when another server is
 * announced: that one is found then, and this one by its address. */
typedef struct orion_announcement orion_announcement;

ORION_API orion_status orion_server_announce(const char *url, const char *token_file,
                                             orion_announcement **out, orion_error *err);
ORION_API void orion_server_withdraw(orion_announcement *announcement); /* NULL is a no-op */

#ifdef __cplusplus
}
#endif

#endif /* ORION_H */
