"""Each image runs as it runs in a cluster: read-only root, no capabilities, no network, a numeric user.

It does its step there.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cronocast import __version__
from images import build
from tests.images.box import Box, find_box, put_away

REGISTRY = os.environ.get("REGISTRY", "localhost/cronocast")
TAG = os.environ.get("TAG", __version__)
LIBRARIES = {  # image -> modules that it has, modules that it must not have
    "extract": (["requests"], ["numpy", "scipy", "pandas", "keras", "tensorflow"]),
    "load": (["requests"], ["numpy", "scipy", "pandas", "keras", "tensorflow"]),
    "serve": (["fastapi", "uvicorn", "prometheus_client"], ["numpy", "scipy", "pandas", "keras", "tensorflow"]),
    "classify": (["numpy"], ["pandas", "keras", "tensorflow"]),
    "forecast": (["numpy"], ["pandas", "keras", "tensorflow"]),
    "forecast-lstm": (["numpy", "keras", "tensorflow"], ["pandas"]),
    "forecast-lstm-gpu": (["numpy", "keras", "tensorflow"], ["pandas"]),
    "forecast-stats": (["numpy", "statsmodels", "prophet"], ["darts", "keras", "tensorflow"]),
    "forecast-darts": (["numpy", "darts"], ["prophet", "keras", "tensorflow", "torch"]),
    "forecast-pretrained": (["numpy", "darts", "torch", "safetensors"], ["prophet", "keras", "tensorflow"]),
}
NAMES = os.environ.get("NAMES", "").split() or build.DEFAULT
FORECAST = [
    "forecast",
    "--history",
    "/data/history.csv",
    "--forecast",
    "/data/out.csv",
    "--every",
    "1h",
    "--horizon",
    "24h",
    "--model",
]
SINK = ["--sink-url", "http://localhost:1", "--sink-database", "d", "--sink-measurement", "f"]
STEPS = {
    "classify": ["classify", "--history", "/data/history.csv", "--profile", "/data/profile.json", "--every", "1h"],
    "forecast": [*FORECAST, "seasonal_naive"],
    "forecast-lstm": [*FORECAST, "lstm", "--options", '{"epochs": 2}'],
    "forecast-lstm-gpu": [
        *FORECAST,
        "lstm",
        "--options",
        '{"epochs": 2}',
    ],  # where no GPU is, its TensorFlow takes the processor
    "forecast-stats": [*FORECAST, "mstl"],
    "forecast-darts": [*FORECAST, "darts:ExponentialSmoothing"],
    "forecast-pretrained": [*FORECAST, "darts:ExponentialSmoothing"],
    "load": ["load", "--forecast", "/data/forecast.csv", "--dry-run", "/data/lines.txt", *SINK],
}


@pytest.fixture(scope="module", params=NAMES)
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    found = find_box(f"{REGISTRY}/{request.param}:{TAG}")
    yield found
    put_away(found)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that the image's user may write, with a month of an hourly series and a forecast."""
    folder = tmp_path / "data"
    folder.mkdir()
    hours = [(i, 1_767_225_600 * 10**9 + i * 3600 * 10**9) for i in range(24 * 28)]
    (folder / "history.csv").write_text(
        "name,tags,time,value\n" + "".join(f"m,host=a,{t},{10 + i % 24 + i % 7 / 10!r}\n" for i, t in hours)
    )
    (folder / "forecast.csv").write_text(
        "name,tags,time,yhat,yhat_lower,yhat_upper\n" + "".join(f"m,host=a,{t},2.0,1.0,3.0\n" for _, t in hours[:24])
    )
    folder.chmod(0o777)
    return folder


def name(box: Box) -> str:
    return box.image.rpartition("/")[2].partition(":")[0]


def test_every_image_has_a_test_and_all_but_the_large_ones_are_the_default() -> None:
    assert set(LIBRARIES) == set(build.table()) == {*build.DEFAULT, "forecast-lstm-gpu", "forecast-pretrained"}


def test_continuous_integration_builds_every_image() -> None:
    jobs = yaml.safe_load((build.ROOT / ".github/workflows/images.yml").read_text())["jobs"]
    assert {name: jobs[name]["strategy"]["matrix"]["image"] for name in jobs} == {
        name: list(build.table()) for name in ("build", "publish")
    }


