"""Browsers without a window, that tests of the page look through."""

from tests.support.browsers.chromium import chromium
from tests.support.browsers.firefox import firefox, firefox_on_a_screen
from tests.support.browsers.page import WINDOW, Page

__all__ = ["WINDOW", "Page", "chromium", "firefox", "firefox_on_a_screen"]
