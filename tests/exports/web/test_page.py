"""The page in headless Chromium: what people do on it, and that it says what predict says."""

import csv
import functools
import http.server
import io
import json
import pathlib
import shutil
import subprocess
import threading

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from aireal.machine import package_folder
from aireal.pixels import windows
from aireal.verdicts.predictor import Predictor
from exports.web import server, site

api = pytest.importorskip("playwright.sync_api")
api.expect.set_options(timeout=30_000)  # other tests run beside

PICTURES = package_folder() / "tests/aireal/pictures"
LARGE = (PICTURES / "640x480.jpg").read_bytes()
PHONE, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LARGEST_DIFFERENCE = 0.0025  # of p_real; the best published demo has this


@pytest.fixture
def opened(browser, address):
    """Opens the page in a browser of its own, and waits for the verdict on the sample."""
    contexts = []

    def open_it(at=address, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(at)
        wait_for(page, 1)
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def predictor(folder):
    return Predictor(folder / "model/model.tflite")


def wait_for(page, count, timeout=60_000):
    """Waits until so many pictures have an answer."""
    api.expect(page.locator("#results li[class]")).to_have_count(count, timeout=timeout)


def wait_until_kept(page):
    """Waits until the service worker has all files."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")


def give(page, *files):
    """Chooses files, and returns the card of the last."""
    before = page.locator("#results li").count()
    page.set_input_files("#files", list(files))
    wait_for(page, before + len(files))
    return page.locator("#results li").first


def saved(page, form="json"):
    with page.expect_download() as download:
        page.click(f"[data-save={form}]")
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        return json.load(file) if form == "json" else list(csv.DictReader(file))


def png(image, name="picture.png"):
    file = io.BytesIO()
    image.save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def photograph(size):
    return Image.fromarray(datasets.load_sample_image("china.jpg")).resize(size)


def assert_same(found, expected):
    assert (found["verdict"], found["reason"]) == (expected.verdict, expected.reason)
    assert found["p_real"] == pytest.approx(expected.p_real, abs=LARGEST_DIFFERENCE)
    assert found["confidence"] == pytest.approx(expected.confidence, abs=LARGEST_DIFFERENCE)


def assert_it_becomes_accurate(page, folder):
    """The page that is served now takes the place of robust's, words and network."""
    api.expect(page.locator("footer")).to_contain_text("Network accurate")
    wait_for(page, 1)
    (found,) = saved(page)
    assert_same(found, *Predictor(folder / "model/model.tflite").predict([folder / "sample.png"]))


def test_it_opens_with_a_sample_that_has_predicts_verdict(opened, folder, predictor):
    (found,) = saved(opened())
    assert_same(found, *predictor.predict([folder / "sample.png"]))
    assert found["verdict"] in ("FAKE", "REAL")


def test_a_large_picture_has_no_verdict_until_it_is_asked_for(opened, predictor, folder):
    page = opened()
    card = give(page, PICTURES / "640x480.jpg")
    api.expect(card.locator(".verdict")).to_have_text(
        "UNSURE It is of another size than the pictures that the network learned from."
    )
    page.check("#anyway")
    (anyway,) = Predictor(folder / "model/model.tflite", unsure=False).predict([PICTURES / "640x480.jpg"])
    api.expect(card.locator(".verdict strong")).to_have_text(anyway.verdict)
    assert_same(saved(page)[-1], anyway)


def test_of_windows_it_says_what_predict_says_and_shows_what_each_says(exported_windows, litert, opened, tmp_path):
    config, run = exported_windows
    made = site.make(run.path, tmp_path / "page")
    pictures = sorted(pathlib.Path(config.source).rglob("*.png"))[::6]
    small = tmp_path / "small.png"  # than a window
    Image.fromarray(np.random.default_rng(0).integers(0, 256, [9, 30, 3], np.uint8)).save(small)
    expected = Predictor(made / "model/model.tflite").predict([made / "sample.png", *pictures, small])
    with server.bind(made, 0) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        page = opened(f"http://127.0.0.1:{served.server_port}/", bypass_csp=True)
        card = give(page, *pictures, small)
        for one, other in zip(saved(page), expected, strict=True):
            assert_same(one, other)
        assert {one.verdict for one in expected} >= {"FAKE", "REAL"}
        pixels = card.locator(".seen canvas").evaluate(
            "(one) => [one.width, one.height, [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]]"
        )
        served.shutdown()
    width, height, values = pixels
    assert (width, height) == (30, 9)
    sums, counts = np.zeros([9, 30, 1]), np.zeros([9, 30, 1])
    for (top, left), p_real in zip(windows.places(9, 30, 16, 3), expected[-1].windows, strict=True):
        sums[top : top + 16, left : left + 16] += p_real
        counts[top : top + 16, left : left + 16] += 1
    p_real = np.where(counts, sums / np.maximum(counts, 1), 0.5)
    colours = np.where(p_real < 0.5, [179, 38, 30], [37, 83, 184])
    pixels_of_small, share = np.asarray(Image.open(small)).astype(float), 0.7 * np.abs(2 * p_real - 1)
    drawn = np.array(values).reshape(height, width, 4)[:, :, :3]
    assert np.max(share) > 0.1
    np.testing.assert_allclose(drawn, pixels_of_small + share * (colours - pixels_of_small), atol=2)
    api.expect(page.locator("footer")).to_contain_text("reads 3 windows of 16x16 pixels")


def test_dropped_pictures_are_judged(opened):
    page = opened(bypass_csp=True)
    transfer = page.evaluate_handle(
        """async () => {
          const transfer = new DataTransfer();
          const sample = await (await fetch('sample.png')).blob();
          for (const name of ['a.png', 'b.png']) transfer.items.add(new File([sample], name, {type: 'image/png'}));
          return transfer;
        }"""
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})
    wait_for(page, 3)
    assert [one["path"] for one in saved(page)[1:]] == ["a.png", "b.png"]


