"""The site: build/site from the Markdown of docs/, the course and the headers, by mkdocs-material."""
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys

import headers
import names
import pages
import reference
import sources

HERE = pathlib.Path(__file__).resolve().parent
GUIDE = [("Quick start", "quick_start"), ("Tensors", "tensors"), ("Layers", "layers"), ("Data", "data"),
         ("Training", "training"), ("Weights", "weights"), ("Derivatives of functions", "functional"),
         ("Custom ops and gradcheck", "custom_ops"), ("Several processes", "distributed"),
         ("Coming from PyTorch", "from_pytorch"), ("Conventions", "conventions"), ("Examples", "examples")]
HOW = [("How it works", "how_it_works"), ("What a gradient costs", "theorem"), ("Performance", "performance"),
       ("Costs of several ranks", "distributed_costs"), ("Reliability", "reliability"), ("Design", "design")]


REDIRECTION = '<!doctype html><title>gradtape</title><meta http-equiv="refresh" content="0; url={0}"><a href="{0}">here</a>\n'
CONFIG = '<script id="__config" type="application/json">{'  # what the theme's scripts read


class NoMkdocs(Exception):
    """There is no mkdocs with the theme material here."""


def version():
    text = (headers.ROOT / "CMakeLists.txt").read_text()
    return re.search(r"project\([^)]*VERSION\s+([\d.]+)", text)[1]


def title(place, text):
    found = re.search(r"^# (.+)$", text, re.M)
    return html.escape(re.sub(r"[`$*\\]|\{#.*?\}", "", found[1]).strip(), quote=False) if found else pathlib.Path(place).stem


def navigation(site, listed):
    def named(items):
        return [{label: f"{stem}.md"} for label, stem in items if f"{stem}.md" in site.pages]
    howto = sorted((place for place in site.pages if place.startswith("howto/") and place != "howto/index.md"),
                   key=lambda place: title(place, site.pages[place]).lower())
    course = sorted(place for place in site.pages if place.startswith("course/") and place != "course/index.md")
    result = [{"gradtape": "index.md"}, {"Guide": named(GUIDE)}]
    if howto:
        result.append({"How to": ["howto/index.md", *({title(p, site.pages[p]): p} for p in howto)]})
    result.append({"Course": ["course/index.md", *(
        {title(p, site.pages[p]): p} for p in course), *named([("Misprints", "misprints")])]})
    result.append({"Reference": [*named([("Ops by family", "ops"), ("Ops at their edges", "contract")]),
                                 *([{"Errors": "errors.md"}, {"Messages": "messages.md"}] if "messages.md" in site.pages else []), *listed]})
    result.append({"How and why": [*named(HOW), {"Changelog": "changelog.md"}]})
    return result


def configuration(site, listed, source, target):
    return {
        "site_name": "gradtape", "site_url": "", "docs_dir": str(source), "site_dir": str(target),
        "use_directory_urls": False, "nav": navigation(site, listed),
        "theme": {"name": "material", "custom_dir": str(source.parent / "site_theme"), "font": False, "language": "en",
                  "icon": {"logo": "material/vector-curve"},
                  "features": ["navigation.tabs", "navigation.indexes", "navigation.top", "search.highlight",
                               "search.share"],
                  "palette": [
                      {"media": "(prefers-color-scheme: light)", "scheme": "default", "primary": "blue grey",
                       "toggle": {"icon": "material/weather-night", "name": "Dark"}},
                      {"media": "(prefers-color-scheme: dark)", "scheme": "slate", "primary": "blue grey",
                       "toggle": {"icon": "material/weather-sunny", "name": "Light"}}]},
        "plugins": [{"search": {"separator": r"[\s\-.,:;(){}<>\[\]=/&|*`'\"]+", "prebuild_index": False}}],
        "markdown_extensions": ["tables", "fenced_code", "attr_list", "def_list", "md_in_html",
                                {"toc": {"permalink": True, "toc_depth": 3}},
                                {"pymdownx.highlight": {"guess_lang": False}}, "pymdownx.superfences", "admonition",
                                "pymdownx.details"],
        "extra": {"version_name": version(), "generator": False},
        "extra_css": ["extra.css"],
    }


def build_site(build):
    """Writes build/site. Raises NoMkdocs; what is missing of the rest is said and left out."""
    mkdocs = shutil.which("mkdocs")
    if not mkdocs or "material" not in subprocess.run([mkdocs, "build", "--help"], capture_output=True, text=True).stdout:
        raise NoMkdocs("there is no mkdocs with its theme material here (Debian: mkdocs-material)")
    source, made, target = build / "site_pages", build / "site_made", build / "site"
    shown = sources.Sources(target)
    symbols, listed, known = [], [], None
    try:
        symbols = headers.read(build)
        known = names.Names(symbols)
    except headers.Unavailable as why:
        print(f"skip: the reference: {why}")
    site = pages.Site(source, build, known, shown)
    site.gather()
    if symbols:
        listed = reference.add_pages(site, symbols, known, shown, build)
    site.write()
    for name in ("extra.css", "source.css"):
        shutil.copy(HERE / name, source)
    (build / "site_theme").mkdir(exist_ok=True)
    shutil.copy(HERE / "search.html", build / "site_theme" / "main.html")
    config = configuration(site, listed, source, made)
    text = json.dumps(config, indent=1)  # which is YAML
    (build / "site_mkdocs.yml").write_text(text)
    subprocess.run([mkdocs, "build", "--quiet", "-f", str(build / "site_mkdocs.yml")], check=True, stderr=subprocess.DEVNULL)
    shutil.copytree(made, target, dirs_exist_ok=True)
    for name in ("conventions", "misprints"):  # where the course alone has them
        (target / "course" / f"{name}.html").write_text(REDIRECTION.format(f"../{name}.html"))
    shown.write()
    return len(list(target.rglob("*.html")))


def publish(build, folder):
    """Puts build/site into `folder`/VERSION. Pages then offer the versions of folder/versions.json, newest first."""
    target, listed = folder / version(), folder / "versions.json"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(build / "site", target)
    for path in target.rglob("*.html"):
        text = path.read_text()
        if CONFIG in text:
            path.write_text(text.replace(CONFIG, CONFIG + '"version": {"provider": "mike"}, ', 1))
    known = json.loads(listed.read_text()) if listed.exists() else []
    known = [v for v in known if v["version"] != version()] + [{"version": version(), "title": version(), "aliases": []}]
    known.sort(key=lambda v: [int(n) for n in v["version"].split(".")], reverse=True)
    listed.write_text(json.dumps(known, indent=1) + "\n")
    newest = known[0]["version"]
    (folder / "index.html").write_text(REDIRECTION.format(f"{newest}/index.html"))
    return target / "index.html"