def test_help_runs_without_network_rights_or_a_writable_root(box: Box) -> None:
    done = box.run("--help")
    assert done.returncode == 0, done.stderr
    assert "Turn any metric" in done.stdout
    assert box.run("--version").stdout == f"{__version__}\n"


def test_it_runs_as_a_numeric_user_without_any_right(box: Box) -> None:
    assert box.config["User"] == "10001:10001"
    code = """
import os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
capabilities = [value for key, value in status.items() if key.startswith("Cap")]
print(os.getuid(), os.getgid(), capabilities, [status["NoNewPrivs"]])
"""
    done = box.run("-c", code, entrypoint="/opt/cronocast/bin/python")
    assert done.stdout.strip() == f"10001 10001 {['0' * 16] * 5} ['1']", done.stderr


def test_it_is_really_shut_in(box: Box) -> None:
    code = (
        "import socket\nfor f in ('/opt/cronocast/x', '/x', '/etc/x'):\n  try: open(f, 'w'); print('wrote', f)\n "
        " except OSError as e: print(e.errno)\n"
    )
    code += "print(sorted(n for _, n in socket.if_nameindex() if n != 'lo'))"
    done = box.run("-c", code, entrypoint="/opt/cronocast/bin/python")
    assert done.stdout.split() == ["30", "30", "30", "[]"], done.stdout + done.stderr


def test_its_step_works_on_a_small_file(box: Box, data: Path) -> None:
    step = STEPS.get(name(box))
    if step is None:  # extract reads a database, and there is none: what it says without a network is what counts
        done = box.run(
            "extract",
            "--history",
            "/data/new.csv",
            "--source-url",
            "http://127.0.0.1:1",
            "--source-database",
            "d",
            "--source-measurement",
            "m",
            "--source-field",
            "f",
            "--source-retry-for",
            "0s",
            data=data,
        )
        assert (done.returncode, list(data.glob("new.csv"))) == (75, [])
        assert done.stderr.splitlines()[-1].startswith("error: E_")
        return
    done = box.run(*step, data=data)
    assert done.returncode == 0, done.stderr
    result = json.loads((data / f"{step[0]}.result.json").read_text())
    assert (result["status"], result["exit"]) == ("ok", 0), result


def test_it_has_the_libraries_of_its_step_and_no_others(box: Box) -> None:
    has, lacks = LIBRARIES[name(box)]
    code = (
        "import importlib.util, json, sys; print(json.dumps([m for m in sys.argv[1:] if importlib.util.find_spec(m)]))"
    )
    done = box.run("-c", code, *has, *lacks, "pip", "hatchling", entrypoint="/opt/cronocast/bin/python")
    assert json.loads(done.stdout) == has


def test_no_compiler_no_cache_and_everything_compiled(box: Box) -> None:
    code = """
import json, pathlib, shutil
def full(folder):
    try:
        return any(pathlib.Path(folder).iterdir())
    except (FileNotFoundError, PermissionError):  # what its user can't read is root's own, of the base image
        return False
library = next(pathlib.Path('/opt/cronocast/lib').glob('python3*/site-packages'))
sources = [p for p in (library / 'cronocast').rglob('*.py')]
print(json.dumps({
  'compilers': [c for c in ('cc', 'gcc', 'g++', 'clang', 'make', 'ld') if shutil.which(c)],
  'caches': [f for f in ('/root/.cache', '/tmp', '/src', '/opt/tools') if full(f)],
  'sources': len(sources),
  'uncompiled': [str(p) for p in sources if not list((p.parent / '__pycache__').glob(p.stem + '.*.pyc'))],
}))"""
    found = json.loads(box.run("-c", code, entrypoint="/opt/cronocast/bin/python").stdout)
    assert found.pop("sources") > 30
    assert found == {"compilers": [], "caches": [], "uncompiled": []}


def test_its_labels_say_what_it_is(box: Box) -> None:
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in box.config["Labels"].items()}
    assert labels["title"] == f"cronocast {name(box)}"
    assert (labels["version"], labels["licenses"]) == (__version__, "Apache-2.0")
    assert labels["source"].startswith("https://")
    assert len(labels["revision"]) == 40


def test_an_engine_or_runc_is_what_these_tests_need() -> None:
    assert (
        shutil.which("docker")
        or shutil.which("podman")
        or (shutil.which("buildah") and shutil.which("runc"))
        or os.environ.get("CRONOCAST_REQUIRE_TOOLS") != "1"
    )
