/* A model file taken apart, so that a test can change one thing and write it
 * again: right ones for other types and templates, wrong ones for refusals.
 * The bytes are put together by gguf_bytes.h and not by the library's writer,
 * which would not write wrong ones.  Include after cmocka.h. */
#ifndef TEST_MODEL_FILE_H
#define TEST_MODEL_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gguf/gguf.h"
#include "gguf_bytes.h"
#include "kernels/kernels.h"
#include "scratch.h"

struct file_key {
    char name[96];
    struct bytes value; /* type, and the value as it lies in the file */
};

struct file_tensor {
    char name[64];
    uint32_t type;
    uint32_t n_dims;
    uint64_t dims[4];
    struct bytes data;
};

struct model_file {
    struct file_key *keys;
    size_t n_keys;
    struct file_tensor *tensors;
    size_t n_tensors;
};

static inline const char *data_path(const char *name)
{
    static char path[1024];
    const char *tests = getenv("ORION_TEST_DATA");
    (void)snprintf(path, sizeof(path), "%s/%s", tests ? tests : "tests", name);
    return path;
}

/* ---- taking apart ---- */

static inline void *grown(void *list, size_t count, size_t size)
{
    void *memory = realloc(list, (count + 1) * size);
    if (!memory)
        abort();
    memset((char *)memory + count * size, 0, size);
    return memory;
}

static inline struct file_key *add_key(struct model_file *file, const char *name)
{
    file->keys = grown(file->keys, file->n_keys, sizeof(*file->keys));
    struct file_key *key = &file->keys[file->n_keys++];
    (void)snprintf(key->name, sizeof(key->name), "%s", name);
    return key;
}

static inline struct file_tensor *add_tensor(struct model_file *file, const char *name,
                                             uint32_t type, uint64_t columns, uint64_t rows)
{
    file->tensors = grown(file->tensors, file->n_tensors, sizeof(*file->tensors));
    struct file_tensor *t = &file->tensors[file->n_tensors++];
    (void)snprintf(t->name, sizeof(t->name), "%s", name);
    t->type = type;
    t->n_dims = rows > 0 ? 2 : 1;
    t->dims[0] = columns;
    t->dims[1] = rows > 0 ? rows : 1;
    t->dims[2] = t->dims[3] = 1;
    return t;
}

static inline void file_read(struct model_file *file, const char *path)
{
    struct ori_gguf *gguf;
    orion_error err = {0};

    *file = (struct model_file){0};
    if (ori_gguf_open(path, &gguf, &err) != ORION_OK)
        fail_msg("%s: %s", path, err.message);
    for (size_t i = 0; i < ori_gguf_n_kv(gguf); i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(gguf, i);
        struct file_key *key = add_key(file, kv->key);
        put_u32(&key->value, kv->type);
        if (kv->type == ARRAY) {
            put_u32(&key->value, kv->element);
            put_u64(&key->value, kv->count);
        }
        put(&key->value, kv->data, (size_t)kv->data_bytes);
    }
    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *from = ori_gguf_tensor_at(gguf, i);
        struct file_tensor *t = add_tensor(file, from->name, from->type, 1, 1);
        t->n_dims = from->n_dims;
        memcpy(t->dims, from->dims, sizeof(t->dims));
        put(&t->data, from->data, (size_t)from->size_bytes);
    }
    ori_gguf_close(gguf);
}

static inline void file_free(struct model_file *file)
{
    for (size_t i = 0; i < file->n_keys; i++)
        free(file->keys[i].value.data);
    for (size_t i = 0; i < file->n_tensors; i++)
        free(file->tensors[i].data.data);
    free(file->keys);
    free(file->tensors);
    *file = (struct model_file){0};
}

/* ---- changing ---- */

/* The key's value, emptied and with a new type; the key is added when it is
 * not there. */
static inline struct bytes *set_key(struct model_file *file, const char *name, uint32_t type)
{
    struct file_key *key = NULL;

    for (size_t i = 0; i < file->n_keys; i++)
        if (strcmp(file->keys[i].name, name) == 0)
            key = &file->keys[i];
    if (!key)
        key = add_key(file, name);
    key->value.len = 0;
    put_u32(&key->value, type);
    return &key->value;
}

static inline void set_u32(struct model_file *file, const char *name, uint32_t value)
{
    put_u32(set_key(file, name, U32), value);
}

static inline void set_bool(struct model_file *file, const char *name, bool value)
{
    put_u8(set_key(file, name, BOOL), value);
}

