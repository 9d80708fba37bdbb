// SPDX-License-Identifier: Apache-2.0
// machine.ADC whose channels are Python objects: chip.read_u16(). Included by extmod/machine_adc.c.
#include "simboard.h"

#define MICROPY_PY_MACHINE_ADC_CLASS_CONSTANTS

typedef struct _machine_adc_obj_t {
    mp_obj_base_t base;
    uint8_t channel;
} machine_adc_obj_t;

MP_REGISTER_ROOT_POINTER(mp_obj_t sim_adc[8]);   // SIM_ADC_CHANNELS

void sim_adc_clear(void) {
    for (int i = 0; i < SIM_ADC_CHANNELS; i++) {
        MP_STATE_VM(sim_adc)[i] = mp_const_none;
    }
}

static int channel_number(mp_obj_t channel_in) {
    int channel = mp_obj_get_int(channel_in);
    if (channel < 0 || channel >= SIM_ADC_CHANNELS) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("ADC(%d) doesn't exist: 0 to 7"), channel);
    }
    return channel;
}

// attach_adc(channel, chip); None as chip takes it off
static mp_obj_t attach_adc(mp_obj_t channel_in, mp_obj_t chip) {
    MP_STATE_VM(sim_adc)[channel_number(channel_in)] = chip;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(sim_attach_adc_obj, attach_adc);

static mp_obj_t mp_machine_adc_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    int channel = channel_number(args[0]);
    machine_adc_obj_t *self = mp_obj_malloc(machine_adc_obj_t, type);
    self->channel = channel;
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_adc_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    mp_printf(print, "ADC(%u)", ((machine_adc_obj_t *)MP_OBJ_TO_PTR(self_in))->channel);
}

static mp_int_t mp_machine_adc_read_u16(machine_adc_obj_t *self) {
    mp_obj_t chip = MP_STATE_VM(sim_adc)[self->channel];
    if (chip == mp_const_none) {
        return 0;   // an open input: a real one reads anything
    }
    return mp_obj_get_int(sim_chip_call(chip, MP_QSTR_read_u16, NULL, NULL)) & 0xffff;
}
