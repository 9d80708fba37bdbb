# SPDX-License-Identifier: Apache-2.0
"""Results of simulations as JUnit's XML, which CI services show: a suite for each run, a case for each expectation."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from . import files
from .simulation import Result


def write(results: Sequence[Result], path: Path) -> Path:
    root = ElementTree.Element("testsuites", name="auscult simulate")
    for result in results:
        run = result.run
        name = " ".join(part for part in (run.scenario, run.board, run.source) if part)
        cases = [("plays to its end", result.error is None, result.error.found if result.error else "")]
        cases += [(outcome.text, outcome.met, outcome.came) for outcome in result.outcomes]
        suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(cases)), time=f"{result.seconds:.1f}",
                                       failures=str(sum(not met for _, met, _ in cases)))
        for text, met, came in cases:
            case = ElementTree.SubElement(suite, "testcase", name=text, classname=name)
            if not met:
                ElementTree.SubElement(case, "failure", message=came)
    with files.atomic(path) as part:
        ElementTree.ElementTree(root).write(part, encoding="utf-8", xml_declaration=True)
    return path
