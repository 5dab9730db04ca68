"""The page's server as programs and attackers meet it: real sockets, a real camera on loopback."""

import json
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge_runtime.errors import PageError
from edge_runtime.live.address import PageAddress
from edge_runtime.live.server import _listen
from tests.live_run import WAIT_S, Microscope, microscope

JSON = {"content_type": "application/json"}
OPEN_ADDRESS = "0.0.0.0:0"


@pytest.fixture(scope="module")
def scope() -> Iterator[Microscope]:
    """A page on loopback; tests leave it as they found it."""
    with microscope() as scope:
        yield scope


@pytest.fixture(autouse=True)
def fresh(scope: Microscope) -> None:
    """An empty place in sight, and an empty count."""
    scope.place = 2
    eventually(lambda: not shots(scope, 1)[0][0]["outlines"])
    post(scope, "/api/count", action="reset", target=100)


def eventually(what: Callable[[], Any]) -> Any:
    """The first value of `what` that is true."""
    end_s = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < end_s, "it did not come to pass"
        time.sleep(0.02)
    return found


def state(scope: Microscope, **headers: str) -> dict[str, Any]:
    status, _, body = scope.request("GET", "/api/state", **headers)
    assert status == 200, body
    return json.loads(body)


def post(scope: Microscope, path: str, **body: Any) -> tuple[int, Any]:
    status, _, answer = scope.request("POST", path, json.dumps(body).encode(), **JSON)
    return status, json.loads(answer)


def count_a_field(scope: Microscope) -> list[dict[str, Any]]:
    """Moves to the first field and counts its cells."""
    assert post(scope, "/api/count", action="start", slide="P07")[0] == 200
    scope.place = 0
    eventually(lambda: state(scope)["count"]["counted"] >= 3)
    eventually(lambda: state(scope)["count"]["skipped"] >= 1)
    return json.loads(scope.request("GET", "/api/cells")[2])


def test_a_field_is_counted_once_and_told_as_json(scope: Microscope) -> None:
    count_a_field(scope)
    frames = state(scope)["run"]["frames"]
    eventually(lambda: state(scope)["run"]["frames"] > frames + 5)
    seen = state(scope)
    assert seen["count"]["decided"] == {"all": 2, "hem": 1}
    assert (seen["count"]["skipped"], seen["count"]["slide"], seen["count"]["state"]) == (1, "P07", "running")
    assert seen["count"]["share"]["value"] == pytest.approx(2 / 3)
    assert seen["camera"]["state"] == "live" and seen["camera"]["source"].startswith("http://127.0.0.1")
    assert seen["run"]["latency_ms"] > 0 and seen["run"]["well"]
    assert seen["model"]["notice"] == "Research use only; not a medical device."


def test_a_moved_stage_brings_new_cells(scope: Microscope) -> None:
    count_a_field(scope)
    scope.place = 1
    eventually(lambda: state(scope)["count"]["counted"] == 5)
    assert state(scope)["count"]["decided"] == {"all": 3, "hem": 2}


def test_a_verdict_is_set_and_taken_back(scope: Microscope) -> None:
    cells = count_a_field(scope)
    number = next(cell["number"] for cell in cells if cell["label"] == "all")
    status, cell = post(scope, f"/api/cells/{number}", verdict="hem")
    assert (status, cell["label"], cell["verdict"]) == (200, "all", "hem")
    assert state(scope)["count"]["decided"] == {"all": 1, "hem": 2}
    assert post(scope, f"/api/cells/{number}", verdict=None)[1]["verdict"] is None
    status, answer = post(scope, f"/api/cells/{number}", verdict="lymphocyte")
    assert status == 409 and "all, hem or out" in answer["error"]
    assert post(scope, "/api/cells/999999", verdict="hem")[0] == 409


