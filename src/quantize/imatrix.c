#include "quantize/imatrix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/utf8.h"
#include "gguf/cursor.h"

#define MAX_ENTRIES ORI_GGUF_MAX_TENSORS
#define SUMS ".in_sum2"

struct entry {
    struct ori_str name;   /* of the matrix; in the file */
    const uint8_t *values; /* f32 [n], unaligned, in the file; finite and >= 0 */
    uint64_t n;
};

struct ori_imatrix {
    struct ori_map map;    /* zero when memory was given */
    struct ori_gguf *gguf; /* of the newer form, else NULL */
    const char *file;      /* for messages, while it is being read */
    struct entry *entries; /* [n_entries] by name */
    size_t n_entries;
};

static float value_at(const uint8_t *values, uint64_t i)
{
    const uint32_t bits = ori_le32(values + 4 * i);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* ---- entries ---- */

static int compare(struct ori_str a, struct ori_str b)
{
    const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
    return compare(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static const struct entry *find(const struct ori_imatrix *m, const char *tensor)
{
    const struct entry wanted = {.name = {tensor, strlen(tensor)}};

    return m->n_entries == 0 ? NULL
                             : bsearch(&wanted, m->entries, m->n_entries, sizeof(wanted), by_name);
}

/* Every value is a mean of squares; ORION_OK, or where it is not. */
static orion_status check_values(const struct ori_imatrix *m, const struct entry *entry,
                                 uint64_t offset, orion_error *err)
{
    for (uint64_t i = 0; i < entry->n; i++) {
        const float value = value_at(entry->values, i);
        if (!(value >= 0) || isinf(value))
            return ori_fail_at(err, ORION_E_FORMAT, offset + 4 * i, NULL,
                               "'%s': the importance of '%.*s' holds a value that is no sum of "
                               "squares",
                               m->file, ORI_STR_ARG(entry->name));
    }
    return ORION_OK;
}

static orion_status sort_entries(struct ori_imatrix *m, orion_error *err)
{
    if (m->n_entries > 1)
        qsort(m->entries, m->n_entries, sizeof(*m->entries), by_name);
    for (size_t i = 1; i < m->n_entries; i++)
        if (by_name(&m->entries[i - 1], &m->entries[i]) == 0)
            return ori_fail(err, ORION_E_FORMAT, "'%s' has the importance of '%.*s' twice", m->file,
                            ORI_STR_ARG(m->entries[i].name));
    return ORION_OK;
}

/* ---- the older form ---- */

/* An i32 of [1, max]. */
static orion_status take_count(struct ori_cursor *c, const char *what, uint32_t max, uint32_t *out)
{
    const uint64_t at = c->pos;
    const orion_status status = ori_cursor_u32(c, out);

    if (status == ORION_OK && (*out == 0 || *out > max))
        return ori_cursor_refuse(c, ORION_E_FORMAT, at, "%s is %u, and should be 1 to %u", what,
                                 *out, max);
    return status;
}

static orion_status take_entry(const struct ori_imatrix *m, struct ori_cursor *c, struct entry *out)
{
    uint32_t length, calls, n;

    orion_status status = take_count(c, "the length of a name", ORI_GGUF_MAX_NAME, &length);
    out->name = (struct ori_str){(const char *)c->data + c->pos, 0};
    if (status == ORION_OK)
        status = ori_cursor_skip(c, length);
    if (status != ORION_OK)
        return status;
    out->name.len = length;
    if (ori_utf8_valid_len(out->name.data, length) != length)
        return ori_cursor_refuse(c, ORION_E_FORMAT, c->pos - length, "a name is not UTF-8");
    ori_cursor_at(c, "tensor", out->name);
    status = ori_cursor_u32(c, &calls);
    if (status == ORION_OK)
        status = take_count(c, "the number of its values", UINT32_MAX / 4, &n);
    if (status != ORION_OK)
        return status;
    out->values = c->data + c->pos;
    out->n = n;
    const uint64_t offset = c->pos;
    status = ori_cursor_skip(c, 4 * (uint64_t)n);
    return status == ORION_OK ? check_values(m, out, offset, c->err) : status;
}

static orion_status read_binary(struct ori_imatrix *m, const void *data, size_t size,
                                orion_error *err)
{
    struct ori_cursor c = {.data = data, .size = size, .file = m->file, .err = err};
    uint32_t n;

    orion_status status = take_count(&c, "the number of matrices", MAX_ENTRIES, &n);
    if (status != ORION_OK)
        return status;
    m->entries = ori_calloc_array(n, sizeof(*m->entries));
    if (!m->entries)
        return ori_fail_nomem(err, "an importance matrix");
    while (m->n_entries < n && status == ORION_OK) {
        ori_cursor_at(&c, NULL, (struct ori_str){0});
        status = take_entry(m, &c, &m->entries[m->n_entries]);
        m->n_entries += status == ORION_OK;
    }
    return status;
}

/* ---- the newer form ---- */

/* Counts are not looked at: a mean and a sum say the same once they are scaled. */
static orion_status read_gguf(struct ori_imatrix *m, orion_error *err)
{
    const size_t n_tensors = ori_gguf_n_tensors(m->gguf);
    const size_t suffix = sizeof(SUMS) - 1;
    orion_status status = ORION_OK;

    m->entries = ori_calloc_array(n_tensors, sizeof(*m->entries));
    if (!m->entries)
        return ori_fail_nomem(err, "an importance matrix");
    for (size_t i = 0; i < n_tensors && status == ORION_OK; i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(m->gguf, i);
        const size_t len = strlen(t->name);
        struct entry *entry = &m->entries[m->n_entries];

        if (len <= suffix || strcmp(t->name + len - suffix, SUMS) != 0)
            continue;
        if (t->type != ORI_F32)
            return ori_fail_at(err, ORION_E_FORMAT, t->info_offset, t->name,
                               "'%s': '%s' is not of type F32", m->file, t->name);
        *entry = (struct entry){{t->name, len - suffix}, t->data, t->size_bytes / 4};
        status = check_values(m, entry, t->offset, err);
        m->n_entries++;
    }
    if (status == ORION_OK && m->n_entries == 0)
        return ori_fail(err, ORION_E_FORMAT,
                        "'%s' is a GGUF file without importance: it has no tensor that ends in "
                        "'%s'",
                        m->file, SUMS);
    return status;
}

/* ---- both ---- */

static orion_status read_any(struct ori_imatrix *m, const void *data, size_t size, orion_error *err)
{
    orion_status status;

    if (size >= 4 && memcmp(data, "GGUF", 4) == 0) {
        status = ori_gguf_parse(data, size, m->file, &m->gguf, err);
        if (status == ORION_OK)
            status = read_gguf(m, err);
    } else {
        status = read_binary(m, data, size, err);
    }
    return status == ORION_OK ? sort_entries(m, err) : status;
}

orion_status ori_imatrix_parse(const void *data, size_t size, const char *name,
                               struct ori_imatrix **out, orion_error *err)
{
    struct ori_imatrix *m = ori_calloc_array(1, sizeof(*m));

    *out = NULL;
    if (!m)
        return ori_fail_nomem(err, "an importance matrix");
    m->file = name;
    const orion_status status = read_any(m, data, size, err);
    m->file = NULL;
    if (status == ORION_OK)
        *out = m;
    else
        ori_imatrix_close(m);
    return status;
}

orion_status ori_imatrix_open(const char *path, struct ori_imatrix **out, orion_error *err)
{
    struct ori_map map;

    *out = NULL;
    orion_status status = ori_map_open(path, &map, err);
    if (status != ORION_OK)
        return status;
    status = ori_imatrix_parse(map.data, map.size, path, out, err);
    if (status == ORION_OK)
        (*out)->map = map;
    else
        ori_map_close(&map);
    return status;
}

void ori_imatrix_close(struct ori_imatrix *m)
{
    if (!m)
        return;
    ori_gguf_close(m->gguf);
    ori_map_close(&m->map);
    free(m->entries);
    free(m);
}

size_t ori_imatrix_count(const struct ori_imatrix *m)
{
    return m->n_entries;
}

bool ori_imatrix_has(const struct ori_imatrix *m, const char *tensor)
{
    return find(m, tensor) != NULL;
}

/* Scaled, so that sums over them stay within what a float holds. */
static void scale_to_mean_1(const uint8_t *values, uint64_t n, float *out)
{
    double sum = 0;

    for (uint64_t i = 0; i < n; i++)
        sum += (double)value_at(values, i);
    for (uint64_t i = 0; i < n; i++)
        out[i] = sum > 0 ? (float)((double)value_at(values, i) * ((double)n / sum)) : 1;
}

orion_status ori_imatrix_get(const struct ori_imatrix *m, const char *tensor, uint64_t n_cols,
                             uint64_t n_experts, float *out, orion_error *err)
{
    const struct entry *entry = find(m, tensor);
    uint64_t n;

    if (!entry)
        return ori_fail(err, ORION_E_NOT_FOUND, "the importance of '%s' was not measured", tensor);
    if (!ori_mul_u64(n_cols, n_experts, &n) || entry->n != n)
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, tensor,
                           "the importance matrix has %llu values for '%s', which has %llu columns "
                           "in %llu matrices: it was measured on another model",
                           (unsigned long long)entry->n, tensor, (unsigned long long)n_cols,
                           (unsigned long long)n_experts);
    for (uint64_t e = 0; e < n_experts; e++)
        scale_to_mean_1(entry->values + 4 * e * n_cols, n_cols, out + e * n_cols);
    return ORION_OK;
}
