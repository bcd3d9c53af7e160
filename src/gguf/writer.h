/* Write a GGUF version 3 file: describe first, then give the tensors' bytes in
 * the order described.  Used by tools and tests; errors are sticky, so a run of
 * calls may be checked at ori_gguf_writer_finish(). */
#ifndef ORI_GGUF_WRITER_H
#define ORI_GGUF_WRITER_H

#include "gguf/gguf.h"

struct ori_gguf_writer;

/* Nothing is written to `path` until _finish(): a temporary file beside it
 * takes the bytes and is renamed over it then. */
orion_status ori_gguf_writer_new(const char *path, struct ori_gguf_writer **out, orion_error *err);
/* Let _finish() refuse, with ORION_E_DENIED, when `path` is there by then. */
void ori_gguf_writer_keep_existing(struct ori_gguf_writer *writer);
/* Without _finish() before, the temporary file is removed.  NULL is a no-op. */
void ori_gguf_writer_free(struct ori_gguf_writer *writer);

/* Metadata, before the first tensor's data. */
void ori_gguf_write_u32(struct ori_gguf_writer *w, const char *key, uint32_t value);
void ori_gguf_write_f32(struct ori_gguf_writer *w, const char *key, float value);
void ori_gguf_write_bool(struct ori_gguf_writer *w, const char *key, bool value);
void ori_gguf_write_str(struct ori_gguf_writer *w, const char *key, const char *value);
/* Copy a key-value pair of another file as it stands. */
void ori_gguf_write_kv(struct ori_gguf_writer *w, const struct ori_gguf_kv *kv);
void ori_gguf_write_str_array(struct ori_gguf_writer *w, const char *key,
                              const struct ori_str *values, size_t count);
void ori_gguf_write_f32_array(struct ori_gguf_writer *w, const char *key, const float *values,
                              size_t count);
void ori_gguf_write_i32_array(struct ori_gguf_writer *w, const char *key, const int32_t *values,
                              size_t count);

/* Describe all tensors (dims innermost first) ... */
void ori_gguf_write_tensor(struct ori_gguf_writer *w, const char *name, uint32_t type,
                           uint32_t n_dims, const uint64_t *dims);
/* ... see what that makes: the bytes of the whole file, and ORION_E_NO_SPACE when the
 * disk has not so many ... */
uint64_t ori_gguf_writer_bytes(const struct ori_gguf_writer *writer);
orion_status ori_gguf_writer_check_room(const struct ori_gguf_writer *writer, orion_error *err);
/* ... then append their data, tensor by tensor in the same order, in pieces of
 * any size.  Padding is put in between by itself. */
void ori_gguf_write_data(struct ori_gguf_writer *w, const void *data, size_t bytes);

/* Check that all data was given, sync, and move the file to its name. */
orion_status ori_gguf_writer_finish(struct ori_gguf_writer *w, orion_error *err);

#endif