def test_pictures_and_exports(scope: Microscope) -> None:
    number = count_a_field(scope)[0]["number"]
    for path, kind, form in (("thumbnail.jpg", "image/jpeg", 128), ("picture.png", "image/png", None)):
        status, headers, data = scope.request("GET", f"/api/cells/{number}/{path}")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert (status, headers["content-type"]) == (200, kind)
        assert form is None or max(picture.shape) == form
    assert cv2.imdecode(np.frombuffer(scope.request("GET", "/api/picture.jpg")[2], np.uint8), 1).shape == (480, 640, 3)
    assert scope.request("GET", "/api/overruled.zip")[0] == 409
    post(scope, f"/api/cells/{number}", verdict="hem")
    status, headers, data = scope.request("GET", "/api/overruled.zip")
    assert status == 200 and data[:2] == b"PK" and "attachment" in headers["content-disposition"]
    assert scope.request("GET", "/api/count.csv")[2].decode().splitlines()[0].startswith("number,slide,path,frame")
    assert b"P07" in scope.request("GET", "/report")[2]


def shots(scope: Microscope, count: int, **headers: str) -> list[tuple[dict[str, Any], bytes]]:
    """Pictures as the page takes them, acknowledged one by one."""
    parts = urlsplit(scope.url)
    taken = []
    with connect(
        f"ws://{parts.netloc}/api/live", additional_headers=headers, max_size=None, open_timeout=WAIT_S
    ) as socket:
        while len(taken) < count:
            message = socket.recv(WAIT_S)
            if isinstance(message, bytes):
                (length,) = struct.unpack(">I", message[:4])
                taken.append((json.loads(message[4 : 4 + length]), message[4 + length :]))
                socket.send("drawn")
    return taken


def test_pictures_come_with_their_outlines_and_each_is_newer(scope: Microscope) -> None:
    count_a_field(scope)
    taken = shots(scope, 4)
    serials = [head["serial"] for head, _ in taken]
    assert serials == sorted(set(serials))
    head, jpeg = taken[-1]
    assert (head["width"], head["height"]) == (640, 480)
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1).shape == (480, 640, 3)
    labels = sorted((o["status"], o["label"] or "") for o in head["outlines"])
    assert labels == [("ok", "all"), ("ok", "all"), ("ok", "hem"), ("skipped", "")]
    x, y, width, height = next(o["box"] for o in head["outlines"] if o["label"] == "hem")
    assert x < 500 < x + width and y < 120 < y + height
    numbers = {cell["number"] for cell in state(scope)["last"]}
    assert {o["number"] for o in head["outlines"] if o["label"]} <= numbers


def test_a_browser_that_draws_nothing_is_sent_no_more(scope: Microscope) -> None:
    parts = urlsplit(scope.url)
    with connect(f"ws://{parts.netloc}/api/live", max_size=None, open_timeout=WAIT_S) as socket:
        pictures = states = 0
        while states < 3:  # one a second
            pictures, states = (
                (pictures + 1, states) if isinstance(socket.recv(WAIT_S), bytes) else (pictures, states + 1)
            )
    assert pictures <= 2


def test_healthz_needs_nothing_and_tells_nothing(scope: Microscope) -> None:
    eventually(lambda: state(scope)["run"]["frames"])
    status, _, body = scope.request("GET", "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b"[" * 4000, JSON, 400),
        (b'{"slide": 3}', JSON, 400),
        (b'{"target": true}', JSON, 400),
        (b'{"unknown": 1}', JSON, 400),
        (b'{"action": "explode"}', JSON, 400),
        (b'{"target": 7}', JSON, 409),
        (b'{"slide": "=cmd()"}', JSON, 409),
        (b'{"slide": "' + b"x" * 5000 + b'"}', JSON, 413),
        (b'{"slide": "\xff"}', JSON, 400),
        (b'{"slide": "\\ud800"}', JSON, 409),
    ],
)
def test_what_cannot_be_understood_changes_nothing(
    scope: Microscope, body: bytes, headers: dict[str, str], status: int
) -> None:
    before = state(scope)["count"]
    got, _, answer = scope.request("POST", "/api/count", body, **headers)
    assert (got, "error" in json.loads(answer)) == (status, True)
    assert state(scope)["count"] == before


