"""The Markdown of the site: pages of docs/ and of the course with links, formulas and names resolved."""
import os
import pathlib
import posixpath
import re
import shutil
import subprocess

import formulas
import headers

DOCS = headers.ROOT / "docs"
TUTORIALS = headers.ROOT / "examples" / "tutorials"
CODE_OR_LINK = re.compile(r"`[^`\n]+`|(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))")
FENCE = re.compile(r"(^```.*?^```[^\n]*$)", re.M | re.S)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$(?! )([^$\n]+(?:\n[^$\n]+)?)(?<! )\$(?![\d$])", re.S)


def outside_code(text, change):
    """The text with `change` applied outside of code blocks."""
    return "".join(part if i % 2 else change(part) for i, part in enumerate(FENCE.split(text)))


class Formulas:
    """TeX as MathML, which browsers show by themselves: collected first, then typeset by one run of pandoc."""

    def __init__(self):
        self.found, self.made = {}, {}

    def collect(self, text):
        def one(part):
            for tex in FORMULA.finditer(re.sub(r"`[^`\n]*`", "", part)):
                self.found[tex[0]] = None
            return part
        outside_code(text, one)

    def typeset(self):
        if not self.found or not shutil.which("pandoc"):
            return
        keys = list(self.found)
        text = "\n\n".join(" ".join(key.split()) for key in keys)
        done = subprocess.run(["pandoc", "-f", "markdown+tex_math_dollars", "-t", "html5", "--mathml", "--wrap=none"],
                              input=text, capture_output=True, text=True, check=True)
        paragraphs = re.findall(r"<p>(.*?)</p>", formulas.plain_fences(done.stdout), re.S)
        if len(paragraphs) != len(keys):
            raise ValueError(f"{len(keys)} formulas became {len(paragraphs)} paragraphs")
        for key, math in zip(keys, paragraphs):
            math = re.sub(r"<annotation.*?</annotation>", "", " ".join(math.split()))
            math = math.replace("*", "&#42;").replace("_", "&#95;")  # which Markdown would take for emphasis
            # in a span, for Python's Markdown takes what begins a line with <math> for a block
            kind = "formula" if key.startswith("$$") else "math"
            self.made[key] = f'<span class="{kind}">{math}</span>'

    def replace(self, text):
        def one(part):
            pieces = re.split(r"(`[^`\n]*`)", part)
            return "".join(p if i % 2 else FORMULA.sub(lambda m: self.made.get(m[0], m[0]), p)
                           for i, p in enumerate(pieces))
        return outside_code(text, one)


def chapter_page(path, build):
    """A chapter of the course: as `docs/build` made it, else its prose and code with the recorded output."""
    made = build / "site" / "course" / f"{path.stem}.md"
    if made.exists() and made.stat().st_mtime_ns > path.stat().st_mtime_ns:
        return made.read_text()
    outputs, at = {}, None
    recorded = path.with_suffix(".out")
    for line in recorded.read_text().splitlines()[1:] if recorded.exists() else []:
        if number := re.fullmatch(r"\[(\d+)\]", line):
            at = int(number[1])
            outputs[at] = []
        elif at is not None:
            outputs[at].append(line)
    parts, count = [], 0
    for cell in re.split(r"^// %%", path.read_text(), flags=re.M)[1:]:
        title, _, body = cell.partition("\n")
        body = body.strip("\n")
        if "markdown" in title:
            parts.append(re.sub(r"^// ?", "", body, flags=re.M))
        elif "program" not in title:
            count += 1
            parts.append(f"```cpp\n{body}\n```")
            if outputs.get(count):
                parts.append("```text\n" + "\n".join(outputs[count]).rstrip() + "\n```")
    return "\n\n".join(parts) + "\n"


