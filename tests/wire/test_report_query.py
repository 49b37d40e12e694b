"""The query that the report shows reads the written curve back from a real InfluxDB, whatever the names."""

from pathlib import Path

import pytest

from cronocast.formats.line_protocol import series_key
from cronocast.report.run_folder import read_run
from cronocast.report.written import read_query
from demo.influxd import Influxd
from tests import report_runs
from tests.report_runs import HOUR, NOW, Sample

NAMES = {
    "plain": ("cpu", "web"),
    "quotes": ('it\'s "m"', 'it\'s "s"'),
    "backslash": ("a\\b", "c\\d"),
    "blank, comma": ("m, n", "x, y = z"),
    "letters": ("gr\u00f6\u00dfe", "\u65e5\u672c"),
}


@pytest.mark.parametrize(("measurement", "series"), NAMES.values(), ids=NAMES)
def test_the_query_of_the_page_finds_just_its_curve(
    measurement: str, series: str, influxd: Influxd, database: str, tmp_path: Path
) -> None:
    view = read_run(
        report_runs.write_run(
            tmp_path / "run", [Sample("", report_runs.daily(5, 1))], series=series, measurement=measurement, points=48
        )
    )
    # one step before and one after are not of this run
    times = [*view.members[0].forecast.time_ns, NOW - HOUR, NOW + 24 * HOUR]
    for name in (series, "another"):
        key = series_key(f"{measurement}_forecast", [("series", name)]).decode()
        influxd.write([f"{key} yhat=1,yhat_lower=0,yhat_upper=2 {time}" for time in times], database)
    rows = influxd.query(read_query(view.settings, view), database)
    assert sorted(str(row["series"]) for row in rows) == [series] * 24
