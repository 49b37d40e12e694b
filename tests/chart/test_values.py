"""Each value is read, each mistake is named with its path, and what is generated from values is up to date."""

import copy
import json
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import yaml

from cronocast.document.chart import Chart
from cronocast.settings.declare import plain
from cronocast.settings.rules import cron_fault, url_problem, zone_fault
from helm import generate
from tests.chart.rendering import CHART, IDS, MINIMAL, SCENARIOS, kind, problems, render, rendered, scenario


def test_values_schema_and_readme_follow_from_the_definition() -> None:
    for path, text in generate.outputs().items():
        assert path.read_text() == text, "run: python helm/generate.py"


def test_the_defaults_in_values_yaml_are_those_of_the_definition() -> None:
    given = yaml.safe_load((CHART / "values.yaml").read_text())
    assert given.pop("defaults") == given.pop("series") == {}
    expected = plain(Chart())
    expected["profiles"] = {"cpu": {}}
    assert given == expected


def leaf_paths(value: Any, at: str = "") -> Iterator[str]:
    for item in fields(value):
        mine = getattr(value, item.name)
        yield from leaf_paths(mine, f"{at}{item.name}.") if is_dataclass(mine) else (f"{at}{item.name}",)


# A value that differs from the default, by what the default is; what needs a value of its own kind stands in OWN.
OTHER: dict[type, Any] = {
    bool: lambda v: not v,
    int: lambda v: v + 7,
    str: lambda v: f"{v}other",
    tuple: lambda v: [*v, "other"],
}
OWN: dict[str, Any] = {
    "labels": {"a": "b"}, "annotations": {"a": "b"}, "image.digests": {"load": "sha256:" + "0" * 64},
    "image.pullPolicy": "Never", "image.pullSecrets": ["a"],
    "volume.size": "7Gi", "volume.accessMode": "ReadWriteMany", "schedule.concurrencyPolicy": "Replace",
    "networkPolicy.egress": [{"ports": [{"port": 1}]}],
    "networkPolicy.apiServerPorts": [1], "janitor.schedule": "1 1 1 1 1", "janitor.keep": "1d",
    "janitor.gone": "1d",
    "tend.schedule": "1 1 1 1 1", "secrets.more": {"db2": "s"}, "serviceAccount.annotations": {"a": "b"},
    "schedule.topologySpread": [{"maxSkew": 1}], "monitoring.rules.labels": {"a": "b"},
    "monitoring.rules.runbook": "https://wiki/#", "monitoring.rules.periods": 5,
    "profiles": {"cpu": {}, "more": {}}, "profiles.cpu.light.nodeSelector": {"a": "b"},
    "profiles.cpu.light.tolerations": [{"key": "a"}], "profiles.cpu.light.affinity": {"podAffinity": {}},
    "profiles.cpu.heavy.nodeSelector": {"a": "b"},
    "profiles.cpu.heavy.tolerations": [{"key": "a"}], "profiles.cpu.heavy.affinity": {"podAffinity": {}},
    "profiles.cpu.heavy.image": "forecast-lstm-gpu",
    "profiles.cpu.heavy.gpus": 1, "profiles.cpu.heavy.gpuResource": "amd.com/gpu",
    "profiles.cpu.darts.nodeSelector": {"a": "b"},
    "profiles.cpu.darts.tolerations": [{"key": "a"}], "profiles.cpu.darts.affinity": {"podAffinity": {}},
    "profiles.cpu.darts.image": "forecast-pretrained",
    "profiles.cpu.darts.gpus": 1, "profiles.cpu.darts.gpuResource": "amd.com/gpu",
    "serve.leads": ["2h"], "serve.refresh": "1m", "serve.ingress": [{"podSelector": {}}],
    "serve.nodeSelector": {"a": "b"}, "serve.tolerations": [{"key": "a"}], "serve.affinity": {"podAffinity": {}},
    "serve.serviceMonitor.interval": "1m", "serve.serviceMonitor.labels": {"a": "b"},
    "serve.api.allowedHosts": ["b"],
    "serve.rules.labels": {"a": "b"}, "serve.rules.actuals": [{"series": "a", "expr": "up"}],
}  # fmt: skip
BASE: dict[str, Any] = {"series": {"a": MINIMAL}}
TAKES = {"enabled": True, "tokensSecret": "a", "allowedHosts": ["a"]}
SERVED: dict[str, Any] = {
    "serve": {"enabled": True, "serviceMonitor": {"enabled": True}, "rules": {"enabled": True}, "api": TAKES}
}
NEEDED: dict[str, dict[str, Any]] = {
    **{f"profiles.cpu.{pods}.gpuResource": {"profiles": {"cpu": {pods: {"gpus": 1}}}} for pods in ("heavy", "darts")},
    "serviceAccount.name": {},
    **{
        f"monitoring.rules.{name}": {"monitoring": {"rules": {"enabled": True}}}
        for name in ("labels", "periods", "runbook")
    },
}
PATHS = sorted({*leaf_paths(Chart()), *OWN})
NEEDED |= {path: SERVED for path in PATHS if path.startswith("serve.") and not path.endswith("enabled")}
NEEDED |= {f"serve.{part}.enabled": {"serve": {"enabled": True}} for part in ("serviceMonitor", "rules")}
NEEDED["serve.api.enabled"] = {"serve": {"enabled": True, "api": {**TAKES, "enabled": False}}}
GUARDS = ("serve.api.tokensSecret", "serve.api.allowedHosts")  # without which the chart makes nothing


