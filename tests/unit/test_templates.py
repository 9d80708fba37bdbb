# SPDX-License-Identifier: Apache-2.0
"""Templates and projects: one schema, errors that name the key, and defaults that reach the commands."""

import contextlib
import importlib
import inspect
import json
import tomllib
from pathlib import Path

import pytest
from auscult_host import cli, expectations, generate, project, scenario, templates
from auscult_host.commands import new
from auscult_host.errors import AuscultError

NAMES = ("bearing_fault", "cold_chain", "environment", "machine_anomaly", "motion", "operating_state", "quality_gate")


def test_there_are_seven_templates_each_with_a_card() -> None:
    assert tuple(templates.names()) == NAMES
    for name in NAMES:
        card = (templates.folder() / name / "README.md").read_text()
        for heading in ("## What to record", "## How good it is", "## What it cannot do"):
            assert heading in card, (name, heading)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_fits_what_it_generates(name: str) -> None:
    template = templates.load(name)
    made = generate.process(template.generate.process)
    labels = set(template.generate.labels or made.usual)
    settings = template.settings()
    assert labels <= set(made.labels)
    if settings.detector:
        assert template.classes == ["anomaly", "normal"] and "normal" in labels
    else:
        assert labels == set(template.classes)
    run = made.run(0, 0, sorted(labels)[0], seconds=400 / template.rate_hz, rate_hz=template.rate_hz, seed=1)
    assert list(run.axes) == template.axes and run.rate_hz == template.rate_hz


def test_an_unknown_template_gets_the_near_one_suggested() -> None:
    with pytest.raises(AuscultError) as error:
        templates.load("quality_gat")
    assert error.value.hint == "--template quality_gate" and "cold_chain" in error.value.expected


@pytest.mark.parametrize(("line", "found", "expected", "hint"), [
    ('windwo = 64', "unknown key windwo", "window", "write window"),
    ('[decision]\nkk = 3', "unknown key decision.kk", "one of k, n", "write k"),
    ('[sensor]\nchipp = "lis3dh"', "unknown key sensor.chipp", "chip, bus", "write chip"),
    ('[machine.bearing]\nballs = 9\nball_mm = 8\npitch = 40', "machine.bearing.pitch", "", ""),
    ('window = "long"', "window = 'long'", "valid integer", "mend"),
    ('window = 8', "window = 8", "greater than or equal to 16", "mend"),
    ('[trigger]\naxis = "z"', "trigger.level is missing", "a value", "add a line"),
    ('hop = 100\nwindow = 200\n[trigger]\nlevel = 2', "hop is 100, less than window, 200", "", ""),
    ('[decision]\nk = 6\nn = 5', "decision.k is 6, more than decision.n, 5", "", ""),
    ('[search]\nmodels = ["frest"]', "search.models", "'frest' is not a model; one of", ""),
    ('window = ', "Invalid value", "TOML", "mend"),
])
def test_what_is_wrong_in_a_project_is_named(line: str, found: str, expected: str, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "auscult.toml"
    file.write_text(f'name = "a"\ndescription = "b"\nrate_hz = 100\n{line}\n')
    with pytest.raises(AuscultError) as error:
        templates.load(file)
    assert str(file) in error.value.found and found in error.value.found
    assert expected in error.value.expected and hint in (error.value.hint or "")


def test_the_orders_of_a_bearing_come_from_its_geometry(tmp_path: Path) -> None:
    file = tmp_path / "auscult.toml"
    file.write_text('name = "a"\ndescription = "b"\nrate_hz = 100\n[machine]\nshaft_hz = 25\norders = {gear = 13}\n'
                    '[machine.bearing]\nballs = 9\nball_mm = 7.94\npitch_mm = 39.04\n')
    settings = templates.load(file).settings()
    assert settings.shaft_hz == 25 and settings.orders["gear"] == 13
    assert settings.orders["bpfo"] == pytest.approx(3.5848, abs=0.001)


@pytest.mark.parametrize("name", NAMES)
def test_every_default_of_a_project_is_a_parameter_of_its_command(name: str) -> None:
    for command, options in project.defaults(templates.load(name)).items():
        if command not in cli.COMMANDS:
            continue
        module, function = cli.COMMANDS[command]
        known = inspect.signature(getattr(importlib.import_module(f"auscult_host.commands.{module}"), function)).parameters
        assert set(options) <= set(known), command


@pytest.mark.parametrize("name", NAMES)
def test_a_new_project_is_the_template_with_a_name_and_its_comments(name: str, tmp_path: Path) -> None:
    folder = project.create(tmp_path / "my-thing 2", name)
    made, template = templates.load(folder / "auscult.toml"), templates.load(name)
    assert made.name == "my_thing_2" and made.data.model == "my_thing_2.joblib"
    assert made.settings() == template.settings() and made.decision == template.decision
    text = (folder / "auscult.toml").read_text()
    comments = [line for line in (templates.folder() / name / "template.toml").read_text().splitlines()[1:] if "# " in line]
    assert all(comment in text for comment in comments)
    readme = (folder / "README.md").read_text()
    assert all(f"    auscult {step}" in readme for step in ("generate", "train", "build", "simulate"))
    assert "/data/" in (folder / ".gitignore").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_scenario_of_a_new_project_suits_it(name: str, tmp_path: Path) -> None:
    folder = project.create(tmp_path / "my-thing", name)
    asked, made = scenario.read(folder / "scenario.toml"), templates.load(folder / "auscult.toml")
    assert str(asked.model) == made.data.model and [str(path) for path in asked.recordings] == [made.data.play]
    assert (asked.chip, asked.bus, asked.decision) == (made.sensor.chip, made.sensor.bus, made.decision)
    assert len(expectations.parse_all(asked.expect, made.classes)) >= 3


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AuscultError, match="is there already"):
        project.create(tmp_path, "motion")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_commands_in_a_project_take_its_settings_and_options_override_them(tmp_path: Path,
                                                                          capsys: pytest.CaptureFixture[str]) -> None:
    folder = project.create(tmp_path / "hand", "motion")
    text = (folder / "auscult.toml").read_text()
    (folder / "auscult.toml").write_text(text.replace("machines = 6 ", "machines = 2 ").replace("seconds = 40", "seconds = 9"))
    with contextlib.chdir(folder):
        made = new.run("generate --json")
        assert made["recordings"] == 10 and made["seconds"] == 9 and made["rate_hz"] == 50
        assert (folder / "play.parquet").is_file() and len(list((folder / "data").glob("person_2_*.parquet"))) == 5
        again = new.run("generate other --faults idle,walking --json")
        assert again["folder"] == "other" and again["labels"] == {"idle": 2, "walking": 2}
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_broken_project_file_stops_commands_but_not_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "auscult.toml").write_text("rate = 3\n")
    with contextlib.chdir(tmp_path):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["boards", "--json"])
        assert stopped.value.code == 1
        assert "auscult.toml" in json.loads(capsys.readouterr().out)["error"]["found"]
        with pytest.raises(SystemExit) as stopped:
            cli.main(["new", "fresh", "--template", "motion", "--json"])
        assert stopped.value.code in (0, None)
    assert tomllib.loads((tmp_path / "fresh" / "auscult.toml").read_text())["name"] == "fresh"
