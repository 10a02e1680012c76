"""The browser in which the page is measured and tested."""

import shutil

# Its sandbox needs what containers lack; it shall ask nobody in the background while something is measured.
FLAGS = ("--no-sandbox", "--disable-quic", "--disable-background-networking")


def find() -> str | None:
    """Returns the path of Chromium or Google Chrome, or None where there is neither."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
