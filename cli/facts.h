/* facts.h - "label   text" lines on standard output. */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include "cli.h"

/* Cleaned; nothing is printed when the text is empty. */
void cli_fact(const char *label, const char *fmt, ...) CLI_PRINTF(2, 3);

/* "3.82 billion", "12.3 million", "999" */
const char *cli_fact_count(uint64_t n, char *out, size_t out_bytes);

/* What a mixture of experts consists of; nothing when n is 0. */
void cli_fact_experts(uint32_t n, uint32_t n_used, uint64_t active_bytes);

#endif
