"""What names in results and profiles mean, for the reference; tests hold them against what the program writes."""

# What a class means; the names stand in entry.CLASSES, a test holds both together.
CLASS_MEANINGS = {
    "constant": "one value, up to noise or not at all changing",
    "trend": "a level that rises or falls, no pattern that repeats",
    "seasonal": "one or several patterns that repeat, no trend",
    "trend_seasonal": "both",
    "irregular": "enough data, but neither a trend nor a pattern that repeats",
    "too_short": "fewer finished points than `min_points`",
}
OPTIONS_OF_DARTS = (
    "A name in `options` that a model of darts does not take is exit 78: `cronocast validate` says so where darts is"
    " installed, and the forecast step before any work. `cronocast validate` without darts can't know the names and"
    " says nothing about them. Models that hand arguments on to another library say when they are fitted what it takes."
)
CLASS_LIMITS = (
    "A pattern must have been seen in two whole cycles, and under noise in three: of three weeks with one missing, a"
    " weekly pattern is often not found. Of a month or two of daily values a weak trend and a random walk under noise"
    " look alike, and either class may come out. Periods are whole numbers of steps: a pattern by calendar months,"
    " which are of 28 to 31 days, shows as one of 61 days or as none."
)
STATUS_MEANINGS = {
    "ok": "done",
    "skipped": "nothing to do, `reason` says why; exit code 0",
    "fallback": (
        "done, but some member got a simpler model than asked for; `reason` and the members say why; exit code 0"
    ),
    "superseded": "a newer run of the series has done the work; exit code 0",
    "failed": "not done; `exit`, `token` and `message` say why",
}
# What the keys of a result file mean; a test holds them against a result that is really written.
RESULT_KEYS = {
    "schema": "version of this form",
    "step, series, run": "what ran: step, exact name of the series, scheduled time",
    "status, reason": "how it ended, and a code with a few words",
    "exit, token, message": "exit code, `E_` token and the one error line; 0 and empty when all went well",
    "rows_in, rows_kept, rows_dropped": "rows read, rows used, and rows left out by reason",
    "expected, acked": "rows to be written; for load the points to be written and those the server acknowledged",
    "bytes, attempts": "size of what was transferred; requests tried for the slowest one",
    "inputs, outputs": "checksum of each file read; checksum and rows of each file published",
    "members": "one mapping per member: class, model, why, errors and coverage of the backtest",
    "window": "start, end and step size of the history in ns",
    "notes": "warnings",
    "duration_s, versions, settings": "time taken, versions, and each setting with its value and where it came from",
}