static inline void set_f32(struct model_file *file, const char *name, float value)
{
    put_f32(set_key(file, name, F32), value);
}

static inline void set_text(struct model_file *file, const char *name, const char *value)
{
    put_text(set_key(file, name, STRING), value);
}

static inline void remove_key(struct model_file *file, const char *name)
{
    for (size_t i = 0; i < file->n_keys; i++) {
        if (strcmp(file->keys[i].name, name) != 0)
            continue;
        free(file->keys[i].value.data);
        file->n_keys--;
        memmove(&file->keys[i], &file->keys[i + 1], (file->n_keys - i) * sizeof(*file->keys));
        return;
    }
    fail_msg("the sample has no key '%s'", name);
}

static inline struct file_tensor *tensor_of(struct model_file *file, const char *name)
{
    for (size_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    fail_msg("the sample has no tensor '%s'", name);
    return NULL;
}

static inline void remove_tensor(struct model_file *file, const char *name)
{
    const size_t i = (size_t)(tensor_of(file, name) - file->tensors);
    free(file->tensors[i].data.data);
    file->n_tensors--;
    memmove(&file->tensors[i], &file->tensors[i + 1],
            (file->n_tensors - i) * sizeof(*file->tensors));
}

/* Other dimensions, with bytes to match: cut, or filled up with zeros. */
static inline void reshape(struct file_tensor *t, uint64_t columns, uint64_t rows)
{
    uint64_t row_bytes = 0;
    if (!ori_type_row_bytes(t->type, columns, &row_bytes))
        fail_msg("%s: %llu columns make no row", t->name, (unsigned long long)columns);
    const size_t bytes = (size_t)(row_bytes * rows);
    if (bytes > t->data.len)
        put_fill(&t->data, 0, bytes - t->data.len);
    t->data.len = bytes;
    t->n_dims = rows > 1 ? 2 : 1;
    t->dims[0] = columns;
    t->dims[1] = rows;
}

/* The weights of a tensor in another type, by the reference method.  False
 * when its rows are not whole blocks of the type. */
static inline bool convert(struct file_tensor *t, uint32_t type)
{
    struct ori_kernels kernels;
    struct bytes out = {0};
    uint64_t from_bytes;
    uint64_t to_bytes;
    const size_t n = (size_t)t->dims[0];

    if (!ori_type_row_bytes(type, n, &to_bytes))
        return false;
    (void)ori_type_row_bytes(t->type, n, &from_bytes);
    ori_kernels_init(&kernels, 0);
    float *row = ori_alloc_aligned(n, sizeof(*row));
    uint8_t *packed = ori_alloc_aligned((size_t)to_bytes, 1);
    if (!row || !packed)
        abort();
    for (uint64_t r = 0; r < t->dims[1]; r++) {
        kernels.types[t->type].dequantize(t->data.data + r * from_bytes, row, n);
        kernels.types[type].quantize(row, NULL, packed, n);
        put(&out, packed, (size_t)to_bytes);
    }
    free(row);
    free(packed);
    free(t->data.data);
    t->data = out;
    t->type = type;
    return true;
}

/* All matrices in another type; those whose rows do not fit, in F16. */
static inline void convert_all(struct model_file *file, uint32_t type)
{
    for (size_t i = 0; i < file->n_tensors; i++)
        if (file->tensors[i].n_dims == 2 && !convert(&file->tensors[i], type))
            (void)convert(&file->tensors[i], 1);
    remove_key(file, "general.file_type");
}

/* ---- putting together ---- */

static inline void file_bytes(const struct model_file *file, struct bytes *b)
{
    uint64_t offset = 0;

    put_head(b, file->n_tensors, file->n_keys);
    for (size_t i = 0; i < file->n_keys; i++) {
        put_text(b, file->keys[i].name);
        put(b, file->keys[i].value.data, file->keys[i].value.len);
    }
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct file_tensor *t = &file->tensors[i];
        put_tensor(b, t->name, t->type, t->n_dims, t->dims, offset);
        offset += (t->data.len + 31) / 32 * 32;
    }
    put_padding(b, 32);
    for (size_t i = 0; i < file->n_tensors; i++) {
        put(b, file->tensors[i].data.data, file->tensors[i].data.len);
        put_padding(b, 32);
    }
}

static inline void file_write(const struct model_file *file, const char *path)
{
    struct bytes b = {0};

    file_bytes(file, &b);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(b.data, 1, b.len, out) != b.len || fclose(out) != 0)
        fail_msg("cannot write %s", path);
    free(b.data);
}

#endif
