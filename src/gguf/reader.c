/* Opening and closing; the header; what is handed out. */
#include "gguf/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gguf/types.h"

/* Tensor data and activations are used in place, as they lie in the file. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "only for little-endian machines");

/* The least that a pair and a description take: a name of one byte. */
#define MIN_KV_BYTES (8 + 1 + 4 + 1)
#define MIN_TENSOR_BYTES (8 + 1 + 4 + 8 + 4 + 8)

struct ori_cursor ori_gguf_cursor(const struct ori_gguf *gguf, orion_error *err)
{
    return (struct ori_cursor){.data = gguf->data,
                               .size = gguf->at_hand,
                               .limit = ORI_GGUF_MAX_HEADER,
                               .file = gguf->file,
                               .err = err};
}

static orion_status check_version(struct ori_gguf *gguf, const struct ori_cursor *c,
                                  uint64_t offset)
{
    const uint32_t version = gguf->version;

    if (version == 2 || version == 3)
        return ORION_OK;
    if ((version & 0xFFFF) == 0 && version != 0)
        return ori_cursor_refuse(c, ORION_E_UNSUPPORTED, offset,
                                 "the file is big-endian; convert it to little-endian");
    return ori_cursor_refuse(c, ORION_E_UNSUPPORTED, offset,
                             "GGUF version %u; versions 2 and 3 can be read", version);
}

static orion_status check_count(struct ori_cursor *c, uint64_t offset, const char *what,
                                uint64_t count, uint32_t cap, uint64_t min_bytes)
{
    if (count > cap)
        return ori_cursor_refuse(c, ORION_E_FORMAT, offset,
                                 "%" PRIu64 " %s; at most %u are accepted", count, what, cap);
    if (ori_cursor_lacks(c, count * min_bytes))
        return ori_cursor_refuse(c, ORION_E_FORMAT, offset,
                                 "%" PRIu64 " %s do not fit in the %" PRIu64
                                 " bytes that follow; the file is cut short or damaged",
                                 count, what, c->size - c->pos);
    return ORION_OK;
}

static orion_status read_header(struct ori_gguf *gguf, struct ori_cursor *c)
{
    orion_status status;
    uint64_t n_tensors = 0;
    uint64_t n_kv = 0;

    if (c->size < 4 || memcmp(c->data, "GGUF", 4) != 0)
        return ori_cursor_refuse(c, ORION_E_FORMAT, 0,
                                 "not a GGUF file: it does not begin with \"GGUF\"");
    c->pos = 4;
    if ((status = ori_cursor_u32(c, &gguf->version)) != ORION_OK ||
        (status = check_version(gguf, c, 4)) != ORION_OK ||
        (status = ori_cursor_u64(c, &n_tensors)) != ORION_OK ||
        (status = ori_cursor_u64(c, &n_kv)) != ORION_OK ||
        (status = check_count(c, 8, "tensors", n_tensors, ORI_GGUF_MAX_TENSORS,
                              MIN_TENSOR_BYTES)) != ORION_OK ||
        (status = check_count(c, 16, "keys", n_kv, ORI_GGUF_MAX_KV, MIN_KV_BYTES)) != ORION_OK)
        return status;
    gguf->n_tensors = (size_t)n_tensors;
    gguf->n_kv = (size_t)n_kv;
    return ORION_OK;
}

static orion_status read_cursor(struct ori_gguf *gguf, struct ori_cursor *c)
{
    orion_status status;

    if ((status = read_header(gguf, c)) != ORION_OK ||
        (status = ori_gguf_read_kv(gguf, c)) != ORION_OK ||
        (status = ori_gguf_keep_texts(gguf, c->err)) != ORION_OK ||
        (status = ori_gguf_read_alignment(gguf, c)) != ORION_OK ||
        (status = ori_gguf_read_tensors(gguf, c)) != ORION_OK ||
        (status = ori_gguf_check_split(gguf, c->err)) != ORION_OK)
        return status;
    return ori_gguf_place_tensors(gguf, c);
}

static orion_status read_all(struct ori_gguf *gguf, orion_error *err)
{
    struct ori_cursor c = ori_gguf_cursor(gguf, err);
    return read_cursor(gguf, &c);
}

