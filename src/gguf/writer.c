#include "gguf/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dir.h"
#include "base/file.h"

#define TEMPORARY ".XXXXXX"
#define DEFAULT_ALIGNMENT 32

struct ori_gguf_writer {
    char *path;
    char *temporary;
    FILE *file;
    char *buffer;      /* of the file, which it outlives */
    orion_error error; /* the first; status ORION_OK while all is well */

    uint32_t alignment;
    uint64_t n_kv;
    struct ori_buf kv;    /* pairs as they will lie in the file */
    struct ori_buf infos; /* tensor descriptions likewise */

    uint64_t *sizes; /* [n_tensors] bytes of each tensor */
    size_t n_tensors;
    size_t sizes_cap;
    uint64_t next_offset; /* of the next tensor described, from the data's start */

    bool keep_existing; /* refuse to replace a file */
    bool header_written;
    bool finished;
    size_t current; /* tensor that data goes to */
    uint64_t given; /* bytes of it so far */
};

static void fail(struct ori_gguf_writer *w, orion_status status, const char *name, const char *why)
{
    if (w->error.status == ORION_OK)
        (void)ori_fail_at(&w->error, status, ORION_NO_OFFSET, name, "cannot write '%s': %s%s%s",
                          w->path, name ? name : "", name ? ": " : "", why);
}

static void fail_errno(struct ori_gguf_writer *w)
{
    if (w->error.status == ORION_OK)
        (void)ori_fail_errno(&w->error, "cannot write '%s'", w->path);
}

/* ---- bytes into the buffers; their sticky status is looked at by check() ---- */

static void put_u32(struct ori_buf *buf, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    (void)ori_buf_add(buf, bytes, sizeof(bytes));
}

static void put_u64(struct ori_buf *buf, uint64_t value)
{
    put_u32(buf, (uint32_t)value);
    put_u32(buf, (uint32_t)(value >> 32));
}

static void put_string(struct ori_buf *buf, const char *text, size_t len)
{
    put_u64(buf, len);
    (void)ori_buf_add(buf, text, len);
}

static void check(struct ori_gguf_writer *w, const struct ori_buf *buf, const char *name)
{
    if (buf->status == ORION_E_NOMEM)
        fail(w, ORION_E_NOMEM, name, "not enough memory");
    else if (buf->status != ORION_OK)
        fail(w, ORION_E_ARGUMENT, name, "metadata and tensor descriptions are too large");
}

/* ---- life ---- */

static orion_status open_temporary(struct ori_gguf_writer *w, const char *path, orion_error *err)
{
    const size_t len = strlen(path);

    w->path = ori_alloc_array(len + 1, 1);
    w->temporary = ori_alloc_array(len + sizeof(TEMPORARY), 1);
    if (!w->path || !w->temporary) {
        free(w->temporary);
        w->temporary = NULL; /* there is no file to remove */
        return ori_fail_nomem(err, "writing a model file");
    }
    memcpy(w->path, path, len + 1);
    memcpy(w->temporary, path, len);
    memcpy(w->temporary + len, TEMPORARY, sizeof(TEMPORARY));
    const int fd = mkstemp(w->temporary);
    if (fd < 0) {
        free(w->temporary);
        w->temporary = NULL;
        return ori_fail_errno(err, "cannot write beside '%s'", path);
    }
    w->file = fdopen(fd, "wb");
    if (!w->file) {
        const orion_status status = ori_fail_errno(err, "cannot write '%s'", path);
        (void)close(fd);
        return status;
    }
    /* The system then takes the file in huge pages, in which it will be mapped. */
    w->buffer = ori_alloc_aligned_raw(1, ORI_HUGE_PAGE);
    if (!w->buffer || setvbuf(w->file, w->buffer, _IOFBF, ORI_HUGE_PAGE) != 0)
        return ori_fail_nomem(err, "writing a model file");
    return ORION_OK;
}

orion_status ori_gguf_writer_new(const char *path, struct ori_gguf_writer **out, orion_error *err)
{
    *out = NULL;
    struct ori_gguf_writer *w = ori_calloc_array(1, sizeof(*w));
    if (!w)
        return ori_fail_nomem(err, "writing a model file");
    w->alignment = DEFAULT_ALIGNMENT;
    ori_buf_init(&w->kv, ORI_GGUF_MAX_HEADER);
    ori_buf_init(&w->infos, ORI_GGUF_MAX_HEADER);
    const orion_status status = open_temporary(w, path, err);
    if (status != ORION_OK) {
        ori_gguf_writer_free(w);
        return status;
    }
    *out = w;
    return ORION_OK;
}

