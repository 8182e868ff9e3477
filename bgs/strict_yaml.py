"""YAML as people mean it: no code, no key twice, one line about what is wrong."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from bgs.errors import BgsError


class _UniqueKeyLoader(yaml.SafeLoader):
    """Of a key written twice, yaml itself would keep the last and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    problem="a key is a list or a mapping, not text", problem_mark=key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value!r} appears twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def parse_mapping(
    text: str, *, file: Path, what: str, first_key: str, error: type[BgsError]
) -> dict[str, Any]:
    """The mapping in a YAML text. `what` names the document in the error, `first_key` shows how one begins."""
    try:
        values = yaml.load(text, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        # ValueError: a date in month 13, a number of thousands of digits.
        mark = getattr(fault, "problem_mark", None)
        problem = getattr(fault, "problem", None) or str(fault).split(";")[0]
        if isinstance(fault, RecursionError):
            problem = "brackets within brackets without end"
        raise error(
            f"the {what} is not YAML: {problem}",
            remedy="mend the line",
            file=file,
            row=None if mark is None else mark.line + 1,
        ) from fault
    if not isinstance(values, dict):
        raise error(f"the {what} is not a mapping", remedy=f"start with `{first_key}:`", file=file)
    return values