def test_another_site_cannot_change_read_or_listen(scope: Microscope) -> None:
    parts = urlsplit(scope.url)
    said = len(scope.lines)
    for headers in ({"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}):
        status, _, _ = scope.request("POST", "/api/count", b'{"slide": "evil"}', **JSON, **headers)
        assert status == 403
    assert scope.request("GET", "/api/state", host=f"evil.example:{parts.port}")[0] == 421
    for kinds in ({"origin": "http://evil.example"}, {"additional_headers": {"sec-fetch-site": "cross-site"}}):
        with pytest.raises(InvalidStatus) as caught, connect(_listener(scope), **kinds):
            pass
        assert caught.value.response.status_code == 403
    assert state(scope)["count"]["slide"] == ""
    told = scope.lines[said:]
    assert any("another site" in line for line in told) and any("a name that is not this machine's" in t for t in told)
    assert len(told) <= 2, "a visitor's same refusal is told once"
    headers = scope.request("GET", "/api/state")[1]
    assert "access-control-allow-origin" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def _listener(scope: Microscope) -> str:
    return f"ws://{urlsplit(scope.url).netloc}/api/live"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../run.py",
        "/static/%2e%2e/run.py",
        "/static/..%2frun.py",
        "/static/%2fetc%2fpasswd",
        "/static//etc/passwd",
        "/../../etc/passwd",
        "/etc/passwd",
        "/api/cells/../../x",
        "/api/cells/1/../../../etc/passwd",
        "/api/cells/-1",
        "/static/page.js%00.css",
    ],
)
def test_a_path_outside_gives_nothing(scope: Microscope, path: str) -> None:
    status, _, body = scope.request("GET", path)
    assert status == 404
    assert b"root:" not in body and b"import" not in body


def test_a_path_outside_is_said_in_one_line(scope: Microscope) -> None:
    scope.request("GET", "/etc/%0apasswd?token=s3cr3t")
    told = [line for line in scope.lines if "no such page" in line]
    assert len(told) == 1 and "\n" not in told[0] and "s3cr3t" not in told[0]


def test_nothing_of_the_page_comes_from_outside(scope: Microscope) -> None:
    status, headers, page = scope.request("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    names = set(re.findall(rb'(?:href|src)="(/static/[^"]+)"', page))
    script = scope.request("GET", "/static/page.js")[2]
    names |= {b"/static/" + name for name in re.findall(rb'from "\./([^"]+)"', script)}
    assert len(names) > 6
    for name in names:
        status, _, body = scope.request("GET", name.decode())
        assert status == 200
        assert not re.search(rb"https?://(?!www\.w3\.org/)", body), name


def test_an_open_page_demands_its_token() -> None:
    with microscope(OPEN_ADDRESS) as scope:
        url = scope.url
        token = url.partition("token=")[2]
        assert len(token) >= 24 and "page: http" in scope.lines[0]
        scope.lines[0] = re.sub(r"http://[^/]+:(\d+)/\S*", r"http://127.0.0.1:\1/", scope.lines[0])
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "edge-classify-0=x"}):
            assert scope.request("GET", "/api/state", **headers)[0] == 401
            assert scope.request("POST", "/api/count", b"{}", **JSON, **headers)[0] == 401
        with pytest.raises(InvalidStatus), connect(_listener(scope)):
            pass
        assert scope.request("GET", "/healthz")[0] == 200
        assert state(scope, authorization=f"Bearer {token}")["run"]
        status, _, form = scope.request("GET", "/")
        assert status == 401 and b'name="token"' in form
        status, headers, _ = scope.request("GET", f"/?token={token}")
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and token not in cookie
        assert state(scope, cookie=cookie.partition(";")[0])["run"]
        assert shots(scope, 1, cookie=cookie.partition(";")[0])
        assert scope.request("GET", "/?token=wrong-token-of-someone")[0] == 401
        form_type = {"content_type": "application/x-www-form-urlencoded"}
        assert scope.request("POST", "/login", f"token={token}".encode(), **form_type)[0] == 303
        status, _, form = scope.request("POST", "/login", b"token=%ff%fe", **form_type)
        assert status == 401 and b"not the token" in form
        said = "\n".join(scope.lines[1:])
        assert "wrong token" in said and token not in said and "wrong-token-of-someone" not in said


def test_an_address_that_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PageError, match=f"127.0.0.1 port {port}: Address already in use"):
            _listen(PageAddress("127.0.0.1", port))
    with pytest.raises(PageError, match="give this machine's address"):
        _listen(PageAddress("no-such-host.invalid", 0))
