"""When a member reaches a limit, how sure that is, and in which words: from joint paths, not from an interval.

`find.crossings` is the way in; `calibrate.calibration` says once a day how much wider the paths of a member must be.
"""