def put(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(values)
    part = made
    *outer, last = path.split(".")
    for name in outer:
        part = part.setdefault(name, {})
    part[last] = value
    return made


def default_at(path: str) -> Any:
    value: Any = Chart()
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("path", PATHS)
def test_every_value_changes_what_is_made(path: str) -> None:
    before = {**BASE, **NEEDED.get(path, {})}
    default = None if path in OWN else default_at(path)
    if isinstance(default, dict):  # requests and limits: of each something else
        wanted: Any = {**default, "memory": "96Mi" if path.endswith("requests") else "7Gi"}
    else:
        wanted = (
            OWN[path]
            if path in OWN
            else next(make for kind_, make in OTHER.items() if isinstance(default, kind_))(default)
        )
    assert render(put(before, path, wanted)) != list(rendered(json.dumps(before)))


NOT_NEEDED = (
    *(path for path in PATHS if path.endswith((".requests", ".limits"))),
    "security.runAsUser",
    "security.runAsGroup",
    "security.fsGroup",
)
EMPTY = tuple(path for path in PATHS if not path.startswith("profiles.") and default_at(path) in ("", False, (), {}))


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith("profiles.")])
def test_null_leaves_nothing_half_made(path: str) -> None:
    """Helm takes a default away where a file says null.

    An old release that is upgraded with its old values lacks what is new, too.
    """
    before = {**BASE, **NEEDED.get(path, {})}
    values = put(before, path, None)
    if path in GUARDS:
        assert f"E_CONFIG_MISSING {path}" in problems(values)
    elif path in EMPTY:
        assert render(values) == list(rendered(json.dumps(before)))
    elif path in NOT_NEEDED:
        assert render(values) != list(rendered(json.dumps(before)))
    else:
        *outer, last = path.split(".")
        assert f"at '{''.join(f'/{name}' for name in outer)}': missing property '{last}'" in problems(values)


ENTRY_PATHS = {
    "schedules": ["1 1 1 1 1"],
    "timezone": "Europe/Berlin",
    "suspend": True,
    "profile": "more",
    "pods": "many",
    "title": "T",
    "horizon": "48h",
}


@pytest.mark.parametrize("path", ENTRY_PATHS)
def test_every_setting_of_a_series_that_the_chart_acts_on_changes_the_schedule_beyond_its_document(path: str) -> None:
    values = {**BASE, "profiles": {"cpu": {}, "more": {}}}

    def without_document(objects: Any) -> Any:
        cron = kind(objects, "CronWorkflow")[0]
        cron["spec"]["workflowSpec"]["arguments"]["parameters"].pop(0)
        return cron

    assert without_document(render(put(values, f"series.a.{path}", ENTRY_PATHS[path]))) != without_document(
        render(values)
    )


