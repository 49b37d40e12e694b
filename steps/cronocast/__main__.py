"""`python -m cronocast`, and where the command `cronocast` starts.

Light, so that Ctrl-C is obeyed while libraries are loaded.
"""

import sys


def start() -> None:
    """Run as a program; stopped before the command line is there, end as it would."""
    try:
        from cronocast.commands.application import script

        script()
    except KeyboardInterrupt:
        sys.stderr.write("error: E_INTERRUPTED keyboard: stopped by Ctrl-C; run the same command again to continue\n")
        sys.exit(130)


if __name__ == "__main__":
    start()
