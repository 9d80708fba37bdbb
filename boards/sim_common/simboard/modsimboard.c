// SPDX-License-Identifier: Apache-2.0
// The simboard module: what a simulated board has that a real one has not.
#include "py/runtime.h"
#include "py/smallint.h"
#include "simboard.h"

// Small numbers take no heap; after 2^30 instructions time.ticks_cpu() is the one that never does.
static mp_obj_t count(uint64_t value) {
    return value <= MP_SMALL_INT_MAX ? MP_OBJ_NEW_SMALL_INT((mp_int_t)value) : mp_obj_new_int_from_ull(value);
}

// instructions() -> executed, without idle time; exact in deterministic mode, else meaningless. Only differences count:
// a reset sets the count to zero on Arm, while RISC-V's mcycle goes on, over the time slept before it too.
static mp_obj_t instructions(void) {
    return count(sim_instructions());
}
static MP_DEFINE_CONST_FUN_OBJ_0(instructions_obj, instructions);

// bus_instructions() -> of these, spent in the code of virtual chips
static mp_obj_t bus_instructions(void) {
    return count(sim_bus_instructions());
}
static MP_DEFINE_CONST_FUN_OBJ_0(bus_instructions_obj, bus_instructions);

static const mp_rom_map_elem_t table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_simboard) },
    { MP_ROM_QSTR(MP_QSTR_attach_i2c), MP_ROM_PTR(&sim_attach_i2c_obj) },
    { MP_ROM_QSTR(MP_QSTR_attach_spi), MP_ROM_PTR(&sim_attach_spi_obj) },
    { MP_ROM_QSTR(MP_QSTR_attach_adc), MP_ROM_PTR(&sim_attach_adc_obj) },
    { MP_ROM_QSTR(MP_QSTR_drive), MP_ROM_PTR(&sim_drive_obj) },
    { MP_ROM_QSTR(MP_QSTR_alarm), MP_ROM_PTR(&sim_alarm_obj) },
    { MP_ROM_QSTR(MP_QSTR_instructions), MP_ROM_PTR(&instructions_obj) },
    { MP_ROM_QSTR(MP_QSTR_bus_instructions), MP_ROM_PTR(&bus_instructions_obj) },
    { MP_ROM_QSTR(MP_QSTR_host_open), MP_ROM_PTR(&sim_host_open_obj) },
    { MP_ROM_QSTR(MP_QSTR_arg), MP_ROM_PTR(&sim_arg_obj) },
    { MP_ROM_QSTR(MP_QSTR_Disk), MP_ROM_PTR(&sim_disk_type) },
};
static MP_DEFINE_CONST_DICT(globals, table);

const mp_obj_module_t simboard_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&globals };
MP_REGISTER_MODULE(MP_QSTR_simboard, simboard_module);
