"""A text that grows is shown as the whole text would be, wherever it is cut."""

from __future__ import annotations

from web.desk import TOGETHER, Desk

pytestmark = TOGETHER

SAMPLES = {
    "prose": "Hello **bold** and *soft* and `code`.\n\nA second paragraph\nwith a break.\n\n---\n\nAfter.",
    "nested list": "1. one\n\n   in the item\n   ```js\n   a()\n\n   b()\n   ```\n2. two\n   - x\n   - y\n\n3. three\n\nafter\n",
    "loose list": "- a\n\n- b\n\n- c\n\ntext\n\n- d\n",
    "headings": "Title\n=====\n\nsub\n---\n\n### third\npara\nmore\n",
    "references": 'see [the doc][1] and [x].\n\nmid\n\n[1]: http://a.example "t"\n[x]: http://b.example\n',
    "table": "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | `4` |\n\nend\n",
    "fences": "```python\na = 1\n\n\nb = 2\n# no heading\n```\n\nafter `x`\n\n~~~\ntilde\n\n~~~\n",
    "open fence": "text\n\n```python\nprint(1)\n\nprint(2)",
    "quotes": "> a\n> b\n\n> c\n\nlazy\n> d\ne\n",
    "raw markup": "<div>\n\n*x*\n\n</div>\n\n<b>bold</b>\n\n<img src=x>\n",
    "indented": "para\n\n    code1\n\n    code2\n\nend",
    "links": "a [b](http://c.example) ![i](http://d.example/x.png) <http://e.example> http://f.example/g\n\nok",
    "returns": "a\r\n\r\nb\r\n- c\r\n",
    "marks": "As it says [1]. And [2, 3]; not [9], nor a[1](x).\n\n- item [1]\n",
    "tasks": "- [ ] open\n- [x] done\n",
    "unicode": "Grüße 👩‍👩‍👧 **日本語**\n\nعربي\n",
}
COMPARE = """async (samples) => {
  const page = document.querySelector("script[type=module]").src.replace("app.js", "markdown.js");
  const { GrowingMarkdown, renderInto } = await import(page);
  let seed = 20260601;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const looks = (root) => {
    for (const code of root.querySelectorAll("pre code")) code.textContent = code.textContent;
    return root.innerHTML.replace(/\\s+</g, "<").replace(/>\\s+/g, ">");
  };
  const differing = [];
  for (const [name, text] of Object.entries(samples)) {
    const whole = document.createElement("div");
    renderInto(whole, text, [1, 2, 3]);
    for (let run = 0; run < 30; run++) {
      const grown = document.createElement("div");
      const growing = new GrowingMarkdown(grown);
      for (let end = 0; end < text.length; ) {
        end = Math.min(text.length, end + 1 + Math.floor(random() * (run % 4 ? 12 : 3)));
        growing.update(text.slice(0, end), [1, 2, 3], false);
      }
      growing.update(text, [1, 2, 3], true);
      if (looks(grown) !== looks(whole)) {
        differing.push([name, looks(grown), looks(whole)]);
        break;
      }
    }
  }
  return differing;
}"""


async def test_a_growing_text_ends_as_the_whole(desk: Desk) -> None:
    """Each sample, cut at random in 30 ways, ends as what the whole text gives at once."""
    await desk.go()
    await desk.page.locator("#app > *").first.wait_for()
    assert await desk.page.evaluate(COMPARE, SAMPLES) == []


SHOWN = """async ([text, ranks]) => {
  const page = document.querySelector("script[type=module]").src.replace("app.js", "markdown.js");
  const root = document.createElement("div");
  (await import(page)).renderInto(root, text, ranks);
  return root.innerHTML;
}"""


async def test_what_is_shown(desk: Desk) -> None:
    """Marks of sources that there are become buttons, images become links, markup is text, tables keep their alignment."""
    await desk.go()
    await desk.page.locator("#app > *").first.wait_for()

    async def shown(text: str, *ranks: int) -> str:
        return str(await desk.page.evaluate(SHOWN, [text, list(ranks)]))

    marks = await shown("so [1, 2] but [3]", 1, 2)
    assert marks.count('class="mark"') == 2
    assert "[3]" in marks
    assert "<img" not in await shown("![a cat](http://a.example/cat.png)")
    assert 'href="http://a.example/cat.png"' in await shown("![a cat](http://a.example/cat.png)")
    assert "&lt;b&gt;" in await shown("<b>bold</b>")
    assert 'align="right"' in await shown("| a |\n|--:|\n| 1 |")
    assert 'rel="noopener noreferrer nofollow"' in await shown("<http://a.example>")
    assert 'start="7"' in await shown("7. seven")


HIGHLIGHTED = """async (texts) => {
  const page = document.querySelector("script[type=module]").src.replace("app.js", "markdown.js");
  const { renderInto } = await import(page);
  const roots = texts.map((text) => Object.assign(document.createElement("div"), { text }));
  for (const root of roots) renderInto(root, root.text);
  const isDone = (root) => !root.text.includes("python") || root.querySelector(".hljs-built_in");
  while (!roots.every(isDone)) await new Promise((resolve) => setTimeout(resolve, 20));
  return roots.map((root) => root.querySelector("code").textContent);
}"""


async def test_every_block_of_code_is_highlighted(desk: Desk) -> None:
    """However many come at once, and whatever lies between that can't be; their text stays."""
    await desk.go()
    await desk.page.locator("#app > *").first.wait_for()
    languages = ["python", "no-such-language", "", "python"] * 10
    texts = [f"```{language}\nprint({number})\n```\n" for number, language in enumerate(languages)]
    shown = await desk.page.evaluate(HIGHLIGHTED, texts)
    assert shown == [f"print({number})\n" for number in range(len(languages))]
