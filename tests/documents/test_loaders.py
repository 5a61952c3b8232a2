"""What each loader makes of a good file of its format."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.docx_files import document, docx, paragraph, table
from documents.pdf_files import pages, shown, text_pdf
from palaver.errors import InvalidInput
from palaver.retrieval.loaders.base import BlockKind, Draft, Extract
from palaver.retrieval.loaders.catalog import (
    CSV,
    DOCX,
    HTML,
    JSON,
    JSONL,
    LOADERS,
    MARKDOWN,
    PDF,
    PLAIN,
    TSV,
    loader_of,
)
from palaver.text import check_name

HEADING, PARAGRAPH, ITEM, ROW, CODE = BlockKind


def extracted(content: bytes, media_type: str) -> Extract:
    draft = Draft(text_bytes=10_000_000, blocks=100_000)
    loader_of(media_type)(content, draft)
    return draft.extract()


def seen(content: bytes | str, media_type: str) -> list[tuple[BlockKind, str]]:
    extract = extracted(content.encode() if isinstance(content, str) else content, media_type)
    return [(block.kind, block.text) for block in extract.blocks]


def test_a_pdf_has_pages_paragraphs_and_a_title() -> None:
    """The lines of a paragraph are joined, words that were parted too; a short line ends it; each knows its page."""
    first = [
        "A long line of text that goes on to the mar-",
        "gin of the page, and then it ends.",
        "A second paragraph begins",
    ]
    made = extracted(text_pdf(first, ["Ünd page (two)."], title="The Handbook"), PDF)
    assert [(block.text, block.page) for block in made.blocks] == [
        ("A long line of text that goes on to the margin of the page, and then it ends. A second paragraph begins", 1),
        ("Ünd page (two).", 2),
    ]
    assert made.title == "The Handbook"


def test_a_pdf_with_an_empty_page_counts_it() -> None:
    """A page without text (a scan) has no blocks, and the next one keeps its number."""
    made = extracted(pages(b"", shown(["Here."])), PDF)
    assert [(block.text, block.page) for block in made.blocks] == [("Here.", 2)]


def test_a_docx_has_headings_by_the_name_of_their_style() -> None:
    """Style ids are in the author's language, so the name decides; lists and tables keep their structure."""
    made = docx(
        document(
            paragraph("Returns", style="berschrift1"),
            paragraph("Within 14 days."),
            paragraph("Why", style="berschrift2"),
            paragraph("unworn", is_item=True),
            table([["Item", "Fee"], ["Shoes", "3 €"], ["Hats & caps", ""]]),
        ),
        title="Policy",
    )
    extract = extracted(made, DOCX)
    assert [(block.kind, block.level, block.text) for block in extract.blocks] == [
        (HEADING, 1, "Returns"),
        (PARAGRAPH, None, "Within 14 days."),
        (HEADING, 2, "Why"),
        (ITEM, None, "unworn"),
        (ROW, None, "Item: Shoes\nFee: 3 €"),
        (ROW, None, "Item: Hats & caps"),
    ]
    assert extract.title == "Policy"


def test_a_docx_gives_what_is_read_and_nothing_else() -> None:
    """Deleted and hidden text, the codes of fields and the copies for older readers are left out; text boxes are read."""
    body = (
        "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:t>deleted</w:t></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
        "<w:r><w:tab/><w:t>too</w:t><w:br/><w:t>line</w:t></w:r></w:p>"
        "<w:p><w:r><w:t>around</w:t></w:r><Fallback><w:t>copy</w:t></Fallback><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:p>"
    )
    assert seen(docx(document(body)), DOCX) == [
        (PARAGRAPH, "kept too\nline"),
        (PARAGRAPH, "around"),
        (PARAGRAPH, "boxed"),
    ]


