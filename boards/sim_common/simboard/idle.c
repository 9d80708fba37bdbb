// SPDX-License-Identifier: Apache-2.0
// Waiting: the CPU stops until something can happen. In deterministic mode QEMU skips the time in between.
#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/modmachine.h"
#include "simboard.h"

extern uint64_t sim_idle_ns;
extern bool sim_uart_open;
static bool was_pending;   // something ran in this round of waiting: look again before sleeping

void sim_poll(void) {
    sim_console_poll();
    uint64_t now = sim_ticks();
    if (now >= sim_wdt_due) {
        sim_reset(3);
    }
    if (now >= sim_alarm_due()) {
        sim_alarm_queue();
    }
}

void sim_event_hook(void) {
    sim_poll();
    was_pending = MP_STATE_VM(sched_state) == MP_SCHED_PENDING;
}

void sim_idle(uint64_t until) {
    uint64_t now = sim_ticks();
    uint64_t latest = now + 60ull * SIM_TICK_HZ;   // the clock must be read now and then
    if (sim_uart_open) {
        latest = now + sim_ms_to_ticks(1);         // no interrupt tells of data from the PC
    }
    uint64_t alarm = sim_alarm_due();
    until = MIN(MIN(until, latest), MIN(alarm, sim_wdt_due));
    if (until <= now) {
        return;
    }
    if (sim_deterministic) {
        uint64_t before = sim_virtual_ns();
        sim_platform_sleep(until);
        sim_idle_ns += sim_virtual_ns() - before;
    } else {
        sim_platform_sleep(until);
    }
}

void sim_wait_for_event(unsigned long timeout_ms) {
    if (was_pending || MP_STATE_VM(sched_state) == MP_SCHED_PENDING) {
        was_pending = false;
        return;
    }
    sim_idle(timeout_ms == (unsigned long)-1 ? SIM_NEVER : sim_ticks() + sim_ms_to_ticks(timeout_ms));
}

void sim_sleep_until(uint64_t until, bool (*stop)(void)) {
    for (;;) {
        mp_event_handle_nowait();
        if (sim_ticks() >= until || (stop && stop())) {
            return;
        }
        if (MP_STATE_VM(sched_state) != MP_SCHED_PENDING) {
            sim_idle(until);
        }
    }
}

void sim_reset(int cause) {
    sim_retain_cause(cause);
    sim_host_close_all();
    sim_platform_reset();
}
