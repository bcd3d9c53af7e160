/* The GGUF reader on any bytes: it accepts and everything it hands out may be
 * used, or it refuses in words.  Seeds: any GGUF files. */
#include "gguf/gguf.h"
#include "fuzz.h"

static uint8_t sink; /* so that reading is not optimised away */

static void use_bytes(const void *data, uint64_t bytes)
{
    const volatile uint8_t *p = data;
    if (bytes > 0)
        sink = (uint8_t)(sink ^ p[0] ^ p[bytes / 2] ^ p[bytes - 1]);
}

static void use_kv(const struct ori_gguf *gguf, const struct ori_gguf_kv *kv)
{
    char text[64];
    uint32_t u32;
    float f32;
    bool flag;
    struct ori_str string;
    const struct ori_gguf_kv *array;

    require(ori_gguf_find(gguf, kv->key) == kv);
    const size_t full = ori_gguf_value_text(kv, text, sizeof(text));
    require(strlen(text) <= full && strlen(text) < sizeof(text));
    use_bytes(kv->data, kv->data_bytes);
    (void)ori_gguf_get_u32(gguf, kv->key, &u32, NULL);
    (void)ori_gguf_get_f32(gguf, kv->key, &f32, NULL);
    (void)ori_gguf_get_bool(gguf, kv->key, &flag, NULL);
    (void)ori_gguf_get_str(gguf, kv->key, &string, NULL);
    if (ori_gguf_get_array(gguf, kv->key, ORI_GGUF_STRING, &array, NULL) != ORION_OK)
        return;
    const uint8_t *cursor = array->data;
    for (uint64_t i = 0; i < array->count; i++) {
        const struct ori_str element = ori_gguf_next_string(&cursor);
        use_bytes(element.data, element.len);
    }
    require(cursor == array->data + array->data_bytes);
}

static void use_tensor(const struct ori_gguf *gguf, const struct ori_gguf_tensor *tensor)
{
    require(ori_gguf_find_tensor(gguf, tensor->name) == tensor);
    require(tensor->size_bytes > 0);
    require(tensor->offset + tensor->size_bytes <= ori_gguf_file_bytes(gguf));
    use_bytes(tensor->data, tensor->size_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_gguf *gguf = NULL;
    orion_error err = {.status = ORION_OK};
    const orion_status status = ori_gguf_parse(data, size, "fuzz.gguf", &gguf, &err);

    if (status != ORION_OK) {
        require(gguf == NULL && err.status == status && err.message[0] != '\0');
        require(status == ORION_E_NOMEM || err.offset <= size);
        return 0;
    }
    for (size_t i = 0; i < ori_gguf_n_kv(gguf); i++)
        use_kv(gguf, ori_gguf_kv_at(gguf, i));
    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++)
        use_tensor(gguf, ori_gguf_tensor_at(gguf, i));
    ori_gguf_close(gguf);
    return 0;
}