def test_a_page_is_what_a_reader_sees() -> None:
    """Scripts, styles, navigation and hidden parts are left out; headings, lists, tables and code are kept."""
    page = """<!DOCTYPE html><title> Shop
      &amp; more</title><style>p {}</style><nav><a href=/>Home</a></nav>
      <h1>Re<b>turns</b></h1>Loose <i>text</i><p>Two<br>lines<script>alert(1)</script>
      <p style="color: red; DISPLAY : none">secret<div hidden>secret</div><div aria-hidden=true>secret</div><!-- no -->
      <ul><li>one<ol><li><p>deep</p></ol>after</ul><dl><dt>word<dd>meaning</dl>
      <table><tr><th>Item<th>Fee<tr><td><p>Shoes</p><td>3 <b>EUR</b><script>1</script></table>
      <table><tr><td><h2>Layout</h2>cell</table><pre>  if x:\n    y</pre><template>no</template>"""
    assert seen(page, HTML) == [
        (HEADING, "Returns"),
        (PARAGRAPH, "Loose text"),
        (PARAGRAPH, "Two\nlines"),
        (ITEM, "one"),
        (ITEM, "deep"),
        (ITEM, "after"),
        (ITEM, "word"),
        (ITEM, "meaning"),
        (ROW, "Item: Shoes\nFee: 3 EUR"),
        (HEADING, "Layout"),
        (PARAGRAPH, "cell"),
        (CODE, "  if x:\n    y"),
    ]
    assert extracted(page.encode(), HTML).title == "Shop & more"


@pytest.mark.parametrize(
    "content",
    [
        "<p>grün</p>".encode(),
        '<meta charset="iso-8859-1"><p>grün</p>'.encode("latin-1"),
        "<p>grün</p>".encode("utf-16"),
        '<meta charset="iso-8859-1"><p>grün</p>'.encode(),
    ],
)
def test_a_page_is_read_in_its_encoding(content: bytes) -> None:
    """UTF-8 is UTF-8 whatever the page says; else its byte order mark or its own word counts."""
    assert seen(content, HTML) == [(PARAGRAPH, "grün")]


def test_markdown_loses_its_marks_and_keeps_its_structure() -> None:
    """Headings with levels, items, rows, code; the title is the front matter's."""
    text = """---\ntitle: "Shop"\n---\n# Re*turns*\n\nSee [the `form`](http://x) ![a picture](y)\nnow.\n\n- one\n  - two\n\n    more
\n| Item | Fee |\n|---|---|\n| Shoes | 3 |\n\n<div>raw <b>html</b><script>no</script></div>\n\n```py\nx = 1\n```\n"""
    made = extracted(text.replace("\n", "\r\n").encode(), MARKDOWN)
    assert [(block.kind, block.text) for block in made.blocks] == [
        (HEADING, "Returns"),
        (PARAGRAPH, "See the form a picture\nnow."),
        (ITEM, "one"),
        (ITEM, "two"),
        (ITEM, "more"),
        (ROW, "Item: Shoes\nFee: 3"),
        (PARAGRAPH, "raw html"),
        (CODE, "x = 1"),
    ]
    assert made.title == "Shop"


def test_the_first_outermost_heading_is_the_title_where_none_is_named() -> None:
    """A document without a title of its own has its first heading of level 1, or None."""
    assert extracted(b"## Two\n\n# One\n\n# More", MARKDOWN).title == "One"
    assert extracted(b"## Two", MARKDOWN).title is None


def test_a_title_is_fit_to_be_a_name() -> None:
    """Controls and overrides of the reading direction are taken out, and it is cut where names are."""
    page = "<title>A\n \u202eB\x01" + "x" * 1000 + "</title><p>text"
    title = extracted(page.encode(), HTML).title
    assert title is not None
    assert check_name(title) == title == "A B " + "x" * 196


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a grün".encode(), "a grün"),
        (codecs.BOM_UTF8 + "a grün".encode(), "a grün"),
        ("a grün".encode("utf-16"), "a grün"),
        (codecs.BOM_UTF16_BE + "a grün".encode("utf-16-be"), "a grün"),
        ("a grün".encode("utf-32"), "a grün"),
        ("a grün – ja".encode("cp1252"), "a grün – ja"),
        (b"a\x00b \x81\xff", "a\ufffdb \ufffdÿ"),
    ],
)
def test_text_is_decoded_by_a_definite_rule(content: bytes, expected: str) -> None:
    """The byte order mark, else UTF-8, else Windows-1252; NUL and what does not fit is U+FFFD."""
    assert seen(content, PLAIN) == [(PARAGRAPH, expected)]


