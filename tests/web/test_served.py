"""How the page is served: its policy, its cache, its size, and that all of it comes from here."""

from __future__ import annotations

import gzip
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from palaver.exports.html import HtmlWriter
from palaver.server.web.assets import assets
from server.world import World, a_world

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src" / "palaver" / "server" / "web" / "static"
OWN = sorted([*STATIC.glob("*.js"), *STATIC.glob("*.css"), *STATIC.glob("*.html")])
SCRIPT_BYTES_MAX = 120_000
LOADER_BYTES_MAX = 2_048


@pytest.fixture
async def world(tmp_path: Path):
    async with a_world(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    "path", ["/", "/c/conv_0198c0de00007000800000000000abcd", "/bots", "/bots/new", "/analytics", "/admin"]
)
async def test_the_page_has_its_policy_at_every_address(world: World, path: str) -> None:
    """Nothing but files of this server, no inline script or style, Trusted Types; frames of this server only."""
    answer = await world.http.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self';",
        "style-src 'self';",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "require-trusted-types-for 'script'; trusted-types dompurify",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.search(r"<(script|style)>|style=|onload=|javascript:", answer.text) is None


async def test_every_file_that_the_page_names_is_there_and_kept_for_good(world: World) -> None:
    """The page is asked for each time, its files never again: their address changes with their content."""
    page = await world.http.get("/")
    assert page.headers["cache-control"] == "no-cache"
    named = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(named) > 20
    for path in named:
        answer = await world.http.get("/" + path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    deep = re.findall(r'(?:href|src)="([^"]+)"', (await world.http.get("/c/x")).text)
    assert deep == ["../" + path for path in named]


async def test_what_a_browser_has_is_not_sent_again(world: World) -> None:
    """A page or a file whose tag is shown is 304, packed or not; packed it is the same."""
    for path in ("/", f"/ui/{assets().version}/app.js"):
        packed = await world.http.get(path, headers={"Accept-Encoding": "gzip"})
        plain = await world.http.get(path, headers={"Accept-Encoding": "identity"})
        assert packed.content == plain.content
        assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert packed.headers["etag"] != plain.headers["etag"]
        for answer, accepted in ((packed, "gzip"), (plain, "identity")):
            again = {"If-None-Match": answer.headers["etag"], "Accept-Encoding": accepted}
            assert (await world.http.get(path, headers=again)).status_code == 304


async def test_files_of_another_version_are_served_and_not_kept(world: World) -> None:
    """A page that was loaded before an update finds the modules that it loads later."""
    answer = await world.http.get("/ui/000000000000/vendor/highlight.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["nothing.js", "../routes.py", "..%2Froutes.py", "%2e%2e/assets.py", "vendor/", "", "//etc/passwd"]
)
async def test_nothing_else_is_served(world: World, path: str) -> None:
    """What is no file of the page is not found, however it is written."""
    answer = await world.http.get(f"/ui/{assets().version}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_message_looks_the_same_in_a_saved_file(world: World) -> None:
    """The page's styles of messages are those of exports as HTML, and nowhere said again."""
    index = (await world.http.get("/")).text
    (path,) = re.findall(r'href="([^"]*/message.css)"', index)
    styles = (await world.http.get(path)).text
    assert f"<style>{styles}" in HtmlWriter().begin("A file").decode()
    rules = {line for line in styles.splitlines() if line.startswith((".", ":"))}
    assert rules.isdisjoint((STATIC / "page.css").read_text().splitlines())


async def test_the_page_is_only_read(world: World) -> None:
    """Any other method is refused and named."""
    answer = await world.http.post("/", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert (await world.http.head("/")).status_code == 200


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_file_of_ours_names_another_host(path: Path) -> None:
    """All that the page needs comes with it."""
    assert re.findall(r"""["'(](?:https?:)?//[^"')\s]+""", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".js"], ids=lambda path: path.name)
def test_no_file_of_ours_writes_markup(path: Path) -> None:
    """Markup is parsed in one place, which cleans it; nothing is evaluated."""
    text = path.read_text(encoding="utf-8")
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|dangerously", text)
        == []
    )


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".js"], ids=lambda path: path.name)
def test_no_file_of_ours_shows_an_error_as_it_was_thrown(path: Path) -> None:
    """What went wrong is said in plain words, which are chosen in one place."""
    text = re.sub(r"^export const sentenceOf = .*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert re.findall(r"(?<!\.)\berror\.message\b", text) == []


@pytest.mark.parametrize(("page", "script"), [("index.html", "app.js"), ("embed.html", "embed.js")])
def test_a_page_names_all_modules_that_it_loads_at_once(page: str, script: str) -> None:
    """The browser need not read a module to know of the next: what is imported is preloaded, and nothing besides."""
    index = (STATIC / page).read_text(encoding="utf-8")
    preloaded = set(re.findall(r'rel="modulepreload" href="\{ui\}/([^"]+)"', index)) | {script}
    reached, ahead = set(), [script]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            text = (STATIC / name).read_text(encoding="utf-8")
            folder = "vendor/" if name.startswith("vendor/") else ""
            ahead += [
                folder + found for found in re.findall(r'^(?:import|export)[^"(]*"\./([^"]+)";$', text, re.MULTILINE)
            ]
            ahead += [folder + found for found in re.findall(r'from"\./([^"]+)"', text) if folder]
    assert preloaded == reached


def test_the_loader_of_the_widget_is_small() -> None:
    """As it travels it is at most 2 KB."""
    assert len(assets().by_path["widget.js"].gzipped) <= LOADER_BYTES_MAX


def test_the_first_page_is_small() -> None:
    """All scripts that the page loads at once are at most 120 KB as they travel."""
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    names = [*re.findall(r'href="\{ui\}/([^"]+\.js)"', index), *re.findall(r'src="\{ui\}/([^"]+\.js)"', index)]
    assert sum(len(assets().by_path[name].gzipped) for name in names) <= SCRIPT_BYTES_MAX


def test_what_is_of_others_is_what_its_list_says() -> None:
    """Each vendored file has its package, version, licence and SHA-256 on a list, and is what that says."""
    check = [sys.executable, str(ROOT / "scripts" / "vendor_web.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_check_sees_a_changed_file(tmp_path: Path) -> None:
    """A file that was changed, is missing, or is on no list is found."""
    wrong = runpy.run_path(str(ROOT / "scripts" / "vendor_web.py"))["wrong"]
    for path in (STATIC / "vendor").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert wrong(tmp_path) == []
    (tmp_path / "htm.js").write_bytes(b"x")
    (tmp_path / "marked.js").unlink()
    (tmp_path / "new.js").write_bytes(b"x")
    assert wrong(tmp_path) == ["htm.js", "marked.js", "new.js"]


def test_every_licence_comes_along() -> None:
    """The words of each vendored package's licence are in the package."""
    words = assets().by_path["vendor/LICENSES.txt"].content.decode()
    packages = set(re.findall(r'"package": "([^"]+)"', (STATIC / "vendor" / "vendor.lock.json").read_text()))
    assert packages == set(re.findall(r"^==== (\S+) \S+ ====$", words, re.MULTILINE))


def test_a_packed_file_unpacks_to_itself() -> None:
    """What is served packed is the file."""
    assert all(gzip.decompress(each.gzipped) == each.content for each in assets().by_path.values())
