"""The fetcher goes where it may, takes what it may, and says by name why it does not. Against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from palaver.errors import InvalidInput
from palaver.retrieval.fetching import REDIRECTS_MAX, Fetched, Fetcher
from unit.faulty_http import FaultyServer, Piece, Wait, answer, serving

PAGE = b"<h1>Returns</h1>"
MB = 1024 * 1024


def place_of(server: FaultyServer) -> str:
    """The server's host and port, as an entry of the list of allowed hosts."""
    return server.url.removeprefix("http://")


def fetcher_for(server: FaultyServer, *more: str, limit_bytes: int = MB, total_seconds: float = 20.0) -> Fetcher:
    return Fetcher([place_of(server), *more], limit_bytes=limit_bytes, total_seconds=total_seconds, allow_loopback=True)


async def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        await fetcher.fetch(url)
    return refused.value.code


def redirect(to: str) -> list[Piece]:
    return answer(302, b"", f"Location: {to}")


async def test_a_page_is_fetched_with_its_type_and_name() -> None:
    """The content, what the server calls it, the URL without its fragment, and the last part of its path."""
    async with serving(answer(200, PAGE, media_type="text/html; charset=utf-8")) as server:
        fetched = await fetcher_for(server).fetch(f"{server.url}/help/a%20page.html?x=1#top")
        assert fetched == Fetched(
            content=PAGE,
            media_type="text/html; charset=utf-8",
            url=f"{server.url}/help/a%20page.html?x=1",
            name="a page.html",
        )
        assert server.asked[0].path == "/help/a%20page.html?x=1"
        assert server.asked[0].headers["host"] == place_of(server)


async def test_nothing_blocks_the_loop() -> None:
    """Neither the first fetch nor a certificate store that is read for it."""
    async with serving(redirect("/b"), answer(200, PAGE)) as server:
        with blockbuster_ctx():
            assert (await fetcher_for(server).fetch(server.url)).content == PAGE
            assert await refusal(fetcher_for(server), f"https{server.url[4:]}") == "fetch_failed"


async def test_nothing_is_fetched_unless_hosts_are_named() -> None:
    """Without a list the fetcher is off."""
    assert await refusal(Fetcher([], allow_loopback=True), "http://127.0.0.1/") == "fetch_disabled"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "page.html",
        "//127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://",
        "http:///x",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:22/",
        "http://127.0.0.1\n/",
        "http://other.example/",
        "http://example.org.evil.example/",
        "http://127.0.0.1/" + "x" * 2000,
    ],
)
async def test_only_plain_addresses_of_allowed_hosts_are_fetched(url: str) -> None:
    """Other schemes, credentials, ports that nobody named and hosts that are not on the list are refused, unasked."""
    fetcher = Fetcher(["127.0.0.1", "example.org"], allow_loopback=True)
    assert await refusal(fetcher, url) == "fetch_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0/",
        "http://localhost/",
        "https://localhost./",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
    ],
)
async def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    """However they are written, and also where every host is allowed."""
    assert await refusal(Fetcher(["*"]), url) == "fetch_refused"


@pytest.mark.parametrize("url", ["http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/"])
async def test_literal_addresses_of_ipv6_have_to_be_public_too(url: str) -> None:
    """Loopback, mapped and translated ones are refused even where the literal itself is on the list."""
    host = url.removeprefix("http://[").removesuffix("]/")
    assert await refusal(Fetcher([host]), url) == "fetch_refused"


@pytest.mark.parametrize(
    ("pattern", "url", "is_allowed"),
    [
        ("example.org", "http://EXAMPLE.org./", True),
        ("*.example.org", "http://a.b.example.org/", True),
        ("*.example.org", "http://example.org/", False),
        ("*.example.org", "http://badexample.org/", False),
        ("example.org:8443", "https://example.org:8443/", True),
        ("example.org:8443", "https://example.org/", False),
        ("example.org", "https://example.org:8443/", False),
        ("*", "https://example.org:8443/", False),
        ("*", "https://example.org/", True),
        ("xn--mnchen-3ya.example", "https://münchen.example/", True),
    ],
)
def test_the_list_names_hosts_and_ports(pattern: str, url: str, is_allowed: bool) -> None:
    """A name, what is below a name, a name with its port, or every name on the usual ports."""
    import httpx2

    assert Fetcher([pattern])._is_allowed(httpx2.URL(url)) is is_allowed


async def test_a_name_with_one_address_in_the_wrong_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address that the resolver gives is looked at, not only the first."""
    loop = asyncio.get_running_loop()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]

    async def resolve(*_: object, **__: object) -> list[object]:
        return list(found)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    assert await refusal(Fetcher(["*"]), "http://rebinding.example/") == "fetch_refused"


async def test_the_name_is_resolved_once_and_the_checked_address_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere on a second look-up gains nothing; the server still learns the name."""
    async with serving(answer(200, PAGE)) as server:
        port = int(server.url.rpartition(":")[2])
        asked = []

        async def resolve(host: str, *_: object, **__: object) -> list[object]:
            asked.append(host)
            if host == "127.0.0.1":  # the connection itself, to the address
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
            address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        fetcher = Fetcher([f"wiki.example:{port}"], allow_loopback=True)
        assert (await fetcher.fetch(f"http://wiki.example:{port}/")).content == PAGE
        assert server.asked[0].headers["host"] == f"wiki.example:{port}"
        assert asked.count("wiki.example") == 1


