#include "quantize/quantize.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "quantize/plan.h"

/* A segment is what a thread takes at a time, a piece what is computed before it is
 * written.  Both are whole blocks of every type. */
#define SEGMENT_ELEMS ((size_t)8192)
#define PIECE_SEGMENTS ((size_t)128)
#define PIECE_ELEMS (SEGMENT_ELEMS * PIECE_SEGMENTS)
#define MAX_ELEM_BYTES 4 /* F32 */

#define NS_BETWEEN_REPORTS (100 * (uint64_t)ORI_NS_PER_MS)

/* All that one run needs. */
struct run {
    const orion_quantize_params *params;
    struct ori_kernels kernels;
    struct ori_pool *pool;
    struct ori_gguf *gguf;
    struct ori_imatrix *imatrix; /* NULL: none */
    struct ori_plan plan;
    struct ori_gguf_writer *writer;

    float *floats;     /* [threads][SEGMENT_ELEMS] */
    uint8_t *piece;    /* [PIECE_ELEMS * MAX_ELEM_BYTES] of the new file */
    float *importance; /* of the tensor at hand, [experts][columns]; NULL: unmeasured */

    uint64_t done_bytes;  /* of tensor data, written */
    uint64_t reported_ns; /* when progress was told last */
};

/* ---- progress ---- */

static void write_note(const struct ori_plan_tensor *t, bool wants_importance, char *out,
                       size_t out_bytes)
{
    out[0] = '\0';
    if (t->type != t->wanted)
        (void)snprintf(out, out_bytes,
                       "%s: rows of %" PRIu64 " are not whole blocks of %s; %s instead",
                       t->from->name, t->from->dims[0], ori_type_info(t->wanted)->name,
                       ori_type_info(t->type)->name);
    else if (wants_importance && t->type != t->from->type && !t->measured)
        (void)snprintf(out, out_bytes, "%s: the importance matrix does not have it", t->from->name);
}

/* `index` is the tensor at hand; begins: nothing of it is written yet. */
static orion_status report(struct run *run, size_t index, bool begins, orion_error *err)
{
    const struct ori_plan_tensor *t = &run->plan.tensors[index];
    const uint64_t now = ori_now_ns(), total = run->plan.data_bytes;
    char note[256];

    if (!run->params->on_progress || (!begins && now - run->reported_ns < NS_BETWEEN_REPORTS))
        return ORION_OK;
    run->reported_ns = now;
    write_note(t, begins && run->imatrix, note, sizeof(note));
    const orion_quantize_progress progress = {
        .tensor = t->from->name,
        .from = ori_type_info(t->from->type)->name,
        .to = ori_type_info(t->type)->name,
        .note = begins ? note : "",
        .index = (uint32_t)index,
        .n_tensors = (uint32_t)run->plan.n_tensors,
        .done_bytes = run->done_bytes,
        .total_bytes = total,
        .percent = total > 0 ? 100.0 * (double)run->done_bytes / (double)total : 100,
    };
    if (run->params->on_progress(&progress, run->params->user) == 0)
        return ORION_OK;
    return ori_fail(err, ORION_E_CANCELLED, "cancelled; nothing was written");
}

/* ---- a piece, by all threads ---- */

struct job {
    const struct run *run;
    const struct ori_plan_tensor *t;
    uint64_t begin, end;          /* elements of the tensor, in the order of the file */
    uint64_t bad[PIECE_SEGMENTS]; /* 1 + the first element that can't be written */
};

static size_t bytes_of(uint32_t type, uint64_t n_elems)
{
    const struct ori_type_info *info = ori_type_info(type);
    return (size_t)(n_elems / info->block_elems * info->block_bytes);
}

/* The first that is not finite, or more than an f16 holds where there are some; n: none. */
static size_t first_bad(const float *x, size_t n, uint32_t type)
{
    const float max = type == ORI_F32 || type == ORI_BF16 ? INFINITY : ORI_QUANTIZE_MAX;
    size_t i = 0;

    while (i < n && isfinite(x[i]) && fabsf(x[i]) <= max)
        i++;
    return i;
}

