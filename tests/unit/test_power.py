# SPDX-License-Identifier: Apache-2.0
"""The energy model: cases worked out by hand, what must hold for every configuration, and bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
from auscult_host import boards, cli, device, power, work
from auscult_host.errors import AuscultError
from auscult_host.power import Battery, Estimate, Sensor, Work
from hypothesis import given
from hypothesis import strategies as st

# Round figures: an instruction is 10 ns.
BOARD = boards.Power(clock_hz=100_000_000, supply_v=3, min_v=1.8, max_v=3.6, run_ma=10, sleep_ma=2, light_ma=0.01,
                     wake_sleep_us=0, wake_light_us=100, cycles_per_instruction=1, note="round figures", sources=["none"])
SENSOR = Sensor(standby_ua=1, measuring_ua=((12.5, 50.0), (3200.0, 200.0)), motion_ua=20, source="none")
FLAT = Sensor(standby_ua=1, measuring_ua=100, motion_ua=20, source="none")
WORK = Work(1000, 100_000, "given")
CELL = Battery("1000 mAh", 1000)


def config(**sections: dict[str, Any]) -> dict[str, Any]:
    sensor = {"chip": "lis3dh", "rate_hz": 400, "watermark": 16} | sections.pop("sensor", {})
    report = {"every": "change", "heartbeat_s": 0} | sections.pop("report", {})
    return dict(device.module("config").check({"sensor": sensor, "report": report, **sections}))


def model(settings: dict[str, Any], work: Work = WORK, sensor: Sensor = FLAT, hop: int = 100,
          **more: Any) -> Estimate:
    return power.estimate(settings, BOARD, sensor, work, hop, CELL, usable=1, **more)


def test_by_hand() -> None:
    """400 samples/s of 1000 instructions: 4 ms in each second. 4 windows/s of 100,000: 4 ms. 25 turns/s on the bus."""
    found = model(config())
    # one turn: level 2 bytes, then 16 samples of 6 bytes; 9 bits a byte, 3 bytes and 3 bits around each, at 400 kHz
    bus = 25 * ((3 + 2) * 9 + 3 + (3 + 96) * 9 + 3) / 400_000
    assert found.busy == pytest.approx({"sampling": 0.004, "pipeline": 0.004, "bus": bus, "lines": 0, "waking": 0})
    assert found.parts["CPU: sampling"] == pytest.approx(0.04)
    assert found.parts["CPU: asleep"] == pytest.approx((1 - 0.008 - bus) * 2)
    assert found.parts["sensor"] == pytest.approx(0.1)
    assert found.average_ma == pytest.approx((0.008 + bus) * 10 + (1 - 0.008 - bus) * 2 + 0.1)
    assert found.life_h == pytest.approx(1000 / found.average_ma)
    assert found.wakes_hz == 25


def test_light_sleep_pays_for_waking() -> None:
    idle, light = model(config()), model(config(power={"sleep": "light"}))
    assert light.busy["waking"] == pytest.approx(25 * 100e-6)
    assert light.parts["CPU: waking up"] == pytest.approx(0.025)
    assert light.parts["CPU: asleep"] < 0.01 < idle.parts["CPU: asleep"]
    assert sum(light.busy.values()) == pytest.approx(sum(idle.busy.values()) + 25 * 100e-6)


def test_spi_waits_less_than_i2c() -> None:
    spi = model(config(sensor={"bus": "spi", "cs": 5, "freq_hz": 1_000_000}))
    assert spi.busy["bus"] == pytest.approx(25 * ((1 + 2) * 8 + (1 + 96) * 8) / 1e6)
    assert spi.busy["bus"] < model(config()).busy["bus"]


def test_a_chip_that_is_read_sample_by_sample_keeps_the_bus_longer() -> None:
    """ADXL345: 16 reads of 6 bytes, each with its own 3 bytes around it."""
    found = model(config(sensor={"chip": "adxl345"}))
    assert found.busy["bus"] == pytest.approx(25 * ((3 + 2) * 9 + 3 + 16 * ((3 + 6) * 9 + 3)) / 400_000)


def test_duty_cycle() -> None:
    """10 s of 100: a tenth of everything that sampling takes, standby at rest."""
    always, tenth = model(config()), model(config(power={"on_s": 10, "off_s": 90}))
    assert tenth.sampling == pytest.approx(0.1)
    assert tenth.parts["CPU: sampling"] == pytest.approx(always.parts["CPU: sampling"] / 10)
    assert tenth.parts["sensor"] == pytest.approx(0.1 * 0.1 + 0.9 * 0.001)
    looks = 5 * 1000 * 10e-9  # at rest it looks five times a second, each as much work as a sample
    assert tenth.parts["CPU: waking up"] == pytest.approx(0.9 * looks * 10)
    assert tenth.parts["CPU: asleep"] == pytest.approx((0.1 * (1 - sum(tenth.busy.values())) + 0.9 * (1 - looks)) * 2)


def test_waking_by_motion() -> None:
    """The machine runs 6 hours a day: so long it samples, else the sensor watches; off_s adds a look now and then."""
    settings = config(power={"on_s": 10, "wake_g": 0.1})
    found = model(settings, running=0.25)
    assert found.sampling == 0.25
    assert found.parts["sensor"] == pytest.approx(0.25 * 0.1 + 0.75 * 0.02)
    looking = model(config(power={"on_s": 10, "off_s": 90, "wake_g": 0.1}), running=0.25)
    assert looking.sampling == pytest.approx(0.25 + 0.75 * 0.1)
    assert model(settings).sampling == 1  # it always runs


def test_lines_on_a_serial_line() -> None:
    """4 windows a second, 70 bytes of 10 bits each at 9600 baud; with every change only the heartbeat."""
    found = model(config(report={"to": "uart", "baud": 9600, "every": "window"}))
    assert found.busy["lines"] == pytest.approx(4 * 700 / 9600)
    rare = model(config(report={"to": "uart", "baud": 9600, "every": "change", "heartbeat_s": 100}))
    assert rare.busy["lines"] == pytest.approx(700 / 9600 / 100)


def test_other_consumers_and_usable_charge() -> None:
    assert model(config(), other_ma=1).average_ma == pytest.approx(model(config()).average_ma + 1)
    half = power.estimate(config(), BOARD, FLAT, Work(0, 0, ""), 100, CELL, usable=0.5)
    assert half.life_h == pytest.approx(500 / half.average_ma)


def test_the_driver_chooses_the_watermark_as_on_the_board() -> None:
    chip = device.accelerometer("adxl345")

    class Bus:
        def fit(self, driver: Any) -> None: ...
        def check_id(self, *args: Any) -> None: ...
        def write(self, *args: Any) -> None: ...
        def read(self, *args: Any) -> int:
            return 0
    driver = chip(Bus())
    for rate_hz in chip.RATES_HZ:
        driver.configure(rate_hz, 16)
        settings = config(sensor={"chip": "adxl345", "rate_hz": rate_hz, "watermark": None})
        assert power.watermark(settings["sensor"]) == driver.watermark


# --- what must hold for every configuration


@given(on_s=st.integers(1, 3600), off_s=st.integers(1, 86400), longer=st.integers(0, 86400),
       sleep=st.sampled_from(["idle", "light"]), rate_hz=st.sampled_from([10, 100, 400, 1344]))
def test_longer_rest_never_shortens_life(on_s: int, off_s: int, longer: int, sleep: str, rate_hz: int) -> None:
    def life(off: int) -> float:
        return model(config(sensor={"rate_hz": rate_hz}, power={"sleep": sleep, "on_s": on_s, "off_s": min(off, 86400)})).life_h

    assert life(off_s + longer) >= life(off_s) * (1 - 1e-9)


@given(rates=st.lists(st.sampled_from([1, 10, 25, 50, 100, 200, 400, 1344]), min_size=2, max_size=2).map(sorted),
       sleep=st.sampled_from(["idle", "light"]), bus=st.sampled_from(["i2c", "spi"]), watermark=st.integers(1, 31),
       hop=st.integers(64, 4096), every=st.sampled_from(["window", "change"]))
def test_higher_rate_never_lengthens_life(rates: list[int], sleep: str, bus: str, watermark: int, hop: int, every: str) -> None:
    def life(rate_hz: int) -> float:
        sensor = {"rate_hz": rate_hz, "bus": bus, "cs": 5, "watermark": watermark}
        return model(config(sensor=sensor, power={"sleep": sleep}, report={"every": every}),
                     sensor=power.sensor("lis3dh"), hop=hop).life_h

    assert life(rates[1]) <= life(rates[0]) * (1 + 1e-9)


@given(watermark=st.integers(1, 30), rate_hz=st.sampled_from([50, 400, 1344]))
def test_fewer_wakes_never_shorten_life(watermark: int, rate_hz: int) -> None:
    def life(samples: int) -> float:
        return model(config(sensor={"rate_hz": rate_hz, "watermark": samples}, power={"sleep": "light"})).life_h

    assert life(watermark + 1) >= life(watermark) * (1 - 1e-9)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_machine_that_runs_less_never_shortens_life(one: float, other: float) -> None:
    settings = config(power={"sleep": "light", "on_s": 10, "wake_g": 0.1})
    low, high = sorted((one, other))
    assert model(settings, running=low).life_h >= model(settings, running=high).life_h * (1 - 1e-9)


# --- the data


WITHOUT = {"bma423", "mpu6886"}  # of which no data sheet was at hand: they need --sensor-ua


def test_every_driver_has_currents_at_every_rate() -> None:
    for chip in set(device.chips()) - WITHOUT:
        currents = power.sensor(chip)
        for rate_hz in device.accelerometer(chip).RATES_HZ:
            assert currents.standby_ua < currents.measuring(rate_hz, chip) < 2000
        assert len(currents.source) > 20


def test_currents_between_the_rows() -> None:
    assert SENSOR.measuring(12.5) == 50
    assert SENSOR.measuring(12.5 + (3200 - 12.5) / 2) == pytest.approx(125)
    assert power.sensor("adxl345").measuring(1600) == 90
    with pytest.raises(AuscultError, match="no current for thing at 4000 Hz"):
        SENSOR.measuring(4000, "thing")


def test_a_real_board_is_counted_on_a_core_like_its_own() -> None:
    assert work.core("NUCLEO_L476RG") == work.core("NUCLEO_F446RE") == "sim_m4"
    assert work.core("ESP32_GENERIC_C3") == "sim_rv32"


def test_figures_of_the_benchmark(tmp_path: Path) -> None:
    """The chip's own case if there is one, else one of the same bus; other boards and metrics are left alone."""
    rows = [("sampling", 50), ("sampling_spi", 20), ("sampling_kx134_spi", 7), ("window", 1000)]
    figures = [{"case": case, "board": "sim_m4", "metric": "instructions", "value": value} for case, value in rows]
    figures += [{"case": "sampling", "board": "sim_rv32", "metric": "instructions", "value": 1},
                {"case": "sampling", "board": "sim_m4", "metric": "heap_bytes", "value": 0}]
    file = tmp_path / "bench.json"
    file.write_text(json.dumps(figures))

    def counted(chip: str, bus: str) -> Work:
        return work.counted("NUCLEO_L476RG", {"chip": chip, "bus": bus}, file)

    assert counted("adxl345", "i2c").per_sample == 50
    assert counted("adxl345", "spi").per_sample == 20
    assert counted("kx134", "spi").per_sample == 7
    assert counted("kx134", "i2c").per_sample == 7
    assert counted("adxl345", "i2c").per_window == 1000
    assert "`sampling_kx134_spi`" in counted("kx134", "i2c").source