# id -> (path, value, what helm's message must hold)
REFUSED: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "series as a list": ("series", [], ("/series", "array")),
    "5001 series": ("series", {f"s{i}": None for i in range(5001)}, ("/series", "5,000")),
    "schedule: six fields": ("series.a.schedules", ["* * * * * *"], ("/series/a/schedules/0", "* * * * * *")),
    "schedule: minute 61": ("series.a.schedules", ["61 * * * *"], ("E_CRON", "series.a.schedules", '"61"')),
    "schedule: @every": ("series.a.schedules", ["@every 1s"], ("/series/a/schedules/0",)),
    "schedule: Sunday as 7": (
        "series.a.schedules",
        ["0 6 * * 5-7"],
        ("E_CRON", "series.a.schedules", '"5-7"', "field 5"),
    ),
    "schedule: a range backwards": (
        "series.a.schedules",
        ["0 22-6 * * *"],
        ("E_CRON", "series.a.schedules", '"22-6"', "field 2"),
    ),
    "schedule: never": ("series.a.schedules", ["0 0 31 2 *"], ("E_CRON", "series.a.schedules", '"0 0 31 2 *"')),
    "schedule: a zone in front": ("series.a.schedules", ["TZ=UTC 1 1 1 1 1"], ("/series/a/schedules/0",)),
    "schedule: empty": ("series.a.schedules", [""], ("/series/a/schedules/0",)),
    "policy in lower case": ("schedule.concurrencyPolicy", "replace", ("/schedule/concurrencyPolicy", "Forbid")),
    "an unknown policy": ("schedule.concurrencyPolicy", "Queue", ("/schedule/concurrencyPolicy",)),
    "deadline: no catching up": ("schedule.startingDeadlineSeconds", 0, ("/schedule/startingDeadlineSeconds", "1")),
    "deadline: negative": ("schedule.startingDeadlineSeconds", -5, ("/schedule/startingDeadlineSeconds",)),
    "name: 53 characters": ("series", {"a" * 53: MINIMAL}, ("E_NAME", "a" * 53, "52")),
    "name: a control character": ("series", {"a\tb": MINIMAL}, ("/series", r"a\tb")),
    "name: a trailing backslash": ("series", {"a\\": MINIMAL}, ("/series", r"'a\'")),
    "image: latest": ("image.tag", "latest", ("E_IMAGE", "image.tag")),
    "image: a scheme": ("image.registry", "http://x", ("/image/registry",)),
    "image: empty": ("image.registry", "", ("/image/registry",)),
    "image: half a digest": ("image.digests", {"load": "sha256:12"}, ("/image/digests/load",)),
    "image: an unknown image": ("image.digests", {"lod": "sha256:" + "0" * 64}, ("/image/digests", "lod")),
    "limit below request": (
        "resources.load.limits",
        {"memory": "8Mi"},
        ("E_RESOURCES", "resources.load.limits.memory", "8Mi", "64Mi"),
    ),
    "memory in bytes": (
        "resources.load.limits",
        {"memory": "512"},
        ("E_RESOURCES", "resources.load.limits.memory", "512"),
    ),
    "an odd quantity": ("resources.load.limits", {"memory": "1e3Gi"}, ("/resources/load/limits/memory", "1e3Gi")),
    "half a GPU": ("profiles", {"gpu": {"heavy": {"gpus": 0.5}}}, ("/profiles/gpu/heavy/gpus", "integer")),
    "root": ("security.runAsUser", 0, ("/security/runAsUser",)),
    "privileged": ("security.privileged", True, ("/security", "privileged")),
    "hostNetwork": ("hostNetwork", True, ("hostNetwork",)),
    "an unknown profile": ("series.a.profile", "gpu", ("E_CONFIG_CHOICE", "series.a.profile", "cpu")),
    "a password": ("series.a.source.password", "canary", ("/series/a/source", "password")),
    "a token in defaults": ("defaults.sink.token", "canary", ("/defaults/sink", "token")),
    "a mark in an annotation": ("annotations", {"a": "{{workflow.name}}"}, ("E_UNRENDERED", "annotations")),
    "a mark in a name": ("series", {"{{x}}": MINIMAL}, ("E_UNRENDERED", "series.{{x}}")),
    "retry as text": ("retry.limit", "abc", ("/retry/limit",)),
    "1000 repetitions": ("retry.limit", 1000, ("/retry/limit", "20")),
    "retry.maxDuration": ("retry.maxDuration", "1m", ("/retry", "maxDuration")),
    "a model that is none": ("series.a.model", "lstn", ("/series/a/model", "lstm")),
    "a candidate that is none": ("defaults.candidates", ["theta", "lstn"], ("/defaults/candidates/1", "lstm")),
    "a zone that is none": ("series.a.timezone", "Europe/Berln", ("E_TZ", "series.a.timezone", "Europe/Berln")),
    "a calendar's zone that is none": (
        "defaults.calendar",
        {"timezone": "Europe/Berln"},
        ("E_TZ", "series.a.calendar.timezone", "Europe/Berln"),
    ),
    "a port too large": ("series.a.source.url", "http://h:65536", ("/series/a/source/url",)),
    "port 0": ("defaults.sink", {"url": "https://h:0/x"}, ("/defaults/sink/url",)),
    "a port in words": ("series.a.source.url", "http://h:abc", ("/series/a/source/url",)),
    "runs looked after at minute 61": ("tend.schedule", "61 3 * * *", ("E_CRON", "tend.schedule", '"61"')),
    "the janitor at minute 61": ("janitor.schedule", "61 3 * * *", ("E_CRON", "janitor.schedule", '"61"')),
    "the janitor at a minute made from a name": ("janitor.schedule", "H 3 * * *", ("E_CRON", "janitor.schedule", "H")),
    "volume of no size": ("volume.size", "0", ("/volume/size",)),
    "one pod's claim": ("volume.accessMode", "ReadWriteOncePod", ("/volume/accessMode",)),
    "schedule instead of schedules": ("series.a.schedule", "1 * * * *", ("/series/a", "schedule")),
    "mutex": ("mutex", "x", ("mutex",)),
    "nothing to read": (
        "series.a.source",
        {"url": "http://a"},
        ("E_CONFIG_MISSING", "series.a.source.database", "series.a.source.field"),
    ),
    "one pod for lstm": (
        "series.a",
        {**MINIMAL, "pods": "one", "model": "lstm"},
        ("E_CONFIG_CROSS", "series.a.pods", "lstm", "many"),
    ),
    "one pod for shards": (
        "series.a",
        {**MINIMAL, "pods": "one", "shards": 2},
        ("E_CONFIG_CROSS", "series.a.pods", "2", "many"),
    ),
    "one pod by its old name": (
        "series.a.singlePod",
        True,
        ("E_CONFIG_UNKNOWN_KEY", "series.a.singlePod", "pods: one"),
    ),
    "several pods by the old name": ("defaults.singlePod", False, ("series.a.singlePod", "pods: many")),
    "pods by number": ("series.a.pods", 4, ("/series/a/pods", "number")),
    "pods of another form": ("series.a.pods", "four", ("/series/a/pods", "auto")),
    "a long profile": ("profiles", {"p" * 60: {}}, ("E_NAME", "profiles.ppp")),
    "another kind of text": ("series.a.horizon", 24, ("/series/a/horizon", "number")),
    "YAML's yes": ("series.a.suspend", "yes", ("/series/a/suspend", "boolean")),
}


