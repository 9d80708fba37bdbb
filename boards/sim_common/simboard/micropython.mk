# SPDX-License-Identifier: Apache-2.0
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/, \
	alarm.c args.c bus.c clock.c console.c disk.c hostfile.c i2c.c idle.c modsimboard.c pin.c \
	platform_mps2.c platform_nrf51.c platform_rv32.c retained.c semihosting.c spi.c start.c)
CFLAGS_USERMOD += -I$(USERMOD_DIR)
