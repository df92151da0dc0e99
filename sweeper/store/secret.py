"""What looks like a secret, in a trial's parameters and in what an error says.

Owns the rule for names and the list of token shapes. Imports nothing but the standard library and
``sweeper``'s values. Parameters are never redacted: two trials that differ in a redacted value only
would share a key. The rule keeps the trial out of the store, unless ``cache.ignore`` lists the
parameter. The text of an error is no part of a key; there a secret is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sweeper.model import Params
from sweeper.secret_shapes import SHAPES
from sweeper.store.key import join

__all__ = ["secret_in"]

_NAME = re.compile(
    r"(?i)(^|[._-])(secret|password|passwd|api[_-]?key|access[_-]?token|private[_-]?key|credential)s?$"
)


def secret_in(params: Params) -> str | None:
    """Find the first parameter that looks like a secret.

    Args:
        params: Values that have a canonical text, so that none contains itself.

    Returns:
        Its path, such as ``model.api_key`` or ``urls[2]``, never its value; None: there is none.
    """
    return next(_suspects(params, ""), None)


def _suspects(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if SHAPES.search(value):
            yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            where = join(path, name)
            if SHAPES.search(name):
                yield join(path, "*")  # the name is the secret
            if _NAME.search(name):
                yield where
            yield from _suspects(item, where)
    elif isinstance(value, list | tuple | set | frozenset):
        for at, item in enumerate(value):
            yield from _suspects(item, f"{path}[{at}]")