void ori_gguf_writer_keep_existing(struct ori_gguf_writer *w)
{
    w->keep_existing = true;
}

void ori_gguf_writer_free(struct ori_gguf_writer *w)
{
    if (!w)
        return;
    if (w->file)
        (void)fclose(w->file);
    free(w->buffer);
    if (w->temporary && !w->finished)
        (void)unlink(w->temporary);
    free(w->path);
    free(w->temporary);
    free(w->sizes);
    ori_buf_release(&w->kv);
    ori_buf_release(&w->infos);
    free(w);
}

/* ---- metadata ---- */

/* Key and type of a pair; what follows is the value. */
static bool begin_kv(struct ori_gguf_writer *w, const char *key, uint32_t type)
{
    const size_t len = strlen(key);

    if (w->header_written)
        fail(w, ORION_E_ARGUMENT, key, "metadata must come before the tensors' data");
    if (len == 0 || len > ORI_GGUF_MAX_KEY || w->n_kv == ORI_GGUF_MAX_KV)
        fail(w, ORION_E_ARGUMENT, key, "a key is empty or too long, or one too many");
    if (w->error.status != ORION_OK)
        return false;
    put_string(&w->kv, key, len);
    put_u32(&w->kv, type);
    w->n_kv++;
    return true;
}

static void begin_array(struct ori_gguf_writer *w, uint32_t element, uint64_t count)
{
    put_u32(&w->kv, element);
    put_u64(&w->kv, count);
}

/* Offsets follow the alignment, so it must be known before the first tensor. */
static void set_alignment(struct ori_gguf_writer *w, const char *key, uint32_t value)
{
    if (strcmp(key, "general.alignment") != 0)
        return;
    if (w->n_tensors > 0 || value < 8 || value > ORI_GGUF_MAX_ALIGNMENT ||
        (value & (value - 1)) != 0) {
        fail(w, ORION_E_ARGUMENT, key,
             "it must be a power of two from 8 to 65536 and come before the tensors");
        return;
    }
    w->alignment = value;
}

void ori_gguf_write_u32(struct ori_gguf_writer *w, const char *key, uint32_t value)
{
    set_alignment(w, key, value);
    if (!begin_kv(w, key, ORI_GGUF_U32))
        return;
    put_u32(&w->kv, value);
    check(w, &w->kv, key);
}

void ori_gguf_write_f32(struct ori_gguf_writer *w, const char *key, float value)
{
    uint32_t bits;

    if (!begin_kv(w, key, ORI_GGUF_F32))
        return;
    memcpy(&bits, &value, sizeof(bits));
    put_u32(&w->kv, bits);
    check(w, &w->kv, key);
}

void ori_gguf_write_bool(struct ori_gguf_writer *w, const char *key, bool value)
{
    if (!begin_kv(w, key, ORI_GGUF_BOOL))
        return;
    (void)ori_buf_add(&w->kv, value ? "\1" : "\0", 1);
    check(w, &w->kv, key);
}

void ori_gguf_write_str(struct ori_gguf_writer *w, const char *key, const char *value)
{
    if (!begin_kv(w, key, ORI_GGUF_STRING))
        return;
    put_string(&w->kv, value, strlen(value));
    check(w, &w->kv, key);
}

void ori_gguf_write_kv(struct ori_gguf_writer *w, const struct ori_gguf_kv *kv)
{
    if (kv->type == ORI_GGUF_U32) {
        uint32_t value;
        memcpy(&value, kv->data, sizeof(value));
        set_alignment(w, kv->key, value);
    }
    if (!begin_kv(w, kv->key, kv->type))
        return;
    if (kv->type == ORI_GGUF_ARRAY)
        begin_array(w, kv->element, kv->count);
    (void)ori_buf_add(&w->kv, kv->data, (size_t)kv->data_bytes);
    check(w, &w->kv, kv->key);
}

