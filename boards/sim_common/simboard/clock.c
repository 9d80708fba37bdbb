// SPDX-License-Identifier: Apache-2.0
// Time for MicroPython, and instruction counts in deterministic mode.
#include "py/mphal.h"
#include "py/runtime.h"
#include "simboard.h"

bool sim_deterministic;

static uint64_t chip_total, chip_since;
static uint32_t chip_probe;   // what measuring itself costs, in instructions
static bool in_chip;
uint64_t sim_idle_ns;

uint64_t sim_ms_to_ticks(uint64_t ms) {
    return ms * (SIM_TICK_HZ / 1000);
}

uint64_t sim_us_to_ticks(uint64_t us) {
    return us * (SIM_TICK_HZ / 1000000);
}

mp_uint_t mp_hal_ticks_us(void) {
    return (mp_uint_t)(sim_ticks() / (SIM_TICK_HZ / 1000000));
}

mp_uint_t mp_hal_ticks_ms(void) {
    return (mp_uint_t)(sim_ticks() / (SIM_TICK_HZ / 1000));
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return (mp_uint_t)sim_instructions();
}

void mp_hal_delay_us(mp_uint_t us) {
    sim_sleep_until(sim_ticks() + sim_us_to_ticks(us), NULL);
}

void mp_hal_delay_ms(mp_uint_t ms) {
    sim_sleep_until(sim_ticks() + sim_ms_to_ticks(ms), NULL);
}

uint64_t sim_instructions(void) {
    return sim_virtual_ns() - sim_idle_ns;
}

uint64_t sim_bus_instructions(void) {
    return chip_total + (in_chip ? sim_instructions() - chip_since : 0);
}

bool sim_in_chip(bool enter) {
    bool before = in_chip;
    if (sim_deterministic && enter != before) {
        uint64_t now = sim_instructions();
        if (enter) {
            chip_since = now;
        } else {
            chip_total += now - chip_since + chip_probe;
        }
        in_chip = enter;
    }
    return before;
}

void sim_clock_init(void) {
    sim_idle_ns = chip_total = chip_probe = 0;
    in_chip = false;
    // Charge the chip with what entering and leaving it costs, so that total minus chip is the driver's own.
    uint64_t start = sim_instructions();
    uint32_t reading = (uint32_t)(sim_instructions() - start);
    start = sim_instructions();
    sim_in_chip(true);
    sim_in_chip(false);
    chip_probe = (uint32_t)(sim_instructions() - start) - reading - (uint32_t)chip_total;
    chip_total = 0;
}
