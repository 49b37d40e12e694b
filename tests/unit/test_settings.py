"""Settings come from flag, env variable, series document or default, in that order, and the start-up line says so."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cronocast.commands import application as cli
from cronocast.handoff.files import read_json, run_name, series_id

ENTRY: dict[str, Any] = {
    "name": "cpu",
    "horizon": "6h",
    "level": 0.9,
    "source": {"url": "http://127.0.0.1:9", "database": "d", "measurement": "cpu", "field": "v"},
}
RUN_NS = 1_750_000_000 * 10**9 // (3600 * 10**9) * 3600 * 10**9


@pytest.fixture
def forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the forecast step on a good file; return its error output and what its result says of a setting."""
    rows = [f"cpu,host=a,{RUN_NS - i * 3600 * 10**9},{i % 24}.5" for i in range(24 * 14, 0, -1)]
    (tmp_path / "h.csv").write_text("name,tags,time,value\n" + "\n".join(rows) + "\n")

    def run(*flags: str, env: dict[str, str] | None = None) -> tuple[int, str, dict[str, Any]]:
        with monkeypatch.context() as patch:
            patch.setattr(
                sys,
                "argv",
                [
                    "cronocast",
                    "forecast",
                    "--history",
                    str(tmp_path / "h.csv"),
                    "--forecast",
                    str(tmp_path / "f.csv"),
                    "--model=naive",
                    *flags,
                ],
            )
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as caught:
                cli.main()
        return (
            int(caught.value.code or 0),
            capsys.readouterr().err,
            read_json(tmp_path / "forecast.result.json")["settings"],
        )

    return run


def test_flag_beats_env_beats_entry_beats_default(forecast: Any) -> None:
    entry, variable = ["--entry", json.dumps(ENTRY)], {"CRONOCAST_HORIZON": "4h"}
    cases = {
        "default": ([], {}, "24h", "default"),
        "entry": (entry, {}, "6h", "entry"),
        "env beats entry": (entry, variable, "4h", "CRONOCAST_HORIZON"),
        "flag beats both": ([*entry, "--horizon", "2h"], variable, "2h", "--horizon"),
        "empty is not given": ([*entry, "--horizon", ""], {"CRONOCAST_HORIZON": ""}, "6h", "entry"),
    }
    for name, (flags, env, value, origin) in cases.items():
        code, err, settings = forecast(*flags, env=env)
        assert (code, settings["horizon"]) == (0, {"value": value, "from": origin}), name
        assert (f'horizon="{value}" ({origin})' in err) == (origin != "default"), name


def test_entry_from_a_file_and_from_the_variable(forecast: Any, tmp_path: Path) -> None:
    (tmp_path / "entry.json").write_text(json.dumps(ENTRY))
    (tmp_path / "link.json").symlink_to("entry.json")  # as Kubernetes mounts a ConfigMap
    for flags, env in ((["--entry", f"@{tmp_path}/link.json"], {}), ([], {"CRONOCAST_ENTRY": json.dumps(ENTRY)})):
        assert forecast(*flags, env=env)[2]["level"] == {"value": 0.9, "from": "entry"}


def test_step_size_is_taken_from_the_history(forecast: Any) -> None:
    assert forecast()[2]["every"] == {"value": "1h", "from": "history"}
    assert forecast("--every", "2h")[2]["every"] == {"value": "2h", "from": "--every"}


def test_kinds_from_text(forecast: Any) -> None:
    code, _, settings = forecast(
        "--candidates",
        "naive,linear",
        "--level",
        "0.8",
        "--jobs",
        "1",
        "--clip-min=-1e3",
        env={"CRONOCAST_OPTIONS": "{}"},
    )
    assert code == 0
    assert {name: settings[name]["value"] for name in ("candidates", "level", "jobs", "clip.min")} == {
        "candidates": ["naive", "linear"],
        "level": 0.8,
        "jobs": 1,
        "clip.min": -1000.0,
    }


def test_run_and_root_make_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("2026-01-31T12:00:00Z", "1769860800"):
        monkeypatch.setattr(
            sys, "argv", ["cronocast", "load", "--entry", json.dumps(ENTRY), "--root", str(tmp_path), "--run", text]
        )
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code in (66, 76)  # nothing was forecast
        result = tmp_path / series_id("cpu") / "runs" / run_name(1_769_860_800 * 10**9) / "load.result.json"
        assert read_json(result)["run"] == "2026-01-31T12:00:00Z"
        result.unlink()


@pytest.mark.parametrize("text", ["yesterday", "2026-01-31", "1e9", "-5", "99999999999", "2026-13-01T00:00:00Z"])
def test_a_run_that_is_no_time(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["cronocast", "load", "--entry", json.dumps(ENTRY), "--root", str(tmp_path), f"--run={text}"]
    )
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 78
    assert capsys.readouterr().err.startswith("error: E_CONFIG_TIME --run: ")
    assert not list(tmp_path.iterdir())


DOCUMENT = json.dumps(ENTRY)
RUN = ["--run", "1769860800"]
FOLDER = f"{series_id('cpu')}/runs/{run_name(1_769_860_800 * 10**9)}"
REFUSED: dict[
    str, tuple[str, list[str], str]
] = {  # step, what it is given beside --root, its result; "" where none can be placed
    "classify": ("classify", ["--entry", DOCUMENT, *RUN, "--model=nosuch"], "classify.result.json"),
    "extract, the first to write": ("extract", ["--entry", DOCUMENT, *RUN, "--every=1x"], "extract.result.json"),
    "load": ("load", ["--entry", DOCUMENT, *RUN, "--sink-url=ftp://h"], "load.result.json"),
    "a part": ("forecast", ["--entry", DOCUMENT, *RUN, "--part=lstm-0/2", "--level=7"], "forecast/lstm-0.result.json"),
    "select": ("select", ["--entry", DOCUMENT, *RUN, "--model=no such"], "forecast.result.json"),
    "a name that is replaced": (
        "forecast",
        ["--entry", DOCUMENT.replace("cpu", "mem"), "--name=cpu", *RUN, "--level=7"],
        "forecast.result.json",
    ),
    "no part": ("forecast", ["--entry", DOCUMENT, *RUN, "--part=nosuch"], ""),
    "no JSON": ("classify", ["--entry", DOCUMENT[1:], *RUN], ""),
    "no text as a name": ("classify", ["--entry", DOCUMENT.replace('"cpu"', "7", 1), *RUN], ""),
    "no time": ("classify", ["--entry", DOCUMENT, "--run=soon"], ""),
    "no run": ("classify", ["--entry", DOCUMENT, "--model=no such"], ""),
    "a file of one's own": ("classify", ["--entry", DOCUMENT, *RUN, "--model=no such", "--profile=p.json"], ""),
    "no document": ("forecast", ["--name=cpu", *RUN, "--level=7"], ""),
}


@pytest.mark.parametrize(("step", "words", "result"), REFUSED.values(), ids=REFUSED)
def test_a_step_that_is_refused_leaves_its_result(
    step: str, words: list[str], result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that of an earlier try of the same run would stand for this one."""
    monkeypatch.setattr(sys, "argv", ["cronocast", step, "--root", str(tmp_path), *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 78
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == (
        [f"{FOLDER}/{result}"] if result else []
    )
    if result:
        document = read_json(tmp_path / FOLDER / result)
        assert (document["status"], document["exit"], document["series"], document["run"]) == (
            "failed",
            78,
            "cpu",
            "2026-01-31T12:00:00Z",
        )
        assert document["reason"].startswith("E_")
        assert document["step"] == {"select": "forecast"}.get(step, step)
