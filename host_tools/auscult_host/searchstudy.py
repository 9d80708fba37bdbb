# SPDX-License-Identifier: Apache-2.0
"""The memory of a search: an Optuna study in a folder beside the model, which only ever holds candidates that are done."""

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .errors import AuscultError
from .files import atomic
from .searchspace import Candidates
from .train import Settings

BATCH = 4  # guided candidates are asked for so many at a time, whatever the number of processes: the same search everywhere
_TRIES = 50
Able = Callable[[Settings], bool]  # whether there is such a pipeline
Row = dict[str, Any]  # what searchjob.evaluate() returns, with its number


class Picked:
    """Settings, and the choices that led to them."""

    def __init__(self, candidates: Candidates, choose: Callable[[str, list[Any]], Any]) -> None:
        self.params: dict[str, Any] = {}
        self.choices: dict[str, list[Any]] = {}

        def record(name: str, choices: list[Any]) -> Any:
            self.choices[name] = choices
            self.params[name] = choose(name, choices)
            return self.params[name]

        self.settings: Settings = candidates.pick(record)


class Study:
    """Rows of finished candidates by number, kept in the journal of an Optuna study."""

    def __init__(self, folder: Path, identity: dict[str, Any], resume: bool) -> None:
        self.folder, self.optuna = folder, _optuna()
        mark = folder / "study.json"
        if resume:
            _check_same(mark, identity)
        elif folder.exists():
            if not mark.is_file():
                raise AuscultError(f"{folder} is in the way", "a name that is free, or the study of an earlier search",
                                   "move it, or give another --out")
            if not json.loads(mark.read_text()).get("finished"):
                raise AuscultError(f"there is an unfinished search in {folder}", "a decision about it",
                                   "go on with it: --resume; or delete that folder to begin anew")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.identity = identity
        self._mark(False)
        backend = self.optuna.storages.journal.JournalFileBackend(str(folder / "journal.log"))
        storage = self.optuna.storages.JournalStorage(backend)
        self.study = self.optuna.create_study(study_name="search", storage=storage, direction="maximize", load_if_exists=True)
        self.rows: dict[int, Row] = {trial.user_attrs["number"]: trial.user_attrs["row"] for trial in self.study.trials}
        self.picked: dict[int, Picked] = {}

    def restore(self, candidates: Candidates) -> None:
        """The choices behind the rows that were there."""
        for trial in self.study.trials:
            params: dict[str, Any] = trial.params
            self.picked[trial.user_attrs["number"]] = Picked(candidates, partial(_as_before, params))

    def add(self, number: int, picked: Picked, row: Row) -> None:
        """Keep a finished candidate."""
        self.rows[number], self.picked[number] = row | {"number": number}, picked
        self.study.add_trial(self._trial(number))

    def _trial(self, number: int) -> Any:
        row, picked = self.rows[number], self.picked[number]
        distributions = {name: self.optuna.distributions.CategoricalDistribution(choices)
                         for name, choices in picked.choices.items()}
        return self.optuna.trial.create_trial(
            params=picked.params, distributions=distributions, value=row["score"] or 0.0,
            user_attrs={"number": number, "row": row}, system_attrs={"constraints": list(row["over"].values()) or [
                1.0 if row["score"] is None else -1.0]})

    def ask(self, candidates: Candidates, number: int, count: int, seed: int, able: Able) -> list[Picked]:
        """The next candidates, guided by all before this number (Optuna's TPE); fewer when nothing new is left."""
        sampler = self.optuna.samplers.TPESampler(seed=seed + number, multivariate=True, group=True, constant_liar=True,
                                                  constraints_func=lambda trial: [0.0])
        study = self.optuna.create_study(direction="maximize", sampler=sampler)
        known = {repr(picked.settings) for picked in self.picked.values()}
        for done in sorted(self.rows):
            if done < number:
                study.add_trial(self._trial(done))
        found: list[Picked] = []
        rng = np.random.default_rng([seed, number])
        for attempt in range(_TRIES):
            if attempt < 2 * count:
                trial = study.ask()
                picked = Picked(candidates, trial.suggest_categorical)
            else:
                picked = at_random(candidates, rng)
            if repr(picked.settings) not in known and able(picked.settings):
                known.add(repr(picked.settings))
                found.append(picked)
            if len(found) == count:
                break
        return found

    def forget(self) -> None:
        """Leave nothing behind where nothing was found."""
        if not self.rows:
            shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """The search is through: what can be computed again is deleted."""
        self._mark(True)
        shutil.rmtree(self.folder / "features", ignore_errors=True)

    def _mark(self, finished: bool) -> None:
        with atomic(self.folder / "study.json") as part:
            part.write_text(json.dumps({**self.identity, "finished": finished}, indent=1))


def _as_before(params: dict[str, Any], name: str, _: list[Any]) -> Any:
    return params[name]


def _check_same(mark: Path, identity: dict[str, Any]) -> None:
    if not mark.is_file():
        raise AuscultError(f"there is no search to resume in {mark.parent}", "the folder of an earlier search",
                           "leave --resume out to begin one")
    try:
        stored = json.loads(mark.read_text())
    except ValueError as error:
        raise AuscultError(f"{mark} is damaged", "what a search has written", f"delete {mark.parent} and begin anew") from error
    for key, value in identity.items():
        if stored.get(key) != value:
            raise AuscultError(f"the {key} changed since the search in {mark.parent} began", f"the same {key}",
                               f"delete {mark.parent} to begin anew, or search with another --out")


def at_random(candidates: Candidates, rng: np.random.Generator) -> Picked:
    """A candidate that depends on nothing but the generator's seed."""
    return Picked(candidates, lambda _, choices: choices[int(rng.integers(len(choices)))])


def pool(candidates: Candidates, count: int, seed: int, able: Able) -> list[Picked]:
    """The fixed presets, then random candidates: none depends on how another did."""
    presets = [Picked(candidates, choose) for choose in candidates.preset_choices()]
    found = [picked for picked in presets if able(picked.settings)][:count]
    known = {repr(picked.settings) for picked in found}
    for number in range(len(found), count):
        rng = np.random.default_rng([seed, number])
        for _ in range(_TRIES):
            picked = at_random(candidates, rng)
            if repr(picked.settings) not in known and able(picked.settings):
                known.add(repr(picked.settings))
                found.append(picked)
                break
    return found


def digest(value: Any) -> str:
    """Short and stable, to see whether something is as it was."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
