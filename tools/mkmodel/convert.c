/* A model again, its matrices in another type. */
#include "mkmodel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

/* Rows are converted one at a time through these. */
struct rows {
    struct ori_kernels kernels;
    float *floats;
    uint8_t *row;
    uint64_t capacity; /* elements */
};

static bool is_matrix(const struct ori_gguf_tensor *t)
{
    static const char suffix[] = ".weight";
    const size_t len = strlen(t->name);
    return t->n_dims == 2 && len > sizeof(suffix) - 1 &&
           strcmp(t->name + len - (sizeof(suffix) - 1), suffix) == 0;
}

static uint32_t count_layers(const struct ori_gguf *gguf)
{
    uint32_t n_layers = 0;

    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        uint32_t layer;
        if (sscanf(ori_gguf_tensor_at(gguf, i)->name, "blk.%u.", &layer) == 1 &&
            layer >= n_layers && layer < UINT32_MAX)
            n_layers = layer + 1;
    }
    return n_layers;
}

/* The types of all tensors in the new file; says which stay against the recipe. */
static void choose_types(const struct ori_gguf *gguf, const struct recipe *recipe, uint32_t *types)
{
    const bool tied = !ori_gguf_find_tensor(gguf, "output.weight");
    const uint32_t n_layers = count_layers(gguf);

    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        types[i] = t->type;
        if (!is_matrix(t))
            continue;
        const uint32_t wanted = recipe_type(recipe, t->name, n_layers, tied);
        if (t->dims[0] % ori_type_info(wanted)->block_elems == 0)
            types[i] = wanted;
        else
            (void)fprintf(stderr, "mkmodel: %s stays %s: rows of %llu are not whole blocks of %s\n",
                          t->name, ori_type_info(t->type)->name, (unsigned long long)t->dims[0],
                          ori_type_info(wanted)->name);
    }
}

static void copy_keys(struct ori_gguf_writer *w, const struct ori_gguf *gguf,
                      const struct recipe *recipe)
{
    for (size_t i = 0; i < ori_gguf_n_kv(gguf); i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(gguf, i);
        if (strcmp(kv->key, "general.file_type") != 0)
            ori_gguf_write_kv(w, kv);
    }
    ori_gguf_write_u32(w, "general.file_type", recipe->file_type);
    if (!ori_gguf_find(gguf, "general.quantization_version"))
        ori_gguf_write_u32(w, "general.quantization_version", 2);
}

static orion_status make_room(struct rows *rows, uint64_t n, orion_error *err)
{
    if (n <= rows->capacity)
        return ORION_OK;
    free(rows->floats);
    free(rows->row);
    rows->capacity = 0;
    rows->floats = ori_alloc_aligned((size_t)n, sizeof(float));
    rows->row = ori_alloc_aligned((size_t)n, sizeof(float)); /* no type is wider than F32 */
    if (!rows->floats || !rows->row)
        return ori_fail_nomem(err, "a row of weights");
    rows->capacity = n;
    return ORION_OK;
}

static orion_status write_converted(struct ori_gguf_writer *w, const struct ori_gguf_tensor *t,
                                    uint32_t type, struct rows *rows, orion_error *err)
{
    const size_t n = (size_t)t->dims[0];
    const uint8_t *from = t->data;
    uint64_t old_bytes = 0;
    uint64_t new_bytes = 0;

    const orion_status status = make_room(rows, n, err);
    if (status != ORION_OK)
        return status;
    if (!ori_type_row_bytes(t->type, n, &old_bytes) || !ori_type_row_bytes(type, n, &new_bytes))
        return ori_fail(err, ORION_E_FORMAT, "'%s' has rows of a wrong length", t->name);
    for (uint64_t r = 0; r < t->dims[1]; r++, from += old_bytes) {
        rows->kernels.types[t->type].dequantize(from, rows->floats, n);
        rows->kernels.types[type].quantize(rows->floats, NULL, rows->row, n);
        ori_gguf_write_data(w, rows->row, (size_t)new_bytes);
    }
    return ORION_OK;
}

static orion_status write_all(struct ori_gguf_writer *w, const struct ori_gguf *gguf,
                              const uint32_t *types, struct rows *rows, orion_error *err)
{
    const size_t n_tensors = ori_gguf_n_tensors(gguf);

    for (size_t i = 0; i < n_tensors; i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        ori_gguf_write_tensor(w, t->name, types[i], t->n_dims, t->dims);
    }
    for (size_t i = 0; i < n_tensors; i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        orion_status status = ORION_OK;
        if (types[i] == t->type)
            ori_gguf_write_data(w, t->data, (size_t)t->size_bytes);
        else
            status = write_converted(w, t, types[i], rows, err);
        if (status == ORION_OK)
            status = ori_gguf_check_intact(gguf, err);
        if (status != ORION_OK)
            return status;
    }
    return ori_gguf_writer_finish(w, err);
}

orion_status convert_model(const char *from, const char *to, const struct recipe *recipe,
                           orion_error *err)
{
    struct ori_gguf *gguf = NULL;
    struct ori_gguf_writer *w = NULL;
    struct rows rows = {.capacity = 0};
    uint32_t *types = NULL;

    orion_status status = ori_gguf_open(from, &gguf, err);
    if (status != ORION_OK)
        return status;
    ori_kernels_init(&rows.kernels, 0);
    if (!rows.kernels.types[recipe->type].quantize) {
        ori_gguf_close(gguf);
        return ori_fail(err, ORION_E_UNSUPPORTED, "nothing here writes %s", recipe->name);
    }
    types = ori_alloc_array(ori_gguf_n_tensors(gguf), sizeof(*types));
    status = types ? ori_gguf_writer_new(to, &w, err) : ori_fail_nomem(err, "a list of types");
    if (status == ORION_OK) {
        choose_types(gguf, recipe, types);
        copy_keys(w, gguf, recipe);
        status = write_all(w, gguf, types, &rows, err);
    }
    ori_gguf_writer_free(w);
    ori_gguf_close(gguf);
    free(types);
    free(rows.floats);
    free(rows.row);
    return status;
}