async def test_an_address_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one of the name is asked."""
    async with serving(answer(200, PAGE)) as server:
        port = int(server.url.rpartition(":")[2])

        async def resolve(host: str, *_: object, **__: object) -> list[object]:
            addresses = ["127.0.0.2", "127.0.0.1"] if host == "wiki.example" else [host]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        fetcher = Fetcher([f"wiki.example:{port}"], allow_loopback=True)
        assert (await fetcher.fetch(f"http://wiki.example:{port}/")).content == PAGE


async def test_redirects_are_followed_a_few_times() -> None:
    """The page has the URL at which it was found; more than five redirects are ``fetch_failed``."""
    async with serving(redirect("/b"), redirect("c?d"), answer(200, PAGE)) as server:
        assert (await fetcher_for(server).fetch(f"{server.url}/a")).url == f"{server.url}/c?d"
    async with serving(redirect("/again")) as server:
        assert await refusal(fetcher_for(server), server.url) == "fetch_failed"
        assert len(server.asked) == REDIRECTS_MAX + 1


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/", "http://other.example/", "file:///etc/passwd", "http://a:b@127.0.0.1/", "//10.0.0.1/x"],
)
async def test_each_redirect_is_checked_like_the_first_address(target: str) -> None:
    """A redirect leads to no host, scheme or address that could not be fetched itself."""
    async with serving(redirect(target)) as server:
        assert await refusal(fetcher_for(server, "169.254.169.254", "10.0.0.1"), server.url) == "fetch_refused"
        assert len(server.asked) == 1


async def test_a_page_has_at_most_so_many_bytes() -> None:
    """As sent and as decompressed: a compressed bomb is cut off at the limit."""
    async with serving(answer(200, b"x" * 2000)) as server:
        assert await refusal(fetcher_for(server, limit_bytes=1999), server.url) == "file_too_large"
        assert len((await fetcher_for(server, limit_bytes=2000).fetch(server.url)).content) == 2000
    bomb = gzip.compress(bytes(50 * MB))
    async with serving(answer(200, bomb, "Content-Encoding: gzip")) as server:
        assert await refusal(fetcher_for(server), server.url) == "file_too_large"
    async with serving(answer(200, gzip.compress(PAGE), "Content-Encoding: gzip")) as server:
        assert (await fetcher_for(server).fetch(server.url)).content == PAGE


@pytest.mark.parametrize(
    "pieces",
    [
        answer(404, b"gone"),
        answer(500, b"broken"),
        answer(200, b"x", "Content-Encoding: br"),
        answer(200, b"not gzip", "Content-Encoding: gzip"),
        answer(302, b"", "Nowhere: x"),
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"],
        [b"no http at all\r\n\r\n"],
        [b""],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", Wait()],
        [Wait()],
    ],
)
async def test_a_bad_answer_is_a_failure_by_name(pieces: list[Piece]) -> None:
    """Refusals, broken answers, unknown encodings and silence are ``fetch_failed``, in the time that is given."""
    async with serving(pieces) as server, asyncio.timeout(20):
        assert await refusal(fetcher_for(server, total_seconds=2), server.url) == "fetch_failed"


async def test_a_server_that_is_not_there_is_a_failure_by_name() -> None:
    """A refused connection and a name that nobody knows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
        assert await refusal(Fetcher([place], allow_loopback=True), f"http://{place}/") == "fetch_failed"
    assert await refusal(Fetcher(["*"]), "http://no-such-name.invalid/") == "fetch_failed"


async def test_no_cookie_and_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server sets is forgotten between two requests, and the environment's proxies are not asked."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    first = answer(302, b"", "Set-Cookie: a=b; Path=/", "Location: /next")
    async with serving(first, answer(200, PAGE)) as server:
        await fetcher_for(server).fetch(server.url)
        assert "cookie" not in server.asked[1].headers


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of wiki.example, with its key."""
    made = tmp_path / "wiki.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=wiki.example"]
    names = ["-addext", "subjectAltName=DNS:wiki.example"]
    subprocess.run(
        [*words, *names, "-keyout", str(made), "-out", str(tmp_path / "cert.pem")], check=True, capture_output=True
    )
    made.write_text(made.read_text() + (tmp_path / "cert.pem").read_text())
    return made


async def test_the_certificate_is_that_of_the_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS is spoken in the name of the host, not of its address: another host's certificate is no good."""
    served, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    served.load_cert_chain(certificate)
    served.sni_callback = lambda _socket, name, _context: names.append(name)

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0, ssl=served)
    port = server.sockets[0].getsockname()[1]

    async def resolve(host: str, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    trust = ssl.create_default_context(cafile=str(certificate))
    fetcher = Fetcher([f"wiki.example:{port}", f"other.example:{port}"], allow_loopback=True, trust=trust)
    async with server:
        assert (await fetcher.fetch(f"https://wiki.example:{port}/")).content == b"ok"
        assert await refusal(fetcher, f"https://other.example:{port}/") == "fetch_failed"
    assert names == ["wiki.example", "other.example"]
