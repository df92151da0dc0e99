"""Conditions over parameters and metrics, as people write them in a sweep file.

    optimizer == 'sgd' and layers > 2
    hidden * layers <= 4096
    `val/accuracy` >= 0.9

The language is a small part of Python's expressions: numbers, text, true, false, null, lists,
``+ - * / // %``, comparisons, ``in``, ``and or not``, ``abs min max``. Names are dotted paths;
what is no plain name stands in backticks. Text is parsed, never executed. Imports nothing but the
standard library: every room may use it.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Expression", "ExpressionError"]

_LONGEST = 1000
_QUOTED = re.compile(r"`([^`]*)`")
_PLACEHOLDER = "quoted_name_{}_"
_WORDS = {"true": True, "false": False, "null": None, "none": None}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_SMALLEST = 5e-324  # a violation, however small, is more than 0


class ExpressionError(ValueError):
    """A text is no expression of this language; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition. Two are equal when their texts are.

    Attributes:
        text: As written.
        names: The dotted paths that it mentions, in their order, without repetition.

    Raises:
        ExpressionError: From the constructor, if the text is no expression.
    """

    text: str
    names: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        tree, quoted = _parsed(self.text)
        _check(tree)
        names = dict.fromkeys(_names(tree, quoted))
        object.__setattr__(self, "names", tuple(names))

    def __str__(self) -> str:
        return self.text

    def holds(self, values: Mapping[str, object]) -> bool:
        """Tell whether it holds.

        Args:
            values: By name; a dotted path is looked up as a whole, then level by level. What is not
                there is null. A comparison of things that cannot be compared does not hold.
        """
        tree, quoted = _parsed(self.text)
        return bool(_Reading(values, quoted).value(tree))

    def allows(self, values: Mapping[str, object]) -> bool:
        """Tell whether it holds, or names something that is not there and so says nothing."""
        return not all(_is_there(name, values) for name in self.names) or self.holds(values)

    def violation(self, values: Mapping[str, object]) -> float:
        """Return how far it is from holding: at most 0 when it holds; infinite: not comparable."""
        tree, quoted = _parsed(self.text)
        return _Reading(values, quoted).violation(tree)


@functools.lru_cache(maxsize=1000)  # each is evaluated for every trial
def _parsed(text: str) -> tuple[ast.expr, tuple[str, ...]]:
    """Parse a text; backticked names become placeholders, and are returned in their order."""
    if len(text) > _LONGEST:
        raise ExpressionError(f"is longer than {_LONGEST} characters")
    quoted: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        quoted.append(match[1])
        return _PLACEHOLDER.format(len(quoted) - 1)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "1 is x" is refused all the same
            tree = ast.parse(_QUOTED.sub(stand_in, text).strip(), mode="eval").body
        return tree, tuple(quoted)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ExpressionError(f"is no expression: {what}") from error


def _check(tree: ast.expr) -> None:
    """Refuse what is not of this language."""
    plain = (ast.Name, ast.List, ast.Tuple, ast.BoolOp, ast.boolop, ast.expr_context, ast.unaryop)
    callees = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, bool | str):
                pass
            case ast.Constant(value=int() | float() as value) if math.isfinite(value):
                pass
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd()) | ast.Compare():
                pass
            case ast.Attribute() if _path(node) is not None and node not in callees:
                pass
            case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
                pass
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
                if not node.args:
                    raise ExpressionError(f"{name}() needs arguments")
            case _ if isinstance(node, plain) or type(node) in {*_ARITHMETIC, *_COMPARISONS}:
                pass
            case _:
                raise ExpressionError(
                    f"{_written(node)} is not allowed; there are numbers, 'text', lists, "
                    "+ - * / // %, comparisons, in, and, or, not, abs, min, max; a name that is no "
                    "plain word stands in `backticks`"
                )


def _written(node: ast.AST) -> str:
    try:
        return repr(ast.unparse(node)[:40]) if isinstance(node, ast.expr) else type(node).__name__
    except (ValueError, RecursionError):
        return type(node).__name__


def _names(node: ast.AST, quoted: Sequence[str]) -> Iterator[str]:
    """Yield the names below a node; a dotted path is one name."""
    if _path(node) is not None:
        name = _name(node, quoted)
        if name is not None:
            yield name
        return
    for child in ast.iter_child_nodes(node):
        yield from _names(child, quoted)


def _path(node: ast.AST) -> str | None:
    """Return the dotted path of a name or an attribute of one; None: it is neither."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = _path(node.value)
        return None if above is None else f"{above}.{node.attr}"
    return None


