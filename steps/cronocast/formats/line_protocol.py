"""Line protocol as pure text: escaping by table, one template per member. Standard library only."""

import re
from collections.abc import Iterable, Mapping, Sequence

from cronocast.errors import ContractError, seen
from cronocast.formats import influx_names

# What the server takes for an end of the text unless a backslash stands before it. A backslash itself is never
# escaped: it is plain text wherever none of these follows.
MEASUREMENT_ESCAPES = str.maketrans({",": "\\,", " ": "\\ "})
TAG_ESCAPES = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
STRING_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\"})
MAX_STRING = 1000  # a reason is a sentence; the server takes 64 kB
MAX_KEY_BYTES = 65_000  # the server refuses 65,536 with the name of the field


def series_key(measurement: str, tags: Iterable[tuple[str, str]]) -> bytes:
    """Write measurement and tags, sorted by key, as every line of a member begins.

    Raises:
        ContractError: a name or value that line protocol can't carry unchanged, or one key twice.
    """
    ordered = sorted(tags)
    for key, value in ordered:
        fault = influx_names.tag_key_fault(key) or influx_names.tag_value_fault(value)
        if fault:
            raise ContractError("E_TAG", key, f"tag {seen(key)} can't be written: {fault}")
    if len({key for key, _ in ordered}) < len(ordered):
        raise ContractError("E_TAG", measurement, f"one tag key appears twice: {seen([key for key, _ in ordered])}")
    parts = [
        measurement.translate(MEASUREMENT_ESCAPES),
        *(f"{key.translate(TAG_ESCAPES)}={value.translate(TAG_ESCAPES)}" for key, value in ordered),
    ]
    text = ",".join(parts).encode()
    if len(text) > MAX_KEY_BYTES:
        sentence = f"measurement and tags have {len(text)} bytes together; allowed: at most {MAX_KEY_BYTES}"
        raise ContractError("E_TAG", measurement, sentence)
    return text


def forecast_lines(
    key: bytes, run_s: int, names: Sequence[str], time: Sequence[bytes], *columns: Sequence[bytes]
) -> bytes:
    """Write rows of one member as lines, with a newline after each.

    Args:
        key: From `series_key`.
        run_s: The run's scheduled time in seconds since 1970.
        names: Fields, plain names that need no escape.
        time: Nanoseconds since 1970 as decimal text, one for each row.
        columns: For each field decimal text of finite numbers, one for each row; it passes unchanged, so no digit is
            lost.
    """
    fields = b"".join(b"%b=%%b," % name.encode() for name in names)
    line = key.replace(b"%", b"%%") + b" " + fields + b"run=%di %%b\n" % run_s
    width = len(names) + 1
    cells: list[bytes] = [b""] * (width * len(time))
    # Columns are laid side by side by slices, and one formatting call fills all lines: a loop over rows takes six times
    # as long.
    for i, column in enumerate((*columns, time)):
        cells[i::width] = column
    return (line * len(time)) % tuple(cells)


def record(key: bytes, fields: Mapping[str, float | int | str | None], time_ns: int) -> bytes:
    """Write one point, with a newline after it; fields without a value are left out, without any b"" is returned."""
    parts = [f"{name.translate(TAG_ESCAPES)}={_value(value)}" for name, value in fields.items() if value is not None]
    return key + b" " + ",".join(parts).encode() + b" %d\n" % time_ns if parts else b""


def _value(value: float | str) -> str:
    if isinstance(value, str):
        plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", value)[:MAX_STRING]
        return f'"{plain.translate(STRING_ESCAPES)}"'
    return f"{value}i" if isinstance(value, int) else repr(value)
