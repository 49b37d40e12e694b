"""`cronocast check` against a real server: each of many planted mistakes is found, with how to fix it."""

import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cronocast.check.entry import check_entry
from cronocast.check.finding import Finding
from cronocast.document.entry import parse_entry
from cronocast.settings.declare import merge
from demo.influxd import Influxd, InfluxdError
from tests import servers

DATABASE = "check_metrics"
MINUTE, DAY = 60, 86400
AT = int(time.time()) // MINUTE * MINUTE  # newest point of what is written until now
NOW_NS = (AT + 5) * 10**9


def points(key: str, fields: str, step: int, begin: int, end: int = 0) -> Iterator[str]:
    """Lines from `begin` to `end` seconds ago."""
    return (f"{key} {fields} {time_s}000000000" for time_s in range(AT - end, AT - begin, -step))


def lines() -> Iterator[str]:
    fields = 'used_percent=40,total=7i,note="x"'
    for where in ("host=a,path=/,device=s1", "host=a,path=/data,device=s2", "host=b,path=/,device=s1"):
        yield from points(f"disk,{where}", fields, 10 * MINUTE, 9 * DAY)
    for cpu in ("cpu-total", "cpu0"):
        yield from points(f"cpu,host=a,cpu={cpu}", "usage_idle=7", 10 * MINUTE, 9 * DAY)
    yield from points("stopped,host=a", "v=1", 10 * MINUTE, 9 * DAY, 2 * DAY)
    yield from points("gone,host=a", "v=1", 10 * MINUTE, 40 * DAY, 39 * DAY)
    yield from points("young,host=a", "v=1", 10 * MINUTE, 20 * 3600 + 10 * MINUTE)
    for second, value in ((0, 1), (10 * MINUTE, 2)):
        yield from points("gauge,host=a", f"v={value}", 20 * MINUTE, 9 * DAY, second)
    yield from points("mixed,host=a", "v=1", 10 * MINUTE, 4 * DAY)
    yield from points("mixed,host=a", "v=1i", 10 * MINUTE, 30 * DAY, 25 * DAY)
    yield from points("worded,host=a", 'v="1"', 10 * MINUTE, 30 * DAY, 25 * DAY)
    yield from points("worded,host=a", "v=1", 10 * MINUTE, 4 * DAY)
    yield from points("taken,series=s", "yhat=1i", MINUTE, 2 * MINUTE)
    yield from points("cpu_canary,host=a", "yhat=3", MINUTE, 2 * MINUTE)


@pytest.fixture(scope="module")
def server(influxd: Influxd) -> Iterator[Influxd]:
    influxd.create_database(DATABASE)
    influxd.create_policy(DATABASE, "hour", "1h")
    influxd.create_policy(DATABASE, "kept")
    influxd.write(lines(), DATABASE)
    kept = "\n".join(points("long,host=a", "v=1", 10 * MINUTE, 9 * DAY)).encode()
    influxd.post(f"/write?db={DATABASE}&rp=kept&precision=ns", kept)
    if not servers.IS_2:
        influxd.create_database("check_closed", readable=False, writable=False)
    if servers.HAS_LIMITS:
        influxd.create_policy(DATABASE, "near")
        influxd.query(f'ALTER RETENTION POLICY "near" ON "{DATABASE}" FUTURE LIMIT 6h')
    yield influxd
    influxd.drop_database(DATABASE)


class Mistake(NamedTuple):
    """What is wrong in an otherwise right entry, and what is found of it."""

    wrong: Mapping[str, Any]  # laid over DISK
    what: str
    exit: int  # 0: a warning
    seen: tuple[str, ...]
    fix: tuple[str, ...]
    on: str = ""  # "1.x", "limits": servers that have it
    write: bool = False


DISK: dict[str, Any] = {
    "name": "s",
    "source": {
        "database": DATABASE,
        "measurement": "disk",
        "field": "used_percent",
        "group_by": ["host", "path"],
    },
    "lookback": "1w",
}