def test_figures_at_another_watermark(tmp_path: Path) -> None:
    """A read of 640 instructions and 100 for each sample: 740 alone; 140 at 16, the LIS3DH's load at its highest rate."""
    values = {("sampling.lis3dh", "instructions"): 140, ("sampling.lis3dh", "instructions_singly"): 740,
              ("window", "instructions"): 1000}
    file = tmp_path / "bench.json"
    file.write_text(json.dumps([{"case": case, "board": "sim_m4", "metric": metric, "value": value}
                                for (case, metric), value in values.items()]))
    for samples, each in ((16, 140), (1, 740), (8, 180), (None, 140)):
        settings = config(sensor={"rate_hz": 1344, "watermark": samples})["sensor"]
        assert work.counted("NUCLEO_L476RG", settings, file).per_sample == pytest.approx(each)


def test_documented_figures_stand_in(tmp_path: Path) -> None:
    """Without a benchmark of one's own: docs/benchmarks.md, read as it is written."""
    for board in ("NUCLEO_L476RG", "ESP32_GENERIC_C3"):
        found = work.counted(board, config()["sensor"], tmp_path / "none.json")
        assert 50 < found.per_sample < 20_000 < found.per_window
        assert "docs/benchmarks.md" in found.source
    text = "## Instructions\n\n| | sim_m7 | sim_m4 |\n|---|---:|---:|\n| window | 9 | 1,234 (≤ 2,000) |\n| other | 1 | – |\n"
    text += "\n## Native module, bytes\n\n| | sim_m7 | sim_m4 |\n|---|---:|---:|\n| bytes | 9 | 9 |\n"
    assert work._documented("sim_m4", text) == {("window", "instructions"): 1234}
    assert work._documented("sim_rv32", text) == {}


