"""Bad configuration, row by row.

Exit code, token, one error line that names key, value and what is right, no secret, no traceback.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronocast.commands import application as cli
from cronocast.handoff.files import series_id
from cronocast.settings.declare import with_value

CANARY = "c4n4ry-s3cr3t"
ERROR = re.compile(r"error: E_[A-Z0-9_]+ \S+: .{5,400}")
REMEDY = "; "  # stands between what is wrong and what would be right
SOURCE: dict[str, Any] = {"url": "http://127.0.0.1:8086", "database": "metrics", "measurement": "cpu", "field": "usage"}
BOUNDS = "WHERE time >= $start AND time < $end"


class Ended:
    """How a command ended, with the rules that hold for every error checked."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in out + err
        assert "site-packages" not in out + err
        assert CANARY not in out + err

    @property
    def error(self) -> str:
        """The one error line, which is the last."""
        lines = self.err.splitlines()
        assert [line for line in lines if line.startswith("error:")] == lines[-1:], self.err
        assert ERROR.fullmatch(lines[-1]), lines[-1]
        assert REMEDY in lines[-1], lines[-1]
        return lines[-1]

    def expect(self, token: str, where: str, code: int = 78) -> str:
        """Check code, token and what the line names; return the line."""
        assert self.code == code, self.err
        assert self.error.startswith(f"error: {token} "), self.error
        assert where in self.error.split(": ")[1], self.error
        assert max((len(value) for value in re.findall(r"'[^']*'(?=[ ;,)]|$)", self.error)), default=0) <= 80, (
            self.error
        )
        return self.error

    @property
    def counted(self) -> list[str]:
        """The numbers in parentheses at the end of the error line: this problem, of how many."""
        return re.findall("[0-9]+", self.error.rpartition("(")[2])


