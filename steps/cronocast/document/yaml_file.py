"""YAML as Helm reads it, so that one values file says the same on a cluster and on this machine."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from cronocast.errors import ConfigError, Problem, seen
from cronocast.settings.declare import read_text

MAX_NODES = 200_000  # after aliases are followed; a file of 1 MiB without aliases holds fewer

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_TAGS = {str: "str", int: "int", float: "float", bool: "bool", type(None): "null"}
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{form(word): True for word in ("y", "yes", "on", "true") for form in (str.lower, str.capitalize, str.upper)},
    **{form(word): False for word in ("n", "no", "off", "false") for form in (str.lower, str.capitalize, str.upper)},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*|0[0-7]+|0[oO][0-7]+|0[bB][01]+|0[xX][0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# What Helm makes of a key that is no text. Quoted or not: it shows the chart no difference.
RENDERED_KEY = re.compile(r"true|false|-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?(e[+-][0-9]{2,3})?|-?\.inf|\.nan")


def plain_scalar(text: str) -> Any:  # noqa: ANN401 - text, a number, a truth value or None
    """What Helm makes of a scalar without quotes: YAML 1.1 as Go's yaml.v2 reads it, then JSON, with doubles only.

    >>> [plain_scalar(text) for text in ("y", "08", "010", "7e2", "1_000", "1:30", "2026-01-31")]
    [True, 8, 8, 700, 1000, '1:30', '2026-01-31']
    """
    if text in _WORDS:
        return _WORDS[text]
    digits = text.replace("_", "") if text[0] in "+-0123456789" else text
    if _INTEGER.fullmatch(digits) and -(2**63) <= (whole := _whole(digits)) < 2**64:
        return _as_json(float(whole))
    if text[0] in "+-.0123456789" and _FLOAT.fullmatch(digits) and abs(value := float(digits)) < float("inf"):
        return _as_json(value)
    return text


def _whole(digits: str) -> int:
    bare = digits.lstrip("+-")
    octal = len(bare) > 1 and bare[0] == "0" and bare.isdigit()
    return int(digits.replace("0", "0o", 1) if octal else digits, 0)


def _as_json(value: float) -> float | int:
    """A double as JSON carries it: without a fraction it is written as a whole number up to 1e21."""
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < 1e21 else value


def _scalar(_: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:  # noqa: ANN401
    """A number, a truth value or null, as its tag says."""
    value = plain_scalar(node.value)
    if f"{_TAG}{_TAGS[type(value)]}" in (node.tag, node.tag.replace("float", "int")):
        return value
    raise yaml.MarkedYAMLError(problem=f"{seen(node.value)} is no {node.tag}", problem_mark=node.start_mark)


class _Loader(yaml.SafeLoader):
    """Plain data only, read as Helm reads it; a key that stands twice is an error instead of a silent loss."""

    yaml_constructors = {  # noqa: RUF012 - as in yaml.SafeLoader; other tags are refused
        **{tag: yaml.SafeLoader.yaml_constructors[tag] for tag in (f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq", None)},
        **dict.fromkeys((f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"), _scalar),
        _MERGE: lambda _, node: node.value,  # a value, not a key
    }

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:  # noqa: ANN401 - as in yaml.Composer
        """As there; `! 8` is text."""
        if (event := self.peek_event()).tag == "!":  # type: ignore[no-untyped-call]
            event.tag = f"{_TAG}str"
        return super().compose_scalar_node(anchor)

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:  # noqa: ANN401 - as in yaml.Resolver
        """The tag of a node that names none."""
        if kind is not yaml.ScalarNode or not implicit[0]:
            return str(super().resolve(kind, value, (False, True)))  # type: ignore[no-untyped-call]
        return _MERGE if value == "<<" else _TAG + _TAGS[type(plain_scalar(value))]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As there; each key is the text that was written, since one that is no text has been refused."""
        known: set[str] = set()
        for key, _ in node.value:
            if key.tag != _MERGE and key.value in known:
                raise yaml.MarkedYAMLError(problem=f"key {seen(key.value)} appears twice", problem_mark=key.start_mark)
            known.add(key.value)
        return {key.value: self.construct_object(value, deep=deep) for key, value in _pairs(node)}