def test_of_a_dropped_folder_all_pictures_are_judged(opened, tmp_path):
    folder, small = tmp_path / "holiday", PICTURES / "32x32.jpg"
    others = (".hidden.jpg", "more/Thumbs.db", "a.AAE", "clip.mov", "notes.txt", "@eaDir/a.jpg", "#recycle/a.jpg")
    for name in ("a.jpg", "more/deep/b.MPO", *others):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(small, folder / name)
    page = opened()
    devtools = page.context.new_cdp_session(page)

    def drop(*paths):
        data = {"items": [], "files": list(map(str, paths)), "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 200, "data": data})

    (tmp_path / "empty").mkdir()
    drop(tmp_path / "empty")
    api.expect(page.locator("#state")).to_have_text("There is no picture in it.")
    drop(folder, small)
    wait_for(page, 4)
    found = saved(page)[1:]
    assert [one["path"] for one in found] == ["holiday/a.jpg", "holiday/more/deep/b.MPO", "32x32.jpg"]
    assert len({one["p_real"] for one in found}) == 1


def test_a_pasted_picture_is_judged(opened):
    page = opened(bypass_csp=True)
    page.evaluate(
        """async () => {
          const clipboardData = new DataTransfer();
          const sample = await (await fetch('sample.png')).blob();
          clipboardData.items.add(new File([sample], 'image.png', {type: 'image/png'}));
          document.dispatchEvent(new ClipboardEvent('paste', {clipboardData}));
        }"""
    )
    wait_for(page, 2)
    sample, pasted = saved(page)
    assert pasted == {**sample, "path": "image.png"}


def test_a_picture_is_taken_with_the_camera(opened):
    page = opened(permissions=["camera"])
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.evaluate(
        """() => {
          window.tracks = [];
          const {mediaDevices} = navigator;
          const real = mediaDevices.getUserMedia.bind(mediaDevices);
          mediaDevices.getUserMedia = async (wanted) => {
            const stream = await real(wanted);
            window.tracks.push(...stream.getTracks());
            return stream;
          };
          for (let click = 0; click < 2; click += 1) document.querySelector('#open-camera').click();
        }"""
    )
    video = page.locator("#camera video")
    api.expect(video).to_have_js_property("readyState", 4)
    video.evaluate("(one) => Object.defineProperty(one, 'videoWidth', {value: 0, configurable: true})")
    page.click("#shoot")  # before its first image: it stays open
    video.evaluate("(one) => delete one.videoWidth")
    page.click("#shoot")
    wait_for(page, 2)
    api.expect(page.locator("#camera")).not_to_be_visible()
    assert saved(page)[-1]["path"] == "camera.png"
    assert page.evaluate("() => window.tracks.map(({readyState}) => readyState)") == ["ended"]
    assert not errors


def test_it_works_without_a_network_after_the_first_visit(opened, address, predictor):
    page = opened()
    wait_until_kept(page)
    page.context.set_offline(True)
    page.reload()
    wait_for(page, 1)
    give(page, PICTURES / "32x32.jpg")
    assert_same(saved(page)[-1], *predictor.predict([PICTURES / "32x32.jpg"]))
    page.goto(f"{address}card.html")
    assert page.locator("h1").inner_text() == "robust"


class _OtherHost(http.server.SimpleHTTPRequestHandler):
    """What other hosts do: browsers may keep files for an hour, and card.html leads to card."""

    def do_GET(self):
        if self.path == "/card.html":
            self.send_response(308)
            self.send_header("Location", "/card")
            self.end_headers()
            return
        self.path = self.path.replace("/card", "/card.html")
        super().do_GET()

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hosted(litert, tmp_path):
    """A page of its own on such a host: its folder and its address."""
    folder = site.make("robust", tmp_path / "page")
    handler = functools.partial(_OtherHost, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()


def test_hosts_that_keep_files_and_lead_elsewhere_change_nothing(opened, hosted):
    folder, address = hosted
    page = opened(address)
    wait_until_kept(page)
    page.goto(f"{address}card.html")
    assert page.locator("h1").inner_text() == "robust"
    site.make("accurate", folder)
    page.goto(address)
    assert_it_becomes_accurate(page, folder)


def test_verdicts_are_not_lost_when_the_page_is_made_anew(opened, hosted):
    folder, address = hosted
    page = opened(address)
    wait_until_kept(page)
    site.make("accurate", folder)
    with page.context.expect_event("serviceworker", timeout=30_000):
        page.reload()
        wait_for(page, 1)
        give(page, PICTURES / "32x32.jpg")
    page.wait_for_timeout(3000)  # the page made anew is there
    assert [one["path"] for one in saved(page)][1:] == ["32x32.jpg"]


def test_a_page_made_anew_takes_the_place_of_the_one_that_was_kept(opened, litert, tmp_path):
    folder = site.make("robust", tmp_path / "page")
    with server.bind(folder, 0) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        page = opened(f"http://127.0.0.1:{served.server_port}/")
        wait_until_kept(page)
        site.make("accurate", folder)
        page.reload()
        assert_it_becomes_accurate(page, folder)
        served.shutdown()


def test_no_request_leaves_the_page_and_none_could(opened, address, browser):
    requests = []
    context = browser.new_context()
    context.on("request", lambda request: requests.append(request.url))
    page = context.new_page()
    page.goto(address)
    wait_for(page, 1)
    give(page, PICTURES / "640x480.jpg")
    assert requests
    assert all(url.startswith((address, f"blob:{address}")) for url in requests)
    for path in ("", "worker.js"):
        policy = context.request.get(address + path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self'" in policy
    context.close()


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Another origin, which would take whatever it is sent."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_neither_page_nor_worker_can_send_anything_elsewhere(opened):
    fetch = "(url) => fetch(url).then(() => 'sent', (error) => error.name)"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        elsewhere = f"http://127.0.0.1:{stranger.server_port}/"
        page = opened(service_workers="block")
        assert page.evaluate(fetch, elsewhere) == page.workers[0].evaluate(fetch, elsewhere) == "TypeError"
        unguarded = opened(service_workers="block", bypass_csp=True)
        assert unguarded.evaluate(fetch, elsewhere) == "sent"  # so it is the policy that forbids it
        stranger.shutdown()


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.png", "a&amp;b.png", "=1+1.png"])
def test_a_files_name_is_text_and_nothing_else(opened, name):
    page = opened()
    card = give(page, png(photograph((32, 32)), name))
    api.expect(card.locator("h3")).to_have_text(name)
    assert card.locator("img").count() == 0


def broken_off(image, way):
    """A download of which three fifths came, in the space that was kept for it."""
    file = io.BytesIO()
    image.save(file, way, quality=80)
    return file.getvalue()[: len(file.getvalue()) * 3 // 5].ljust(len(file.getvalue()), b"\0")


BROKEN = [
    (b"", "The file is empty."),
    (b"hello, I am a text of some length", "This is no picture that can be read here."),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "This is no picture"),
    (b"\xff\xd8\xff\xe0" + bytes(100), "The picture is damaged, or of a kind that this browser cannot read."),
    (LARGE[: len(LARGE) // 2], "The picture is damaged"),
    (broken_off(photograph((640, 480)), "JPEG"), "The picture is damaged"),
    (broken_off(photograph((640, 480)), "WEBP"), "The picture is damaged"),
]


def test_what_is_no_picture_is_told_in_words(opened):
    page = opened()
    for content, words in BROKEN:
        card = give(page, {"name": "a.png", "mimeType": "image/png", "buffer": content})
        api.expect(card.locator(".verdict")).to_contain_text(f"Not judged {words}")
    errors = [one["error"] for one in saved(page)[1:]]
    assert all(found.startswith(words) for found, (_, words) in zip(errors, BROKEN, strict=True))


def test_a_picture_of_100_megapixels_is_refused_by_its_head(opened):
    page = opened()
    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    card = give(page, {"name": "huge.png", "mimeType": "image/png", "buffer": file.getvalue()})
    assert card.locator(".reason").inner_text() == "It has 100 megapixels, more than the 64 that are judged here."
    assert saved(page)[-1]["verdict"] is None


def test_a_browser_that_adds_noise_to_pixels_is_told_and_gets_no_verdict(browser, address):
    context = browser.new_context(service_workers="block")
    noise = """
      const honest = OffscreenCanvasRenderingContext2D.prototype.getImageData;
      OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...place) {
        const found = honest.apply(this, place);
        found.data[0] ^= 1;
        return found;
      };"""

    def hardened(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=noise + answer.text())

    context.route("**/worker.js", hardened)
    page = context.new_page()
    page.goto(address)
    api.expect(page.locator("#state")).to_contain_text("This browser adds noise to the pixels")
    wait_for(page, 1)
    (found,) = saved(page)
    assert found["verdict"] is None
    assert found["error"].startswith("This browser adds noise to the pixels")
    context.close()


def test_results_are_saved_as_predict_writes_them(opened, predictor):
    page = opened()
    give(page, PICTURES / "640x480.jpg")
    (_, expected), rows = predictor.predict([PICTURES / "32x32.jpg", PICTURES / "640x480.jpg"]), saved(page, "csv")
    assert list(rows[-1]) == list(expected.as_dict())
    assert (rows[-1]["path"], rows[-1]["verdict"]) == ("640x480.jpg", expected.verdict)
    assert list(saved(page)[-1]) == list(expected.as_dict())
    assert_same(saved(page)[-1], expected)
    page.click("#clear")
    api.expect(page.locator("#results li")).to_have_count(0)
    give(page, PICTURES / "32x32.jpg")
    assert [one["path"] for one in saved(page)] == ["32x32.jpg"]


def test_results_are_copied_as_they_are_saved(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.click("#copy")
    api.expect(page.locator("#state")).to_have_text("Copied")
    assert json.loads(page.evaluate("() => navigator.clipboard.readText()")) == saved(page)


def test_it_can_be_installed(opened):
    page = opened()
    found = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [one["errorId"] for one in found] in ([], ["in-incognito"])  # as contexts of tests are


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_jumps_while_it_opens(opened, viewport):
    page = opened(viewport=viewport)
    shifts = page.evaluate(
        """() => new Promise((resolve) => {
          new PerformanceObserver((list) => resolve(list.getEntries().map((one) => one.value)))
            .observe({type: 'layout-shift', buffered: true});
          setTimeout(() => resolve([]), 1000);
        })"""
    )
    assert sum(shifts) < 0.02  # a fifth of what web.dev calls good: a font's other size makes several times more of it


def test_a_phone_scrolls_in_one_direction_alone(opened):
    page = opened(viewport=PHONE, bypass_csp=True)
    give(page, png(photograph((900, 60)), "a-long-name-without-any-space-" * 4 + ".png"))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_keyboard_reaches_all_of_it(opened):
    page = opened(bypass_csp=True)
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    expected = ["files", "open-camera", "anyway", "Save as JSON", "Save as CSV", "copy", "clear", "its card"]
    assert reached[: len(expected)] == expected


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The script of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(package_folder() / "exports/web/page" / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"axe-core cannot be fetched: {done.stderr[-200:]}")
    return folder / "node_modules/axe-core/axe.min.js"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "card.html"])
def test_axe_finds_nothing_serious(opened, address, axe, scheme, path):
    page = opened(color_scheme=scheme, viewport=PHONE if scheme == "dark" else WIDE, bypass_csp=True)
    give(page, PICTURES / "640x480.jpg")
    give(page, {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    if path:
        page.goto(address + path)
    page.wait_for_timeout(400)  # until colours have stopped moving
    page.add_script_tag(path=axe)
    found = page.evaluate("async () => (await axe.run()).violations")
    serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert not serious


def _alike(folder):
    """Writes pictures of all formats, 1x1 to 12 megapixels, and returns their paths."""
    random = np.random.default_rng(0)
    photographs = [Image.fromarray(datasets.load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    sizes = [
        (1, 1),
        (3, 2),
        (26, 30),
        (32, 32),
        (32, 32),
        (32, 32),
        (33, 33),
        (40, 33),
        (57, 300),
        (640, 427),
        (800, 20),
    ]
    for number, size in enumerate(sizes):
        left, top = random.integers(0, 300), random.integers(0, 100)
        image = photographs[number % 2].crop((left, top, left + 320, top + 320)).resize(size)
        clear = image.copy()
        clear.putalpha(Image.fromarray(random.integers(0, 256, size[::-1], dtype=np.uint8)))
        image.save(folder / f"{number}.jpg", quality=90)
        image.save(folder / f"{number}-444.jpg", quality=75, subsampling=0)
        image.save(folder / f"{number}-progressive.jpg", quality=50, progressive=True)
        image.convert("L").save(folder / f"{number}-grey.jpg")
        image.convert("CMYK").save(folder / f"{number}-cmyk.jpg")
        exif = Image.Exif()
        for exif[0x0112] in (3, 6, 8, number % 8 + 1):
            image.save(folder / f"{number}-exif{exif[0x0112]}.jpg", exif=exif)
            clear.save(folder / f"{number}-exif{exif[0x0112]}.webp", exif=exif, lossless=True)
        image.save(folder / f"{number}.png")
        image.quantize(64).save(folder / f"{number}-palette.png")
        clear.save(folder / f"{number}-alpha.png")
        clear.convert("LA").save(folder / f"{number}-grey-alpha.png")
        image.save(folder / f"{number}.gif")
        image.save(folder / f"{number}.bmp")
        image.save(folder / f"{number}.webp", quality=80)
        clear.save(folder / f"{number}-alpha.webp", lossless=True)
        image.save(folder / f"{number}.avif", quality=70)
        image.save(folder / f"{number}-444.avif", quality=90, subsampling="4:4:4")
    photographs[0].resize((4000, 3000)).save(folder / "large.jpg", quality=90)
    photographs[1].resize((1200, 900)).save(folder / "medium.png")
    return sorted(folder.iterdir())


def test_200_pictures_have_the_answers_of_predict(opened, folder, tmp_path):
    paths = _alike(tmp_path)
    assert len(paths) > 200
    page = opened()
    page.set_input_files("#files", paths)
    wait_for(page, len(paths) + 1, timeout=120_000)
    for unsure in (True, False):
        page.set_checked("#anyway", not unsure)
        found = {one["path"]: one for one in saved(page)}
        expected = Predictor(folder / "model/model.tflite", unsure=unsure).predict(paths)
        for path, one in zip(paths, expected, strict=True):
            assert_same(found[path.name], one)


@pytest.mark.parametrize("kind", ["16 bits", "AVIF with transparency"])
def test_two_kinds_of_pictures_come_close(opened, predictor, tmp_path, kind):
    image = photograph((32, 32))
    if kind == "16 bits":
        path = tmp_path / "grey.png"
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257 + 100).save(path)
    else:
        path = tmp_path / "clear.avif"
        image.putalpha(Image.linear_gradient("L").resize((32, 32)))
        image.save(path, quality=90)
    page = opened()
    give(page, path)
    (expected,) = predictor.predict([path])
    assert saved(page)[-1]["p_real"] == pytest.approx(expected.p_real, abs=0.05)