@pytest.fixture
def cronocast(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run a command of the real command line in this process, where a connection would fail the test."""

    def no_socket(*_: object, **__: object) -> None:
        pytest.fail("a socket was opened for a configuration error")

    def command(*arguments: str, env: dict[str, str] | None = None) -> Ended:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(socket, "socket", no_socket)
            patch.setattr(sys, "argv", ["cronocast", *arguments])
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as caught:
                cli.main()
        return Ended(int(caught.value.code or 0), *capsys.readouterr())

    return command


@pytest.fixture
def validate(cronocast: Any, tmp_path: Path) -> Any:
    """Validate one series whose document has a setting replaced, or a whole text."""

    def run(text: str | bytes | None = None, **changed: Any) -> Ended:
        document: dict[str, Any] = {"source": SOURCE}
        for path, value in changed.items():
            document = with_value(document, path.replace("__", "."), value)
        file = tmp_path / "values.yaml"
        content = yaml.safe_dump({"series": {"cpu": document}}, allow_unicode=False) if text is None else text
        file.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        before = sorted(tmp_path.rglob("*"))
        ended: Ended = cronocast("validate", "-f", str(file))
        assert sorted(tmp_path.rglob("*")) == before  # nothing is left behind
        return ended

    return run


def test_a_good_document_is_accepted(validate: Any) -> None:
    assert validate().code == 0


# What is wrong with a whole file
# ------------------------------------------------------------------------------------------------------------------
BOMB = (
    "defaults:\n a: &a {x: 1}\n"
    + "".join(f" {b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "series: {cpu: {}}\n"
)
FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "E_CONFIG_READ"),
    "only a comment": ("# nothing\n", "E_CONFIG_READ"),
    "not UTF-8": (b"series: \xff\xfe\n", "E_CONFIG_READ"),
    "python object": ("series: !!python/object/apply:os.system ['touch owned']\n", "E_CONFIG_YAML"),
    "alias bomb": (BOMB, "E_CONFIG_SIZE"),
    "10 MB": ("series: {cpu: {}}\n#" + "x" * 10_000_000, "E_CONFIG_SIZE"),
    "alias inside itself": ("defaults: &a {source: *a}\nseries: {cpu: *a}\n", "E_CONFIG_YAML"),
    "nested deeply": ("series: " + "[" * 5000, "E_CONFIG_YAML"),
    "key twice": ("series:\n  cpu: {every: 1h}\n  cpu: {every: 2h}\n", "E_CONFIG_YAML"),
    "tab indent": ("series:\n\tcpu: {}\n", "E_CONFIG_YAML"),
    "two documents": ("series: {}\n---\nseries: {}\n", "E_CONFIG_YAML"),
    "not closed": (f'series:\n  cpu:\n    password: "{CANARY}\n', "E_CONFIG_YAML"),
    "no mapping": ("[1, 2]\n", "E_CONFIG_TYPE"),
    "no series": ("defaults: {every: 1h}\n", "E_CONFIG_TYPE"),
    "series as list": ("series: [{name: cpu}]\n", "E_CONFIG_TYPE"),
    "5001 series": ("series:\n" + "".join(f"  s{i}: \n" for i in range(5001)), "E_CONFIG_SIZE"),
    "date": ("series: {cpu: 2026-02-31}\n", "E_CONFIG_TYPE"),
    "very long number": ("series: {cpu: {level: " + "1" * 5000 + "}}\n", "E_CONFIG_YAML"),
}


@pytest.mark.parametrize(("text", "token"), FILES.values(), ids=FILES)
def test_file_is_refused(text: str | bytes, token: str, validate: Any, tmp_path: Path) -> None:
    validate(text).expect(token, "values.yaml" if token in ("E_CONFIG_READ", "E_CONFIG_YAML") else "")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_no_readable_file(kind: str, cronocast: Any, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    cronocast("validate", "-f", str(path)).expect("E_CONFIG_READ", "values.yaml")
    cronocast("run", "-f", str(path)).expect("E_CONFIG_READ", "values.yaml")
    cronocast("extract", "--entry", f"@{path}").expect("E_CONFIG_READ", "values.yaml")


@pytest.mark.parametrize("name", ["on", "yes", "y", "N", "08", "0x1F", "1e3", "null", "~", "1_000", "0o17", ".5"])
def test_series_names_that_yaml_reads_as_something_else(name: str, validate: Any) -> None:
    text = f"defaults: {{source: {json.dumps(SOURCE)}}}\nseries:\n  %s: {{title: T}}\n"
    assert "put it in quotes" in validate(text % name).expect("E_SERIES_NAME", f"series.{name}")
    assert validate(text % f"'{name}'").code == 0


@pytest.mark.parametrize("name", ["123", "1.5", "true", "false", "-7", "1e+06", ".inf"])
def test_series_names_that_helm_makes_of_others(name: str, validate: Any) -> None:
    text = f"defaults: {{source: {json.dumps(SOURCE)}}}\nseries:\n  %s: {{title: T}}\n"
    for written in (name, f"'{name}'"):
        assert "Helm" in validate(text % written).expect("E_SERIES_NAME", f"series.{name}")


def test_line_of_the_fault_is_named(validate: Any) -> None:
    validate("series:\n  cpu: {every: 1h}\n  cpu: {every: 2h}\n").expect("E_CONFIG_YAML", "values.yaml:3")


# One setting that is wrong: through the file, and where it is text also through the flag and the env variable
# -----------------------------------------
LONG = "x" * 300
SETTINGS: dict[str, list[tuple[str, Any, str]]] = {
    "numbers and lengths": [
        *[("horizon", value, "E_CONFIG_TYPE") for value in (24, -1, 0, 1e9, float("nan"), True, ["24h"])],
        *[
            ("horizon", value, "E_CONFIG_DURATION")
            for value in ("24h ", "-1h", "0h", "1e9h", "١٢h", "24", "24H", "1.5h", "999999w")
        ],
        *[
            ("min_points", value, "E_CONFIG_TYPE")
            for value in ("24 ", 24.5, "NaN", True, "١٢", "1_000", None.__class__.__name__)
        ],
        *[("min_points", value, "E_CONFIG_RANGE") for value in (-1, 0, 10**9, 10**300)],
        ("min_points", 10**400, "E_CONFIG_TYPE"),  # more than a double: text to Helm
        *[("level", value, "E_CONFIG_RANGE") for value in (float("nan"), float("inf"), -0.5, 1)],
    ],
    "durations": [
        *[("every", value, "E_CONFIG_DURATION") for value in ("10min", "7m3", "0s", "1mo", "1 h", "h", "5w", "7m")],
        ("lookback", "90m", "E_CONFIG_DURATION"),
        ("horizon", "90m", "E_CONFIG_DURATION"),
        ("source.slice", "90m", "E_CONFIG_DURATION"),
    ],
    "scheme of the address": [
        ("source.url", value, "E_URL_SCHEME")
        for value in (
            "ftp://h",
            "file:///etc/passwd",
            "gopher://h",
            "unix:/run/x",
            "//h",
            "   ",
            " http://h",
            "h:8086",
            "javascript:x",
        )
    ],
    "credentials in the address": [
        (path, value, "E_URL_CREDENTIALS")
        for path in ("source.url", "sink.url")
        for value in (
            f"http://u:{CANARY}@h:8086",
            f"http://h?u=a&p={CANARY}",
            f"http://h/#{CANARY}",
            f"http://{CANARY}@h",
            f"http://a@{CANARY}@h",
        )
    ],
    "credentials where others are expected": [
        ("source.url", f"http://u:p/{CANARY}@h", "E_URL_PORT"),
        ("source.url", f"u:{CANARY}@h", "E_URL_SCHEME"),
        ("source.url", f"http://u:x?{CANARY}@h", "E_URL_PORT"),
        ("source.url", f"http://u:{CANARY}@h:99999", "E_URL_PORT"),
    ],
    "host of the address": [
        ("source.url", f"http://{host}:8086", "E_URL_HOST")
        for host in (
            *(
                "169.254.169.254",
                "[fe80::1]",
                "0.0.0.0",
                "127.1",
                "2130706433",
                "0x7f.1",
                "localhost.",
                "0177.0.0.1",
                "[::ffff:169.254.169.254]",
                "[::]",
            ),
            *("224.0.0.1", "-h", "h..x", "a" * 64, "", "①②⑦.0.0.1", "h%2e", "127.0.0.1."),
        )
    ],
    "port and form of the address": [
        ("source.url", "http://h:0", "E_URL_PORT"),
        ("source.url", "http://h:70000", "E_URL_PORT"),
        ("source.url", "http://h:80a", "E_URL_PORT"),
        ("source.url", "http://h:", "E_URL_PORT"),
        ("source.url", "http://::1:8086", "E_URL_PORT"),
        ("source.url", "http://[::1", "E_URL_PORT"),
        ("source.url", "http://h\r\nX: y", "E_URL"),
        ("source.url", "http://h x", "E_URL"),
    ],
    "names of databases": [
        (path, value, "E_IDENT")
        for path in ("source.database", "source.retention_policy", "sink.database")
        for value in ('a";DROP DATABASE x', "a/b", "..", "", LONG, "a\nb", "a\x00b")
    ],
    "names of measurements": [
        (path, value, "E_IDENT")
        for path in ("source.measurement", "sink.measurement")
        for value in ("/.*/", '"a".."b"', "m; DROP", "$m", "#m", "a\nb", "m\\", "", LONG, "\u2028")
    ],
    "fields and tags": [
        *[("source.field", value, "E_TAG") for value in ("time", "_field")],
        *[("source.group_by", [value], "E_TAG") for value in ("time", "_field", "_measurement", "", "a\nb")],
        *[
            ("source.group_by", ["host", value], "E_TAG")
            for value in ("series", "run", "yhat", "yhat_lower", "yhat_upper_50")
        ],
        *[("source.tags", {value: "a"}, "E_TAG") for value in ("time", "_field")],
        *[("source.tags", {"host": value}, "E_TAG") for value in ("", "a\\", "a\nb", "a\x00b", "\ud800")],
        ("source.tags", {"host": "x" * 5000}, "E_CONFIG_SIZE"),
        *[("source.tags", {"host": value}, "E_CONFIG_TYPE") for value in (1, True, {"a": 1})],
        ("source.tags", {"host": ["a", "a"]}, "E_CONFIG_DUPLICATE"),
    ],
    "models and options": [
        *[
            ("model", value, "E_MODEL")
            for value in ("pickle", "lstmm", "", "os.system", "a:b:c", "os:system()", "../x:y", "Auto")
        ],
        ("candidates", ["naive", "pickle"], "E_MODEL"),
        ("candidates", ["auto"], "E_MODEL"),
        ("options", {"x": float("nan")}, "E_CONFIG_TYPE"),
        ("options", {"x": {1: 2}}, "E_CONFIG_KEY"),
        ("options", "layers", "E_CONFIG_TYPE"),
    ],
    "ranges": [
        *[("level", value, "E_CONFIG_RANGE") for value in (0, 1.0, 1.5, -0.1, 95)],
        *[("source.percentile", value, "E_CONFIG_RANGE") for value in (-1, 100.5)],
        *[("budget", value, "E_CONFIG_RANGE") for value in (0, -3, 3601)],
        *[("jobs", value, "E_CONFIG_RANGE") for value in (0, -3, 257)],
        *[("sink.batch", value, "E_CONFIG_RANGE") for value in (0, -1, 10**6)],
        ("source.max_rows", 0, "E_CONFIG_RANGE"),
    ],
    "settings against each other": [
        ("periods", ["15d"], "E_CONFIG_CROSS"),
        ("periods", ["90m"], "E_CONFIG_CROSS"),
        ("periods", ["1h"], "E_CONFIG_CROSS"),
        ("clip", {"min": 5, "max": 5}, "E_CONFIG_CROSS"),
        ("thresholds", [{"of": "daily_mean"}], "E_CONFIG_CROSS"),
        ("thresholds", [{"above": 2, "below": 1}], "E_CONFIG_CROSS"),
        ("thresholds", [{"above": 2, "name": "x"}, {"below": 1, "name": "x"}], "E_CONFIG_DUPLICATE"),
        ("thresholds", [{"above": 2, "for": 0}], "E_CONFIG_RANGE"),
        ("thresholds", [{"above": 2, "for_": 2}], "E_CONFIG_UNKNOWN_KEY"),
    ],
    "time zone": [
        ("timezone", value, "E_TZ")
        for value in ("Mars/Base", "EST5EDT4", "+02:00", "../../etc/passwd", "", "UTC+2", "europe/berlin")
    ],
    "inline secret": [
        ("source.password", CANARY, "E_SECRET_INLINE"),
        ("sink.token", CANARY, "E_SECRET_INLINE"),
        ("source", [{"password": CANARY}], "E_CONFIG_TYPE"),
    ],
    "secret elsewhere": [
        ("source.auth", {"password": CANARY}, "E_CONFIG_TYPE"),
        ("source.auth", [{"x": {"api_key": CANARY}}], "E_CONFIG_TYPE"),
        ("source.pasword", CANARY, "E_CONFIG_UNKNOWN_KEY"),
        ("source.database", f"http://u:{CANARY}@h/x", "E_IDENT"),
    ],
    "marks of templates": [
        (path, mark, "E_UNRENDERED")
        for path in ("source.url", "source.database", "source.password_file", "horizon", "every", "name")
        for mark in ("{{inputs.parameters.x}}", "${VAR}", "<no value>", "http://{{x}}:8086")
        if path != "name"
    ],
    "schedules": [
        ("schedules", [value], "E_CRON")
        for value in (
            "* * * * * *",
            "61 * * * *",
            "@every 1s",
            "0 0 31 2 *",
            "",
            "TZ=UTC 0 * * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "H H * * *",
            "١ * * * *",
            "0 0 30 2 *",
        )
    ],
    "schedules that Argo refuses": [
        ("schedules", [value], "E_CRON")
        for value in ("0 6 * * 7", "0 6 * * 5-7", "0 22-6 * * *", "H/0 * * * *", "H/75 * * * *", "0 0 31 4,6 *")
    ],
    "choice": [
        ("source.auth", "Basic", "E_CONFIG_CHOICE"),
        ("on_no_data", "ignore", "E_CONFIG_CHOICE"),
        ("series_class", "flat", "E_CONFIG_CHOICE"),
        ("source.aggregate", "avg", "E_CONFIG_CHOICE"),
    ],
}
CASES = [
    pytest.param(path, value, token, id=f"{row} {path}={ascii(value)[:40]}")
    for row, cases in SETTINGS.items()
    for path, value, token in cases
]


@pytest.mark.parametrize(("path", "value", "token"), CASES)
def test_setting_in_a_file(path: str, value: Any, token: str, validate: Any) -> None:
    ended = validate(**{path.replace(".", "__"): value})
    # Where several settings are held against each other, the one that does not fit is named.
    ended.expect(token, "series.cpu." + ("" if token == "E_CONFIG_DURATION" else path))


TEXTS = [
    case
    for case in CASES
    if isinstance(case.values[1], str)
    and case.values[1].strip()
    and case.values[0] not in ("source.password", "sink.token", "source.pasword", "timezone")
]


def steps_of(path: str) -> str:
    """A step that takes the setting as a flag."""
    from cronocast.chain.resolve import step_leaves

    return next(
        step
        for step in ("extract", "classify", "forecast", "load")
        if any(leaf.path == path for leaf in step_leaves(step))
    )


def entry_flags(path: str) -> list[str]:
    """What a step needs besides the setting under test, all by flags."""
    history = [] if steps_of(path) == "load" else ["--history", "history.csv"]
    outputs = {
        "classify": ["--profile", "profile.json"],
        "forecast": ["--forecast", "forecast.csv"],
        "load": ["--forecast", "forecast.csv"],
    }.get(steps_of(path), [])
    return [steps_of(path), "--entry", json.dumps({"name": "cpu", "source": SOURCE}), *history, *outputs]


@pytest.mark.parametrize(("path", "value", "token"), [case for case in TEXTS if "\x00" not in str(case.values[1])])
def test_setting_by_flag_and_env(path: str, value: str, token: str, cronocast: Any, tmp_path: Path) -> None:
    if path in ("min_points", "options"):
        token = "E_CONFIG_TYPE"
    flag, variable = "--" + path.replace(".", "-").replace("_", "-"), "CRONOCAST_" + path.replace(".", "_").upper()
    by_flag = cronocast(*entry_flags(path), f"{flag}={value}").expect(token, "")
    by_env = cronocast(*entry_flags(path), env={variable: value})
    if value.isprintable():
        by_env.expect(token, "")
        assert flag in by_flag or token == "E_CONFIG_DURATION"
        assert variable in by_env.error or token == "E_CONFIG_DURATION"
    else:
        by_env.expect("E_CONFIG_ENCODING", variable)
    assert not list(tmp_path.iterdir())  # neither an output nor a lock


@pytest.mark.parametrize("aggregate", ["percentile", "mean"])
def test_percentile_zero_picks_no_point(aggregate: str, validate: Any) -> None:
    ended = validate(source__aggregate=aggregate, source__percentile=0)
    if aggregate == "mean":
        assert ended.code == 0  # it is not read
    else:
        assert "aggregate: min" in ended.expect("E_CONFIG_RANGE", "series.cpu.source.percentile")


@pytest.mark.parametrize(("other", "right"), [("lookback", "horizon"), ("horizon", "lookback")])
def test_a_length_of_time_that_is_wrong_hides_no_other(other: str, right: str, validate: Any) -> None:
    ended = validate(**{other: "soon", right: "90m"})
    assert re.search(rf"E_CONFIG_DURATION series\.cpu\.{right}: 90m .*1h", ended.err)
    assert f"E_CONFIG_DURATION series.cpu.{other}: 'soon'" in ended.err


def test_what_only_libraries_know_is_told_beside_other_problems(validate: Any) -> None:
    ended = validate(
        "series:\n  a: {calendar: {holidays: XX}, source: &s {url: http://h, database: d, measurement: m, field: f}}\n "
        " b: {horizon: 90m, source: *s}\n"
    )
    assert "series.a.calendar.holidays" in ended.err
    assert "series.b.horizon" in ended.err


def test_unknown_key_suggests_the_known_one(validate: Any) -> None:
    assert "'horizon'" in validate(horzon="24h").expect("E_CONFIG_UNKNOWN_KEY", "series.cpu.horzon")


def test_tls_required(validate: Any) -> None:
    validate(source__require_tls=True).expect("E_URL_TLS", "series.cpu.source.url")
    validate(source={**SOURCE, "url": "https://h", "require_tls": True}, sink={"url": "http://h"}).expect(
        "E_URL_TLS", "series.cpu.sink.url"
    )


def test_host_not_allowed(validate: Any) -> None:
    validate(source__allowed_hosts=["db.example"]).expect("E_URL_HOST", "series.cpu.source.url")
    assert validate(source={**SOURCE, "url": "http://db.example", "allowed_hosts": ["db.example"]}).code == 0


@pytest.mark.parametrize(
    "value",
    ["a' OR 1=1 --", "a\\' or", "‘quoted’", "{{workflow.name}}", "${HOME}", "<no value>", "drop", "a,b=c d"],
    ids=ascii,
)
def test_tag_values_are_data(value: str, validate: Any) -> None:
    assert validate(source__tags={"host": value}).code == 0
    assert validate(source__tags={"host": [value, "b"]}).code == 0


# Queries of people's own: what is refused, and what only looks as if
# ----------------------------------------------------------------------------------
BAD_QUERIES = {
    "second statement": f"SELECT v FROM c {BOUNDS}; DROP MEASUREMENT c",
    "semicolon at the end": f"SELECT v FROM c {BOUNDS};",
    "INTO": f"SELECT v INTO x FROM c {BOUNDS}",
    "into in a subquery": f"SELECT v FROM (SELECT v into x FROM c {BOUNDS})",
    "DROP": "DROP MEASUREMENT c",
    "DELETE": f"DELETE FROM c {BOUNDS}",
    "SHOW": "SHOW DATABASES",
    "line comment": f"SELECT v FROM c {BOUNDS} -- AND host = 'a'",
    "block comment": f"SELECT v /* x */ FROM c {BOUNDS}",
    "no bound": "SELECT v FROM c",
    "only one bound": "SELECT v FROM c WHERE time >= $start",
    "bounds in a string": "SELECT v FROM c WHERE host = 'time >= $start AND time < $end'",
    "bounds in a comment": "SELECT v FROM c /* time >= $start AND time < $end */",
    "string not closed": f"SELECT v FROM c {BOUNDS} AND host = 'a",
    "string over two lines": f"SELECT v FROM c {BOUNDS} AND host = 'a\n'; DROP MEASUREMENT c; SELECT '",
    "quote hidden in a regex": f"SELECT /a'/ FROM c {BOUNDS}; DROP MEASUREMENT c; SELECT /'/ FROM c",
    "statement between two divisions": f"SELECT a / b FROM c {BOUNDS}; DROP MEASUREMENT c; SELECT a / b FROM c",
    "regex hides a comment": f"SELECT v FROM c {BOUNDS} AND host =~ /*/; DROP MEASUREMENT c; /*/",
    "escaped quote": f"SELECT v FROM c {BOUNDS} AND host = 'a\\'; DROP MEASUREMENT c; --'' ;",
    "a mark that nothing fills in": f"SELECT mean(v) FROM c {BOUNDS} GROUP BY time($every)",
    "empty": " ",
}
GOOD_QUERIES = {
    "plain": f"SELECT v FROM c {BOUNDS}",
    "folded over lines": f"SELECT mean(v)\nFROM c\n{BOUNDS}\nGROUP BY time(1h), host fill(none)",
    "subquery": (
        f"SELECT mean(s) FROM (SELECT sum(v) AS s FROM c {BOUNDS} GROUP BY time(1m), host) {BOUNDS} GROUP BY time(1h)"
    ),
    "words in strings": f"SELECT v FROM c {BOUNDS} AND host = 'drop; delete -- into /* x */'",
    "words in names": f'SELECT "drop" FROM "into"."show"."delete;" {BOUNDS}',
    "escaped quotes": f"SELECT v FROM c {BOUNDS} AND host = 'it\\'s; drop'",
    "words in a regex": f"SELECT v FROM c {BOUNDS} AND host =~ /^drop;into'$/",
    "regex of measurements": f"SELECT v FROM /^drop.*/ {BOUNDS}",
    "a sign in names": f'SELECT "$v" FROM "c$d" {BOUNDS} AND host =~ /x$|$y/',
    "division": f"SELECT a / b FROM c {BOUNDS} AND a / b > 1",
    "a name that begins like a word": f"SELECT dropped, updated FROM created_into {BOUNDS}",
    "spacing and case": "select v from c where TIME>=$start and Time < $end",
}
OWN = {"url": SOURCE["url"], "database": "metrics"}
OWN_BODY = {"title": "T"}  # what a series must not share with the others


@pytest.mark.parametrize(
    ("grouped", "fine"),
    [
        ("time(1h)", True),
        ("time(1h, 10m)", False),
        ("time(1d) tz('Europe/Berlin')", False),
        ("time(1d)", False),
        ("host", True),
        ("time(0s)", True),
    ],
)
def test_slices_cut_no_step_of_a_query(grouped: str, fine: bool, validate: Any) -> None:
    ended = validate(source={**OWN, "slice": "6h", "query": f"SELECT mean(v) FROM c {BOUNDS} GROUP BY {grouped}"})
    if fine:
        assert ended.code == 0
    else:
        ended.expect("E_CONFIG_CROSS", "series.cpu.source.slice")


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_query_that_is_refused(query: str, validate: Any) -> None:
    validate(source={**OWN, "query": query}).expect("E_QUERY_NOT_SELECT", "series.cpu.source.query")


@pytest.mark.parametrize("query", GOOD_QUERIES.values(), ids=GOOD_QUERIES)
def test_query_that_is_fine(query: str, validate: Any) -> None:
    assert validate(source={**OWN, "query": query}).code == 0


LOOPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "same measurement": (SOURCE, {"measurement": "cpu"}),
    "same, database named": (SOURCE, {"measurement": "cpu", "database": "metrics"}),
    "the record of runs": ({**SOURCE, "measurement": "x_runs"}, {"measurement": "x"}),
    "a query": ({**OWN, "query": f"SELECT v FROM cpu {BOUNDS}"}, {"measurement": "cpu"}),
    "a query with a quoted name": (
        {**OWN, "query": f'SELECT v FROM "metrics"."autogen"."cpu" {BOUNDS}'},
        {"measurement": "cpu"},
    ),
    "the measurement made from the name": ({**OWN, "query": f'SELECT v FROM "cpu_forecast" {BOUNDS}'}, {}),
    "the record made from the name": ({**OWN, "query": f"SELECT v FROM cpu_forecast_runs {BOUNDS}"}, {}),
    "a slash after the address": (SOURCE, {"measurement": "cpu", "url": f"{SOURCE['url']}/"}),
    "a slash after the source's": (
        {**SOURCE, "url": f"{SOURCE['url']}/"},
        {"measurement": "cpu", "url": SOURCE["url"]},
    ),
}


@pytest.mark.parametrize(("source", "sink"), LOOPS.values(), ids=LOOPS)
def test_no_writing_into_what_is_read(source: dict[str, Any], sink: dict[str, Any], validate: Any) -> None:
    validate(source=source, sink=sink).expect("E_FEEDBACK_LOOP", "series.cpu.sink.measurement")
    assert validate(source=source, sink={**sink, "database": "elsewhere"}).code == 0


def own_query(names: Iterable[str], **sink: str) -> str:
    return json.dumps(
        {
            "defaults": {"source": {**OWN, "query": f"SELECT v FROM c {BOUNDS}"}, "sink": sink},
            "series": dict.fromkeys(names, OWN_BODY),
        }
    )


NO_MEASUREMENT = ("#1 disk", "cpu; db", "/var usage", 'a "quoted" name', "$x", "x" * 247, "a\\, b")


@pytest.mark.parametrize("name", NO_MEASUREMENT, ids=ascii)
def test_a_measurement_made_from_a_name_that_cannot_be_one(name: str, validate: Any) -> None:
    assert "measurement" in validate(own_query([name])).expect("E_IDENT", "series.")
    assert validate(own_query([name], measurement="m")).code == 0
    assert validate(json.dumps({"defaults": {"source": SOURCE}, "series": {name: OWN_BODY}})).code == 0


@pytest.mark.parametrize("measurement", ["x" * 247, "a\\, b"], ids=ascii)
def test_a_measurement_made_from_one_that_can_only_be_read(measurement: str, validate: Any) -> None:
    assert "source.measurement" in validate(source__measurement=measurement).expect(
        "E_IDENT", "series.cpu.sink.measurement"
    )
    assert validate(source__measurement=measurement, sink__measurement="m").code == 0
    if len(measurement) < 100:
        validate(sink__measurement=measurement).expect("E_IDENT", "series.cpu.sink.measurement")


def test_a_measurement_that_is_wrong_itself_is_told_once(validate: Any) -> None:
    wrong, name = validate(source__measurement="m; DROP"), validate(own_query(["a\nb"]))
    wrong.expect("E_IDENT", "series.cpu.source.measurement")
    name.expect("E_SERIES_NAME", "series.")
    assert "problem:" not in wrong.err + name.err


NAMES = (
    "../../etc",
    "a/b",
    ".",
    "..",
    "CON",
    "~",
    "-rf",
    "%2e%2e",
    "x" * 300,
    "a\u202eb",
    "CPU",
    "cpu",
    "é",
    "e\u0301",
    "a:b",
    "a,b",
    "a=b",
    " ",
    "a b",
    "ab",
)


def test_tags_that_only_records_must_rename_are_fine(validate: Any) -> None:
    assert (
        validate(source__group_by=["model", "class", "status", "yhats"], source__tags={"run": "1", "series": "a"}).code
        == 0
    )


def test_every_name_has_its_own_folder(validate: Any) -> None:
    ids = [series_id(name) for name in NAMES]
    assert len({name.lower() for name in ids}) == len(NAMES)  # also where the file system ignores case
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", name) for name in ids)
    assert (
        validate(
            yaml.safe_dump(
                {"defaults": {"source": SOURCE}, "series": dict.fromkeys(NAMES, OWN_BODY)}, allow_unicode=True
            )
        ).code
        == 0
    )


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "\x1b[2J", "x" * 301, "", "\ud800", "a\\"], ids=ascii)
def test_names_that_are_refused(name: str, validate: Any) -> None:
    validate(json.dumps({"defaults": {"source": SOURCE}, "series": {name: OWN_BODY}})).expect(
        "E_SERIES_NAME", "series."
    )


SECRET_FLAGS = [["--password", CANARY], [f"--password={CANARY}"], [f"--source-password={CANARY}"], ["--token", CANARY]]


@pytest.mark.parametrize("flags", SECRET_FLAGS, ids=lambda flags: flags[0].split("=")[0])
def test_no_flag_takes_a_secret(flags: list[str], cronocast: Any) -> None:
    cronocast("extract", *flags).expect("E_USAGE", "--", code=2)


def test_secret_in_the_entry(cronocast: Any) -> None:
    cronocast("extract", "--entry", json.dumps({"name": "cpu", "source": {**SOURCE, "password": CANARY}})).expect(
        "E_SECRET_INLINE", "source.password"
    )
    assert (
        "problem:"
        not in cronocast(
            "extract", "--entry", json.dumps({"name": "cpu", "source": SOURCE, "token": CANARY}), "--every", "1h"
        ).err
    )
    cronocast("extract", "--entry", f'{{"source": {{"password": "{CANARY}"').expect("E_CONFIG_JSON", "--entry")


def test_env_values_that_are_refused(cronocast: Any) -> None:
    flags = entry_flags("horizon")
    cronocast(*flags, env={"CRONOCAST_HORIZON": "1" * 200_000}).expect("E_CONFIG_SIZE", "CRONOCAST_HORIZON")
    cronocast(*flags, env={"CRONOCAST_HORIZON": "24h\n"}).expect("E_CONFIG_ENCODING", "CRONOCAST_HORIZON")
    cronocast(*flags, env={"CRONOCAST_HORIZON": os.fsdecode(b"\xff\xfe")}).expect(
        "E_CONFIG_ENCODING", "CRONOCAST_HORIZON"
    )
    cronocast("forecast", env={"CRONOCAST_ENTRY": "x" * 200_000}).expect("E_CONFIG_SIZE", "--entry")
    cronocast("forecast", env={"CRONOCAST_ENTRY": os.fsdecode(b'{"name": "\xff"}')}).expect("E_SERIES_NAME", "name")


def test_paths_that_are_refused(cronocast: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "into").symlink_to("/etc")
    (tmp_path / "root").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "history.csv").write_bytes(b"name,tags,time,value\n")

    def refused(flag: str, history: str, forecast: str, *more: str) -> None:
        cronocast("forecast", "--history", history, "--forecast", forecast, *more).expect("E_PATH", flag)

    for bad in ("link", "pipe", "/dev/zero", "root"):
        refused("--forecast", "history.csv", bad)
        refused("--history", bad, "forecast.csv")
    refused("--forecast", "history.csv", "history.csv")
    refused("--forecast", "history.csv", "root/../history.csv")
    refused("--history", "history.csv", "root/f.csv", "--root", "root")
    refused("--history", "root/../history.csv", "root/f.csv", "--root", "root")
    (tmp_path / "root" / "into").symlink_to("/etc")
    refused("--forecast", "root/h.csv", "root/into/f.csv", "--root", "root")
    cronocast(
        "load", "--entry", json.dumps({"name": "cpu", "source": SOURCE}), "--forecast", "f.csv", "--dry-run", "link"
    ).expect("E_PATH", "--dry-run")
    assert (tmp_path / "history.csv").read_bytes() == b"name,tags,time,value\n"


USAGE = {
    "unknown flag": (["extract", "--horzon", "24h"], "--horzon"),
    "unknown command": (["extrct"], "cronocast"),
    "missing required flag": (["validate"], "--values"),
    "flag without its value": (["run", "-f"], "-f"),
    "value for a switch": (["extract", "--debug=3"], "--debug"),
    "one argument too many": (["validate", "-f", "x", "y"], "validate"),
}


@pytest.mark.parametrize(("arguments", "where"), USAGE.values(), ids=USAGE)
def test_wrong_use_of_the_command_line(arguments: list[str], where: str, cronocast: Any) -> None:
    cronocast(*arguments).expect("E_USAGE", where, code=2)


@pytest.mark.parametrize(
    ("step", "flags"),
    {
        "extract": ["--history"],
        "classify": ["--history", "--profile"],
        "forecast": ["--history", "--forecast"],
        "load": ["--forecast"],
    }.items(),
)
def test_every_file_that_is_missing_is_named(step: str, flags: list[str], cronocast: Any) -> None:
    ended = cronocast(step, "--entry", json.dumps({"name": "cpu", "source": SOURCE}))
    ended.expect("E_CONFIG_MISSING", flags[0])
    assert all(f" {flag}: " in ended.err for flag in flags)


def test_load_by_flags_alone(cronocast: Any, tmp_path: Path) -> None:
    ended = cronocast("load", "--forecast", "f.csv")
    assert all(f" {flag}: " in ended.err for flag in ("--sink-url", "--sink-database", "--sink-measurement"))
    ended.expect("E_CONFIG_MISSING", "--sink-url")
    flags = ["--forecast", "f.csv", "--sink-url", "http://h", "--sink-database", "d", "--sink-measurement", "m"]
    cronocast("load", *flags).expect("E_INPUT_MISSING", "f.csv", code=66)
    assert (tmp_path / "load.result.json").exists()


def test_record_by_flags_alone(cronocast: Any, tmp_path: Path) -> None:
    """It takes its series, and where to write, from nowhere else; it tried the address of this machine for a minute."""
    ended = cronocast("record", "--root", "r", "--run", "2026-01-31T12:00:00Z")
    assert all(f" {flag}: " in ended.err for flag in ("--name", "--sink-url", "--sink-database", "--sink-measurement"))
    ended.expect("E_CONFIG_MISSING", "--name")
    assert not list(tmp_path.iterdir())


def test_all_problems_are_listed_at_once(validate: Any, cronocast: Any) -> None:
    ended = validate(every="0s", horizon="x", level=2, schedules=["no"], sink__batch=0)
    assert ended.counted == ["1", "5"]
    for key in ("every", "horizon", "level", "schedules[0]", "sink.batch"):
        assert f" series.cpu.{key}: " in ended.err
    text = (
        f"defaults: {{source: {json.dumps(SOURCE)}}}\nseries: {{a: {{every: 0s}}, b: 7, on: {{title: T}},"
        " c: {name: c}, d: {level: 2}}\n"
    )
    assert validate(text).counted == ["1", "5"]
    many = cronocast(
        "extract",
        "--history",
        "h.csv",
        "--source-timeout",
        "x",
        "--every",
        "y",
        env={"CRONOCAST_SOURCE_MAX_ROWS": "z", "CRONOCAST_RUN": "never"},
    ).err
    assert all(
        f" {name}: " in many
        for name in (
            "--source-timeout",
            "--every",
            "CRONOCAST_SOURCE_MAX_ROWS",
            "--run",
            "--source-url",
            "--source-database",
        )
    )


def test_auto_is_not_offered_as_one_of_its_own_candidates(validate: Any) -> None:
    line = validate(candidates=["auto"]).expect("E_MODEL", "series.cpu.candidates[0]")
    assert "allowed: naive, " in line
    assert "allowed: auto, naive, " in validate(model="autp").expect("E_MODEL", "series.cpu.model")


def test_what_is_wrong_in_defaults_is_told_there_and_once(validate: Any) -> None:
    own = [f"s{i}" for i in range(30)]
    wrong = {"source": {**SOURCE, "databse": "x"}, "horizont": "24h", "levels": [80]}
    ended = validate(
        yaml.safe_dump({"defaults": wrong, "series": {**dict.fromkeys(own), "worse": {"every": "1 hour"}}})
    )
    assert ended.counted == ["1", "4"]
    for place in ("defaults.source.databse", "defaults.horizont", "defaults.levels[0]", "series.worse.every"):
        assert f" {place}: " in ended.err


def test_what_defaults_leave_to_the_series_is_no_problem_of_theirs(validate: Any) -> None:
    parted = {
        "defaults": {"source": {"url": SOURCE["url"]}},
        "series": {"a": {"source": {**SOURCE}}, "b": {"source": {"measurement": "m", "field": "f"}}},
    }
    validate(yaml.safe_dump(parted)).expect("E_CONFIG_MISSING", "series.b.source.database")


def test_no_more_than_twenty_are_printed(validate: Any) -> None:
    ended = validate(yaml.safe_dump({"series": {f"s{i}": {"level": 2} for i in range(30)}}))
    problems = [line for line in ended.err.splitlines() if line.startswith("problem: ")]
    assert [line.startswith("problem: E_") for line in problems] == [True] * 20 + [False]
    assert "10" in problems[-1]  # how many more there are


def test_as_a_process_without_heavy_modules(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(
        f"series: {{cpu: {{source: {json.dumps({**SOURCE, 'url': f'http://u:{CANARY}@h'})}}}}}\n"
    )
    command = [sys.executable, "-m", "cronocast", "validate", "-f", "values.yaml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    Ended(ended.returncode, ended.stdout, ended.stderr).expect("E_URL_CREDENTIALS", "series.cpu.source.url")
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    ).stderr
    assert not [line for line in imported.splitlines() if re.search(r"\| +(numpy|requests|tensorflow|pandas)$", line)]