def test_work_counted_together_is_shown_together() -> None:
    parts = model(config(), Work(1000, 0, "measured")).parts
    assert parts["CPU: sampling and pipeline"] == pytest.approx(0.04)
    assert "CPU: pipeline" not in parts


def test_boards_with_figures() -> None:
    able = [name for name in boards.names() if boards.load(name).power]
    assert {"NUCLEO_L476RG", "NUCLEO_F446RE", "ESP32_GENERIC_C3"} <= set(able)
    for name in able:
        figures = power.board_power(name)
        assert figures.run_ma > figures.sleep_ma > figures.light_ma
        assert figures.wake_light_us > figures.wake_sleep_us
        assert figures.min_v < figures.supply_v <= figures.max_v
        assert "tried" not in figures.note


@pytest.mark.parametrize(("text", "mah", "volts"), [("2xAA", 2500, 3.2), ("cr2032", 225, 3.0), ("3 x AAA", 1100, 4.8)])
def test_batteries(text: str, mah: float, volts: float) -> None:
    found = power.parse_battery(text)
    assert found.mah == mah
    assert found.fresh_v == pytest.approx(volts)


def test_voltage_that_does_not_fit_is_told() -> None:
    def notes(text: str) -> str:
        return " ".join(power.estimate(config(), BOARD, FLAT, Work(0, 0, ""), 100, power.parse_battery(text)).notes)

    assert "needs a regulator" in notes("3xAA")
    assert "step-up" in notes("AA")
    assert "needs a regulator" not in notes("2xAA")
    assert "step-up" not in notes("2xAA")