@pytest.mark.parametrize(("path", "value", "said"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_value_is_refused_and_named_by_its_path(path: str, value: Any, said: tuple[str, ...]) -> None:
    message = problems(put(BASE, path, value))
    assert all(part in message for part in said), message
    assert "canary" not in message


def typos(properties: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, part in properties.items():
        yield (*at, name)
        yield from typos(part.get("properties", {}), (*at, name))
        for inner in part.get("patternProperties", {}).values():
            yield from typos(inner.get("properties", {}), (*at, name, "x"))


def test_every_typo_is_refused_with_its_path() -> None:
    """One letter too many in every key of the schema at once: helm lists every one of them."""
    properties = json.loads(generate.schema_json())["properties"]
    properties.pop("global")
    values: dict[str, Any] = {}
    places = list(typos(properties))
    for *outer, last in places:
        part = values
        for name in outer:
            part = part.setdefault(name, {})
        part[f"{last}q"] = 1
    message = problems(values)
    assert len(places) > 200
    for *outer, last in places:
        where = "".join(f"/{name}" for name in outer)
        assert re.search(rf"at '{re.escape(where)}': .*'{last}q'", message), (where, last)


COMING = [
    "0 0 31 4,6-7 *",
    "0 0 30,31 4 *",
    "0 0 29 2 *",
    "0 0 31 */5 *",
    "0 0 30 2/2 *",
    "0 0 31 2 1",
    "5/20 08-09 * * *",
    "H/59 * * * 0-6",
]
OWN_QUERY = {
    "source": {"url": "http://a", "database": "d", "query": "SELECT v FROM c WHERE time >= $start AND time < $end"}
}
NO_MEASUREMENT = ("#1 disk", "cpu; db", "/var usage", 'a "quoted" name', "$x", "X" * 247, "a\\, b")


@pytest.mark.parametrize("name", NO_MEASUREMENT, ids=ascii)
def test_a_measurement_made_from_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    assert f"E_IDENT series.{name}.sink.measurement: " in problems({"series": {name: OWN_QUERY}})


@pytest.mark.parametrize("name", NO_MEASUREMENT, ids=ascii)
def test_a_name_that_is_no_measurement_is_fine_where_one_is_given(name: str) -> None:
    render({"series": {name: MINIMAL, f"{name}2": {**OWN_QUERY, "sink": {"measurement": "m"}}}})


def test_other_names_make_a_measurement() -> None:
    render({"series": dict.fromkeys(("é" * 246, "a b, c=d", "http://x", "a#b$c/d", "it's", "b\\c"), OWN_QUERY)})


CRONS = [
    "H * * * *",
    "H/5 * * * *",
    "H,5 7-9 * * 1-5",
    "*/30 6-18 * * 1-5",
    "0 0 1 1 *",
    "00 05 01 12 06",
    "1-5/2 */2 31 1,3 0",
    "59 23 31 12 6",
    *COMING,
]
BAD_CRONS = [
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "* * * * 7",
    "* * * * 5-7",
    "* * * * 1,07",
    "0 22-6 * * *",
    "30-10 * * * *",
    "5,30-10/5 * * * *",
    "* * * * 6-0",
    "H/0 * * * *",
    "H/05 * * * *",
    "H/75 * * * *",
    "0 0 31 4,6 *",
    "0 0 30,31 2 *",
    "0 0 31 4-6/2 *",
    "0-60 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "* * 31 4 *",
    "* * 30 2 *",
    "H-5 * * * *",
    "1,,2 * * * *",
    "* * * JAN *",
]


@pytest.mark.parametrize("schedule", CRONS)
def test_the_chart_takes_the_schedules_that_steps_take(schedule: str) -> None:
    assert cron_fault(schedule) == ""
    render(put(BASE, "series.a.schedules", [schedule]))


@pytest.mark.parametrize("schedule", BAD_CRONS)
def test_the_chart_refuses_the_schedules_that_steps_refuse(schedule: str) -> None:
    assert cron_fault(schedule) != ""
    assert "E_CRON series.a.schedules" in problems(put(BASE, "series.a.schedules", [schedule]))


def minutes(count: int, schedule: str) -> list[str]:
    objects = render(
        {"defaults": {**MINIMAL, "schedules": [schedule]}, "series": {f"s{i}": {"title": "T"} for i in range(count)}}
    )
    return [cron["spec"]["schedules"][0].split()[0] for cron in kind(objects, "CronWorkflow")]


def test_a_thousand_series_start_spread_over_the_hour_and_at_the_same_minute_each_time() -> None:
    found = minutes(1000, "H * * * *")
    peak = max(found.count(minute) for minute in set(found))
    assert len(set(found)) == 60
    assert peak <= 32  # 1000/60 = 16.7; four standard deviations above it
    assert minutes(50, "H * * * *") == [
        m for m, i in zip(found, sorted(range(1000), key=lambda i: f"s{i}"), strict=True) if i < 50
    ]


def test_every_fifth_minute_starts_at_each_of_five() -> None:
    assert set(minutes(100, "H/5 * * * *")) == {f"{i}-59/5" for i in range(5)}


def test_no_two_names_make_one_object_and_each_is_one_that_kubernetes_takes() -> None:
    crons = kind(scenario(SCENARIOS[IDS.index("names")]), "CronWorkflow")
    names = [cron["metadata"]["name"] for cron in crons]
    assert len(set(names)) == len(names) == 9
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", name) for name in names)
    assert {"cpu", "0755", "yes", "1e3"} <= set(names)


def test_a_name_that_another_name_already_makes_is_refused() -> None:
    made = kind(render({"defaults": MINIMAL, "series": {"CPU": {"title": "T"}}}), "CronWorkflow")[0]["metadata"]["name"]
    assert "E_NAME series." in problems({"defaults": MINIMAL, "series": {"CPU": {"title": "T"}, made: {"title": "T"}}})


@pytest.mark.parametrize("name", ["a" * 39 + ".bbb", "a" * 37 + "---bbb"])
def test_a_long_name_of_a_release_is_cut_to_one_that_kubernetes_takes(name: str) -> None:
    names = [item["metadata"]["name"] for item in render({**BASE, "nameOverride": name})]
    assert len(names) > 6
    assert all(
        re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name) for name in names
    ), names


def test_every_secret_may_have_a_name_with_dots() -> None:
    name = "registry.example.org"
    objects = render(
        {
            **BASE,
            "secrets": {"source": name, "sink": name, "ca": name, "notify": name},
            "image": {"pullSecrets": [name]},
        }
    )
    assert kind(objects, "WorkflowTemplate")[0]["spec"]["imagePullSecrets"] == [{"name": name}]


def test_no_two_runs_of_a_series_work_at_the_same_time() -> None:
    for cron in kind(scenario(SCENARIOS[IDS.index("names")]), "CronWorkflow"):
        parameters = {p["name"]: p["value"] for p in cron["spec"]["workflowSpec"]["arguments"]["parameters"]}
        assert (cron["spec"]["concurrencyPolicy"], parameters["id"]) == ("Forbid", cron["metadata"]["name"])
    template = kind(scenario(SCENARIOS[IDS.index("names")]), "WorkflowTemplate")[0]["spec"]
    assert template["synchronization"] == {"mutexes": [{"name": "{{workflow.parameters.id}}"}]}
    assert template["onExit"] == "ending"


URLS = (
    "http://h",
    "https://h:8086",
    "HTTP://h:65535/",
    "https://[::1]:443/a/b",
    "http://[fd00::1]",
    "http://db_1.example:80/influx",
)


@pytest.mark.parametrize("url", URLS)
def test_urls_that_steps_take_are_taken(url: str) -> None:
    assert url_problem(url, "") is None
    render(put(BASE, "series.a.source.url", url))


def test_every_zone_that_steps_take_is_taken() -> None:
    zones = sorted(zone for zone in zoneinfo.available_timezones() if not zone_fault(zone))
    assert len(zones) > 400
    render({"defaults": MINIMAL, "series": {f"s{i}": {"timezone": zone} for i, zone in enumerate(zones)}})


def test_a_schedule_that_argo_suspends_stays_suspended_at_an_upgrade() -> None:
    made = render({"defaults": MINIMAL, "series": {"a": {"title": "T"}, "b": {"suspend": True}}})
    assert [cron["spec"].get("suspend") for cron in kind(made, "CronWorkflow")] == [None, True]


def test_the_readme_has_every_value() -> None:
    text = (CHART / "README.md").read_text()
    assert all(f"| `{path}` |" in text for path in leaf_paths(Chart()))
