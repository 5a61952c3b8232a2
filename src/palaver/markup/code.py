"""Code as spans with classes, whose colours are in ``message.css``.

Pygments finds words by regular expressions, some of which take very long for texts made for that purpose
(CVE-2021-27291, CVE-2022-40896), and what is highlighted here was written by anyone: so only languages that people ask
about, and only blocks of a size that a person reads.
"""

from __future__ import annotations

from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

CODE_CHARACTERS_MAX = 20_000
LANGUAGES = frozenset(
    {
        *(
            "bash",
            "c",
            "cpp",
            "cs",
            "csharp",
            "css",
            "diff",
            "dockerfile",
            "go",
            "html",
            "ini",
            "java",
            "javascript",
            "js",
        ),
        *(
            "json",
            "kotlin",
            "php",
            "powershell",
            "py",
            "python",
            "rb",
            "ruby",
            "rs",
            "rust",
            "sh",
            "shell",
            "sql",
            "swift",
        ),
        *("toml", "ts", "typescript", "xml", "yaml", "yml"),
    }
)
_formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


def highlighted(code: str, language: str, _attributes: str) -> str:
    """Return a block of code as HTML without a ``<pre>`` around it."""
    name = language.lower()
    if name not in LANGUAGES or len(code) > CODE_CHARACTERS_MAX:
        return escape(code)
    return highlight(code, get_lexer_by_name(name, stripnl=False), _formatter)
