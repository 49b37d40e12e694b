"""Pictures as text: frame, axes, lines, page. It knows no run."""
