"""A site in headless Chromium: browser.py CHROMIUM FOLDER prints `pass: ...` and `fail: ...` lines.

A page that this program serves opens every page of the site in a frame, at the width of a phone and of a desk.
Each served page begins with a script that reports errors and what a console would show; so one run of the
browser sees all pages in a minute.
"""
import functools
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

WATCH = """<script>
(function () {
  const told = parent.told = parent.told || [];
  const tell = text => told.push(location.pathname + ': ' + text);
  addEventListener('error', e => tell(e.message || 'not loaded: ' + (e.target.src || e.target.href)), true);
  addEventListener('unhandledrejection', e => tell('rejected: ' + e.reason));
  for (const kind of ['error', 'warn']) console[kind] = (...what) => tell(kind + ': ' + what.join(' '));
})();
</script>"""

DRIVER = """<!doctype html><title>driver</title><body><script>
const pages = PAGES, searches = SEARCHES, wide = [], found = {};
window.told = [];
const wait = ms => new Promise(done => setTimeout(done, ms));
function open(path, width) {
  const frame = document.createElement('iframe');
  frame.width = width; frame.height = 800; frame.src = path;
  return new Promise(done => {
    const late = setTimeout(() => { told.push(path + ': not loaded within 40 s'); done(frame); }, 40000);
    frame.onload = () => { clearTimeout(late); done(frame); };
    document.body.append(frame);
  });
}
async function visit(path, width) {
  const frame = await open(path, width);
  await wait(30);
  const shown = frame.contentDocument.documentElement.scrollWidth;
  if (shown > width + 1 && !path.includes('/source/')) wide.push(path + ' is ' + shown + ' wide at ' + width);
  frame.remove();
}
async function search(words) {
  const frame = await open('/index.html?q=' + encodeURIComponent(words), 1200);
  for (let i = 0; i < 500; ++i) {  // the first search makes the index, on a busy machine for long
    await wait(100);
    const links = [...frame.contentDocument.querySelectorAll('.md-search-result__link')];
    if (links.length) { found[words] = links.map(a => a.getAttribute('href')); break; }
  }
  frame.remove();
}
async function colours() {
  const frame = await open('/index.html', 1200), seen = [];
  for (const input of frame.contentDocument.querySelectorAll('[name=__palette]')) {
    input.click();
    await wait(50);
    seen.push(frame.contentWindow.getComputedStyle(frame.contentDocument.body).backgroundColor);
  }
  frame.remove();
  return seen;
}
(async () => {
  for (let i = 0; i < pages.length; i += 4)
    await Promise.all(pages.slice(i, i + 4).flatMap(p => [visit(p, 390), visit(p, 1280)]));
  for (const words of searches) await search(words);
  const seen = await colours();
  await fetch('/done', {method: 'POST', body: JSON.stringify({told, wide, found, seen, visited: pages.length})});
})();
</script></body>"""

SEARCHES = {"ool2d": "max_pool2d", "freeze": "freeze", "crossent": "cross_entropy", "find the first NaN": "nan"}


class Handler(http.server.SimpleHTTPRequestHandler):
    pages, result, missing, last, asked = [], {}, [], "nothing", 0
    started, finished = threading.Event(), threading.Event()

    def do_GET(self):
        path = self.path.split("?")[0]
        file = pathlib.Path(self.directory) / path.lstrip("/")
        Handler.last, Handler.asked = path, time.monotonic()
        if path == "/driver":
            self.started.set()
            text = DRIVER.replace("PAGES", json.dumps(self.pages)).replace("SEARCHES", json.dumps(list(SEARCHES)))
        elif path.endswith(".html") and file.exists():
            text = file.read_text().replace("<head>", "<head>" + WATCH, 1)
        else:
            if not file.exists() and path != "/favicon.ico":
                self.missing.append(path)
            return super().do_GET()
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.result.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()
        self.finished.set()

    def log_message(self, *_):
        pass


def say(right, what, shown=()):
    if not right:
        print("\n".join(str(line) for line in list(shown)[:20]))
    print(f"{'pass' if right else 'fail'}: {what}")


def at_its_end():
    """Whether the browser comes to its end: a minute in which it asks for nothing is one too many, however slow
    the machine is."""
    while not Handler.finished.wait(5):
        if time.monotonic() - Handler.asked > 60:
            return False
    return True


def main(chromium, folder):
    folder = pathlib.Path(folder)
    every = sorted("/" + str(p.relative_to(folder)) for p in folder.rglob("*.html") if p.name != "404.html")
    # pages of source files are all of one kind: some of them stand for all
    sources = [p for p in every if p.startswith("/source/")]
    Handler.pages = [p for p in every if not p.startswith("/source/")] + sources[::40]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in range(2):  # a browser that did not start is started once more
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            browser = subprocess.Popen(
                [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                 f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/driver"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            started = Handler.started.wait(45)
            in_time = started and at_its_end()
            browser.kill()
            browser.wait()
        if started:
            break
    seen = Handler.result
    say(in_time, "a browser opens every page of the site", [f"not at the end in time; the last it asked for: {Handler.last}"])
    if not in_time:
        return
    say(not seen["told"] and not Handler.missing,
        f"none of {seen['visited']} pages reports an error or asks for a file that is not there", seen["told"] + Handler.missing)
    say(not seen["wide"], "no page is wider than a phone's 390 pixels or a desk's 1280", seen["wide"])
    for words, wanted in SEARCHES.items():
        links = seen["found"].get(words, [])
        say(any(wanted in link.lower() for link in links[:10]), f"a search for '{words}' finds {wanted}", links or ["nothing"])
    say(len(set(seen["seen"])) == 2, "the site is light and dark", seen["seen"])


if __name__ == "__main__":
    main(*sys.argv[1:])
