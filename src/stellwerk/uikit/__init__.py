"""The look: page frame, components, charts and static files of our own. README.md shows how to build a page."""

from stellwerk.uikit.charts import Chart
from stellwerk.uikit.pages import NavItem, Templates
from stellwerk.uikit.tables import Column, TableQuery, TableView

__all__ = ["Chart", "Column", "NavItem", "TableQuery", "TableView", "Templates"]
