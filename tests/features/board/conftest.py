"""Pages are tested on a home with sample content."""

from tests.pages import empty, made_once, sample, visit

__all__ = ["empty", "made_once", "sample", "visit"]
