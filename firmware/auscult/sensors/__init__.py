# SPDX-License-Identifier: Apache-2.0
"""Sensor drivers, one small file per chip. All accelerometers have the same FIFO interface:

    sensor = driver("adxl345")(bus)            # checks that the chip is there
    sensor.configure(rate_hz, range_g, watermark)
    sensor.start()
    block = sensor.block()                     # room for the samples, made once
    n = sensor.read_fifo_into(block)           # n samples in block.data; int16 x, y, z interleaved, little endian
    sensor.stop()

`scale`: m/s² per digit; `full_scale_um`: acceleration of the word 32768 in µm/s² (integer, so that PC and board compute
the same); `overruns`: reads that found samples lost, which were missing before those just read; `rate_hz`: nominal;
`self_test()`, `temperature_c()`, `wake_on_motion(threshold_g)` where the chip has them. Reading allocates nothing.

Slow sensors (`SLOW`) have the interface of `auscult.sensors.slow`.
A new chip is one file here and one virtual chip in `auscult/virtual/`: see docs/add-a-chip.md.
"""

# name in the node's configuration -> (file, class)
CHIPS = {
    "adxl345": ("adxl345", "ADXL345"),
    "adxl355": ("adxl355", "ADXL355"),
    "adxl357": ("adxl355", "ADXL357"),
    "bma423": ("bma423", "BMA423"),
    "iis3dwb": ("iis3dwb", "IIS3DWB"),
    "ism330dhcx": ("lsm6dso", "ISM330DHCX"),
    "kx132": ("kx134", "KX132"),
    "kx134": ("kx134", "KX134"),
    "lis2dw12": ("lis2dw12", "LIS2DW12"),
    "lis3dh": ("lis3dh", "LIS3DH"),
    "lsm6dso": ("lsm6dso", "LSM6DSO"),
    "lsm6dsox": ("lsm6dso", "LSM6DSOX"),
    "mpu6050": ("mpu6050", "MPU6050"),
    "mpu6500": ("mpu6050", "MPU6500"),
    "mpu6886": ("mpu6050", "MPU6886"),
    "mpu9250": ("mpu6050", "MPU9250"),
}
SLOW = {
    "analog": ("analog", "Analog"),
    "bme280": ("bme280", "BME280"),
    "ds18b20": ("ds18b20", "DS18B20"),
    "mcp9808": ("mcp9808", "MCP9808"),
    "sht3x": ("sht3x", "SHT3x"),
    "sht4x": ("sht4x", "SHT4x"),
    "tmp117": ("tmp117", "TMP117"),
}


def driver(name):
    """The driver class of a chip by its name in the node configuration."""
    found = CHIPS.get(name) or SLOW.get(name)
    if not found:
        raise ValueError("no driver for chip %r; known chips: %s" % (name, ", ".join(sorted(CHIPS) + sorted(SLOW))))
    file, kind = found
    try:
        module = __import__("auscult.sensors." + file, None, None, (kind,))
    except ImportError as error:
        raise ImportError("the driver of %s is not installed: copy auscult/sensors/%s.py and what it imports to the board (%s)"
                          % (name, file, error))
    return getattr(module, kind)
