"""What `helm test` needs of `check`: values as JSON, without the libraries that images do not carry."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cronocast.check.entry import check_entry
from cronocast.document.entry import parse_entry
from cronocast.document.values import read_values
from cronocast.errors import ConfigError

SOURCE = {"url": "http://127.0.0.1:1", "database": "d", "measurement": "m", "field": "f", "retry_for": "0s"}
VALUES = {"defaults": {"source": SOURCE}, "series": {"a": {"horizon": "6h"}, "gone": None}}


def test_values_may_be_json(tmp_path: Path) -> None:
    for name in ("values.json", "values.yaml"):
        (tmp_path / name).write_text(json.dumps(VALUES))
    assert read_values(tmp_path / "values.json") == read_values(tmp_path / "values.yaml")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match="E_CONFIG_JSON"):
        read_values(tmp_path / "broken.json")


@pytest.mark.parametrize("elsewhere", [True, False])
def test_the_models_of_an_entry_need_not_be_here(elsewhere: bool) -> None:
    entry = parse_entry({"name": "a", "source": SOURCE, "model": "tests.no_such_module:Model"}, "")
    found = check_entry(entry, 1_800_000_000 * 10**9, write=False, elsewhere=elsewhere)
    assert ("models" in {finding.what for finding in found}) is not elsewhere


def test_it_starts_without_yaml_rich_and_numpy(tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text(json.dumps(VALUES))
    blocked = "import sys; sys.modules.update(dict.fromkeys(('yaml', 'rich', 'numpy')));"
    code = f"{blocked} from cronocast.commands.application import main; sys.exit(main())"
    arguments = ["check", "--values", str(tmp_path / "values.json"), "--elsewhere", "--json"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["series"].keys() == {"a"}, done.stderr
