"""`python -m cronocast`: the same command as `cronocast`."""

from cronocast.cli import main

if __name__ == "__main__":
    main()
