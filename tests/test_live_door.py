"""Who may come in, without a web server: addresses, host names, origins, tokens."""

import socket
from pathlib import Path

import pytest

from edge_runtime.errors import PageError
from edge_runtime.live.address import PageAddress, parse_address
from edge_runtime.live.door import Door
from edge_runtime.live.token import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Token, find_token

SECRET = "correct-horse-battery"
LOOPBACK = Door(PageAddress("127.0.0.1", 8000), None)
OPEN = Door(PageAddress("0.0.0.0", 8000), Token(SECRET, generated=False))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("9000", "127.0.0.1", 9000),
        ("0", "127.0.0.1", 0),
        (":9000", "0.0.0.0", 9000),
        ("192.0.2.4", "192.0.2.4", 8000),
        ("pi.example", "pi.example", 8000),
        ("[::1]:81", "::1", 81),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_address(text) == PageAddress(host, port)


@pytest.mark.parametrize("text", ["", "a:b", "1.2.3.4:70000", "http://x", "70000", "a:1:2", "[::1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(PageError):
        parse_address(text)


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1234"])
def test_loopback_is_asked_by_its_own_names(host: str) -> None:
    assert LOOPBACK.judge("http", "GET", "/", {"host": host}) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "", "localhost.evil.example", "192.0.2.9", "a b"]
)
@pytest.mark.parametrize("path", ["/", "/api/state", "/healthz"])
def test_a_name_bound_anew_to_loopback_is_refused(host: str, path: str) -> None:
    refusal = LOOPBACK.judge("http", "GET", path, {"host": host})
    assert refusal is not None and refusal.status == 421


@pytest.mark.parametrize("host", ["192.0.2.9:8000", "[fe80::1]:8000", socket.gethostname(), "localhost:8000"])
def test_an_open_page_is_asked_by_numbers_and_its_own_name(host: str) -> None:
    headers = {"host": host, "authorization": f"Bearer {SECRET}"}
    assert OPEN.judge("http", "GET", "/api/state", headers) is None
    refusal = OPEN.judge("http", "GET", "/api/state", headers | {"host": "evil.example"})
    assert refusal is not None and refusal.status == 421


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "https://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize(("kind", "method"), [("http", "POST"), ("http", "DELETE"), ("websocket", "GET")])
def test_another_site_changes_and_hears_nothing(said: dict[str, str], kind: str, method: str) -> None:
    refusal = LOOPBACK.judge(kind, method, "/api/count", {"host": "localhost:8000", **said})  # type: ignore[arg-type]
    assert refusal is not None and refusal.status == 403


def test_the_page_itself_and_programs_may_change() -> None:
    for headers in ({"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}, {}):
        assert LOOPBACK.judge("http", "POST", "/api/count", {"host": "localhost:8000", **headers}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": SECRET},
        {"authorization": "Bearer ä\udcff"},
        {"cookie": f"edge-classify-8000={SECRET}"},
        {"cookie": f"edge-classify-8001={Token(SECRET, generated=False).cookie}"},
        {"cookie": "edge-classify-8000="},
    ],
)
def test_without_the_token_nothing_is_told(headers: dict[str, str]) -> None:
    for kind, method, path in (("http", "GET", "/"), ("http", "POST", "/api/count"), ("websocket", "GET", "/api/live")):
        refusal = OPEN.judge(kind, method, path, {"host": "192.0.2.9:8000", **headers})  # type: ignore[arg-type]
        assert refusal is not None and refusal.status == 401
        assert SECRET not in refusal.reason


def test_the_token_or_its_cookie_opens() -> None:
    cookie = f"a=b; edge-classify-8000={Token(SECRET, generated=False).cookie}"
    for headers in ({"authorization": f"bearer {SECRET}"}, {"cookie": cookie}):
        assert OPEN.judge("http", "GET", "/", {"host": "192.0.2.9:8000", **headers}) is None
    for path in ("/healthz", "/login", "/static/login.css"):
        assert OPEN.judge("http", "GET", path, {"host": "192.0.2.9:8000"}) is None


def test_tokens_are_made_or_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.delenv(TOKEN_FILE_VARIABLE, raising=False)
    one, other = find_token(), find_token()
    assert one.generated and one.text != other.text and len(one.text) >= 24
    (tmp_path / "token").write_text(f"{SECRET}\n")
    monkeypatch.setenv(TOKEN_FILE_VARIABLE, str(tmp_path / "token"))
    assert find_token() == Token(SECRET, generated=False)
    monkeypatch.setenv(TOKEN_VARIABLE, "another-token-of-enough")
    assert find_token().text == "another-token-of-enough"
    assert SECRET not in repr(Token(SECRET, generated=False))


@pytest.mark.parametrize("text", ["short", "with spaces in the middle", "ümläute-sind-keine-gute-idee"])
def test_a_bad_token_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, text)
    with pytest.raises(PageError, match="16 or more") as caught:
        find_token()
    assert text not in str(caught.value)


def test_a_token_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setenv(TOKEN_FILE_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(PageError, match="none: cannot be read"):
        find_token()
