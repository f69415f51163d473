"""Strict YAML into typed structs, with every fault named by its path.

YAML 1.1 guesses: ``no`` is false, ``010`` is eight, ``1:30`` is ninety. In a file that sets
order sizes a guess is a fault, so only ``true``, ``false``, ``null`` and plain integers are read
as such; all else must be quoted. The parser's event stream is consumed directly: nothing is
constructed before it was checked, and depth and size are bounded.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, Self, TypeVar

import msgspec
import yaml
from msgspec import inspect

from mmfast.errors import ConfigError

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 8
MAX_DIGITS: Final = 18
"""Longest integer or decimal: what fits 64 bits."""

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_RESOLVER: Final = yaml.resolver.Resolver()
_WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None, "": None}

Faults = list[tuple[str, str]]
T = TypeVar("T", bound=msgspec.Struct)


class Bare(str):
    """An unquoted scalar that YAML 1.1 would have turned into something else."""

    __slots__ = ("advice",)
    advice: str

    def __new__(cls, text: str, guess: str) -> Self:
        """``guess`` is the type YAML 1.1 would have made of ``text``."""
        self = super().__new__(cls, text)
        if guess == "float":
            self.advice = f'found the unquoted number {text}: write "{text}" in quotes'
        elif guess == "bool":
            self.advice = f"found the unquoted {text}: write true or false, or quote it"
        else:
            self.advice = f'found the unquoted {text}: write "{text}", or a plain integer'
        return self


def parse(data: bytes) -> object:
    """YAML bytes as dict, list, str, int, bool, None and :class:`Bare`.

    Raises :class:`ConfigError` for anything that is not one plain document: too large or deep,
    bad UTF-8, syntax, anchors, aliases, tags, duplicate or non-text keys.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError([("$", f"expected at most {MAX_BYTES} bytes, found {len(data)}")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            [("$", f"expected UTF-8 text, found a bad byte at {error.start}")]
        ) from None
    try:
        return _Tree().read(text)
    except yaml.YAMLError as error:
        raise ConfigError([("$", f"not valid YAML: {_syntax(error)}")]) from None


def convert(value: object, cls: type[T], path: str = "$") -> T:
    """``value`` (from :func:`parse`) as the struct ``cls``.

    All faults are collected; they are raised together as one :class:`ConfigError`.
    """
    faults: Faults = []
    result = _struct(value, inspect.type_info(cls), path, faults)
    if faults:
        raise ConfigError(faults)
    return result  # type: ignore[no-any-return]


def show(value: object) -> str:
    """How a fault text names what was found; long texts are cut."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return "a list" if isinstance(value, list) else "a section"


class _Tree:
    """Builds the plain tree from parser events with an explicit stack."""

    def __init__(self) -> None:
        self._stack: list[tuple[dict[str, object] | list[object], str]] = []
        self._key: list[str | None] = []
        self._root: object = None

    def read(self, text: str) -> object:
        documents = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fail(event, "expected one document, found a second one")
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._stack.pop()
                self._key.pop()
        return self._root

    def _node(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._fail(event, "anchors and aliases are refused: write the value out")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            self._fail(event, f"tags are refused, found {tag}")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            return
        if len(self._stack) >= MAX_DEPTH:
            self._fail(event, f"expected at most {MAX_DEPTH} levels of nesting")
        child: dict[str, object] | list[object]
        child = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(event, child)
        self._stack.append((child, path))
        self._key.append(None)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._stack and isinstance(self._stack[-1][0], dict) and self._key[-1] is None:
            holder, path = self._stack[-1]
            if isinstance(_plain(event), Bare) or event.value in holder:
                why = "given twice" if event.value in holder else "not a plain name"
                self._fail(event, f"{path}.{event.value}: this key is {why}")
            self._key[-1] = event.value
            return
        self._place(event, _plain(event))

    def _place(self, event: yaml.NodeEvent, value: object) -> str:
        """Put a value where the document says; returns its path."""
        if not self._stack:
            self._root = value
            return "$"
        holder, path = self._stack[-1]
        if isinstance(holder, list):
            holder.append(value)
            return f"{path}[{len(holder) - 1}]"
        key = self._key[-1]
        if key is None:
            self._fail(event, f"{path}: expected a name as key, found a list or section")
            raise AssertionError("unreachable: _fail raises")
        holder[key] = value
        self._key[-1] = None
        return f"{path}.{key}"

    @staticmethod
    def _fail(event: yaml.Event, text: str) -> None:
        path, _, rest = text.partition(": ")
        mark = event.start_mark
        where = f" (line {mark.line + 1})" if mark else ""
        if path.startswith("$"):
            raise ConfigError([(path, rest + where)])
        raise ConfigError([("$", text + where)])


def _plain(event: yaml.ScalarEvent) -> object:
    text: str = event.value
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    guess = str(tag).rpartition(":")[2]
    return text if guess == "str" else Bare(text, guess)


def _syntax(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)


def _struct(value: object, info: inspect.Type, path: str, faults: Faults) -> Any:  # noqa: ANN401
    assert isinstance(info, inspect.StructType)  # noqa: S101
    if not isinstance(value, dict):
        faults.append((path, f"expected a section with keys, found {show(value)}"))
        return None
    known = {field.name: field for field in info.fields}
    for key in value:
        if key not in known:
            choice = ", ".join(known)
            faults.append((f"{path}.{key}", f"unknown key; expected one of: {choice}"))
    arguments: dict[str, Any] = {}
    for name, field in known.items():
        if name in value:
            arguments[name] = _typed(value[name], field.type, f"{path}.{name}", faults)
        elif field.required:
            faults.append((f"{path}.{name}", f"missing; expected {_expected(field.type)}"))
    return None if faults else info.cls(**arguments)


def _typed(value: object, info: inspect.Type, path: str, faults: Faults) -> Any:  # noqa: ANN401
    inner, extra = _unwrap(info)
    if isinstance(inner, inspect.UnionType):
        if value is None:
            return None
        inner, extra = _unwrap(next(t for t in inner.types if not isinstance(t, inspect.NoneType)))
    if isinstance(inner, inspect.StructType):
        return _struct(value, inner, path, faults)
    if isinstance(inner, inspect.VarTupleType):
        return _items(value, inner, path, faults)
    ok, result = _leaf(value, inner, extra)
    if not ok:
        found = value.advice if isinstance(value, Bare) else f"found {show(value)}"
        if isinstance(inner, inspect.DecimalType) and type(value) is int:
            found += f': write "{value}" in quotes'
        faults.append((path, f"expected {_expected(info)}, {found}"))
    return result


def _items(value: object, info: inspect.VarTupleType, path: str, faults: Faults) -> Any:  # noqa: ANN401
    if not isinstance(value, list):
        faults.append((path, f"expected a list, found {show(value)}"))
        return None
    return tuple(
        _typed(item, info.item_type, f"{path}[{i}]", faults) for i, item in enumerate(value)
    )


def _leaf(value: object, info: inspect.Type, extra: dict[str, Any]) -> tuple[bool, object]:
    """(fits, converted value) of one scalar; a :class:`Bare` fits nothing."""
    if isinstance(value, Bare):
        return False, None
    if isinstance(info, inspect.BoolType):
        return isinstance(value, bool), value
    if isinstance(info, inspect.LiteralType):
        return not isinstance(value, bool) and value in info.values, value
    if isinstance(info, inspect.IntType):
        fits = type(value) is int and _within(value, info.ge, info.le)
        return fits, value
    if isinstance(info, inspect.DecimalType):
        return _decimal(value, extra)
    if isinstance(info, inspect.StrType):
        fits = isinstance(value, str) and value != "" and value.isprintable()
        if isinstance(value, str) and info.pattern is not None:
            fits = re.fullmatch(info.pattern, value) is not None
        return fits, value
    raise TypeError(f"no rule for {info}")


def _decimal(value: object, extra: dict[str, Any]) -> tuple[bool, object]:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or len(value) > MAX_DIGITS:
        return False, None
    number = Decimal(value)
    if len(value.partition(".")[2]) > extra.get("places", MAX_DIGITS):
        return False, None
    return _within(number, extra.get("low"), extra.get("high")), number


def _within(value: Any, low: Any, high: Any) -> bool:  # noqa: ANN401
    return (low is None or value >= low) and (high is None or value <= high)


def _unwrap(info: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    if isinstance(info, inspect.Metadata):
        return info.type, info.extra or {}
    return info, {}


def _expected(info: inspect.Type) -> str:
    inner, extra = _unwrap(info)
    if isinstance(inner, inspect.UnionType):
        return _expected(next(t for t in inner.types if not isinstance(t, inspect.NoneType)))
    if "expects" in extra:
        return str(extra["expects"])
    if isinstance(inner, inspect.DecimalType):
        places = f", at most {extra['places']} decimals" if "places" in extra else ""
        return f"a quoted decimal from {extra.get('low')} to {extra.get('high')}{places}"
    if isinstance(inner, inspect.IntType):
        return f"an integer from {inner.ge} to {inner.le}"
    if isinstance(inner, inspect.LiteralType):
        return "one of " + ", ".join(str(v) for v in inner.values)
    names = {inspect.BoolType: "true or false", inspect.StrType: "text"}
    return names.get(
        type(inner), "a list" if isinstance(inner, inspect.VarTupleType) else "a section"
    )
