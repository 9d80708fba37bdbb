# SPDX-License-Identifier: Apache-2.0
"""TOML files of people: read against a schema, with errors that name the key."""

import difflib
import tomllib
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from .errors import AuscultError

_AnyTable = TypeVar("_AnyTable", bound=BaseModel)


def read(path: Path, schema: type[_AnyTable], what: str, hint: str) -> _AnyTable:
    """what: the kind of file that is expected; hint: how to come by one. Raises AuscultError for a wrong key or value."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AuscultError(f"there is no file {path}", what, hint) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuscultError(f"{path}: {error}", "TOML", "mend the file") from error
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        raise _explained(path, schema, error.errors()[0]) from error
    except AuscultError as error:
        raise AuscultError(f"{path}: {error.found}", error.expected, error.hint or "mend the file") from error


def _explained(path: Path, schema: type[BaseModel], first: Any) -> AuscultError:
    """One sentence of pydantic's report: the key, what was found, what is allowed, and a key that is meant by it."""
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _keys(schema, list(first["loc"][:-1]))
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1, 0.5)
        return AuscultError(f"{path}: unknown key {where}", f"one of {', '.join(known)}",
                            f"write {near[0]}" if near else "take the line out")
    if first["type"] == "missing":
        return AuscultError(f"{path}: {where} is missing", "a value for it", f"add a line {where} = ...")
    found = f"{where} = {first.get('input')!r}" if where else ""
    says = str(first["msg"]).removeprefix("Value error, ")
    return AuscultError(f"{path}: {found or says}", says if found else "", "mend the line")


def _keys(model: Any, location: list[Any]) -> list[str]:
    """Keys of the table at a place in the file."""
    for part in location:
        if isinstance(part, int):
            continue
        kind = model.model_fields[part].annotation
        options = list(get_args(kind)) if get_args(kind) or isinstance(kind, UnionType) else [kind]
        model = next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return list(model.model_fields)