class Site:
    """Markdown by its path in the site; the pages of docs/ keep their places, chapters are in course/."""

    def __init__(self, folder, build, names, sources):
        self.folder, self.build, self.names, self.sources = folder, build, names, sources
        self.pages, self.origins, self.files = {}, {}, {}

    def gather(self):
        for path in [*DOCS.glob("*.md"), *DOCS.glob("howto/*.md")]:
            if path.parent == DOCS and path.name == "README.md":
                continue
            place = str(path.relative_to(DOCS)).replace("README.md", "index.md")
            self.add(place, path, path.read_text())
        for path in sorted(TUTORIALS.glob("[0-9][0-9]_*.cpp")):
            self.add(f"course/{path.stem}.md", path, chapter_page(path, self.build))
        self.add("course/index.md", DOCS / "course.md", self.pages.pop("course.md"))
        self.add("changelog.md", headers.ROOT / "CHANGELOG.md", (headers.ROOT / "CHANGELOG.md").read_text())

    def add(self, place, origin, text):
        self.pages[place] = text
        if origin:
            self.origins[str(origin.relative_to(headers.ROOT))] = place

    def target(self, link, origin, place):
        """Where a link of the file `origin` leads from the page `place`."""
        path, mark, fragment = link.partition("#")
        if re.match(r"[a-z]+:", link) or not path:
            return link
        full = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
        up = posixpath.dirname(place) or "."
        local = self.build / "site" / "course" / path
        if place.startswith("course/") and path.endswith(".svg") and local.exists():
            self.files[f"course/{path}"] = local
            return path
        here = headers.ROOT / full
        if here.is_dir() and (here / "README.md").exists():
            full, here = f"{full}/README.md", here / "README.md"
        if full in self.origins:
            return posixpath.relpath(self.origins[full], up) + mark + fragment
        if here.suffix in (".svg", ".png"):
            self.files[full.removeprefix("docs/")] = here
            return posixpath.relpath(full.removeprefix("docs/"), up)
        stem = posixpath.basename(path).rsplit(".", 1)[0]  # chapters name pages as `docs/build` lays them out
        if place.startswith("course/") and not here.exists():
            for page in (f"course/{stem}.md", f"{stem}.md"):
                if page in self.pages:
                    return posixpath.relpath(page, up) + mark + fragment
        if here.suffix == ".md" and here.exists():
            self.add(f"folders/{full}", here, here.read_text())
            return posixpath.relpath(f"folders/{full}", up) + mark + fragment
        if here.is_file():
            return posixpath.relpath(self.sources.link(full), up) + mark + fragment
        return link  # dead: the check of links says so

    def resolve(self, place, origin):
        text = re.sub(r"^```(cpp|cmake) \S+$", r"```\1", self.pages[place], flags=re.M)
        text = outside_code(text, lambda part: CODE_OR_LINK.sub(
            lambda m: m[1] + self.target(m[2], origin, place) + m[3] if m[2] else m[0], part))
        if self.names and place != "changelog.md":
            up = posixpath.relpath(".", posixpath.dirname(place) or ".") + "/"
            text = self.names.link_code(text, "" if up == "./" else up)
        return text

    def write(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        tex = Formulas()
        done = {}
        while set(self.origins.values()) - set(done):  # a page may bring others along
            for origin, place in list(self.origins.items()):
                if place not in done:
                    done[place] = self.resolve(place, origin)
        done.update({place: text for place, text in self.pages.items() if place not in done})
        for place, text in done.items():
            if place.startswith("course/"):
                tex.collect(text)
        tex.typeset()
        for place, text in done.items():
            target = self.folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            text = blank_lines(tex.replace(text) if place.startswith("course/") else text)
            target.write_text(front_matter(place) + text)
        for place, path in self.files.items():
            target = self.folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def front_matter(place):
    """What the theme leaves out of a page, so that tables and code have its place: the first has no neighbours,
    a how-to no parts."""
    hidden = "navigation" if place == "index.md" else "toc" if place.startswith("howto/") else ""
    return f"---\nhide: [{hidden}]\n---\n\n" if hidden else ""


def blank_lines(text):
    """A blank line before a list or table that follows a paragraph at once, which Python's Markdown wants."""
    return outside_code(text, lambda part: re.sub(
        r"^(?!\s*(?:[-*|>#]|\d+\.) ?)(\S.*)\n(?=(?:[-*] |1\. |\|))", r"\1\n\n", part, flags=re.M))
