# SPDX-License-Identifier: Apache-2.0
"""The node: sensor -> sampler -> pipeline -> decision -> report, as one asyncio task with a watchdog.

In the steady state nothing is allocated on the heap. A sensor that fails is reported in one line and tried again,
later and later; the node lives on.
"""

import gc
import json
from array import array

from auscult import config as configuration
from auscult import pipeline as pipelines
from auscult import port
from auscult.decision import Decision
from auscult.quality import KINDS, MISSING, NOVEL, RATE, Quality
from auscult.report import Report
from auscult.sampler import Sampler
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus

_RATE_BASELINE_MS = 10000
_RATE_EVERY_MS = 1000
_LOOK_MS = 4
_LOOK_AT_REST_MS = 200
_RETRY_MS, _LONGEST_RETRY_MS = 500, 60000
_NAP_MS = 500  # at most with a watchdog, however slow the sensor is: the shortest is 1 s
_FOREVER_MS = (1 << 29) - 1


def _part(kind, key, found, *args, **more):
    """One of this board's peripherals: machine.<kind>(*args, **more). ConfigError names the key that asked for it."""
    if port.MICROPYTHON:
        import machine

        try:
            return getattr(machine, kind)(*args, **more)
        except (ValueError, TypeError, AttributeError) as error:
            raise configuration.ConfigError("%s is %s, there is no such %s on this board: %s"
                                            % (key, json.dumps(found), kind, error))
    raise configuration.ConfigError("%s is %s, that is for boards with MicroPython only" % (key, json.dumps(found)))


def _pin(sensor, name, *args, **more):
    return _part("Pin", "sensor." + name, sensor[name], sensor[name], *args, **more)


def make_bus(sensor):
    """The bus of the configuration's `sensor` section on this board's peripherals."""
    if not port.MICROPYTHON:
        from auscult import busio_parts

        return busio_parts.make_bus(sensor)
    names = ("scl", "sda", "sck", "mosi", "miso")
    pins = {name: _pin(sensor, name) for name in names if sensor[name] is not None}
    number, freq_hz = sensor["id"], sensor["freq_hz"]
    if sensor["bus"] == "i2c":
        return I2CBus(_part("I2C", "sensor.id", number, number, freq=freq_hz or 400000, **pins), sensor["address"])
    chip = driver(sensor["chip"])
    mode = chip.SPI_MODES[-1]
    spi = _part("SPI", "sensor.id", number, number, baudrate=freq_hz or min(5000000, chip.SPI_HZ), polarity=mode >> 1,
                phase=mode & 1, **pins)
    cs = _pin(sensor, "cs")
    cs.init(cs.OUT, value=1)
    return SPIBus(spi, cs)


def make_interrupt(sensor):
    """The line from the chip's INT1."""
    if not port.MICROPYTHON:
        from auscult import busio_parts

        return busio_parts.make_interrupt(sensor)
    pin = _pin(sensor, "int_pin")
    pin.init(pin.IN)
    return pin


def make_decision(settings, classes):
    """The Decision of the configuration's `decision` section; class names become indices."""
    per_class = {}
    for label, own in (settings["per_class"] or {}).items():
        if label not in classes:
            raise ValueError("decision.per_class names %s; the pipeline's classes are %s"
                             % (label, ", ".join(classes)))
        per_class[classes.index(label)] = (own.get("k", settings["k"]), own.get("k_off", settings["k_off"]))
    normal = classes.index(settings["normal"]) if settings["normal"] in classes else -1
    return Decision(len(classes), normal, settings["k"], settings["n"], settings["k_off"], settings["hold_off"],
                    per_class)


def make_stream(settings):
    """Where the lines go: None is stdout."""
    if settings["to"] == "stdout":
        return None
    return _part("UART", "report.uart", settings["uart"], settings["uart"], baudrate=settings["baud"])


