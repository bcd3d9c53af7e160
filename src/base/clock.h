/* Time that never runs backwards. */
#ifndef ORI_BASE_CLOCK_H
#define ORI_BASE_CLOCK_H

#include <stdint.h>

#define ORI_NS_PER_MS 1000000u

uint64_t ori_now_ns(void); /* monotonic */
double ori_now_ms(void);   /* the same in milliseconds */
double ori_cpu_ms(void);   /* that all threads of this process have computed */

#endif
