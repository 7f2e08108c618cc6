"""Links of a site: links.py FOLDER prints each that leads nowhere, files and #places; exits with 1 if there is one.

Addresses of other sites are not opened: a check must not depend on them.
"""
import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places.update(p for p in (found.get("id"), found.get("name")) if p)
        for key in ("href", "src"):
            if found.get(key) is not None and tag in ("a", "img", "script", "link"):
                self.links.append(found[key])


def dead_links(folder):
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    for path, page in sorted(pages.items()):
        for link in sorted(set(page.links)):
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            place = urllib.parse.unquote(parts.fragment)
            if not target.is_relative_to(folder):
                yield f"{path.relative_to(folder)}: leads out of the site: {link}"
            elif not target.exists():
                yield f"{path.relative_to(folder)}: no file for {link}"
            elif place and not place.startswith("__") and target in pages and place not in pages[target].places:
                yield f"{path.relative_to(folder)}: no such place: {link}"


if __name__ == "__main__":
    dead = list(dead_links(pathlib.Path(sys.argv[1]).resolve()))
    print("\n".join(dead[:40]))
    print(f"{len(dead)} dead links")
    sys.exit(1 if dead else 0)
