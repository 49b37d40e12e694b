"""What users import: their checker knows our functions, as `py.typed` says, and `import cronocast` stays light."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import pandas as pd

import cronocast

frame = pd.DataFrame({"time": pd.date_range("2026-01-01", periods=3), "host": "a", "load": [1.0, 2.0, 3.0]})
version: str = cronocast.__version__
ahead = cronocast.forecast(frame, horizon=48, by="host", model="theta", levels=[0.5])
ahead = cronocast.forecast(frame["load"], "48h", every="1h", clip={"min": 0})
found = cronocast.classify(frame, value=["load"], time="time")
scores = cronocast.backtest(frame, "24h", models=["auto"], origins=3)
"""
WRONG = {
    "cronocast.forecast(frame, horizon=[48])": "arg-type",
    "cronocast.classify(frame, by=3)": "arg-type",
    "cronocast.backtest(frame, origins='3')": "arg-type",
    "cronocast.forecasts(frame)": "attr-defined",
    "cronocast.forecast()": "call-arg",
}


def checked(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """A user's script under a strict checker; pandas has types only where its stubs are installed."""
    (folder / "script.py").write_text(text)
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\n[mypy-pandas.*]\nignore_missing_imports = True\n")
    words = [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), "script.py"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_a_users_script_is_checked_with_our_types(tmp_path: Path) -> None:
    done = checked(tmp_path, SCRIPT)
    assert done.returncode == 0, done.stdout
    done = checked(tmp_path, SCRIPT + "\n".join(WRONG))
    first = SCRIPT.count("\n") + 1
    for i, (line, code) in enumerate(WRONG.items()):
        assert any(f":{first + i}: error:" in said and f"[{code}]" in said for said in done.stdout.splitlines()), line


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_the_import_is_light_and_functions_come_when_they_are_used() -> None:
    plain = loaded_by("")
    assert loaded_by("import cronocast") - plain == {"cronocast"}
    assert "pandas" not in loaded_by("import cronocast.forecast.engine, cronocast.backtest.study")


def test_the_functions_are_also_the_packages_of_their_names() -> None:
    program = (
        "import cronocast, cronocast.forecast.measures as a, inspect\nfrom cronocast.forecast import measures as b\n"
        "assert a is b and callable(cronocast.forecast) and callable(cronocast.classify)\n"
        "assert 'horizon' in inspect.signature(cronocast.forecast).parameters\n"
        "assert {'backtest', 'classify', 'forecast'} <= set(dir(cronocast))\n"
        "try:\n    cronocast.nothing\nexcept AttributeError as error:\n    assert error.name == 'nothing'\n"
        "else:\n    raise AssertionError"
    )
    assert "cronocast.classify" in loaded_by(program)


def test_without_pandas_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['pandas'] = None\nimport cronocast\nfrom cronocast.errors import MissingExtraError\n"
        "try:\n    cronocast.forecast(1)\nexcept MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "E_MISSING_EXTRA" in done.stdout
    assert "pip install 'cronocast[pandas]'" in done.stdout
