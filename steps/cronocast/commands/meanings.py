"""What names in results and profiles mean, for the reference; tests hold them against what the program writes."""

# What a class means; the names stand in entry.CLASSES, a test holds both together.
CLASS_MEANINGS = {
    "constant": "flat: one value, with at most rare deviations",
    "trend": "a rising or falling level without a repeating pattern",
    "seasonal": "one or several repeating patterns, no trend",
    "trend_seasonal": "both",
    "irregular": "enough data, but neither a trend nor a repeating pattern",
    "too_short": "fewer finished points than `min_points`",
}
OPTIONS_OF_DARTS = (
    "An option that a darts model does not accept is exit 78, reported by `cronocast validate` where"
    " darts is installed, and by the forecast step before any work. Without darts, `cronocast validate` can't know the"
    " names and does not check them. Models that pass arguments on to another library report only when they are fitted"
    " what it accepts."
)
CLASS_LIMITS = (
    "A pattern needs two whole cycles in the history, or three if the values are noisy: in three weeks with"
    " one missing, a weekly pattern is often not found. In a month or two of daily values, a weak trend and a random"
    " walk"
    " with noise look alike, and either class may result. Periods are whole numbers of steps: a pattern by calendar"
    " months, which have 28 to 31 days, shows as one of 61 days or as none."
)
STATUS_MEANINGS = {
    "ok": "done",
    "skipped": "nothing to do, `reason` says why; exit code 0",
    "fallback": (
        "done, but some member got a simpler model than requested; `reason` and the members say why; exit code 0"
    ),
    "superseded": "a newer run of the series has done the work; exit code 0",
    "failed": "not done; `exit`, `token` and `message` say why",
}
# What the keys of a result file mean; a test holds them against a result that is really written.
RESULT_KEYS = {
    "schema": "version of this formatatat",
    "step, series, run": "what ran: step, exact name of the series, scheduled time",
    "status, reason": "how it ended, and a reason code with a few words",
    "exit, token, message": "exit code, `E_` token and the one error line; 0 and empty when all went well",
    "rows_in, rows_kept, rows_dropped": "rows read, rows used, and rows dropped by reason",
    "expected, acked": "rows to be written; for load the points to be written and those the server acknowledged",
    "bytes, attempts": "bytes transferred; attempts of the request that needed the most",
    "inputs, outputs": "checksum of each file read; checksum and rows of each file published",
    "members": "one mapping per member: rows asked for and found, class, model, why, errors and coverage of backtests",
    "window": "start, end and step size of the history in ns",
    "notes": "warnings; extract names what was left out of the history, or averaged in it",
    "facts": (
        "the same as data: `also_differ_by` (tags by which points of one member differ, with the number of their"
        " values), `field_types` and `unread_points` (a field of several types, and how many points were not read)"
    ),
    "duration_s, versions, settings": "time taken, versions, and each setting with its value and where it came from",
}
ABOUT_SECRETS = (
    "Passwords and tokens never appear in values, flags or addresses. A setting names the file that holds one; on a"
    " laptop a variable may carry it instead.\n"
    "If both are given, the file wins. It may end with a newline, holds at most 4 kB, and must not be readable by"
    " everyone."
)
# Exit codes that no error class has.
OTHER_EXITS = {
    0: "done: ok, skipped, fallback or superseded, with a reason in the result file",
    2: "incorrect use of the command line",
    130: "stopped by Ctrl-C",
}