# --- bad input


@pytest.mark.parametrize("text", ["", "AAAA", "0xAA", "99xAA", "AA x 2", "2600"])
def test_battery_that_is_none(text: str) -> None:
    with pytest.raises(AuscultError, match="the battery") as caught:
        power.parse_battery(text)
    assert "2xAA" in caught.value.expected


@pytest.mark.parametrize("text", ["25h/day", "8", "101%", "-1h", "h"])
def test_running_time_that_is_none(text: str) -> None:
    with pytest.raises(AuscultError, match="the running time"):
        power.parse_running(text)


def test_running_times() -> None:
    assert power.parse_running("8h/day") == pytest.approx(1 / 3)
    assert power.parse_running("30%") == pytest.approx(0.3)
    with pytest.raises(AuscultError, match="does not wake by motion"):
        model(config(), running=0.5)


@pytest.mark.parametrize("text", ["450", "8,450", "a,b", "0,0", "450,-1"])
def test_sensor_currents_that_are_none(text: str) -> None:
    with pytest.raises(AuscultError, match="the sensor's currents"):
        power.parse_sensor(text)


def test_chip_without_currents() -> None:
    with pytest.raises(AuscultError, match="'mpu9999'") as caught:
        power.sensor("mpu9999")
    assert "adxl345" in caught.value.expected
    assert "--sensor-ua" in caught.value.hint


def test_boards_without_currents() -> None:
    with pytest.raises(AuscultError, match="sim_m4 is simulated, it draws no current") as caught:
        power.board_power("sim_m4")
    assert "NUCLEO_L476RG" in caught.value.expected
    with pytest.raises(AuscultError, match="no board 'NUCLEO_X'"):
        power.board_power("NUCLEO_X")


@pytest.mark.parametrize("text", ["[{", "[1]", '[{"board": "sim_m4"}]', '{"a": 1}'])
def test_figures_that_are_damaged(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.json"
    file.write_text(text)
    with pytest.raises(AuscultError, match="can't be read as figures") as caught:
        work.counted("NUCLEO_L476RG", config()["sensor"], file)
    assert "run it again" in caught.value.hint


def test_more_work_than_time() -> None:
    with pytest.raises(AuscultError, match=r"busy 10\d% of the time, sampling alone 100%") as caught:
        model(config(), Work(250_000, 0, "given"))
    assert "lower rate" in caught.value.hint


# --- the command


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = tmp_path / "auscult.json"
    file.write_text(json.dumps({"sensor": {"chip": "lis3dh", "rate_hz": 400},
                                "power": {"sleep": "light", "on_s": 10, "off_s": 50}}))
    return file


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        cli.main(["power", *arguments])
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err


def test_command(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = ("--sample-instructions", "1000", "--window-instructions", "100000")
    code, out, _ = call(capsys, str(written), "--json", "--battery-mah", "2600", "--picture", str(tmp_path / "p.png"), *work)
    assert code == 0
    found = json.loads(out)
    assert found["life_hours"] == pytest.approx(2600 * 0.85 / found["average_ma"])
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert found["cycles_per_instruction"] == 2
    assert found["instructions"]["sample"] == 1000
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = call(capsys, str(written), "--cycles-per-instruction", "4", *work)
    assert code == 0
    for text in ("Battery life", "CPU: asleep", "sensor", "assumption", "No radio", "Not tried on hardware"):
        assert text in out


def test_command_says_what_is_wrong(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"sensor": {"chip": "lis3dh", "rate_hz": 401}}')
    broken = tmp_path / "broken.json"
    broken.write_text('{"sensor": ')
    for arguments, expected in [
        ([str(tmp_path / "none.json")], "there is no file"),
        ([str(bad)], "sensor.rate_hz is 401"),
        ([str(broken)], "is not JSON"),
        ([str(written), "--board", "sim_rv32"], "is simulated"),
        ([str(written), "--battery", "potato"], "the battery"),
        ([str(written), "--measure"], "--measure without a model"),
        ([str(written), "--running", "8h/day"], "does not wake by motion"),
    ]:
        code, _, err = call(capsys, *arguments)
        assert code == 1
        assert expected in " ".join(err.split())
