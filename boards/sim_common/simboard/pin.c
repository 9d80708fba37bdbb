// SPDX-License-Identifier: Apache-2.0
// machine.Pin: 32 pins. Chips and tests drive them from outside with simboard.drive(pin, level).
#include "py/runtime.h"
#include "extmod/virtpin.h"
#include "shared/runtime/mpirq.h"
#include "simboard.h"

enum { MODE_IN, MODE_OUT, MODE_OPEN_DRAIN };
enum { PULL_NONE, PULL_UP, PULL_DOWN };
enum { IRQ_RISING = 1, IRQ_FALLING = 2 };

typedef struct {
    mp_obj_base_t base;
    uint8_t id;
} pin_obj_t;

typedef struct {
    uint8_t mode, pull;
    bool output;               // what the board's own driver would put out
    bool driven, level;        // from outside
    uint8_t trigger, flags;    // edges asked for; edge seen last
} pin_state_t;

#define P(n) { { &sim_pin_type }, n }
#define P8(n) P(n), P(n + 1), P(n + 2), P(n + 3), P(n + 4), P(n + 5), P(n + 6), P(n + 7)
static const pin_obj_t pins[SIM_PINS] = { P8(0), P8(8), P8(16), P8(24) };
static pin_state_t states[SIM_PINS];
uint32_t sim_pin_events;

MP_REGISTER_ROOT_POINTER(mp_obj_t sim_pin_irq[32]);   // SIM_PINS

void sim_pin_clear(void) {
    for (int i = 0; i < SIM_PINS; i++) {
        states[i] = (pin_state_t) { .mode = MODE_IN };
        MP_STATE_VM(sim_pin_irq)[i] = MP_OBJ_NULL;
    }
}

int sim_pin_number(mp_obj_t pin) {
    if (mp_obj_is_type(pin, &sim_pin_type)) {
        return ((pin_obj_t *)MP_OBJ_TO_PTR(pin))->id;
    }
    int id = mp_obj_get_int(pin);
    if (id < 0 || id >= SIM_PINS) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("Pin(%d) doesn't exist: 0 to 31"), id);
    }
    return id;
}

static bool level_of(const pin_state_t *s) {
    bool released = s->mode == MODE_IN || (s->mode == MODE_OPEN_DRAIN && s->output);
    if (!released) {
        return s->output;
    }
    return s->driven ? s->level : s->mode == MODE_OPEN_DRAIN || s->pull == PULL_UP;
}

// After any change: tell the handler of the edge, and the chips of their select line.
static void changed(int id, bool before) {
    pin_state_t *s = &states[id];
    bool now = level_of(s);
    if (now == before) {
        return;
    }
    if (s->mode != MODE_IN) {
        sim_spi_chip_select(id, now);
    }
    uint8_t edge = now ? IRQ_RISING : IRQ_FALLING;
    if ((s->trigger & edge) && MP_STATE_VM(sim_pin_irq)[id] != MP_OBJ_NULL) {
        s->flags = edge;
        sim_pin_events++;
        bool inside = sim_in_chip(false);   // the handler is the board's code, even if a chip caused it
        mp_irq_handler(MP_OBJ_TO_PTR(MP_STATE_VM(sim_pin_irq)[id]));
        sim_in_chip(inside);
    }
}

// drive(pin, level): an outside signal; None as level lets go of the line
static mp_obj_t drive(mp_obj_t pin, mp_obj_t level) {
    int id = sim_pin_number(pin);
    bool before = level_of(&states[id]);
    states[id].driven = level != mp_const_none;
    states[id].level = mp_obj_is_true(level);
    changed(id, before);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(sim_drive_obj, drive);

static void set_output(int id, bool output) {
    bool before = level_of(&states[id]);
    states[id].output = output;
    changed(id, before);
}

static void configure(int id, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_mode, ARG_pull, ARG_value, ARG_drive, ARG_alt };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_mode, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_pull, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_value, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_drive, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_alt, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    pin_state_t *s = &states[id];
    bool before = level_of(s);
    bool was_out = s->mode != MODE_IN;
    if (args[ARG_value].u_obj != mp_const_none) {
        s->output = mp_obj_is_true(args[ARG_value].u_obj);
    }
    if (args[ARG_mode].u_obj != mp_const_none) {
        s->mode = mp_obj_get_int(args[ARG_mode].u_obj);
        s->pull = args[ARG_pull].u_obj == mp_const_none ? PULL_NONE : mp_obj_get_int(args[ARG_pull].u_obj);
    }
    if (s->mode > MODE_OPEN_DRAIN || s->pull > PULL_DOWN) {
        s->mode = MODE_IN;
        s->pull = PULL_NONE;
        mp_raise_ValueError(MP_ERROR_TEXT("unknown pin mode or pull"));
    }
    if (!was_out && s->mode != MODE_IN) {
        sim_spi_chip_select(id, level_of(s));   // the line gets its first definite level
    }
    changed(id, before);
}

mp_obj_t mp_pin_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    int id = sim_pin_number(args[0]);
    if (n_args > 1 || n_kw > 0) {
        mp_map_t kw;
        mp_map_init_fixed_table(&kw, n_kw, args + n_args);
        configure(id, n_args - 1, args + 1, &kw);
    }
    return MP_OBJ_FROM_PTR(&pins[id]);
}