def _pairs(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values of a mapping; what `<<` names stands in its place, and later keys replace earlier ones."""
    if isinstance(node, yaml.MappingNode):
        return [pair for key, value in node.value for pair in (_pairs(value) if key.tag == _MERGE else [(key, value)])]
    if isinstance(node, yaml.SequenceNode) and all(isinstance(part, yaml.MappingNode) for part in node.value):
        return [pair for part in reversed(node.value) for pair in _pairs(part)]
    raise yaml.MarkedYAMLError(problem="<< takes a mapping or a list of them", problem_mark=node.start_mark)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Nodes below one node with aliases followed, without following them (a bomb of aliases is small as text)."""
    if known.get(id(node)) == 0:
        raise yaml.MarkedYAMLError(problem="an alias is inside what it refers to", problem_mark=node.start_mark)
    if id(node) not in known:
        known[id(node)] = 0  # begun
        known[id(node)] = 1 + sum(_expanded(child, known) for child, _ in _children(node, ""))
    return known[id(node)]


def _children(node: yaml.Node, at: str) -> Iterator[tuple[yaml.Node, str]]:
    """Nodes right below one, keys before their values, each with its path."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = f"{at}.{key.value}" if at else str(key.value)
            yield from ((key, path), (value, path))
    elif isinstance(node, yaml.SequenceNode):
        yield from ((child, f"{at}[{i}]") for i, child in enumerate(node.value))


def _key_problems(node: yaml.Node, at: str, met: set[int]) -> Iterator[Problem]:
    """Keys that Helm renames, or that it can't tell from those; what an alias repeats is told once."""
    if id(node) in met:
        return
    met.add(id(node))
    for i, (child, path) in enumerate(_children(node, at)):
        if isinstance(node, yaml.MappingNode) and i % 2 == 0:
            if sentence := _key_fault(child):
                yield Problem("E_SERIES_NAME" if at == "series" else "E_CONFIG_KEY", path, sentence)
        else:
            yield from _key_problems(child, path, met)


def _key_fault(key: yaml.Node) -> str:
    if not isinstance(key, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a list or mapping as a key", problem_mark=key.start_mark)
    if RENDERED_KEY.fullmatch(key.value):
        return (
            f"{seen(key.value)} is what Helm makes of keys that YAML reads as numbers or truth values, such as 08 or y,"
            " and it can't tell them apart, not even when put in quotes; allowed: a name that is neither"
        )
    if key.tag in (f"{_TAG}str", _MERGE):
        return ""
    return f"YAML reads this key as {seen(plain_scalar(key.value))}, not as text, and Helm renames it; put it in quotes"


def load_yaml(path: Path, problems: list[Problem]) -> Any:  # noqa: ANN401 - untrusted data
    """Read one YAML document of plain data as Helm does; adds a problem for each key that Helm would rename.

    Raises:
        ConfigError: can't be read, is not YAML, is several documents, or is too large.
    """
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            sentence = "empty; allowed: a mapping with series: and, if wanted, defaults:"
            raise ConfigError.one("E_CONFIG_READ", str(path), sentence)
        if _expanded(node, {}) > MAX_NODES:
            sentence = f"more than {MAX_NODES} values once aliases are followed; write them out or split the file"
            raise ConfigError.one("E_CONFIG_SIZE", str(path), sentence)
        problems += _key_problems(node, "", set())
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)  # not the text of the line: it may hold a password
        sentence = f"{problem or 'not readable as YAML'}; allowed: one YAML document of plain data"
        raise ConfigError.one("E_CONFIG_YAML", where, sentence) from error
    except (RecursionError, ValueError) as error:
        reason = f"nested too deeply, or a number that can't be read: {seen(str(error))}"
        raise ConfigError.one("E_CONFIG_YAML", str(path), f"{reason}; allowed: plain data") from error