def source(**settings: Any) -> dict[str, Any]:
    return {"source": settings}


def sink(**settings: Any) -> dict[str, Any]:
    return {"sink": settings}


ADMIN, READER, WRITER = "admin", "reader", "writer"
MISTAKES: dict[str, Mistake] = {
    "nobody answers": Mistake(source(url="http://127.0.0.1:9"), "server", 75, ("refused",), ("server up",)),
    "wrong password": Mistake(source(password_file="wrong"), "server", 77, ("authoriz",), ("secret",)),
    "database misspelt": Mistake(source(database="check_metric"), "database", 69, ("check_metric",), (DATABASE,)),
    "no right to read": Mistake(source(username=WRITER), "rights", 77, ("READ",), ("GRANT READ",), on="1.x"),
    "no right to a database at all": Mistake(
        source(database="check_closed"), "rights", 77, ("READ on check_closed",), ("GRANT READ", DATABASE), on="1.x"
    ),
    "no right to read back": Mistake(sink(read_back=True), "rights", 77, ("read_back",), ("GRANT READ",), on="1.x"),
    "policy misspelt": Mistake(source(retention_policy="ours"), "policy", 69, ("ours",), ("hour",)),
    "policy too short": Mistake(
        {**source(retention_policy="hour"), "lookback": "24h"},
        "policy",
        0,
        ("60 minutes", "24h"),
        ("lookback",),
        on="1.x",
    ),
    "measurement misspelt": Mistake(source(measurement="dsk"), "measurement", 66, ("dsk",), ("disk",)),
    "measurement in capitals": Mistake(source(measurement="DISK"), "measurement", 66, ("DISK",), (": disk",)),
    "field misspelt": Mistake(source(field="used_precent"), "field", 66, ("used_precent",), ("used_percent",)),
    "a tag as field": Mistake(source(field="path"), "field", 66, ("path", "tag"), ("used_percent", "total")),
    "field of text": Mistake(source(field="note"), "field", 69, ("string",), ("total", "used_percent", "count")),
    "field of two types": Mistake(
        {**source(measurement="mixed", field="v", group_by=["host"]), "lookback": "3d"},
        "field",
        0,
        ("float", "integer"),
        ("converter",),
    ),
    "field of text once": Mistake(
        {**source(measurement="worded", field="v", group_by=["host"]), "lookback": "3d"},
        "field",
        0,
        ("float", "string"),
        ("converter",),
    ),
    "field of text in the window": Mistake(
        {**source(measurement="worded", field="v", group_by=["host"]), "lookback": "4w"},
        "field",
        66,
        ("float", "string", "of type string can't be read"),
        ("converter",),
    ),
    "a tag is not grouped": Mistake(
        source(group_by=["host"]), "tags", 0, ("path (2), device (2)",), ("group_by: [host, path]",)
    ),
    "no tag is grouped": Mistake(source(group_by=[]), "tags", 0, ("host (2)", "path (2)"), ("group_by: [host, path]",)),
    "a total beside its parts": Mistake(
        source(measurement="cpu", field="usage_idle", group_by=["host"]),
        "tags",
        0,
        ("cpu (2)",),
        ("tags: {cpu: cpu-total}", "group_by: [host, cpu]"),
    ),
    "no such tag to group by": Mistake(source(group_by=["hots", "path"]), "tags", 78, ("hots",), ("host",)),
    "a field to group by": Mistake(source(group_by=["host", "path", "total"]), "tags", 78, ("field",), ("device",)),
    "no such tag": Mistake(source(tags={"hostt": "a"}), "tags", 78, ("hostt",), ("device",)),
    "no such value": Mistake(source(tags={"path": "/dat"}), "tags", 66, ("/dat",), ("/data",)),
    "one value of two": Mistake(source(tags={"host": ["a", "c"]}), "tags", 66, ("host=c",), ("a", "b")),
    "values that never meet": Mistake(
        source(tags={"host": "b", "path": "/data"}), "points", 66, ("no series has all",), ("fewer",)
    ),
    "steps too fine": Mistake({"every": "1m"}, "points", 0, ("10%",), ("every: 10m",)),
    "lookback beyond the data": Mistake(
        source(measurement="young", field="v", group_by=["host"]), "points", 0, ("20 hours",), ("lookback: 20h",)
    ),
    "points have stopped": Mistake(
        source(measurement="stopped", field="v", group_by=["host"]), "newest", 0, ("2 days",), ("written", "delay")
    ),
    "points ended long ago": Mistake(
        source(measurement="gone", field="v", group_by=["host"]), "points", 66, ("39 days",), ("lookback",)
    ),
    "points in another policy": Mistake(
        source(measurement="long", field="v", group_by=["host"]),
        "points",
        66,
        ("policy kept",),
        ("source.retention_policy: kept",),
    ),
    "too few steps": Mistake({"lookback": "12h", "horizon": "1h"}, "spans", 0, ("12 steps", "24"), ("lookback: 1d",)),
    "horizon beyond what can be measured": Mistake({"horizon": "5d"}, "spans", 0, ("5d", "1w"), ("lookback: 10d",)),
    "wrong password of the sink": Mistake(sink(password_file="wrong"), "sink", 77, ("401",), ("secret",)),
    "secret of the sink is missing": Mistake(sink(password_file="absent"), "sink", 78, ("absent",), ("readable",)),
    "a gauge as a counter": Mistake(
        {**source(measurement="gauge", field="v", group_by=["host"]), "prepare": {"rate": True}},
        "counter",
        0,
        ("falls",),
        ("leave rate out",),
    ),
    "no sink": Mistake(sink(database="forecast"), "database", 69, ("forecast",), ("CREATE DATABASE", "sink.database")),
    "no such policy of the sink": Mistake(sink(retention_policy="huor"), "policy", 69, ("huor",), ("hour",)),
    "policy of the sink too short": Mistake(
        sink(retention_policy="hour"), "policy", 0, ("60 minutes", "24h"), ("longer",), on="1.x"
    ),
    "FUTURE LIMIT": Mistake(
        sink(retention_policy="near"),
        "policy",
        69,
        ("6 hours ahead", "24h"),
        ("ALTER RETENTION POLICY", "FUTURE LIMIT INF"),
        on="limits",
    ),
    "measurement of the sink is taken": Mistake(sink(measurement="taken"), "sink", 69, ("integer",), ("another",)),
    "no right to write": Mistake(sink(username=READER), "canary", 77, ("no rights",), ("GRANT WRITE",), write=True),
    "model not installed": Mistake(
        {"model": "tests.no_such_module:Model"}, "models", 78, ("not installed",), ("install",)
    ),
    "an option that the model has not": Mistake(
        {"model": "lstm", "options": {"unitss": 3}}, "models", 78, ("unitss",), ("units",)
    ),
    "secret for everybody": Mistake(source(password_file="open"), "server", 78, ("0444", "everyone"), ("chmod",)),
    "secret for the group": Mistake(source(password_file="shared"), "secrets", 0, ("0440",), ("chmod 0400",)),
    "secret is missing": Mistake(source(password_file="absent"), "server", 78, ("absent",), ("readable",)),
    "a query without rows": Mistake(
        source(
            query='SELECT mean(v) FROM "gone" WHERE time >= $start AND time < $end GROUP BY time(1h)',
            measurement=None,
            field=None,
            group_by=None,
        ),
        "points",
        66,
        ("0 rows",),
        ("lookback",),
    ),
}