static mp_obj_t pin_init(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    configure(sim_pin_number(args[0]), n_args - 1, args + 1, kw_args);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(pin_init_obj, 1, pin_init);

static mp_obj_t pin_call(mp_obj_t self, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    int id = sim_pin_number(self);
    if (n_args == 0) {
        return MP_OBJ_NEW_SMALL_INT(level_of(&states[id]));
    }
    set_output(id, mp_obj_is_true(args[0]));
    return mp_const_none;
}

static mp_obj_t pin_value(size_t n_args, const mp_obj_t *args) {
    return pin_call(args[0], n_args - 1, 0, args + 1);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pin_value_obj, 1, 2, pin_value);

static mp_obj_t pin_on(mp_obj_t self) {
    set_output(sim_pin_number(self), true);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pin_on_obj, pin_on);

static mp_obj_t pin_off(mp_obj_t self) {
    set_output(sim_pin_number(self), false);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pin_off_obj, pin_off);

static mp_obj_t pin_toggle(mp_obj_t self) {
    int id = sim_pin_number(self);
    set_output(id, !states[id].output);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pin_toggle_obj, pin_toggle);

static mp_uint_t irq_trigger(mp_obj_t self, mp_uint_t trigger) {
    states[sim_pin_number(self)].trigger = trigger;
    return 0;
}

static mp_uint_t irq_info(mp_obj_t self, mp_uint_t what) {
    const pin_state_t *s = &states[sim_pin_number(self)];
    return what == MP_IRQ_INFO_FLAGS ? s->flags : what == MP_IRQ_INFO_TRIGGERS ? s->trigger : 0;
}

static const mp_irq_methods_t irq_methods = { .trigger = irq_trigger, .info = irq_info };

// Pin.irq(handler=None, trigger=both edges, *, priority=1, wake=None, hard=False)
static mp_obj_t pin_irq(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_handler, ARG_trigger, ARG_priority, ARG_wake, ARG_hard };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_handler, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_trigger, MP_ARG_INT, {.u_int = IRQ_RISING | IRQ_FALLING} },
        { MP_QSTR_priority, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 1} },
        { MP_QSTR_wake, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_hard, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    int id = sim_pin_number(pos_args[0]);
    mp_obj_t *slot = &MP_STATE_VM(sim_pin_irq)[id];
    if (*slot == MP_OBJ_NULL) {
        *slot = MP_OBJ_FROM_PTR(mp_irq_new(&irq_methods, MP_OBJ_FROM_PTR(&pins[id])));
    }
    mp_irq_obj_t *irq = MP_OBJ_TO_PTR(*slot);
    if (n_args > 1 || kw_args->used > 0) {
        irq->handler = args[ARG_handler].u_obj;
        irq->ishard = args[ARG_hard].u_bool;
        states[id].trigger = irq->handler == mp_const_none ? 0 : args[ARG_trigger].u_int;
    }
    return *slot;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(pin_irq_obj, 1, pin_irq);

static void pin_print(const mp_print_t *print, mp_obj_t self, mp_print_kind_t kind) {
    (void)kind;
    static const char *const modes[] = { "IN", "OUT", "OPEN_DRAIN" };
    int id = sim_pin_number(self);
    mp_printf(print, "Pin(%d, mode=%s)", id, modes[states[id].mode]);
}

static mp_uint_t pin_ioctl(mp_obj_t self, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)errcode;
    int id = sim_pin_number(self);
    if (request == MP_PIN_READ) {
        return level_of(&states[id]);
    }
    if (request == MP_PIN_WRITE) {
        set_output(id, arg);
        return 0;
    }
    return -1;
}

static const mp_pin_p_t pin_protocol = { .ioctl = pin_ioctl };

static const mp_rom_map_elem_t pin_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&pin_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_value), MP_ROM_PTR(&pin_value_obj) },
    { MP_ROM_QSTR(MP_QSTR_on), MP_ROM_PTR(&pin_on_obj) },
    { MP_ROM_QSTR(MP_QSTR_off), MP_ROM_PTR(&pin_off_obj) },
    { MP_ROM_QSTR(MP_QSTR_high), MP_ROM_PTR(&pin_on_obj) },
    { MP_ROM_QSTR(MP_QSTR_low), MP_ROM_PTR(&pin_off_obj) },
    { MP_ROM_QSTR(MP_QSTR_toggle), MP_ROM_PTR(&pin_toggle_obj) },
    { MP_ROM_QSTR(MP_QSTR_irq), MP_ROM_PTR(&pin_irq_obj) },
    { MP_ROM_QSTR(MP_QSTR_IN), MP_ROM_INT(MODE_IN) },
    { MP_ROM_QSTR(MP_QSTR_OUT), MP_ROM_INT(MODE_OUT) },
    { MP_ROM_QSTR(MP_QSTR_OPEN_DRAIN), MP_ROM_INT(MODE_OPEN_DRAIN) },
    { MP_ROM_QSTR(MP_QSTR_PULL_UP), MP_ROM_INT(PULL_UP) },
    { MP_ROM_QSTR(MP_QSTR_PULL_DOWN), MP_ROM_INT(PULL_DOWN) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_RISING), MP_ROM_INT(IRQ_RISING) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_FALLING), MP_ROM_INT(IRQ_FALLING) },
};
static MP_DEFINE_CONST_DICT(pin_locals, pin_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    sim_pin_type, MP_QSTR_Pin, MP_TYPE_FLAG_NONE,
    make_new, mp_pin_make_new, print, pin_print, call, pin_call, protocol, &pin_protocol, locals_dict, &pin_locals);
