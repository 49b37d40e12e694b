"""The report page and the plot of a run: reads a run folder, writes one file.

Standard library only; PNG needs the extra `plot`.
"""

from cronocast.report.page import write_report
from cronocast.report.plot import write_plot

__all__ = ["write_plot", "write_report"]
