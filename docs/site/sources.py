"""Pages of source files: coloured text whose lines can be linked to, `source/PATH.html#L12`."""
import html
import os
import re

import headers

COLOURED = {".hpp": "cpp", ".cpp": "cpp", ".py": "python", ".cmake": "cmake", ".sh": "bash", "": "bash"}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{path}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="{up}source.css"></head>
<body><nav><a href="{up}index.html">gradtape</a> <span>{path}</span></nav>
<table><tbody>
{rows}
</tbody></table></body></html>
"""


def coloured_lines(text, language):
    """The lines as HTML, by pygments where it is there."""
    try:
        import pygments.formatters
        import pygments.lexers
    except ImportError:
        return [html.escape(line) for line in text.splitlines()]
    lexer = pygments.lexers.get_lexer_by_name(language, stripnl=False)
    return pygments.highlight(text, lexer, pygments.formatters.HtmlFormatter(nowrap=True)).splitlines()


class Sources:
    """The pages that something links to; `write` makes them."""

    def __init__(self, folder):
        self.folder, self.wanted, self.texts = folder, set(), {}

    def link(self, path, line=None):
        """Where the page of a file of the repository will be, from the root of the site."""
        self.wanted.add(str(path))
        return f"source/{path}.html" + (f"#L{line}" if line else "")

    def text(self, path):
        if path not in self.texts:
            full = headers.ROOT / path
            self.texts[path] = full.read_text() if full.is_file() else ""
        return self.texts[path]

    def definition(self, symbol):
        """(path, line) of the function's body beside its header, or None."""
        if not symbol.is_function:
            return None
        name = symbol.name.split("::")
        qualified = f"{name[-2]}::{name[-1]}" if symbol.owner else name[-1]
        pattern = re.compile(rf"^(?! |//|#|return).*(?<![\w.:>]){re.escape(qualified)}\(", re.M)
        stem = symbol.header.removesuffix(".hpp")
        nearby = [f"{stem}.cpp", *(str(p.relative_to(headers.ROOT)) for p in
                                   sorted((headers.ROOT / stem).glob("*.cpp")) if (headers.ROOT / stem).is_dir())]
        for path in nearby:
            if found := pattern.search(self.text(path)):
                return path, self.text(path)[:found.start()].count("\n") + 1
        return None

    def write(self):
        for path in sorted(self.wanted):
            target = self.folder / "source" / f"{path}.html"
            source = headers.ROOT / path
            if target.exists() and target.stat().st_mtime_ns > headers.newest([source, headers.pathlib.Path(__file__)]):
                continue
            lines = coloured_lines(self.text(path), COLOURED.get(source.suffix, "text"))
            rows = "\n".join(f'<tr id="L{n}"><th><a href="#L{n}">{n}</a></th><td><pre>{line or " "}</pre></td></tr>'
                             for n, line in enumerate(lines, 1))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(PAGE.format(path=path, rows=rows, up=os.path.relpath(self.folder, target.parent) + "/"))