class Node:
    """config: from config.load() or config.check(). pipeline, bus, stream, interrupt, door: made from it unless given.
    source: something that is `ended` when no more samples will come (a virtual chip): then the node stops.
    tap(node): what the samples go to instead of the pipeline, which it passes them on to, as waves.Waves.
    trial: told when the first samples have come (confirm()), or that they don't (fail(why)); see slots.py."""

    def __init__(self, config, pipeline=None, bus=None, stream=None, interrupt=None, clock=port, source=None, door=None,
                 tap=None, trial=None):
        self.config, self._clock, self._source, self._door, self._tap = config, clock, source, door, tap
        self._trial, self._waited_ms, self._trouble = trial, 0, "no samples"
        self._slow = config["sensor"]["period_s"] is not None
        self.pipeline = pipeline or pipelines.load(config["pipeline"])
        if config["shaft_hz"] is not None:
            self.pipeline.set_shaft(config["shaft_hz"])
        classes = [str(label) for label in self.pipeline.classes]
        self.decision = make_decision(config["decision"], classes) if classes else None
        report = config["report"]
        self.report = Report(classes, stream or make_stream(report), report["every"], report["heartbeat_s"], KINDS)
        info = self.pipeline.info
        self._made_mhz = int(1000 * info["rate_hz"])
        self._tolerance_mhz = int(self._made_mhz * info.get("rate_tolerance", 0.05))
        self._bus, self._interrupt = bus, interrupt
        self.sensor = self.sampler = self._watchdog = None
        self.windows = self.dropped = self.errors = 0
        self.flawed = array("i", [0] * len(KINDS))  # windows, for each kind of flaw
        self._flaws, self._rate_off, self._rate_age_ms = 0, False, 0
        self._last_ms = None
        self._on_verdict = self._verdict  # looked up once: each look-up makes a bound method on the heap

    # --- one turn

    def connect(self):
        """Finds the sensor and starts sampling; OSError (SensorError) if it does not answer."""
        settings = self.config["sensor"]
        if self.sampler is None:
            bus = self._bus or make_bus(settings)
            self._bus = bus
            self.sensor = driver(settings["chip"])(bus, self._clock)
            self._configure()
            if self._slow:
                self._make_slow()
            else:
                self._make_fast()
            # Or the frames of larger functions are looked for, again and again, in the pieces that loading has left.
            gc.collect()
        else:
            self.sensor.check()
            self._configure()
        self.sampler.start()
        self._idle_ms = 0
        if self._last_ms is None:
            self._last_ms = self._clock.ticks_ms()
        else:
            self._time()  # an outage takes time as well
        self._polled, self._patience_ms = False, _FOREVER_MS
        if self._slow:
            return
        self.period_ms = max(1, int(1000 * self.sensor.watermark / settings["rate_hz"]))
        self._polled = self._interrupt is None
        if getattr(self._interrupt, "POLLED", False):  # the line may rise just after it was looked at
            self._polled, self.period_ms = True, max(1, self.period_ms // 2)
        self._patience_ms = max(1000, 8 * self.period_ms)

    def _make_slow(self):
        from auscult.slow_sampler import SlowSampler

        settings, door, info = self.config["sensor"], self._door, self.pipeline.info
        if settings["door_pin"] is not None and door is None:
            door = _pin(settings, "door_pin")
            door.init(door.IN)
        self.period_ms = int(1000 * settings["period_s"])
        self.sampler = SlowSampler(self.sensor, self._tapped(), self.period_ms, self._clock, door)
        if abs(self.period_ms * info["rate_hz"] - 1000) > 1000 * info.get("rate_tolerance", 0.05):
            self.report.note("warn", "sensor.period_s is %s, the pipeline was made for a sample every %.1f s"
                             % (settings["period_s"], 1 / info["rate_hz"]))

    def _make_fast(self):
        settings = self.config["sensor"]
        if settings["int_pin"] is not None and self._interrupt is None:
            self._interrupt = make_interrupt(settings)
        quality, pipeline = self.config["quality"], self.pipeline
        quality = Quality(self.sensor, len(pipeline.axes), pipeline.info["window"], quality["stuck"],
                          quality["saturated"], quality["limit_g"])
        # With an interrupt several FIFO loads may wait while another task runs.
        blocks = 4 if self._interrupt else 2
        self.sampler = Sampler(self.sensor, self._tapped(), self._clock, blocks, self._interrupt, quality)
        self._compare()

    def _tapped(self):
        return self.pipeline if self._tap is None else self._tap(self)

    def _configure(self):
        settings = self.config["sensor"]
        if self._slow:
            self.sensor.configure()
            return
        self.sensor.configure(settings["rate_hz"], settings["range_g"], settings["watermark"], self.pipeline.axes)

    def step(self):
        """Drains, computes, decides, reports whatever is there; returns the number of samples. Allocates nothing."""
        passed_ms = self._time()
        n = self.sampler.step(self._on_verdict)
        self._idle_ms = 0 if n else self._idle_ms + passed_ms
        if self._idle_ms > self._patience_ms and not self.ended:
            raise self._bus.silence(self._idle_ms)
        return n

    def _time(self):
        """Tells the report how much time has passed; returns it in ms."""
        now_ms = self._clock.ticks_ms()
        passed_ms = self._clock.ticks_diff(now_ms, self._last_ms)
        self._last_ms = now_ms
        self._rate_age_ms += passed_ms
        self.report.elapsed(passed_ms)
        return passed_ms

    def _verdict(self, pipeline):
        self.windows += 1
        flaws = self.sampler.quality.flaws()
        if pipeline.marked:
            flaws |= MISSING
        if pipeline.novel:
            flaws |= NOVEL
        if self._is_rate_off():
            flaws |= RATE
        if flaws:
            self.dropped += 1
            flawed = self.flawed
            for kind in range(len(flawed)):
                if flaws >> kind & 1:
                    flawed[kind] += 1
        state, changed = -1, flaws != self._flaws
        self._flaws = flaws
        if self.decision is not None:
            if pipeline.index >= 0 and self.decision.update(None if flaws else pipeline.index):
                changed = True
            state = self.decision.state
        self.report.verdict(pipeline, state, changed, flaws, self.dropped)

    def _is_rate_off(self):
        """Whether the true rate is not the pipeline's; asked of the sampler once a second."""
        if self._rate_age_ms >= _RATE_EVERY_MS:
            self._rate_age_ms = 0
            rate = self.sampler.rate
            off = rate.is_off(self._made_mhz, self._tolerance_mhz)
            if off and not self._rate_off:
                self._warn_of_rate(rate.mhz())
            self._rate_off = off
        return self._rate_off

    def _warn_of_rate(self, mhz):
        self.report.note("warn", "the sensor samples at %.1f Hz, the pipeline was made for %.1f Hz +-%d %%"
                         % (mhz / 1000, self._made_mhz / 1000, round(100 * self._tolerance_mhz / self._made_mhz)))

    def _compare(self):
        """Warns if the sensor is not set up as the pipeline's was: frequencies and levels would be wrong."""
        mhz, full_scale = int(1000 * self.sensor.rate_hz), self.sensor.full_scale_um / 1000000
        if abs(mhz - self._made_mhz) > self._tolerance_mhz:
            self._warn_of_rate(mhz)
        made = self.pipeline.info["full_scale"]
        if abs(full_scale - made) > 0.01 * made:
            self.report.note("warn", "full scale of the sensor is %.1f m/s2, of the pipeline %.1f m/s2: "
                             "check sensor.range_g" % (full_scale, made))

    @property
    def ended(self):
        return self._source is not None and self._source.ended

    # --- the task

    def turns(self):
        """The node's life as a generator: yields for how many ms there is nothing to do; returns the summary."""
        retry_ms = _RETRY_MS
        try:
            while True:
                try:
                    self.connect()
                    while not self.ended:
                        on_ms = self._on_ms()
                        while on_ms > 0 and not self.ended:
                            if self.step():
                                retry_ms = _RETRY_MS
                            nap_ms = self._nap_ms()
                            if self._power["on_s"] is not None:
                                on_ms -= nap_ms
                            yield nap_ms
                        if not self.ended:
                            yield from self._rest()
                    while not self._slow and self.step():  # what an interrupt has left in the blocks
                        pass
                    return self.summary("recording ended")
                except OSError as error:
                    self.errors += 1
                    self._trouble = str(error)
                    self.report.note("error", str(error), retry_s=retry_ms / 1000)
                    yield retry_ms
                    retry_ms = min(2 * retry_ms, _LONGEST_RETRY_MS)
        finally:
            self.stop()

    @property
    def _power(self):
        return self.config["power"]

    def _on_ms(self):
        seconds = self._power["on_s"]
        return 1 if seconds is None else 1000 * seconds

    def _nap_ms(self):
        """Until the next watermark, or until a slow sensor has something to do. Without interrupt a slow stream is looked at
        more often until its rate is known."""
        if self._slow:
            return self.sampler.nap_ms()
        if self._polled and self.period_ms > _LOOK_MS and self.sampler.rate.baseline_ms < _RATE_BASELINE_MS:
            return _LOOK_MS
        return self.period_ms

    def _rest(self):
        """Sampling pauses: until off_s have passed or, with wake_g, the sensor feels motion."""
        power = self._power
        self.sampler.stop()
        if power["wake_g"] is not None:
            self.sensor.wake_on_motion(power["wake_g"])
        left_ms = 1000 * power["off_s"]
        while True:
            nap_ms = min(left_ms, _LOOK_AT_REST_MS) if left_ms else _LOOK_AT_REST_MS
            yield nap_ms
            self._time()
            if power["wake_g"] is not None and self.sensor.moved():
                break
            if left_ms:
                left_ms -= nap_ms
                if left_ms <= 0:
                    break
        self._configure()
        self.sampler.start()

    def run(self):
        """The asyncio task: `asyncio.run(node.run())`. A generator, because awaiting asyncio.sleep_ms allocates."""
        from asyncio import core

        self._asyncio = core
        seconds = self.config["watchdog_s"]
        if seconds:
            self._watchdog = _part("WDT", "watchdog_s", seconds, timeout=1000 * seconds)
        sleep = None
        if port.MICROPYTHON and self._power["sleep"] == "light" and self._clock is port:
            from machine import lightsleep as sleep
        turns = self.turns()
        try:
            while True:
                try:
                    left_ms = next(turns)
                except StopIteration as end:
                    return end.value
                if self._trial is not None:
                    self._judge(left_ms)
                while left_ms > 0:
                    left_ms -= self._nap(left_ms, sleep)
                    yield
        finally:
            turns.close()

    def _judge(self, ms):
        """Whether this node is healthy: it has got samples, or its slow sensor has answered. It has DEADLINE_MS for that."""
        if self.sampler is not None and (self._slow or self.sampler.samples):
            self._trial.confirm()
            self._trial = None
        elif self._waited_ms >= self._trial.DEADLINE_MS:
            self._trial.fail("not healthy within %d s: %s" % (self._waited_ms // 1000, self._trouble))
        self._waited_ms += ms

    def _nap(self, ms, sleep):
        """Has asyncio go on with this task in ms, or, with a watchdog, which is fed, in _NAP_MS if that is sooner; the caller
        yields. sleep: light sleep, which stops the processor and all other tasks. Returns how long it is."""
        if self._watchdog is not None:
            self._watchdog.feed()
            ms = min(ms, _NAP_MS)
        long_ms = ms
        if self._clock is not port:  # a virtual clock: its time passes at once
            self._clock.sleep_ms(ms)
            ms = 0
        elif sleep is not None:
            sleep(ms)
            ms = 0
        core = self._asyncio
        core._task_queue.push(core.cur_task, port.ticks_add(port.ticks_ms(), ms))
        return long_ms

    @property
    def on_trial(self):
        return self._trial is not None

    def stop(self):
        """Puts the sensor to rest if it can be reached."""
        if self.sampler is not None:
            try:
                self.sampler.stop()
            except OSError:
                pass

    def summary(self, why):
        """Sends the closing line and returns its figures. dropped: windows without a verdict because of a flaw."""
        sampler = self.sampler
        figures = {"windows": self.windows, "dropped": self.dropped, "overruns": sampler.overruns,
                   "samples": sampler.samples, "rate_mhz": sampler.rate.mhz(), "errors": self.errors,
                   "bytes": self.report.bytes}
        for kind, count in zip(KINDS, self.flawed):
            figures[kind.replace(" ", "_")] = count
        self.report.note("end", why, **figures)
        return figures


def _machine(settings):
    """What a simulated board's sensor listens to; None on a real one. It is there on simulated boards only."""
    try:
        import simboard  # noqa: F401

        return __import__("auscult.virtual.machine", None, None, ("attach",)).attach(settings)
    except ImportError:
        return None


def _tried(settings, trial):
    """The pipeline of a node on trial, when it has passed the smoke test."""
    from auscult import smoke

    pipeline = pipelines.load(settings["pipeline"])
    smoke.check(pipeline, trial.folder)
    return pipeline


def main(path=configuration.PATH, source=None, tap=None, trial=None):
    """Runs the node as configured. A wrong configuration or pipeline gives one line; the prompt stays reachable.

    path: of the configuration, or the configuration itself, checked. trial: see Node; what goes wrong before the first
    samples fails it."""
    import asyncio

    node = None
    try:
        settings = path if isinstance(path, dict) else configuration.load(path)
        source = source or _machine(settings)
        node = Node(settings, _tried(settings, trial) if trial else None, source=source, tap=tap, trial=trial)
        return asyncio.run(node.run())
    except KeyboardInterrupt:
        return node.summary("stopped by Ctrl-C") if node and node.sampler else None
    except Exception as error:
        text = str(error)
        if not isinstance(error, (OSError, ValueError, MemoryError)):  # those say all by themselves
            text = "%s: %s" % (type(error).__name__, text)
        print(json.dumps({"error": text}))
        if trial is not None and (node is None or node.on_trial):
            trial.fail(text)
    finally:
        if node:
            port.hold_ctrl_c(True)  # who presses it twice must not leave the sensor measuring
            node.stop()
            port.hold_ctrl_c(False)