def document(server: Influxd, folder: Path, over: Mapping[str, Any]) -> dict[str, Any]:
    """The right entry with something laid over it; names of users and files become what they stand for."""
    made: dict[str, Any] = merge(merge(DISK, {"source": {"url": server.url, "username": READER}}), dict(over))
    made.setdefault("sink", {})
    writer = ADMIN if servers.IS_2 else WRITER  # a token of 2.x that may only write may not delete
    made["sink"] = {"username": writer, "password_file": made["sink"].get("username", writer), **made["sink"]}
    made["source"] = {"auth": "basic", "password_file": made["source"]["username"], **made["source"]}
    passwords = {account.name: account.password for account in (server.admin, server.reader, server.writer)}
    modes = {"open": 0o444, "shared": 0o440}
    for part in (made["source"], made["sink"]):
        path = folder / part["password_file"]
        if path.name != "absent" and not path.exists():
            usual = "no such password" if path.name == "wrong" else passwords[READER]
            path.write_text(passwords.get(path.name, usual))
            path.chmod(modes.get(path.name, 0o400))
        part["password_file"] = str(path)
    return made


def look(server: Influxd, folder: Path, over: Mapping[str, Any], *, write: bool = False) -> list[Finding]:
    return check_entry(parse_entry(document(server, folder, over)), NOW_NS, write=write, env={})