void ori_gguf_write_str_array(struct ori_gguf_writer *w, const char *key,
                              const struct ori_str *values, size_t count)
{
    if (!begin_kv(w, key, ORI_GGUF_ARRAY))
        return;
    begin_array(w, ORI_GGUF_STRING, count);
    for (size_t i = 0; i < count; i++)
        put_string(&w->kv, values[i].data, values[i].len);
    check(w, &w->kv, key);
}

/* Four-byte elements, little-endian as in memory (reader.c asserts it). */
static void write_array(struct ori_gguf_writer *w, const char *key, uint32_t element,
                        const void *values, size_t count)
{
    size_t bytes = 0;

    if (!begin_kv(w, key, ORI_GGUF_ARRAY))
        return;
    if (!ori_mul(count, 4, &bytes))
        bytes = SIZE_MAX; /* the buffer refuses it */
    begin_array(w, element, count);
    (void)ori_buf_add(&w->kv, values, bytes);
    check(w, &w->kv, key);
}

void ori_gguf_write_f32_array(struct ori_gguf_writer *w, const char *key, const float *values,
                              size_t count)
{
    write_array(w, key, ORI_GGUF_F32, values, count);
}

void ori_gguf_write_i32_array(struct ori_gguf_writer *w, const char *key, const int32_t *values,
                              size_t count)
{
    write_array(w, key, ORI_GGUF_I32, values, count);
}

/* ---- tensors ---- */

static bool tensor_bytes(uint32_t type, uint32_t n_dims, const uint64_t *dims, uint64_t *out)
{
    if (!ori_type_info(type) || n_dims == 0 || n_dims > 4 || dims[0] == 0 ||
        !ori_type_row_bytes(type, dims[0], out))
        return false;
    for (uint32_t i = 1; i < n_dims; i++) {
        if (dims[i] == 0 || !ori_mul_u64(*out, dims[i], out))
            return false;
    }
    return *out <= INT64_MAX;
}

static bool grow_sizes(struct ori_gguf_writer *w)
{
    if (w->n_tensors < w->sizes_cap)
        return true;
    const size_t cap = w->sizes_cap ? 2 * w->sizes_cap : 64;
    uint64_t *sizes = realloc(w->sizes, cap * sizeof(*sizes));
    if (!sizes)
        return false;
    w->sizes = sizes;
    w->sizes_cap = cap;
    return true;
}

