/* Models cut into several files name their part; we read whole ones. */
#include "gguf/reader.h"

struct split {
    const struct ori_gguf_kv *no;      /* u16, this part, from 0 */
    const struct ori_gguf_kv *count;   /* u16, parts; 0 or 1: not cut */
    const struct ori_gguf_kv *tensors; /* i32, in all parts together */
};

static orion_status check_types(struct ori_cursor *c, const struct split *split)
{
    const struct {
        const struct ori_gguf_kv *kv;
        uint32_t type;
    } wanted[] = {
        {split->no, ORI_GGUF_U16}, {split->count, ORI_GGUF_U16}, {split->tensors, ORI_GGUF_I32}};

    for (size_t i = 0; i < ORI_COUNT(wanted); i++) {
        const struct ori_gguf_kv *kv = wanted[i].kv;
        if (!kv || kv->type == wanted[i].type)
            continue;
        ori_gguf_at_kv(c, kv);
        return ori_cursor_refuse(c, ORION_E_FORMAT, kv->offset, "is %s; it must be %s",
                                 ori_gguf_type_name(kv->type), ori_gguf_type_name(wanted[i].type));
    }
    return ORION_OK;
}

static orion_status refuse_at(struct ori_cursor *c, const struct ori_gguf_kv *kv, const char *why)
{
    ori_gguf_at_kv(c, kv);
    return ori_cursor_refuse(c, ORION_E_FORMAT, kv->offset, "%s", why);
}

orion_status ori_gguf_check_split(const struct ori_gguf *gguf, orion_error *err)
{
    const struct split split = {ori_gguf_find(gguf, "split.no"), ori_gguf_find(gguf, "split.count"),
                                ori_gguf_find(gguf, "split.tensors.count")};
    struct ori_cursor c = ori_gguf_cursor(gguf, err);

    const orion_status status = check_types(&c, &split);
    if (status != ORION_OK)
        return status;
    if (!split.count) {
        const struct ori_gguf_kv *left = split.no ? split.no : split.tensors;
        return left ? refuse_at(&c, left, "there is no split.count beside it") : ORION_OK;
    }
    const uint32_t count = ori_le16(split.count->data);
    const uint32_t no = split.no ? ori_le16(split.no->data) : 0;
    const int32_t tensors = split.tensors ? (int32_t)ori_le32(split.tensors->data) : 0;

    if (no >= (count ? count : 1))
        return refuse_at(&c, split.no, "the part's number is not below split.count");
    if (split.tensors && (tensors < 0 || (uint64_t)tensors < gguf->n_tensors))
        return refuse_at(&c, split.tensors, "is less than the tensors of this part alone");
    if (count <= 1 && split.tensors && (uint64_t)tensors != gguf->n_tensors)
        return refuse_at(&c, split.tensors, "is not the number of tensors of the only part");
    if (count <= 1)
        return ORION_OK;
    if (!split.no || !split.tensors)
        return refuse_at(&c, split.count, "split.no or split.tensors.count is missing beside it");
    ori_gguf_at_kv(&c, split.count);
    return ori_cursor_refuse(&c, ORION_E_UNSUPPORTED, split.count->offset,
                             "this is part %u of a model in %u files; join the parts into one file "
                             "or fetch a model that is one file",
                             no + 1, count);
}