def faults(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level in ("warning", "error")]


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_with_what_mends_it(server: Influxd, tmp_path: Path, mistake: Mistake) -> None:
    if (mistake.on == "1.x" and servers.IS_2) or (mistake.on == "limits" and not servers.HAS_LIMITS):
        pytest.skip(f"this version of InfluxDB has no such thing: {mistake.on}")
    found = faults(look(server, tmp_path, mistake.wrong, write=mistake.write))
    named = [finding for finding in found if finding.what == mistake.what]
    assert [(finding.what, finding.exit) for finding in found if finding in named] == [(mistake.what, mistake.exit)]
    assert [part for part in mistake.seen if part not in named[0].seen] == [], named[0]
    assert [part for part in mistake.fix if part not in named[0].fix] == [], named[0]
    others = {finding.what for finding in found} - {mistake.what}
    assert others <= CONSEQUENCES.get(mistake.what, set()), found


# Further findings that follow from the same mistake.
CONSEQUENCES = {"rights": {"database"}, "policy": {"points", "measurement"}}


def test_nothing_is_wrong_with_a_right_entry(server: Influxd, tmp_path: Path) -> None:
    found = look(server, tmp_path, {}, write=True)
    assert faults(found) == []
    assert {"server", "database", "measurement", "field", "members", "points", "newest", "sink", "canary"} == {
        finding.what for finding in found
    }
    (members,) = [finding for finding in found if finding.what == "members"]
    assert "3 by host, path" in members.seen
    assert "host=a,path=/data" in members.seen


@pytest.mark.parametrize("aggregate", ["sum", "count", "max"])
def test_series_that_are_taken_together_on_purpose_are_no_warning(
    server: Influxd, tmp_path: Path, aggregate: str
) -> None:
    found = look(server, tmp_path, source(group_by=["host"], aggregate=aggregate))
    assert faults(found) == []
    assert [finding.level for finding in found if finding.what == "tags"] == ["note"]


def test_count_needs_no_numbers(server: Influxd, tmp_path: Path) -> None:
    assert faults(look(server, tmp_path, source(field="note", aggregate="count"))) == []


def test_the_canary_leaves_nothing_behind(server: Influxd, tmp_path: Path) -> None:
    """Also where somebody has a measurement of that name."""
    over = merge(
        source(measurement="cpu", field="usage_idle", group_by=["host", "cpu"]), sink(measurement="cpu")
    )  # its canary goes to cpu_canary
    with pytest.raises(Exception, match="E_FEEDBACK_LOOP"):
        look(server, tmp_path, over, write=True)
    over["source"]["measurement"], over["source"]["field"] = "disk", "used_percent"
    over["source"]["group_by"] = ["host", "path"]
    assert faults(look(server, tmp_path, over, write=True)) == []
    rows = server.query("SELECT yhat, host FROM cpu_canary", DATABASE)
    assert [(row["yhat"], row["host"]) for row in rows] == [(3, "a"), (3, "a")]


