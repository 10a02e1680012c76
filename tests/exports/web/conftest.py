import threading

import pytest

from exports.web import chromium, parts, server, site

FLAGS = [*chromium.FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture(scope="session")
def litert():
    """LiteRT for browsers; without it there is no page to test."""
    try:
        return parts.litert()
    except parts.NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def folder(litert, tmp_path_factory):
    """The page of the shipped robust. To be left alone."""
    return site.make("robust", tmp_path_factory.mktemp("page") / "page")


@pytest.fixture(scope="session")
def address(folder):
    """Where that page is served."""
    with server.bind(folder, 0) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()


@pytest.fixture(scope="session")
def browser():
    if not (executable := chromium.find()):
        pytest.skip("There is no Chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield started
        started.close()