def _name(node: ast.AST, quoted: Sequence[str]) -> str | None:
    """Return the name that a node mentions; None: none, or a word of the language."""
    path = _path(node)
    if path is None or path in _FUNCTIONS or path.lower() in _WORDS:
        return None
    for index, name in enumerate(quoted):
        path = path.replace(_PLACEHOLDER.format(index), name)
    return path


def _is_there(name: str, values: Mapping[str, object]) -> bool:
    """Tell whether a dotted path leads to a value, null too."""
    if name in values:
        return True
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        held = values.get(".".join(parts[:length]))
        if isinstance(held, Mapping) and _is_there(".".join(parts[length:]), held):
            return True
    return False


class _Reading:
    """One evaluation."""

    def __init__(self, values: Mapping[str, object], quoted: Sequence[str]) -> None:
        self._values = values
        self._quoted = quoted

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name() | ast.Attribute():
                name = _name(node, self._quoted)
                return (
                    self._look_up(name) if name is not None else _WORDS[ast.unparse(node).lower()]
                )
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.value(item) for item in items]
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(self.value(part) for part in parts)
            case ast.BoolOp(values=parts):
                return any(self.value(part) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand)
            case ast.UnaryOp(op=op, operand=operand):
                number = _number(self.value(operand))
                return None if number is None else (-number if isinstance(op, ast.USub) else number)
            case ast.BinOp(left=left, op=op, right=right):
                return _computed(_ARITHMETIC[type(op)], self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._called(name, [self.value(arg) for arg in args])
            case ast.Compare():
                return all(_compared(op, x, y) for op, x, y in self._pairs(node))
        raise ExpressionError(f"{_written(node)} is not allowed")  # the constructor has checked

    def _called(self, name: str, given: list[Any]) -> Any:
        flat = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        numbers = [_number(item) for item in flat]
        if not numbers or None in numbers:
            return None
        return abs(numbers[0]) if name == "abs" else _FUNCTIONS[name](numbers)  # type: ignore[arg-type] # None is out

    def _pairs(self, node: ast.Compare) -> list[tuple[ast.cmpop, Any, Any]]:
        sides = [self.value(side) for side in (node.left, *node.comparators)]
        return list(zip(node.ops, sides[:-1], sides[1:], strict=True))

    def _look_up(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        parts = name.split(".")
        for length in range(len(parts) - 1, 0, -1):
            held = self._values.get(".".join(parts[:length]))
            if isinstance(held, Mapping):
                return _Reading(held, ())._look_up(".".join(parts[length:]))
        return None

    def violation(self, node: ast.expr) -> float:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return max(self.violation(part) for part in parts)
            case ast.BoolOp(values=parts):
                return min(self.violation(part) for part in parts)
            case ast.Compare():
                return max(_distance(op, x, y) for op, x, y in self._pairs(node))
            case _:
                return 0.0 if self.value(node) else 1.0


def _number(value: Any) -> int | float | None:
    """Return a finite number; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _computed(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> int | float | None:
    x, y = _number(left), _number(right)
    if x is None or y is None:
        return None
    try:
        return _number(operation(x, y))
    except (ArithmeticError, ValueError):
        return None


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    try:
        return bool(_COMPARISONS[type(op)](left, right))
    except TypeError:
        return False


def _distance(op: ast.cmpop, left: Any, right: Any) -> float:
    """Return how far a comparison is from holding."""
    holds = _compared(op, left, right)
    x, y = _number(left), _number(right)
    if x is None or y is None or isinstance(op, ast.In | ast.NotIn | ast.NotEq):
        comparable = isinstance(op, ast.In | ast.NotIn | ast.NotEq | ast.Eq)
        return 0.0 if holds else (1.0 if comparable else math.inf)
    over = float(x) - float(y)
    if isinstance(op, ast.Eq):
        over = abs(over)
    elif isinstance(op, ast.Gt | ast.GtE):
        over = -over
    return min(over, 0.0) if holds else max(over, _SMALLEST)
