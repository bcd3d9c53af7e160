/* Is there memory for a model?
 *
 * Weights are mapped files, so the system counts their pages as available although
 * a model in memory needs them; caches are reserved, but take memory only as they
 * fill.  What is available is therefore more than what may be promised, by both. */
#include "loaded_model.h"

/* Below this share of the machine's memory it is short. */
#define SHORT_SHARE 16

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

orion_status loaded_need(const struct loaded *loaded, const char *id, uint32_t context_tokens,
                         struct loaded_need *out, orion_error *err)
{
    orion_fit_options options;
    orion_fit fit;

    orion_fit_options_init(&options);
    options.sequences = loaded->options.sequences;
    options.kv_type = loaded->options.kv_type;
    orion_status status = orion_manager_fit(loaded->manager, id, &options, &fit, err);
    if (status != ORION_OK)
        return status;
    if (fit.embeds)
        context_tokens = 0; /* embedders are opened for what is usual */
    if (context_tokens > fit.trained_tokens && fit.trained_tokens > 0)
        context_tokens = fit.trained_tokens;
    options.context_tokens = context_tokens;
    if (context_tokens > 0 && context_tokens != fit.context_tokens)
        status = orion_manager_fit(loaded->manager, id, &options, &fit, err);
    if (status != ORION_OK)
        return status;
    *out = (struct loaded_need){.context_tokens = fit.context_tokens,
                                .trained_tokens = fit.trained_tokens,
                                .weights_bytes = fit.weights_bytes,
                                .buffer_bytes = fit.buffer_bytes,
                                .kv_bytes = fit.kv_bytes / fit.sequences,
                                .embeds = fit.embeds};
    return ORION_OK;
}

/* No sum overflows: each is a size that the library has checked, of one model. */
uint64_t loaded_need_bytes(const struct loaded_need *need, uint32_t sequences)
{
    return need->weights_bytes + need->buffer_bytes + sequences * need->kv_bytes;
}

uint32_t loaded_sequences(const struct loaded_need *need, uint32_t wanted, uint64_t room_bytes)
{
    uint32_t sequences = need->embeds ? 1 : wanted;

    while (sequences > 1 && loaded_need_bytes(need, sequences) > room_bytes)
        sequences--;
    return sequences;
}

static uint64_t resident_bytes(const struct loaded_model *model)
{
    orion_scheduler_load load;
    orion_scheduler_get_load(model->scheduler, &load);
    return load.kv_bytes + load.buffer_bytes;
}

uint64_t loaded_total_bytes(const struct loaded_model *model)
{
    return model->weights_bytes + model->planned_bytes;
}

uint64_t loaded_room_bytes(const struct loaded_model *list)
{
    orion_machine machine;
    orion_machine_get(&machine);
    uint64_t room = machine.available_bytes;

    if (room == 0)
        return UINT64_MAX;
    for (const struct loaded_model *m = list; m; m = m->next)
        if (!m->closing)
            room = less(room, m->weights_bytes + less(m->planned_bytes, resident_bytes(m)));
    return room;
}

bool loaded_memory_is_short(void)
{
    orion_machine machine;
    orion_machine_get(&machine);
    return machine.available_bytes > 0 &&
           machine.available_bytes < machine.memory_bytes / SHORT_SHARE;
}
