// SPDX-License-Identifier: Apache-2.0
// machine.I2C whose devices are Python objects: chip.write(buf), chip.readinto(buf).
#include "py/mperrno.h"
#include "py/runtime.h"
#include "extmod/modmachine.h"
#include "simboard.h"

typedef struct {
    mp_obj_base_t base;
    uint8_t id;
    uint32_t freq;
} i2c_obj_t;

// chips by slot number (alarm.c); a free entry has no bus
static struct {
    int8_t bus;
    uint8_t addr;
} place[SIM_SLOTS];

void sim_i2c_clear(void) {
    for (int i = 0; i < SIM_SLOTS; i++) {
        place[i].bus = -1;
    }
}

bool sim_i2c_has(int slot) {
    return place[slot].bus >= 0;
}

static int find(int bus, int addr) {
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (place[i].bus == bus && place[i].addr == addr) {
            return i;
        }
    }
    return -1;
}

// attach_i2c(bus, addr, chip) -> slot for alarm(); None as chip takes it off the bus
static mp_obj_t attach_i2c(mp_obj_t bus_in, mp_obj_t addr_in, mp_obj_t chip) {
    int bus = mp_obj_get_int(bus_in);
    int addr = mp_obj_get_int(addr_in);
    if (bus < 0 || bus >= SIM_BUSES || addr < 0 || addr > 127) {
        mp_raise_ValueError(MP_ERROR_TEXT("I2C bus must be 0 or 1, address 0 to 127"));
    }
    int old = find(bus, addr);
    if (old >= 0 && MP_STATE_VM(sim_chip)[old] != chip) {
        place[old].bus = -1;
        sim_alarm_release(old);
    }
    if (chip == mp_const_none) {
        return mp_const_none;
    }
    int slot = sim_alarm_slot(chip);
    place[slot].bus = bus;
    place[slot].addr = addr;
    return MP_OBJ_NEW_SMALL_INT(slot);
}
MP_DEFINE_CONST_FUN_OBJ_3(sim_attach_i2c_obj, attach_i2c);

static int transfer(mp_obj_base_t *self_in, uint16_t addr, size_t len, uint8_t *buf, unsigned int flags) {
    i2c_obj_t *self = (i2c_obj_t *)self_in;
    int slot = find(self->id, addr);
    if (slot < 0) {
        return -MP_ENODEV;
    }
    if (len > 0) {   // an empty write only asks whether somebody is there
        bool read = flags & MP_MACHINE_I2C_FLAG_READ;
        sim_view_t view = { buf, len, read };
        sim_chip_call(MP_STATE_VM(sim_chip)[slot], read ? MP_QSTR_readinto : MP_QSTR_write, &view, NULL);
    }
    return len;
}

static void i2c_init(mp_obj_base_t *self_in, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_scl, ARG_sda, ARG_freq, ARG_timeout };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_scl, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_sda, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_freq, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 400000} },
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 50000} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    ((i2c_obj_t *)self_in)->freq = args[ARG_freq].u_int;
}

static mp_obj_t i2c_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, 1, true);
    int id = mp_obj_get_int(args[0]);
    if (id < 0 || id >= SIM_BUSES) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("I2C(%d) doesn't exist: 0 or 1"), id);
    }
    i2c_obj_t *self = mp_obj_malloc(i2c_obj_t, &machine_i2c_type);
    self->id = id;
    mp_map_t kw;
    mp_map_init_fixed_table(&kw, n_kw, args + n_args);
    i2c_init(&self->base, 0, NULL, &kw);
    return MP_OBJ_FROM_PTR(self);
}

static void i2c_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    i2c_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "I2C(%u, freq=%u)", self->id, self->freq);
}

static const mp_machine_i2c_p_t protocol = {
    .init = i2c_init,
    .transfer = mp_machine_i2c_transfer_adaptor,
    .transfer_single = transfer,
};

MP_DEFINE_CONST_OBJ_TYPE(
    machine_i2c_type, MP_QSTR_I2C, MP_TYPE_FLAG_NONE,
    make_new, i2c_make_new, print, i2c_print, protocol, &protocol, locals_dict, &mp_machine_i2c_locals_dict);