/* Elements [at, at + n), which lie in `x`, to their place in the piece. */
static void encode(const struct job *job, uint64_t at, size_t n, const float *x)
{
    const struct run *run = job->run;
    const uint64_t *dims = job->t->from->dims;
    const uint32_t type = job->t->type;

    while (n > 0) {
        /* Importance is that of the columns, so it begins anew with each row. */
        const uint64_t column = at % dims[0], expert = at / dims[0] / dims[1];
        const float *importance =
            run->importance ? run->importance + expert * dims[0] + column : NULL;
        const size_t part = importance && dims[0] - column < n ? (size_t)(dims[0] - column) : n;

        run->kernels.types[type].quantize(x, importance,
                                          run->piece + bytes_of(type, at - job->begin), part);
        at += part;
        x += part;
        n -= part;
    }
}

static void convert_segments(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct job *job = arg;
    const struct ori_gguf_tensor *from = job->t->from;
    float *x = job->run->floats + worker * SEGMENT_ELEMS;

    for (size_t segment = begin; segment < end; segment++) {
        const uint64_t at = job->begin + segment * SEGMENT_ELEMS;
        const size_t n = job->end - at < SEGMENT_ELEMS ? (size_t)(job->end - at) : SEGMENT_ELEMS;
        const uint8_t *row = (const uint8_t *)from->data + bytes_of(from->type, at);

        job->run->kernels.types[from->type].dequantize(row, x, n);
        const size_t bad = first_bad(x, n, job->t->type);
        job->bad[segment] = bad < n ? at + bad + 1 : 0;
        if (bad == n)
            encode(job, at, n, x);
    }
}

static orion_status refuse_bad(const struct job *job, size_t n_segments, orion_error *err)
{
    const struct ori_gguf_tensor *from = job->t->from;

    for (size_t i = 0; i < n_segments; i++) {
        if (job->bad[i] == 0)
            continue;
        const uint64_t at = job->bad[i] - 1;
        return ori_fail_at(err, ORION_E_FORMAT, from->offset + bytes_of(from->type, at), from->name,
                           "'%s': element %" PRIu64 " is not a number that %s can hold (infinite, "
                           "NaN, or above 65504)",
                           from->name, at, ori_type_info(job->t->type)->name);
    }
    return ORION_OK;
}

/* ---- tensors, one after the other ---- */

static uint64_t elements(const struct ori_gguf_tensor *t)
{
    return t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
}

/* Copied in pieces too, so that it can be cancelled. */
static orion_status copy_tensor(struct run *run, size_t index, orion_error *err)
{
    const struct ori_gguf_tensor *from = run->plan.tensors[index].from;
    const uint64_t piece = PIECE_ELEMS * MAX_ELEM_BYTES;
    orion_status status = ORION_OK;

    for (uint64_t at = 0; at < from->size_bytes && status == ORION_OK; at += piece) {
        const uint64_t left = from->size_bytes - at;
        const size_t n = (size_t)(left < piece ? left : piece);
        ori_gguf_write_data(run->writer, (const uint8_t *)from->data + at, n);
        run->done_bytes += n;
        status = report(run, index, false, err);
    }
    return status;
}

static orion_status convert_tensor(struct run *run, size_t index, orion_error *err)
{
    const struct ori_plan_tensor *t = &run->plan.tensors[index];
    const uint64_t n = elements(t->from);
    struct job job = {.run = run, .t = t};
    orion_status status = ORION_OK;

    for (uint64_t at = 0; at < n && status == ORION_OK; at += PIECE_ELEMS) {
        job.begin = at;
        job.end = n - at < PIECE_ELEMS ? n : at + PIECE_ELEMS;
        const size_t n_segments =
            (size_t)((job.end - job.begin + SEGMENT_ELEMS - 1) / SEGMENT_ELEMS);
        ori_pool_for(run->pool, n_segments, 1, convert_segments, &job);
        status = refuse_bad(&job, n_segments, err);
        if (status != ORION_OK)
            return status;
        const size_t bytes = bytes_of(t->type, job.end - job.begin);
        ori_gguf_write_data(run->writer, run->piece, bytes);
        run->done_bytes += bytes;
        status = report(run, index, false, err);
    }
    return status;
}