@pytest.mark.skipif(not servers.IS_2, reason="buckets came with 2.x")
def test_a_bucket_without_a_default_policy(server: Any, tmp_path: Path) -> None:
    """Such a bucket answers no question about tags."""
    server.create_bucket("check_bucket/p")
    body = "\n".join(points("disk,host=a,path=/", "used_percent=40", 10 * MINUTE, 9 * DAY)).encode()
    server.post("/write?db=check_bucket&rp=p&precision=ns", body)
    over = source(database="check_bucket", username=ADMIN)
    found = faults(look(server, tmp_path, over))
    assert [(one.setting, one.fix) for one in found if one.what == "policy"] == [
        (f"{role}.retention_policy", f"{role}.retention_policy: p") for role in ("source", "sink")
    ]
    named = merge(merge(over, source(retention_policy="p")), sink(retention_policy="p"))
    assert faults(look(server, tmp_path, named, write=True)) == []
    (tag,) = faults(look(server, tmp_path, merge(named, source(group_by=["hots", "path"]))))
    assert (tag.what, tag.fix) == ("tags", "source.group_by: host")


@pytest.mark.skipif(not servers.IS_2, reason="who may write to 1.x may delete as well")
def test_a_canary_that_stays_is_told(server: Influxd, tmp_path: Path) -> None:
    (found,) = faults(look(server, tmp_path, sink(username=WRITER), write=True))
    assert (found.what, found.exit) == ("canary", 0)
    assert "not deleted" in found.seen
    assert "disk_forecast_canary" in found.fix
    assert len(server.query("SELECT yhat FROM disk_forecast_canary", DATABASE)) == 1


def test_variables_that_change_the_entry_are_told(server: Influxd, tmp_path: Path) -> None:
    entry = parse_entry(document(server, tmp_path, {}))
    env = {"CRONOCAST_HORIZON": "12h", "CRONOCAST_EVERY": "1h", "CRONOCAST_SOURCE_TAGS": "{}", "CRONOCAST_LEVEL": ""}
    found = faults(check_entry(entry, NOW_NS, write=False, env=env))
    assert [(finding.what, finding.setting, finding.exit) for finding in found] == [("variables", "horizon", 0)]
    assert "CRONOCAST_HORIZON" in found[0].fix


def test_the_command_prints_json_and_leaves_with_the_worst_code(
    server: Influxd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cronocast.check.command import run_check

    entries = {name: document(server, tmp_path, over) for name, over in ENTRIES.items()}
    for entry in entries.values():
        entry.pop("name")
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"series": entries}))
    assert run_check(values, [], write=False, as_json=True) == 78
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit"] == 78
    codes = {name: max(finding["exit"] for finding in found) for name, found in answer["series"].items()}
    assert codes == {str(values): 78, "right": 0, "field": 66, "gone": 75}
    assert run_check(values, ["field", "gone"], write=False, as_json=False) == 78
    out = capsys.readouterr().out
    assert "used_percent" in out
    assert "right\n" not in out
    assert max(map(len, out.splitlines())) <= 140


ENTRIES = {
    "right": {},
    "field": source(field="used_precent"),
    "gone": source(url="http://127.0.0.1:9"),
    "unreadable": {"every": "soon"},
}


def test_secrets_are_never_shown(server: Influxd, tmp_path: Path) -> None:
    shown = [str(finding) for mistake in MISTAKES.values() for finding in look(server, tmp_path, mistake.wrong)]
    assert not [text for text in shown if server.reader.password in text or "no such password" in text]
    assert stat.S_IMODE((tmp_path / "reader").stat().st_mode) == 0o400
    assert os.environ.get("CRONOCAST_SOURCE_PASSWORD") is None
    with pytest.raises(InfluxdError):
        server.query("SHOW DATABASES", account=type(server.reader)("reader", "no such password"))
