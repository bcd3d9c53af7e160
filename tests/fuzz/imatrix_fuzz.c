/* An importance matrix on any bytes: it is refused in words, or everything in it
 * is a finite number and no less than 0.  Seeds: one of each form. */
#include "quantize/imatrix.h"

#include <math.h>

#include "fuzz.h"

#define MAX_VALUES 4096

/* Those that the seeds have, and so perhaps what they were spoiled to. */
static void use(const struct ori_imatrix *m, const char *tensor, uint64_t n_cols,
                uint64_t n_experts)
{
    static float values[MAX_VALUES];
    orion_error err = {.status = ORION_OK};

    const orion_status status = ori_imatrix_get(m, tensor, n_cols, n_experts, values, &err);
    if (status != ORION_OK) {
        require(status == (ori_imatrix_has(m, tensor) ? ORION_E_FORMAT : ORION_E_NOT_FOUND));
        require(err.status == status && err.message[0]);
        return;
    }
    for (size_t i = 0; i < n_cols * n_experts; i++)
        require(isfinite(values[i]) && values[i] >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ori_imatrix *m;
    orion_error err = {.status = ORION_OK};

    const orion_status status = ori_imatrix_parse(data, size, "fuzz", &m, &err);
    if (status != ORION_OK) {
        require(m == NULL && err.status == status && err.message[0]);
        return 0;
    }
    require(ori_imatrix_count(m) > 0);
    for (uint64_t n = 1; n <= 8; n++)
        for (uint64_t experts = 1; experts <= 3; experts++) {
            use(m, "a.weight", n, experts);
            use(m, "b.weight", n, experts);
        }
    ori_imatrix_close(m);
    return 0;
}
