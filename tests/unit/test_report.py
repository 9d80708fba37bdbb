# SPDX-License-Identifier: Apache-2.0
"""The report needs nothing but itself, the card goes with the model it belongs to, and neither hides what is known."""

import html.parser
import json
import re
from xml.etree import ElementTree

import pytest
from auscult_host import build, card, cli, dataset, evaluate, findings, recordings, report, train
from auscult_host.errors import AuscultError
from auscult_host.generate import machine_run, make_machine
from auscult_host.train import Settings

SMALL = Settings(window=256, hop=256, features=("std", "kurtosis", "skewness", "share_1_4"), trees=5, depth=5)


def call(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
        raise SystemExit(0)
    return stop.value.code or 0


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with a dataset of three machines, one of whose names is not fit for HTML, and a model."""
    folder = tmp_path_factory.mktemp("project")
    for number in range(3):
        for fault in ("normal", "unbalance", "bearing"):
            run = machine_run(make_machine(number), fault, seconds=4)
            if number == 2:
                run.machine = "press <b>&amp; | pump"
            recordings.write(run, folder / "data" / f"{run.name}.parquet")
    train.save(train.train(dataset.load(folder / "data"), SMALL, name="press"), folder / "press.joblib")
    return folder


@pytest.fixture(scope="module")
def evaluated(project):
    before = (project / "press.joblib").read_bytes()
    assert call("evaluate", project / "press.joblib", project / "data", "--report", project / "report.html", "--json") == 0
    assert (project / "press.joblib").read_bytes() == before  # the user's model stays as it is
    return json.loads((project / "press.metrics.json").read_text())


class Page(html.parser.HTMLParser):
    """Tags that are opened and closed, what they point to, and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "data"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ("meta", "br", "link", "img"):
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def test_the_report_is_whole_and_needs_nothing_else(project, evaluated):
    text = (project / "report.html").read_text()
    page = Page(text)
    assert not page.open
    assert all(link.startswith("#") for link in page.links) and "@import" not in text and "<script" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"} and len(page.ids) == len(set(page.ids))
    plots = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(plots) == 5
    for plot in plots:
        ElementTree.fromstring(plot)
        assert not re.findall(r"#0[1-6]0[1-6]0[1-6]", plot)  # every stand-in has become a colour of the page
    assert "machine_1" in page.text and "press <b>&amp; | pump" in page.text  # as it is, not as markup
    assert not re.search(r"\bnan\b|\bNone\b(?! was seen)|\{\{|undefined", page.text)


def test_the_leaky_figure_is_never_without_the_word(project, evaluated):
    leaky = f"{evaluated['evaluation']['leaky_balanced_accuracy']:.3f}"
    text = Page((project / "report.html").read_text()).text
    assert re.search(rf"{leaky}\s*leaky: windows dealt at random", text)
    assert re.search(rf"leaky.*{leaky}", (project / "press.card.md").read_text())


def test_figures_of_the_report_are_those_of_the_evaluation(project, evaluated):
    text, result = Page((project / "report.html").read_text()).text, evaluated["evaluation"]
    for value in (result["balanced_accuracy"], result["decision"]["balanced_accuracy"], result["calibration"]["ece"],
                  *(row["balanced_accuracy"] for row in result["groups"]),
                  *(point["balanced_accuracy"] for point in result["sensitivity"]["points"])):
        assert f"{value:.3f}" in text
    assert "rule of three" in text or result["decision"]["per_day"]["alarms"]


def test_quick_leaves_out_what_takes_long(project, tmp_path):
    assert call("evaluate", project / "press.joblib", project / "data", "--quick", "--no-card",
                "--report", tmp_path / "q.html") == 0
    text = (tmp_path / "q.html").read_text()
    assert "leaky" not in Page(text).text and "When the sensor" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["q.html"]


def test_the_card_says_where_the_model_fails(project, evaluated):
    text = (project / "press.card.md").read_text()
    fails = [finding for finding in evaluated["findings"] if finding["kind"] == "fails"]
    assert fails and all(finding["title"] in text for finding in fails)
    for part in ("## Intended use", "## Trained on", "## How good it is", "## Where it will fail", "## Limits of the evidence",
                 "Only 3 machines", evaluated["training"]["fingerprint"], "press <b>&amp; / pump"):
        assert part in text


def test_the_card_goes_into_the_bundle_of_its_own_model_only(project, evaluated, tmp_path):
    model = tmp_path / "press.joblib"
    for name in ("press.joblib", "press.card.md", "press.metrics.json"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    trained = train.load(model)
    metrics, texts = card.for_bundle(model, trained)
    for _ in range(2):  # an earlier bundle with a card is one that may be replaced
        bundle = build.bundle(trained.spec, tmp_path / "press.bundle", ["x64"], trained.code(), {"metrics": metrics}, texts)
    assert (bundle / "card.md").read_text() == (project / "press.card.md").read_text()
    assert json.loads((bundle / "metrics.json").read_text()) == evaluated
    stored = json.loads((bundle / "manifest.json").read_text())["metrics"]
    assert stored["balanced_accuracy"] == evaluated["evaluation"]["balanced_accuracy"] and "trained anew" in stored["how"]

    trained.settings = Settings(window=256, hop=128)
    train.save(trained, model)  # another model under the same name
    assert card.for_bundle(model, trained) == ({}, {})
    trained.metrics = evaluated["evaluation"]  # judged when it was trained
    assert "## How good it is" in card.for_bundle(model, trained)[1]["card.md"]
    (tmp_path / "press.metrics.json").write_text('{"format": 1')
    with pytest.raises(AuscultError, match="not what `auscult evaluate` writes"):
        card.find(model)


def test_a_report_that_cannot_be_written_leaves_nothing(project, evaluated, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert call("evaluate", project / "press.joblib", project / "data", "--quick", "--no-card", "--json",
                "--report", tmp_path / "file" / "r.html") == 1
    assert "error" in json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_findings_name_what_is_wrong_and_only_that(evaluated):
    """A flawless evaluation has no failures; each flaw that is put into it is found."""
    good = json.loads(json.dumps(evaluated["evaluation"]))
    size = len(good["classes"])
    good |= {"confusion": [[50 * (i == j) for j in range(size)] for i in range(size)], "balanced_accuracy": 1.0,
             "guessing": False, "leaky_balanced_accuracy": 1.0, "balanced_accuracy_95": [1.0, 1.0], "calibration": {"ece": 0.01}}
    good["groups"] = [dict(row, balanced_accuracy=1.0) for row in good["groups"]]
    good["novelty"] |= {"silently_wrong": [], "out_of_distribution": []}
    good["sensitivity"]["cliffs"], good["learning_curve"] = [], []
    good["decision"]["delay"] |= {"detected": good["decision"]["delay"]["faults"]}
    good["decision"]["per_day"] |= {"alarms": 0}

    def fails(**changes):
        return [finding.title for finding in findings.findings(good | changes) if finding.kind == "fails"]

    name = good["groups"][0]["name"]
    assert fails() == []
    assert fails(guessing=True) == ["No better than guessing"]
    assert fails(novelty=good["novelty"] | {"silently_wrong": [name]}) == [f"Silently wrong on {name}"]
    assert fails(novelty=good["novelty"] | {"out_of_distribution": [name]}) == [f"{name} is out of distribution"]
    assert fails(confusion=[[30, 20, 0], [0, 50, 0], [0, 0, 50]]) == ["bearing is taken for normal"]
    point = {"kind": "gain", "label": "+3 dB", "balanced_accuracy": 0.5}
    assert fails(sensitivity=good["sensitivity"] | {"cliffs": [point]}) == ["Sensitive to: gain"]
    day = good["decision"]["per_day"] | {"alarms": 2, "per_day": 400.0, "per_day_95": [50.0, 900.0]}
    assert fails(decision=good["decision"] | {"per_day": day}) == ["400 false alarms a day"]


def test_a_novel_group_is_shown_as_such(evaluated):
    document = json.loads(json.dumps(evaluated))
    result = document["evaluation"]
    result["groups"][0]["novel"], result["novelty"]["windows"] = 0.8, 20
    result["novelty"]["out_of_distribution"] = [result["groups"][0]["name"]]
    text = Page(report.render(document)).text
    assert "machine_1out of distribution" in re.sub(r"\s", "", text).replace("outofdistribution", "out of distribution")
    assert "can't tell" in text.replace("’", "'") and "80.0\u202f%" in text


def test_a_model_judged_as_it_is_has_a_report_without_what_needs_training(project, tmp_path):
    trained = train.load(project / "press.joblib")
    others = [machine_run(make_machine(m), fault, seconds=2) for m in (5, 6) for fault in ("normal", "bearing")]
    result = evaluate.evaluate(trained, others, leaky=True, thorough=True)
    assert "leaky_balanced_accuracy" not in result and "learning_curve" not in result and "sensitivity" in result
    document = card.document(trained, others, result)
    page = Page(report.render(json.loads(json.dumps(document))))
    assert "as it is, on machines that it was not trained on" in page.text
    assert "unbalance was not tested" in page.text
