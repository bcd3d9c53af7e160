/* What is known of a model before it is run, for programs. */
#include "native.h"

json_t *server_fit_json(const char *ref, orion_kv_type kv_type, const orion_fit *f)
{
    return json_pack(
        "{s:o, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:i, s:o, s:o, s:o, "
        "s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}",
        "ref", native_text(ref), "verdict", native_verdict(f->verdict), "local", f->local, "runs",
        f->runs, "embeds", f->embeds, "why_not", native_text(f->why_not), "name",
        native_text(f->name), "architecture", native_text(f->architecture), "quantization",
        native_text(f->quantization), "n_params", native_count(f->n_params), "file_bytes",
        native_count(f->file_bytes), "download_bytes", (json_int_t)f->download_bytes,
        "disk_free_bytes", native_count(f->disk_free_bytes), "sequences", (int)f->sequences,
        "context_tokens", native_count(f->context_tokens), "trained_tokens",
        native_count(f->trained_tokens), "weights_bytes", native_count(f->weights_bytes), "kv_type",
        native_kv_name(kv_type), "kv_bytes", native_count(f->kv_bytes), "buffer_bytes",
        native_count(f->buffer_bytes), "memory_bytes", native_count(f->memory_bytes),
        "available_bytes", native_count(f->available_bytes), "max_context_tokens",
        (json_int_t)f->max_context_tokens, "n_experts", native_count(f->n_experts),
        "n_experts_used", native_count(f->n_experts_used), "active_bytes",
        native_count(f->active_bytes));
}
