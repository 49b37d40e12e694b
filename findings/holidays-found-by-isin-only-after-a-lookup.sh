#!/usr/bin/env bash
# holidays: Series.isin() finds no holiday, until somebody else has asked for one.
#
# Expected   country_holidays("FR") is a dict of dates, `day in it` works, so that `days.isin(it)` is the same for a whole
#            column, and a look-up by name changes nothing.
# Happens    The dict is empty until a year is asked for with `in`, which adds that year. pandas iterates in place of
#            asking: isin() answers False for all days, bool() and len() say empty. After one unrelated `in` for the same
#            year the same line finds the holiday: a print in a debugger, or another function that shares the object,
#            changes the result. Days of other years stay False. Stating years= cures it.
# Version    holidays 0.109 with pandas 3.1.1.
# Bites      features and filters for forecasts: holidays are silently no holidays, and only those of years ahead.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet holidays==0.109 pandas==3.1.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PYTHON'
import datetime, sys
import holidays, pandas

print("holidays", holidays.__version__, "pandas", pandas.__version__)
french = holidays.country_holidays("FR")
days = pandas.Series([datetime.date(2026, 7, 13), datetime.date(2026, 7, 14), datetime.date(2027, 7, 14)])
print("days:", *days)
first, size = days.isin(french).tolist(), len(french)
print("isin:                      ", first, " holidays known:", size)
print("2 January 2026 in it:      ", datetime.date(2026, 1, 2) in french)
second = days.isin(french).tolist()
print("the same isin again:       ", second, " holidays known:", len(french))
third = [day in french for day in days]
print("day in it, one by one:     ", third)
fourth = days.isin(holidays.country_holidays("FR", years=[2026, 2027])).tolist()
print("isin, with years stated:   ", fourth)
as_stated = (first, size, second, third, fourth) == ([False] * 3, 0, [False, True, False], [False, True, True], [False, True, True])
sys.exit(None if as_stated else "no longer as stated")
PYTHON
echo "So: Bastille Day is found or not by whether anybody has asked about that year before."
