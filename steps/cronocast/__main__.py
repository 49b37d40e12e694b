"""`python -m cronocast`: the same command as `cronocast`."""

from cronocast.cli import script

if __name__ == "__main__":
    script()
