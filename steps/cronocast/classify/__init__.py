"""The classify step: what kind of series a member is, and why."""

from cronocast.classify.decide import classify_member

__all__ = ["classify_member"]
