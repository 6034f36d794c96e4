"""The report of a run as one page of HTML, made of the same document as JSON."""

from pyramid.reporting.page import PAGE_MARK, report_page

__all__ = ["PAGE_MARK", "report_page"]
