// SPDX-License-Identifier: Apache-2.0
// Start of the board: after power on or reset the hardware, after a soft reset too the interpreter's part of it.
#include <string.h>
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "shared/runtime/pyexec.h"
#include "simboard.h"

#define STACK_LIMIT (32 * 1024)   // all five boards have at least 64 kB of stack

extern bool sim_uart_open;

void sim_start(void) {
    static bool running;   // zeroed by a reset, not by a soft one
    if (!running) {
        running = true;
        sim_args_init();
        sim_deterministic = sim_arg("deterministic") != NULL;
        sim_retained_init();
        sim_wdt_due = SIM_NEVER;
        sim_clock_init();
    } else {
        sim_reset_cause = 5;
    }
    mp_stack_set_limit(STACK_LIMIT);
    // What the last program left behind lies in a heap that is no more.
    sim_alarm_clear();
    sim_i2c_clear();
    sim_spi_clear();
    sim_adc_clear();
    sim_pin_clear();
    sim_bus_init();
    sim_uart_open = false;
    pyexec_frozen_module("_simboot.py", false);
    pyexec_file_if_exists("boot.py");
    if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        pyexec_file_if_exists("main.py");
    }
}