static struct ori_gguf *new_gguf(const char *path, orion_error *err)
{
    struct ori_gguf *gguf = ori_calloc_array(1, sizeof(*gguf));
    if (!gguf) {
        (void)ori_fail_nomem(err, "reading a model file");
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    (void)snprintf(gguf->file, sizeof(gguf->file), "%s", slash && slash[1] ? slash + 1 : path);
    return gguf;
}

orion_status ori_gguf_parse(const void *data, size_t size, const char *name, struct ori_gguf **out,
                            orion_error *err)
{
    *out = NULL;
    struct ori_gguf *gguf = new_gguf(name, err);
    if (!gguf)
        return ORION_E_NOMEM;
    gguf->data = data;
    gguf->size = gguf->at_hand = size;
    const orion_status status = read_all(gguf, err);
    if (status != ORION_OK) {
        ori_gguf_close(gguf);
        return status;
    }
    *out = gguf;
    return ORION_OK;
}

orion_status ori_gguf_parse_header(const void *data, size_t size, uint64_t file_bytes,
                                   const char *name, struct ori_gguf **out, bool *needs_more,
                                   orion_error *err)
{
    *out = NULL;
    *needs_more = false;
    struct ori_gguf *gguf = new_gguf(name, err);
    if (!gguf)
        return ORION_E_NOMEM;
    gguf->data = data;
    gguf->size = file_bytes;
    gguf->at_hand = size;
    struct ori_cursor c = ori_gguf_cursor(gguf, err);
    const orion_status status = read_cursor(gguf, &c);
    if (status != ORION_OK) {
        *needs_more = c.ran_out && size < file_bytes;
        ori_gguf_close(gguf);
        return status;
    }
    *out = gguf;
    return ORION_OK;
}

orion_status ori_gguf_open(const char *path, struct ori_gguf **out, orion_error *err)
{
    *out = NULL;
    struct ori_gguf *gguf = new_gguf(path, err);
    if (!gguf)
        return ORION_E_NOMEM;
    orion_status status = ori_map_open(path, &gguf->map, err);
    if (status == ORION_OK) {
        gguf->data = gguf->map.data;
        gguf->size = gguf->at_hand = gguf->map.size;
        status = read_all(gguf, err);
        /* Zeros read in place of lost pages must not be blamed on the format. */
        const orion_status intact = ori_gguf_check_intact(gguf, err);
        if (intact != ORION_OK)
            status = intact;
    }
    if (status != ORION_OK) {
        ori_gguf_close(gguf);
        return status;
    }
    *out = gguf;
    return ORION_OK;
}

void ori_gguf_close(struct ori_gguf *gguf)
{
    if (!gguf)
        return;
    free(gguf->kv);
    free(gguf->kv_by_key);
    free(gguf->tensors);
    free(gguf->tensors_by_name);
    ori_arena_release(&gguf->names);
    ori_map_close(&gguf->map);
    free(gguf);
}

orion_status ori_gguf_check_intact(const struct ori_gguf *gguf, orion_error *err)
{
    if (!ori_map_is_damaged(&gguf->map))
        return ORION_OK;
    return ori_fail(err, ORION_E_IO,
                    "%.200s became shorter while it was in use; fetch it again and do not change "
                    "model files that are open",
                    gguf->file);
}

void ori_gguf_read_ahead(const struct ori_gguf *gguf, uint64_t offset, size_t bytes)
{
    ori_map_read_ahead(&gguf->map, (size_t)offset, bytes); /* what is mapped has size_t offsets */
}

void ori_gguf_read_ahead_begin(const struct ori_gguf *gguf)
{
    ori_map_read_ahead_begin(&gguf->map);
}

void ori_gguf_read_ahead_end(const struct ori_gguf *gguf)
{
    ori_map_read_ahead_end(&gguf->map);
}

uint32_t ori_gguf_version(const struct ori_gguf *gguf)
{
    return gguf->version;
}

uint32_t ori_gguf_alignment(const struct ori_gguf *gguf)
{
    return gguf->alignment;
}

uint64_t ori_gguf_file_bytes(const struct ori_gguf *gguf)
{
    return gguf->size;
}

uint64_t ori_gguf_data_offset(const struct ori_gguf *gguf)
{
    return gguf->data_offset;
}

size_t ori_gguf_n_kv(const struct ori_gguf *gguf)
{
    return gguf->n_kv;
}

const struct ori_gguf_kv *ori_gguf_kv_at(const struct ori_gguf *gguf, size_t index)
{
    return index < gguf->n_kv ? &gguf->kv[index] : NULL;
}

size_t ori_gguf_n_tensors(const struct ori_gguf *gguf)
{
    return gguf->n_tensors;
}

const struct ori_gguf_tensor *ori_gguf_tensor_at(const struct ori_gguf *gguf, size_t index)
{
    return index < gguf->n_tensors ? &gguf->tensors[index] : NULL;
}
