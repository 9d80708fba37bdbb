// SPDX-License-Identifier: Apache-2.0
// machine.SPI whose devices are Python objects: chip.select(), chip.transfer(tx, rx), chip.deselect().
#include <string.h>
#include "py/runtime.h"
#include "extmod/modmachine.h"
#include "simboard.h"

typedef struct {
    mp_obj_base_t base;
    uint8_t id, polarity, phase;
    uint32_t baudrate;
} spi_obj_t;

// chips by slot number (alarm.c); a free entry has no bus
static struct {
    int8_t bus;
    uint8_t cs;
    bool selected;
} place[SIM_SLOTS];

void sim_spi_clear(void) {
    for (int i = 0; i < SIM_SLOTS; i++) {
        place[i].bus = -1;
    }
}

bool sim_spi_has(int slot) {
    return place[slot].bus >= 0;
}

// attach_spi(bus, cs_pin, chip) -> slot for alarm(); None as chip takes it off the bus
static mp_obj_t attach_spi(mp_obj_t bus_in, mp_obj_t cs_in, mp_obj_t chip) {
    int bus = mp_obj_get_int(bus_in);
    int cs = sim_pin_number(cs_in);
    if (bus < 0 || bus >= SIM_BUSES) {
        mp_raise_ValueError(MP_ERROR_TEXT("SPI bus must be 0 or 1"));
    }
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (place[i].bus == bus && place[i].cs == cs && MP_STATE_VM(sim_chip)[i] != chip) {
            place[i].bus = -1;
            sim_alarm_release(i);
        }
    }
    if (chip == mp_const_none) {
        return mp_const_none;
    }
    int slot = sim_alarm_slot(chip);
    place[slot].bus = bus;
    place[slot].cs = cs;
    place[slot].selected = false;
    return MP_OBJ_NEW_SMALL_INT(slot);
}
MP_DEFINE_CONST_FUN_OBJ_3(sim_attach_spi_obj, attach_spi);

void sim_spi_chip_select(int pin, bool level) {
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (place[i].bus >= 0 && place[i].cs == pin && place[i].selected == level) {
            place[i].selected = !level;
            sim_chip_call(MP_STATE_VM(sim_chip)[i], level ? MP_QSTR_deselect : MP_QSTR_select, NULL, NULL);
        }
    }
}

static void transfer(mp_obj_base_t *self_in, size_t len, const uint8_t *tx, uint8_t *rx) {
    spi_obj_t *self = (spi_obj_t *)self_in;
    mp_obj_t chip = MP_OBJ_NULL;
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (place[i].bus == self->id && place[i].selected) {
            chip = MP_STATE_VM(sim_chip)[i];
        }
    }
    if (chip == MP_OBJ_NULL) {
        if (rx) {
            memset(rx, 0xff, len);   // nobody drives the line
        }
        return;
    }
    uint8_t ignored[64];   // what the chip answers to a plain write
    while (len > 0) {
        size_t n = rx ? len : MIN(len, sizeof(ignored));
        sim_view_t out = { tx, n, false };
        sim_view_t in = { rx ? rx : ignored, n, true };
        sim_chip_call(chip, MP_QSTR_transfer, &out, &in);
        tx += n;
        len -= n;
    }
}

static void spi_init(mp_obj_base_t *self_in, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_baudrate, ARG_polarity, ARG_phase, ARG_bits, ARG_firstbit, ARG_sck, ARG_mosi, ARG_miso };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_baudrate, MP_ARG_INT, {.u_int = 1000000} },
        { MP_QSTR_polarity, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_phase, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_bits, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 8} },
        { MP_QSTR_firstbit, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = MICROPY_PY_MACHINE_SPI_MSB} },
        { MP_QSTR_sck, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_mosi, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_miso, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    if (args[ARG_bits].u_int != 8) {
        mp_raise_ValueError(MP_ERROR_TEXT("bits must be 8"));
    }
    spi_obj_t *self = (spi_obj_t *)self_in;
    self->baudrate = args[ARG_baudrate].u_int;
    self->polarity = args[ARG_polarity].u_int;
    self->phase = args[ARG_phase].u_int;
}

static mp_obj_t spi_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, 2, true);
    int id = mp_obj_get_int(args[0]);
    if (id < 0 || id >= SIM_BUSES) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("SPI(%d) doesn't exist: 0 or 1"), id);
    }
    spi_obj_t *self = mp_obj_malloc(spi_obj_t, &machine_spi_type);
    self->id = id;
    mp_map_t kw;
    mp_map_init_fixed_table(&kw, n_kw, args + n_args);
    spi_init(&self->base, n_args - 1, args + 1, &kw);
    return MP_OBJ_FROM_PTR(self);
}

static void spi_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    spi_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "SPI(%u, baudrate=%u, polarity=%u, phase=%u)", self->id, self->baudrate, self->polarity,
        self->phase);
}

static const mp_machine_spi_p_t protocol = {
    .init = spi_init,
    .transfer = transfer,
};

MP_DEFINE_CONST_OBJ_TYPE(
    machine_spi_type, MP_QSTR_SPI, MP_TYPE_FLAG_NONE,
    make_new, spi_make_new, print, spi_print, protocol, &protocol, locals_dict, &mp_machine_spi_locals_dict);