/* The importance of a tensor that is going to be converted, into run->importance. */
static orion_status load_importance(struct run *run, const struct ori_plan_tensor *t,
                                    orion_error *err)
{
    const uint64_t *dims = t->from->dims;

    free(run->importance);
    run->importance = NULL;
    if (!t->measured || t->type == t->from->type)
        return ORION_OK;
    run->importance = ori_alloc_array((size_t)(dims[0] * dims[2] * dims[3]), sizeof(float));
    if (!run->importance)
        return ori_fail_nomem(err, "the importance of a tensor");
    return ori_imatrix_get(run->imatrix, t->from->name, dims[0], dims[2] * dims[3], run->importance,
                           err);
}

static orion_status write_tensors(struct run *run, orion_error *err)
{
    orion_status status = ORION_OK;

    for (size_t i = 0; i < run->plan.n_tensors && status == ORION_OK; i++) {
        const struct ori_plan_tensor *t = &run->plan.tensors[i];
        status = report(run, i, true, err);
        if (status == ORION_OK)
            status = load_importance(run, t, err);
        if (status == ORION_OK)
            status =
                t->type == t->from->type ? copy_tensor(run, i, err) : convert_tensor(run, i, err);
        if (status == ORION_OK) /* zeros where the file shrank must not be taken for weights */
            status = ori_gguf_check_intact(run->gguf, err);
    }
    return status;
}

/* ---- the file ---- */

/* These say how the file was made, so they are written anew. */
static bool is_about_quantization(const char *key)
{
    return strcmp(key, "general.file_type") == 0 ||
           strcmp(key, "general.quantization_version") == 0 ||
           strncmp(key, "quantize.imatrix.", 17) == 0;
}

static void describe(struct run *run, const struct ori_mix *mix)
{
    for (size_t i = 0; i < ori_gguf_n_kv(run->gguf); i++) {
        const struct ori_gguf_kv *kv = ori_gguf_kv_at(run->gguf, i);
        if (!is_about_quantization(kv->key))
            ori_gguf_write_kv(run->writer, kv);
    }
    ori_gguf_write_u32(run->writer, "general.file_type", mix->file_type);
    ori_gguf_write_u32(run->writer, "general.quantization_version", 2);
    if (run->imatrix) {
        const char *slash = strrchr(run->params->imatrix, '/');
        ori_gguf_write_str(run->writer, "quantize.imatrix.file",
                           slash ? slash + 1 : run->params->imatrix);
        ori_gguf_write_u32(run->writer, "quantize.imatrix.entries_count",
                           (uint32_t)ori_imatrix_count(run->imatrix));
    }
    for (size_t i = 0; i < run->plan.n_tensors; i++) {
        const struct ori_plan_tensor *t = &run->plan.tensors[i];
        ori_gguf_write_tensor(run->writer, t->from->name, t->type, t->from->n_dims, t->from->dims);
    }
}

static orion_status write_file(struct run *run, const char *out, const struct ori_mix *mix,
                               orion_error *err)
{
    orion_status status = ori_gguf_writer_new(out, &run->writer, err);

    if (status != ORION_OK)
        return status;
    if (!run->params->replace)
        ori_gguf_writer_keep_existing(run->writer);
    describe(run, mix);
    status = ori_gguf_writer_check_room(run->writer, err);
    if (status == ORION_OK)
        status = write_tensors(run, err);
    return status == ORION_OK ? ori_gguf_writer_finish(run->writer, err) : status;
}

/* ---- before and after ---- */

