// SPDX-License-Identifier: Apache-2.0
// What the parts of a simulated board know of each other.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "py/obj.h"
#include "platform.h"

#define SIM_NEVER UINT64_MAX

// platform_*.c: the few registers of the QEMU machine that are used. Time is in ticks of SIM_TICK_HZ since reset.
void sim_platform_init(void);
uint64_t sim_ticks(void);
uint64_t sim_virtual_ns(void);               // exact in deterministic mode (one instruction = 1 ns), else from ticks
void sim_platform_sleep(uint64_t until);     // stop the CPU until `until`, or until a console character arrives
void sim_platform_sleep_console(void);       // stop the clock and the CPU until a console character arrives
MP_NORETURN void sim_platform_reset(void);

// clock.c
extern bool sim_deterministic;
void sim_clock_init(void);
uint64_t sim_ms_to_ticks(uint64_t ms);
uint64_t sim_us_to_ticks(uint64_t us);
uint64_t sim_instructions(void);             // executed so far; idle time does not count
uint64_t sim_bus_instructions(void);         // of these, spent in virtual chips
bool sim_in_chip(bool enter);                // entering or leaving chip code; returns where we were

// idle.c
void sim_idle(uint64_t until);               // stop the CPU until `until`, an alarm or a console character
void sim_sleep_until(uint64_t until, bool (*stop)(void));  // idle and handle events until then, or until stop()
MP_NORETURN void sim_reset(int cause);

// alarm.c: chips that asked to be called at a time
#define SIM_SLOTS 8
void sim_alarm_clear(void);
int sim_alarm_slot(mp_obj_t chip);           // the chip's slot; a new one if it has none
void sim_alarm_release(int slot);            // free the slot and cancel its alarm, unless the chip is still on a bus
uint64_t sim_alarm_due(void);
void sim_alarm_queue(void);                  // let the scheduler call the chips that are due
MP_DECLARE_CONST_FUN_OBJ_2(sim_alarm_obj);

// wdt (in sim_wdt.c)
extern uint64_t sim_wdt_due;

// console.c
void sim_console_poll(void);
bool sim_console_ready(void);

// pin.c
#define SIM_PINS 32
extern const mp_obj_type_t sim_pin_type;
extern uint32_t sim_pin_events;              // counts edges that some handler asked for
void sim_pin_clear(void);
int sim_pin_number(mp_obj_t pin);
MP_DECLARE_CONST_FUN_OBJ_2(sim_drive_obj);

// bus.c: calling a chip's methods without touching the heap
typedef struct {
    const void *buf;
    size_t len;
    bool writable;
} sim_view_t;
void sim_bus_init(void);
mp_obj_t sim_chip_call(mp_obj_t chip, qstr method, const sim_view_t *first, const sim_view_t *second);

// i2c.c, spi.c
#define SIM_BUSES 2
void sim_i2c_clear(void);
void sim_spi_clear(void);
bool sim_i2c_has(int slot);                  // whether the slot's chip is on such a bus
bool sim_spi_has(int slot);
void sim_spi_chip_select(int pin, bool level);
MP_DECLARE_CONST_FUN_OBJ_3(sim_attach_i2c_obj);
MP_DECLARE_CONST_FUN_OBJ_3(sim_attach_spi_obj);

// sim_adc.c
#define SIM_ADC_CHANNELS 8
void sim_adc_clear(void);
MP_DECLARE_CONST_FUN_OBJ_2(sim_attach_adc_obj);

// semihosting.c: files of the PC. Handles are >= 0; sizes are in bytes; -1 on error.
int sim_host_open(const char *path, const char *mode);
int sim_host_close(int handle);
void sim_host_close_all(void);               // before a reset, which forgets the handles
int sim_host_read(int handle, void *buf, size_t len);
int sim_host_write(int handle, const void *buf, size_t len);
int sim_host_seek(int handle, uint32_t position);
int sim_host_size(int handle);
int sim_host_errno(void);
uint32_t sim_host_unix_time(void);
int sim_host_command_line(char *buf, size_t len);

// hostfile.c
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(sim_host_open_obj);

// args.c: key=value strings handed over at start
void sim_args_init(void);
const char *sim_arg(const char *name);       // NULL if not given
MP_DECLARE_CONST_FUN_OBJ_1(sim_arg_obj);

// disk.c
extern const mp_obj_type_t sim_disk_type;

// retained.c: what survives a reset
void sim_retained_init(void);
extern int sim_reset_cause;
void sim_retain_cause(int cause);
