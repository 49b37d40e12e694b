"""What is wrong with a cell, before anybody knows in which file and line it stands."""

MISSING_WORDS = frozenset({"", "nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none", "-", "--"})  # in lower case


class CellError(Exception):
    """A cell that can't be read as what its column holds."""

    def __init__(self, row: int, seen: object, right: str) -> None:
        """Take the row, counted from 0 below the header, what stands there, and what would be right."""
        self.row, self.seen, self.right = row, seen, right
        super().__init__(row)


def is_missing(cell: str) -> bool:
    """Whether a text stands for no value."""
    return not cell or cell.strip().lower() in MISSING_WORDS
