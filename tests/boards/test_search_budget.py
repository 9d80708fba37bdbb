# SPDX-License-Identifier: Apache-2.0
"""A search with a budget ends with the chosen pipeline built and counted: prediction and measurement are both told."""

import json

import pytest
from auscult_host import cli, generate, train


def test_what_was_predicted_is_built_and_counted(tmp_path, capsys):
    generate.generate(tmp_path / "data", machines=3, sessions=1, seconds=4.0)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", str(tmp_path / "data"), "--out", str(tmp_path / "m.joblib"), "--trials", "4", "--jobs", "1",
                  "--window", "256", "--model", "lda", "--features", "std,crest,zero_crossings", "--json",
                  "--budget", "board=NUCLEO_F446RE,flash=16k,ram=32k,time=5ms"])
        raise SystemExit(0)
    assert not stop.value.code
    found = json.loads(capsys.readouterr().out)["search"]
    predicted, measured = found["predicted"], found["measured"]
    assert measured["counted_on"] == "sim_m4" and measured["board"] == "NUCLEO_F446RE" and measured["seconds"] < 0.005
    assert predicted["flash_bytes"] == pytest.approx(measured["flash_bytes"], rel=0.1)
    assert predicted["instructions"] == pytest.approx(measured["instructions"], rel=0.1)
    assert [note.split(":")[0] for note in found["notes"]] == ["flash", "ram", "time"]
    assert train.load(tmp_path / "m.joblib").training["search"]["measured"] == measured
