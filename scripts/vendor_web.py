"""Takes what the web page stands on out of its released packages: ES modules, icons, and for the tests axe-core.

    python scripts/vendor_web.py            fetch the versions below with npm, and write what is kept of them
    python scripts/vendor_web.py --check    exit with 1 if a kept file is not what its list says; needs no npm

Run it when a version below moves; nothing else ever needs npm. What is written: the files, ``vendor.lock.json`` with
each one's package, version, licence and SHA-256, and ``LICENSES.txt``. Two things are changed on the way: imports by a
package's name become relative (an import map would be an inline script, which the page's policy forbids), and
references to source maps, which do not come along, are left out.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "src" / "palaver" / "server" / "web" / "static"
SERVED, TESTED = PAGE / "vendor", ROOT / "tests" / "web" / "vendor"
LOCK, LICENSES = "vendor.lock.json", "LICENSES.txt"


@dataclass(frozen=True, slots=True, eq=False)
class Pin:
    """A released package, and which of its files is kept under which name."""

    package: str
    version: str
    files: Mapping[str, str]


MODULES = (
    Pin("preact", "11.2.0", {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "hooks.js"}),
    Pin("@preact/signals-core", "1.14.5", {"dist/signals-core.mjs": "signals-core.js"}),
    Pin("@preact/signals", "2.11.4", {"dist/signals.mjs": "signals.js"}),
    Pin("htm", "3.1.1", {"dist/htm.module.js": "htm.js"}),
    Pin("marked", "18.2.1", {"lib/marked.esm.js": "marked.js"}),
    Pin("dompurify", "3.5.0", {"dist/purify.es.mjs": "purify.js"}),
    Pin("@highlightjs/cdn-assets", "11.12.0", {"es/highlight.min.js": "highlight.js"}),
)
ICONS = Pin("lucide-static", "1.62.0", {})
AXE = Pin("axe-core", "4.14.1", {"axe.min.js": "axe.min.js"})
ICON_NAMES = (
    *("archive", "archive-restore", "arrow-down", "arrow-up", "bot", "check", "chevron-left", "chevron-right"),
    *("circle-alert", "copy", "ellipsis", "flag", "image-plus", "key-round", "keyboard", "log-out", "menu"),
    *("message-square", "moon", "panel-left", "pencil", "play", "plus", "refresh-cw", "search"),
    *("sliders-horizontal", "square", "star", "sun", "thumbs-down", "thumbs-up", "trash-2", "x"),
)
BY_NAME = {
    "preact": "preact.js",
    "preact/hooks": "hooks.js",
    "@preact/signals-core": "signals-core.js",
    "@preact/signals": "signals.js",
}
_IMPORT = re.compile(r"""((?:\bfrom|\bimport)\s*)(["'])([^"'.][^"']*)\2""")
_SOURCE_MAP = re.compile(r"\n?//# sourceMappingURL=.*")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept, and where it is from."""

    name: str
    pin: Pin
    licence: str
    content: bytes

    @property
    def entry(self) -> dict[str, str]:
        """What the list says of it."""
        digest = hashlib.sha256(self.content).hexdigest()
        return {"package": self.pin.package, "version": self.pin.version, "license": self.licence, "sha256": digest}


def fetched(pin: Pin, folder: Path) -> Path:
    """Fetch a package as it was released; return where its files are."""
    command = ["npm", "pack", f"{pin.package}@{pin.version}", "--silent", "--ignore-scripts"]
    name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / name.removesuffix(".tgz"), filter="data")
    return folder / name.removesuffix(".tgz") / "package"


def licence(package: Path) -> str:
    """The name of a package's licence."""
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["license"])


def module(text: str) -> bytes:
    """A module as the page can import it."""

    def relative(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}./{BY_NAME[found[3]]}{found[2]}" if found[3] in BY_NAME else found[0]

    return (_SOURCE_MAP.sub("", _IMPORT.sub(relative, text)).rstrip() + "\n").encode()


def sprite(package: Path) -> bytes:
    """The icons in use as the symbols of one picture."""
    symbols = []
    for name in ICON_NAMES:
        found = re.search(r"<svg[^>]*>(.*)</svg>", (package / "icons" / f"{name}.svg").read_text(), re.DOTALL)
        assert found is not None, name
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(found[1].split())}</symbol>')
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def write(folder: Path, kept: Sequence[Kept], licences: Iterable[str]) -> None:
    """Write files with their list and their licences."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in kept:
        (folder / each.name).write_bytes(each.content)
    listed = {each.name: each.entry for each in kept}
    (folder / LOCK).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    (folder / LICENSES).write_text("\n\n".join(licences) + "\n", encoding="utf-8")


def said(pin: Pin, package: Path) -> str:
    """A package's licence in its own words."""
    words = (package / "LICENSE").read_text(encoding="utf-8").strip()
    return f"==== {pin.package} {pin.version} ====\n\n{words}"


def vendor() -> None:
    """Fetch everything and write it."""
    with tempfile.TemporaryDirectory() as name:
        places = {pin: fetched(pin, Path(name)) for pin in (*MODULES, ICONS, AXE)}
        modules = [
            Kept(kept, pin, licence(places[pin]), module((places[pin] / source).read_text(encoding="utf-8")))
            for pin in MODULES
            for source, kept in pin.files.items()
        ]
        icons = Kept("icons.svg", ICONS, licence(places[ICONS]), sprite(places[ICONS]))
        axe = Kept("axe.min.js", AXE, licence(places[AXE]), (places[AXE] / "axe.min.js").read_bytes())
        write(SERVED, [*modules, icons], [said(pin, places[pin]) for pin in (*MODULES, ICONS)])
        write(TESTED, [axe], [said(AXE, places[AXE])])


def wrong(folder: Path) -> list[str]:
    """The files of a folder that are not what its list says, or not on it."""
    listed = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    there = {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (LOCK, LICENSES)}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in there.items()}
    return sorted(
        name for name in {*listed, *there} if name not in listed or listed[name]["sha256"] != digests.get(name)
    )


def main() -> None:
    """Write, or check."""
    if sys.argv[1:] != ["--check"]:
        vendor()
    faults = [f"{folder.name}/{name}" for folder in (SERVED, TESTED) for name in wrong(folder)]
    if faults:
        sys.exit("Not what the list says: " + ", ".join(faults))


if __name__ == "__main__":
    main()
