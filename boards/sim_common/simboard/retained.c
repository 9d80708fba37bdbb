// SPDX-License-Identifier: Apache-2.0
// Memory that survives a reset: why the board was reset.
#include "simboard.h"

#define MAGIC 0xa05c017bu

typedef struct {
    uint32_t magic;
    uint32_t cause;
} retained_t;

#define RETAINED ((volatile retained_t *)SIM_RETAINED)

int sim_reset_cause;   // as machine.reset_cause(): 1 power on, 2 hard, 3 watchdog, 4 deep sleep, 5 soft reset

void sim_retained_init(void) {
    sim_reset_cause = RETAINED->magic == MAGIC ? (int)RETAINED->cause : 1;
    sim_retain_cause(2);
}

void sim_retain_cause(int cause) {
    RETAINED->magic = MAGIC;
    RETAINED->cause = cause;
}
