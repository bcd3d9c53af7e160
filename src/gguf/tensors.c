/* Tensor descriptions, and where the tensors lie. */
#include "gguf/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Types that others have and we lack, so that a refusal can name them. */
static const char *foreign_type_name(uint32_t type)
{
    // clang-format off
    static const char *const names[] = {
        [4] = "Q4_2, removed from the format", [5] = "Q4_3, removed from the format",
        [9] = "Q8_1", [15] = "Q8_K", [19] = "IQ1_S",
        [24] = "I8", [25] = "I16", [26] = "I32", [27] = "I64", [28] = "F64", [29] = "IQ1_M",
        [31] = "Q4_0_4_4, removed from the format", [32] = "Q4_0_4_8, removed from the format",
        [33] = "Q4_0_8_8, removed from the format", [34] = "TQ1_0", [35] = "TQ2_0",
        [36] = "IQ4_NL_4_4, removed from the format", [37] = "IQ4_NL_4_8, removed from the format",
        [38] = "IQ4_NL_8_8, removed from the format",
    };
    // clang-format on
    const char *name = type < ORI_COUNT(names) ? names[type] : NULL;
    return name ? name : "unknown";
}

static orion_status read_dims(struct ori_cursor *c, struct ori_gguf_tensor *tensor,
                              uint64_t *n_elements)
{
    uint64_t at = c->pos;
    orion_status status = ori_cursor_u32(c, &tensor->n_dims);

    if (status != ORION_OK)
        return status;
    if (tensor->n_dims == 0 || tensor->n_dims > 4)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at, "%u dimensions; it must be 1 to 4",
                                 tensor->n_dims);
    *n_elements = 1;
    for (uint32_t i = 0; i < 4; i++)
        tensor->dims[i] = 1;
    for (uint32_t i = 0; i < tensor->n_dims; i++) {
        at = c->pos;
        status = ori_cursor_u64(c, &tensor->dims[i]);
        if (status != ORION_OK)
            return status;
        if (tensor->dims[i] == 0 || tensor->dims[i] > INT64_MAX)
            return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                     "dimension %u is zero or negative (%" PRId64 ")", i,
                                     (int64_t)tensor->dims[i]);
        if (!ori_mul_u64(*n_elements, tensor->dims[i], n_elements) || *n_elements > INT64_MAX)
            return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                     "the dimensions multiply to more than 63 bits hold");
    }
    return ORION_OK;
}

static orion_status read_tensor_type(struct ori_cursor *c, struct ori_gguf_tensor *tensor,
                                     uint64_t n_elements)
{
    const uint64_t at = c->pos;
    uint64_t row_bytes;

    const orion_status status = ori_cursor_u32(c, &tensor->type);
    if (status != ORION_OK)
        return status;
    const struct ori_type_info *info = ori_type_info(tensor->type);
    if (!info)
        return ori_cursor_refuse(
            c, ORION_E_UNSUPPORTED, at,
            "tensor type %u (%s) is not one that can be read; take the model in "
            "another, such as Q4_K_M or Q8_0",
            tensor->type, foreign_type_name(tensor->type));
    if (tensor->dims[0] % info->block_elems != 0)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                 "a row of %" PRIu64 " is not a multiple of %s's block of %u",
                                 tensor->dims[0], info->name, info->block_elems);
    if (!ori_type_row_bytes(tensor->type, tensor->dims[0], &row_bytes) ||
        !ori_mul_u64(row_bytes, n_elements / tensor->dims[0], &tensor->size_bytes) ||
        tensor->size_bytes > INT64_MAX)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at, "its bytes are more than 63 bits count");
    return ORION_OK;
}

/* The description at the cursor; tensor->offset is still relative to the data. */
static orion_status read_tensor(struct ori_gguf *gguf, struct ori_cursor *c,
                                struct ori_gguf_tensor *tensor)
{
    orion_status status;
    struct ori_str name;
    uint64_t n_elements = 0;

    tensor->info_offset = c->pos;
    status = ori_cursor_name(c, "tensor", ORI_GGUF_MAX_NAME, &name);
    if (status != ORION_OK)
        return status;
    tensor->name = ori_arena_copy(&gguf->names, name);
    if (!tensor->name)
        return ori_fail_nomem(c->err, "a model's tensor names");
    if ((status = read_dims(c, tensor, &n_elements)) != ORION_OK ||
        (status = read_tensor_type(c, tensor, n_elements)) != ORION_OK)
        return status;
    const uint64_t at = c->pos;
    status = ori_cursor_u64(c, &tensor->offset);
    if (status == ORION_OK && tensor->offset % gguf->alignment != 0)
        return ori_cursor_refuse(c, ORION_E_FORMAT, at,
                                 "its offset %" PRIu64 " is not a multiple of the alignment %u",
                                 tensor->offset, gguf->alignment);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    const struct ori_gguf_tensor *x = *(const struct ori_gguf_tensor *const *)a;
    const struct ori_gguf_tensor *y = *(const struct ori_gguf_tensor *const *)b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x > y) - (x < y); /* equal names in file order */
}

static int compare_offsets(const void *a, const void *b)
{
    const struct ori_gguf_tensor *x = *(const struct ori_gguf_tensor *const *)a;
    const struct ori_gguf_tensor *y = *(const struct ori_gguf_tensor *const *)b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x > y) - (x < y);
}

static void at_tensor(struct ori_cursor *c, const struct ori_gguf_tensor *tensor)
{
    ori_cursor_at(c, "tensor", (struct ori_str){tensor->name, strlen(tensor->name)});
}

