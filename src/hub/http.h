/* Transfers and the engine that moves them.
 *
 * An engine drives any number of transfers from one thread; it keeps their
 * connections for the next ones.  A transfer is one request and its response;
 * redirects and retries are the business of whoever asked.  This file holds
 * the only place of the library where a socket is opened.
 */
#ifndef ORI_HUB_HTTP_H
#define ORI_HUB_HTTP_H

#include <curl/curl.h>

#include "hub/internal.h"

struct ori_transfer {
    /* ---- what is asked; set before ori_engine_add() ---- */
    const char *url;    /* valid until the transfer is removed */
    bool head;          /* HEAD instead of GET */
    const char *method; /* another method, "DELETE"; NULL: what the rest says */
    const char
        *json; /* a body to POST, [json_bytes], valid until the transfer is removed; or NULL */
    size_t json_bytes;
    const char *accept; /* the type that the answer may have, or NULL: any */
    uint32_t stall_ms;  /* silent for so long, it is dropped; 0: the hub's own */
    bool ranged;        /* bytes=begin-end, both included */
    uint64_t range_begin, range_end;
    const char *if_range; /* a strong ETag, or NULL */
    unsigned max_age_s;   /* not on an older connection; a new one's host is looked up anew;
                           * 0: on any */
    /* Called once when the head of the response is complete and once for
     * each piece of its body; not ORION_OK ends the transfer.  May be NULL. */
    orion_status (*on_reply)(struct ori_transfer *transfer, orion_error *err);
    orion_status (*on_body)(struct ori_transfer *transfer, const void *data, size_t len,
                            orion_error *err);
    /* Asked before each piece of the body; false holds it back until
     * ori_engine_resume().  May be NULL. */
    bool (*may_take)(struct ori_transfer *transfer);
    void *self;

    /* ---- what came of it ---- */
    struct ori_reply reply;
    bool done;
    bool worth_retrying; /* the network's fault, and another attempt may do */
    bool refused;        /* a callback ended it; `error` is the callback's */
    orion_status status; /* ORION_OK: a whole response arrived, whatever its code */
    orion_error error;

    /* ---- the engine's own ---- */
    const struct ori_hub *hub;
    CURL *easy;
    struct curl_slist *headers;
    char problem[CURL_ERROR_SIZE];
    bool replied;
    bool held;         /* by may_take() */
    uint64_t heard_ns; /* when the last byte arrived */
};

struct ori_engine;

orion_status ori_engine_new(const struct ori_hub *hub, struct ori_engine **out, orion_error *err);
void ori_engine_free(struct ori_engine *engine); /* NULL is a no-op; all transfers were removed */

/* ORION_E_OFFLINE with its sentence when the hub is offline. */
orion_status ori_engine_check_online(const struct ori_hub *hub, orion_error *err);

/* Begin.  ORION_E_OFFLINE when the hub is offline; nothing was begun then. */
orion_status ori_engine_add(struct ori_engine *engine, struct ori_transfer *transfer,
                            orion_error *err);
/* Stop if need be, and let go of what the engine holds for it. */
void ori_engine_remove(struct ori_engine *engine, struct ori_transfer *transfer);

/* Move all transfers on, waiting up to wait_ms for something to happen; sets
 * `done` of those that ended. */
void ori_engine_step(struct ori_engine *engine, int wait_ms);
/* Let a transfer that was held back go on. */
void ori_engine_resume(struct ori_engine *engine, struct ori_transfer *transfer);
/* Make a step in progress, or the next, return at once.  From any thread. */
void ori_engine_wake(struct ori_engine *engine);

/* Add, step until done, remove.  ORION_OK when the transfer was carried out,
 * however it ended: look at transfer->status.  Otherwise ORION_E_CANCELLED,
 * ORION_E_OFFLINE or ORION_E_NOMEM.  *done_bytes is read for each tick. */
orion_status ori_engine_run(struct ori_engine *engine, struct ori_transfer *transfer,
                            const struct ori_watch *watch, orion_phase phase,
                            const uint64_t *done_bytes, orion_error *err);

#endif
