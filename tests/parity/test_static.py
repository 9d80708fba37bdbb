# SPDX-License-Identifier: Apache-2.0
"""The pipeline linked into a board's firmware says the same as the native module and the host."""

from pathlib import Path

import numpy as np
import windows
from auscult_host import boards, build, toolchain
from auscult_host import features as table
from auscult_host.estimators import convert
from auscult_host.hostlib import HostPipeline, choose_shifts
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from sklearn.ensemble import RandomForestClassifier

_RUN = """
import array, simboard, {name} as p
st, out = bytearray(p.STATE_BYTES), array.array('i', bytes(4 * p.OUT_WORDS))
f, o, b = simboard.host_open({source!r}, 'rb'), simboard.host_open({target!r}, 'wb'), bytearray({size})
for _ in range({n}):
    f.readinto(b); p.push(st, b, 0, out); o.write(out)
f.close(); o.close()
"""


def test_static_module(tmp_path: Path) -> None:
    spec = PipelineSpec.make(name="linked", window=128, hop=128, axes=list("xyz"),
                             features=table.names(list("xyz"), ["std", "kurtosis", "share_2_8"]))
    data = windows.signals(128, 3, 1000)
    raw = HostPipeline(spec).features(data)
    spec = spec.model_copy(update={"shifts": choose_shifts(raw), "classes": ["a", "b"]})
    model = RandomForestClassifier(8, max_depth=5, random_state=0)
    model.fit(raw >> np.array(spec.shifts), raw[:, 0] > np.median(raw[:, 0]))
    code = convert(model, len(spec.features))
    expected = [v for w in data for v in HostPipeline(spec, code).push(w)]

    module = build.static_module(spec, tmp_path, code)
    firmware = boards.build_firmware("sim_m4", toolchain.micropython_dir(), tmp_path / "firmware", user_c_modules=[module])
    (tmp_path / "in").write_bytes(data.astype("<i2").tobytes())
    with SimBoard("sim_m4", firmware=firmware) as board:
        board.exec(_RUN.format(name=spec.name, source=str(tmp_path / "in"), target=str(tmp_path / "out"), n=len(data),
                               size=data[0].size * 2))
        info = board.exec("import linked\nprint(linked.info())")
    got = np.frombuffer((tmp_path / "out").read_bytes(), "<i4").reshape(len(data), -1)
    assert [int(row[1]) for row in got] == [v.index for v in expected]
    assert (got[:, 3:5] == np.array([v.proba for v in expected]) * 32768).all()
    assert (got[:, 5:] == np.array([v.features for v in expected])).all()
    rows = np.array([v.features for v in expected]) >> np.array(spec.shifts)
    assert (got[:, 1] == model.predict(rows)).all()
    assert '"linked"' in info