static orion_status index_names(struct ori_gguf *gguf, struct ori_cursor *c)
{
    gguf->tensors_by_name = ori_alloc_array(gguf->n_tensors, sizeof(*gguf->tensors_by_name));
    if (!gguf->tensors_by_name)
        return ori_fail_nomem(c->err, "a model's tensor names");
    for (size_t i = 0; i < gguf->n_tensors; i++)
        gguf->tensors_by_name[i] = &gguf->tensors[i];
    qsort(gguf->tensors_by_name, gguf->n_tensors, sizeof(*gguf->tensors_by_name), compare_names);

    for (size_t i = 1; i < gguf->n_tensors; i++) {
        const struct ori_gguf_tensor *tensor = gguf->tensors_by_name[i];
        if (strcmp(gguf->tensors_by_name[i - 1]->name, tensor->name) != 0)
            continue;
        at_tensor(c, tensor);
        return ori_cursor_refuse(c, ORION_E_FORMAT, tensor->info_offset,
                                 "two tensors have this name");
    }
    return ORION_OK;
}

orion_status ori_gguf_read_tensors(struct ori_gguf *gguf, struct ori_cursor *c)
{
    gguf->tensors = ori_calloc_array(gguf->n_tensors, sizeof(*gguf->tensors));
    if (!gguf->tensors)
        return ori_fail_nomem(c->err, "a model's tensor descriptions");
    for (size_t i = 0; i < gguf->n_tensors; i++) {
        const orion_status status = read_tensor(gguf, c, &gguf->tensors[i]);
        if (status != ORION_OK)
            return status;
    }
    ori_cursor_at(c, NULL, (struct ori_str){NULL, 0});
    return index_names(gguf, c);
}

/* Where the description says the offset, to blame it. */
static uint64_t offset_field(const struct ori_gguf_tensor *tensor)
{
    return tensor->info_offset + 8 + strlen(tensor->name) + 4 + 8 * (uint64_t)tensor->n_dims + 4;
}

/* `expected` is where the tensor before ends, padded, from the data's start. */
static orion_status place(struct ori_gguf *gguf, struct ori_cursor *c,
                          struct ori_gguf_tensor *tensor, uint64_t expected)
{
    uint64_t begin;
    uint64_t end;

    at_tensor(c, tensor);
    if (tensor->offset != expected)
        return ori_cursor_refuse(c, ORION_E_FORMAT, offset_field(tensor),
                                 "its offset %" PRIu64 " leaves %s: %" PRIu64 " comes next",
                                 tensor->offset, tensor->offset < expected ? "an overlap" : "a gap",
                                 expected);
    if (!ori_add_u64(gguf->data_offset, tensor->offset, &begin) ||
        !ori_add_u64(begin, tensor->size_bytes, &end) || end > gguf->size)
        return ori_cursor_refuse(c, ORION_E_FORMAT, offset_field(tensor),
                                 "its %" PRIu64 " bytes reach past the end of the file (%" PRIu64
                                 " bytes); it is cut short or damaged, fetch it again",
                                 tensor->size_bytes, gguf->size);
    tensor->offset = begin;
    tensor->data = gguf->at_hand == gguf->size ? gguf->data + begin : NULL;
    return ORION_OK;
}

static orion_status check_end(const struct ori_gguf *gguf, struct ori_cursor *c, uint64_t end)
{
    ori_cursor_at(c, NULL, (struct ori_str){NULL, 0});
    if (gguf->size - end <= gguf->alignment)
        return ORION_OK;
    return ori_cursor_refuse(c, ORION_E_FORMAT, end,
                             "%" PRIu64 " bytes follow what the file describes; at most %u of "
                             "padding are accepted",
                             gguf->size - end, gguf->alignment);
}

/* Tensors in the order of their offsets must follow each other, padded to the
 * alignment; descriptions may come in another order. */
static orion_status place_in_order(struct ori_gguf *gguf, struct ori_cursor *c,
                                   struct ori_gguf_tensor **order)
{
    uint64_t expected = 0;
    uint64_t end = c->pos;

    for (size_t i = 0; i < gguf->n_tensors; i++)
        order[i] = &gguf->tensors[i];
    qsort(order, gguf->n_tensors, sizeof(struct ori_gguf_tensor *), compare_offsets);
    for (size_t i = 0; i < gguf->n_tensors; i++) {
        const orion_status status = place(gguf, c, order[i], expected);
        if (status != ORION_OK)
            return status;
        end = order[i]->offset + order[i]->size_bytes;
        /* No overflow: end is inside the file. */
        expected = (end - gguf->data_offset + gguf->alignment - 1) & ~(gguf->alignment - 1ull);
    }
    return check_end(gguf, c, end);
}

orion_status ori_gguf_place_tensors(struct ori_gguf *gguf, struct ori_cursor *c)
{
    /* No overflow: the cursor is within ORI_GGUF_MAX_HEADER. */
    gguf->data_offset = (c->pos + gguf->alignment - 1) & ~(gguf->alignment - 1ull);
    if (gguf->n_tensors == 0 && gguf->data_offset > gguf->size)
        gguf->data_offset = gguf->size; /* a vocabulary alone needs no padding */

    struct ori_gguf_tensor **order = ori_alloc_array(gguf->n_tensors, sizeof(*order));
    if (!order)
        return ori_fail_nomem(c->err, "a model's tensor descriptions");
    const orion_status status = place_in_order(gguf, c, order);
    free(order);
    return status;
}

static int compare_name_to(const void *name, const void *element)
{
    return strcmp(name, (*(const struct ori_gguf_tensor *const *)element)->name);
}

const struct ori_gguf_tensor *ori_gguf_find_tensor(const struct ori_gguf *gguf, const char *name)
{
    const struct ori_gguf_tensor *const *found =
        bsearch(name, gguf->tensors_by_name, gguf->n_tensors, sizeof(*gguf->tensors_by_name),
                compare_name_to);
    return found ? *found : NULL;
}