void ori_gguf_write_tensor(struct ori_gguf_writer *w, const char *name, uint32_t type,
                           uint32_t n_dims, const uint64_t *dims)
{
    const size_t len = strlen(name);
    uint64_t bytes = 0;
    uint64_t end = 0;

    if (w->header_written || w->n_tensors == ORI_GGUF_MAX_TENSORS)
        fail(w, ORION_E_ARGUMENT, name, "described too late, or one tensor too many");
    if (len == 0 || len > ORI_GGUF_MAX_NAME)
        fail(w, ORION_E_ARGUMENT, name, "a tensor's name has 1 to 63 bytes");
    if (!tensor_bytes(type, n_dims, dims, &bytes) || !ori_add_u64(w->next_offset, bytes, &end) ||
        !ori_align_up_u64(end, w->alignment, &end))
        fail(w, ORION_E_ARGUMENT, name, "its type and dimensions do not go together");
    if (w->error.status != ORION_OK)
        return;
    if (!grow_sizes(w)) {
        fail(w, ORION_E_NOMEM, name, "not enough memory");
        return;
    }
    put_string(&w->infos, name, len);
    put_u32(&w->infos, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        put_u64(&w->infos, dims[i]);
    put_u32(&w->infos, type);
    put_u64(&w->infos, w->next_offset);
    check(w, &w->infos, name);
    w->sizes[w->n_tensors++] = bytes;
    w->next_offset = end;
}

/* ---- how much it is ---- */

#define HEAD_BYTES (4 + 4 + 8 + 8) /* "GGUF", version, counts */

uint64_t ori_gguf_writer_bytes(const struct ori_gguf_writer *w)
{
    uint64_t bytes = (uint64_t)HEAD_BYTES + w->kv.len + w->infos.len;

    (void)ori_align_up_u64(bytes, w->alignment, &bytes);
    return bytes + w->next_offset; /* both are bounded far below 2^64 */
}

orion_status ori_gguf_writer_check_room(const struct ori_gguf_writer *w, orion_error *err)
{
    const uint64_t needed = ori_gguf_writer_bytes(w);
    uint64_t free_bytes;

    if (!ori_file_room(fileno(w->file), &free_bytes) || needed <= free_bytes)
        return ORION_OK;
    return ori_fail(err, ORION_E_NO_SPACE,
                    "not enough room for '%s': it will have %" PRIu64 " MB and %" PRIu64
                    " MB are free; delete something or write it elsewhere",
                    w->path, (needed + 999999) / 1000000, free_bytes / 1000000);
}

/* ---- data ---- */

static void write_raw(struct ori_gguf_writer *w, const void *data, size_t bytes)
{
    if (w->error.status == ORION_OK && bytes > 0 && fwrite(data, 1, bytes, w->file) != bytes)
        fail_errno(w);
}

/* Zeros up to the alignment after `bytes` bytes. */
static void write_padding(struct ori_gguf_writer *w, uint64_t bytes)
{
    static const char zeros[512];
    size_t left = (size_t)(-bytes & (w->alignment - 1u));

    while (left > 0) {
        const size_t part = left < sizeof(zeros) ? left : sizeof(zeros);
        write_raw(w, zeros, part);
        left -= part;
    }
}

static void write_header(struct ori_gguf_writer *w)
{
    struct ori_buf head;

    if (w->header_written)
        return;
    w->header_written = true;
    ori_buf_init(&head, HEAD_BYTES);
    (void)ori_buf_add(&head, "GGUF", 4);
    put_u32(&head, 3);
    put_u64(&head, w->n_tensors);
    put_u64(&head, w->n_kv);
    check(w, &head, NULL);
    write_raw(w, head.data, head.len);
    write_raw(w, w->kv.data, w->kv.len);
    write_raw(w, w->infos.data, w->infos.len);
    write_padding(w, (uint64_t)head.len + w->kv.len + w->infos.len);
    ori_buf_release(&head);
}

void ori_gguf_write_data(struct ori_gguf_writer *w, const void *data, size_t bytes)
{
    const char *from = data;

    write_header(w);
    while (bytes > 0 && w->error.status == ORION_OK) {
        if (w->current == w->n_tensors) {
            fail(w, ORION_E_ARGUMENT, NULL, "more data than the tensors described hold");
            return;
        }
        const uint64_t left = w->sizes[w->current] - w->given;
        const size_t part = bytes < left ? bytes : (size_t)left;
        write_raw(w, from, part);
        from += part;
        bytes -= part;
        w->given += part;
        if (w->given == w->sizes[w->current]) {
            write_padding(w, w->given);
            w->current++;
            w->given = 0;
        }
    }
}

/* The directory's entry must last too. */
static void sync_directory(struct ori_gguf_writer *w)
{
    const char *slash = strrchr(w->path, '/');
    const size_t len = slash == w->path ? 1 : slash ? (size_t)(slash - w->path) : 0;

    /* The temporary's name is not needed any more and is long enough. */
    memcpy(w->temporary, len ? w->path : ".", len ? len : 1);
    w->temporary[len ? len : 1] = '\0';
    const int fd = open(w->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        fail_errno(w);
    if (fd >= 0)
        (void)close(fd);
}

static int move_to_name(const struct ori_gguf_writer *w)
{
    return w->keep_existing ? ori_rename_new(AT_FDCWD, w->temporary, AT_FDCWD, w->path)
                            : rename(w->temporary, w->path);
}

static void publish(struct ori_gguf_writer *w)
{
    if (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0) {
        fail_errno(w);
        return;
    }
    const int closed = fclose(w->file);
    w->file = NULL;
    if (closed != 0 || move_to_name(w) != 0) {
        fail_errno(w);
        return;
    }
    w->finished = true;
    sync_directory(w);
}

orion_status ori_gguf_writer_finish(struct ori_gguf_writer *w, orion_error *err)
{
    if (w->finished)
        fail(w, ORION_E_ARGUMENT, NULL, "it is finished already");
    write_header(w);
    if (w->current < w->n_tensors)
        fail(w, ORION_E_ARGUMENT, NULL, "data of some tensors was not given");
    if (w->error.status == ORION_OK)
        publish(w);
    if (w->error.status != ORION_OK && err)
        *err = w->error;
    return w->error.status;
}