def test_paragraphs_of_plain_text_are_parted_by_empty_lines() -> None:
    """Whatever the line ends are; a lone line end parts nothing."""
    assert seen("one\r\nline\r\n \r\n\r\ntwo\rlines\r\rthree", PLAIN) == [
        (PARAGRAPH, "one\nline"),
        (PARAGRAPH, "two\nlines"),
        (PARAGRAPH, "three"),
    ]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('Name,Fee\nShoes,3\n"Hats, caps",\n', ["Name: Shoes\nFee: 3", "Name: Hats, caps"]),
        ('\nName;Fee\n\n"Sho\nes";3;more', ["Name: Sho\nes\nFee: 3\nmore"]),
        ("1,2\n3,4", ["1 | 2", "3 | 4"]),
        ("Name,Name\na,b", ["Name | Name", "a | b"]),
        ("Name,Fee", ["Name | Fee"]),
        ("just\nwords", ["just", "words"]),
    ],
)
def test_a_row_names_its_columns(content: str, rows: list[str]) -> None:
    """If the first row can be names, the others are ``name: value`` lines; else the cells stand side by side."""
    assert seen(content, CSV) == [(ROW, row) for row in rows]


def test_tabs_part_the_fields_of_tsv() -> None:
    """Commas in a field mean nothing then."""
    assert seen("Name\tFee\nShoes, red\t3", TSV) == [(ROW, "Name: Shoes, red\nFee: 3")]


def test_json_is_paths_and_values() -> None:
    """Things in an array are blocks of their own; numbers stay as they are written, however large."""
    value = (
        '{"shop": "A", "open": true, "big": 1e400, "at": {"city": "Bonn", "tags": ["x", null]}, '
        '"items": [{"n": 1}, {"n": {"m": 2}}], "no": []}'
    )
    assert seen(value, JSON) == [
        (ROW, "shop: A\nopen: true\nbig: 1e400"),
        (ROW, "at.city: Bonn\nat.tags: x, null"),
        (ROW, "items[0].n: 1"),
        (ROW, "items[1].n.m: 2"),
    ]


def test_each_line_of_json_lines_is_a_block() -> None:
    """Objects one below the other; a lone surrogate or NUL in one becomes U+FFFD."""
    assert seen('{"a": "\\ud800", "b": "x\\u0000"}\n\n{"a": 2}\n', JSONL) == [
        (ROW, "a: \ufffd\nb: x\ufffd"),
        (ROW, "a: 2"),
    ]


def test_broken_json_is_refused_with_its_place() -> None:
    """``file_unreadable`` says in which line it breaks."""
    with pytest.raises(InvalidInput, match="line 2") as refused:
        extracted(b'{"a": 1,\n nonsense}', JSON)
    assert refused.value.code == "file_unreadable"


def test_the_extra_reads_spreadsheets_and_slides() -> None:
    """Sheets are rows with the names of their columns, slides are headings and text."""
    import openpyxl
    import pptx

    book = openpyxl.Workbook()
    book.active.append(["Item", "Fee"])
    book.active.append(["Shoes", "three"])
    assert (ROW, "Item: Shoes\nFee: three") in seen(
        saved(book), next(kind for kind in LOADERS if "spreadsheetml" in kind)
    )
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Returns", "Within 14 days."
    made = seen(saved(show), next(kind for kind in LOADERS if "presentationml" in kind))
    assert made == [(HEADING, "Returns"), (PARAGRAPH, "Within 14 days.")]


def saved(thing: object) -> bytes:
    from io import BytesIO

    file = BytesIO()
    thing.save(file)  # type: ignore[attr-defined]
    return file.getvalue()


def test_an_unknown_type_is_unsupported() -> None:
    """A media type that nobody reads is refused by its name."""
    with pytest.raises(InvalidInput) as refused:
        loader_of("image/png")
    assert refused.value.code == "unsupported_type"


@given(
    content=st.binary(max_size=400)
    | st.text(st.characters(), max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_whatever_comes_in_valid_text_comes_out(content: bytes) -> None:
    """No block of any text format is blank or holds NUL, a lone surrogate or CR; the text is the blocks, joined."""
    for media_type in (PLAIN, MARKDOWN, HTML, CSV, JSON):
        try:
            extract = extracted(content, media_type)
        except InvalidInput:  # broken JSON
            extract = Extract(blocks=())
        for block in extract.blocks:
            assert block.text.strip()
            assert not {"\x00", "\r"} & set(block.text)
            block.text.encode()
        position = 0
        for block in extract.blocks:
            position = extract.text.index(block.text, position) + len(block.text)
        assert position == len(extract.text)


@given(words=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), max_size=5))
def test_json_text_is_kept(words: list[str]) -> None:
    """Every value of an object is found in its block as it was."""
    made = extracted(json.dumps({f"k{number}": word for number, word in enumerate(words)}).encode(), JSON)
    assert all(f"k{number}: {word}".strip() in made.text for number, word in enumerate(words))