/* So that nobody waits for what is refused at the end. */
static orion_status check_out(const char *in, const char *out, bool replace, orion_error *err)
{
    struct stat from, to;

    if (stat(out, &to) != 0)
        return ORION_OK; /* not there, or the writer will say what is wrong */
    if (stat(in, &from) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return ori_fail(err, ORION_E_ARGUMENT, "'%s' would be written over itself", in);
    if (!S_ISREG(to.st_mode))
        return ori_fail(err, ORION_E_ARGUMENT, "'%s' is there and is no file", out);
    if (!replace)
        return ori_fail(err, ORION_E_DENIED,
                        "'%s' is there already; choose another name, or replace it (--force)", out);
    return ORION_OK;
}

static orion_status check_imatrix(const struct run *run, orion_error *err)
{
    for (size_t i = 0; i < run->plan.n_tensors; i++)
        if (run->plan.tensors[i].measured)
            return ORION_OK;
    return ori_fail(err, ORION_E_ARGUMENT,
                    "'%s' has the importance of no tensor of this model: it was measured on "
                    "another",
                    run->params->imatrix);
}

static orion_status refuse_type(const char *name, orion_error *err)
{
    char names[256] = "";

    for (size_t i = 0; ori_mix_name(i); i++)
        (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                       i > 0 ? " " : "", ori_mix_name(i));
    return ori_fail(err, ORION_E_ARGUMENT, "'%.40s' is no type; there are %s", name, names);
}

static orion_status open_inputs(struct run *run, const char *in, struct ori_mix *mix,
                                orion_error *err)
{
    const orion_quantize_params *p = run->params;
    orion_status status = ORION_OK;

    if (!ori_mix_find(p->type, mix))
        return refuse_type(p->type, err);
    mix->pure = p->pure;
    status = ori_gguf_open(in, &run->gguf, err);
    if (status == ORION_OK && p->imatrix)
        status = ori_imatrix_open(p->imatrix, &run->imatrix, err);
    if (status == ORION_OK)
        status = ori_plan_init(&run->plan, run->gguf, mix, run->imatrix, p->requantize, err);
    return status == ORION_OK && run->imatrix ? check_imatrix(run, err) : status;
}

static orion_status take_memory(struct run *run, orion_error *err)
{
    orion_status status = ori_pool_new(run->params->threads, &run->pool, err);

    if (status != ORION_OK)
        return status;
    ori_kernels_init(&run->kernels, 0); /* encoders are scalar in every tier */
    run->floats = ori_alloc_aligned_raw(ori_pool_threads(run->pool) * SEGMENT_ELEMS, sizeof(float));
    run->piece = ori_alloc_aligned_raw(PIECE_ELEMS, MAX_ELEM_BYTES);
    return run->floats && run->piece ? ORION_OK : ori_fail_nomem(err, "quantizing");
}

static void release(struct run *run)
{
    ori_gguf_writer_free(run->writer);
    ori_plan_release(&run->plan);
    ori_imatrix_close(run->imatrix);
    ori_gguf_close(run->gguf);
    ori_pool_free(run->pool);
    free(run->floats);
    free(run->piece);
    free(run->importance);
}

static void tell(const struct run *run, orion_quantize_result *result)
{
    orion_quantize_result r = {
        .in_bytes = ori_gguf_file_bytes(run->gguf),
        .out_bytes = ori_gguf_writer_bytes(run->writer),
        .n_tensors = (uint32_t)run->plan.n_tensors,
    };

    for (size_t i = 0; i < run->plan.n_tensors; i++) {
        const struct ori_plan_tensor *t = &run->plan.tensors[i];
        r.n_converted += t->type != t->from->type;
        r.n_fallback += t->type != t->wanted;
        r.n_unmeasured += run->imatrix && t->type != t->from->type && !t->measured;
    }
    if (run->plan.n_weights > 0)
        r.bits_per_weight = 8.0 * (double)run->plan.data_bytes / (double)run->plan.n_weights;
    *result = r;
}

orion_status ori_quantize(const char *in, const char *out, const orion_quantize_params *params,
                          orion_quantize_result *result, orion_error *err)
{
    struct run run = {.params = params};
    struct ori_mix mix;

    orion_status status = check_out(in, out, params->replace, err);
    if (status == ORION_OK)
        status = open_inputs(&run, in, &mix, err);
    if (status == ORION_OK)
        status = take_memory(&run, err);
    if (status == ORION_OK)
        status = write_file(&run, out, &mix, err);
    if (status == ORION_OK)
        tell(&run, result);
    release(&run);
    return status;
}
