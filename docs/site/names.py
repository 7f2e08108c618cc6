"""From the names that prose mentions to their places in the reference."""
import re

# Words that are also names of functions: linked only where they are written as a call.
WORDS = {"name", "index", "values", "data", "all", "any", "var", "range", "size", "shape", "seed", "sign", "round",
         "norm", "trace", "pad", "at", "apply", "flip", "roll", "split", "tile", "stack", "where", "gather", "load",
         "save", "constant", "newest", "take", "real", "min", "max", "mean", "sum", "cost", "diff", "dot", "cross",
         "sort", "unique", "select", "item", "map", "grad", "print", "str", "describe", "require", "chain", "linear"}
SPACES = ("", "nn::", "optim::", "nn::data::", "nn::init::", "nn::metric::", "distributed::", "author::")
OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "=": "eq", "<": "lt", ">": "gt", "!": "not",
             "&": "and", "|": "or", "^": "xor", "~": "inv", "(": "call", ")": "", "[": "at", "]": ""}

# Code blocks, links, headings and tags stay as they are; what is left of inline code may be a name.
KEPT_OR_CODE = re.compile(r"^```.*?^```[^\n]*$|!?\[(?:[^\[\]]|\[[^\]]*\])*\]\([^)\s]*\)|^\#+\ [^\n]*$|"
                          r"(?<!`)`(?P<code>[^`\n]+)`(?!`)|<[^>\n]+>", re.M | re.S)


def anchor(name):
    """The id of a symbol on its page: `Linear`, `Linear.weight`, `operator-add`."""
    plain = re.sub(r"<.*>$", "", name)
    head, _, operator = plain.partition("operator")
    if operator and not operator[0].isalnum() and operator[0] != "_":
        plain = f"{head}operator-" + "".join(OPERATORS.get(c, "") for c in operator if c != " ")
    return re.sub(r"[^\w.-]", "", plain.replace("::", "."))


def page_of(header):
    page = re.sub(r"/index\.hpp$", "/indexing.hpp", header)  # index.html would be the page of the folder
    return "reference/" + page.removesuffix(".hpp") + ".html"


class Names:
    def __init__(self, symbols):
        self.places = {}
        for s in symbols:
            if not s.deleted:
                self.places.setdefault(s.name, f"{page_of(s.header)}#{anchor(s.name)}")

    def find(self, text):
        """The place of the symbol that a piece of code, `sum(x)` or `nn::Linear`, begins with; or None."""
        text = text.strip().removeprefix("gradtape::")
        member = re.match(r"(?:\w+)?\.(\w+)\(", text)
        if member and not text.startswith(("nn.", "std")):
            return self.places.get(f"Tensor::{member[1]}")
        member = re.match(r"\w+\.(item|data|values)<", text)
        if member:
            return self.places.get(f"Tensor::{member[1]}")
        found = re.match(r"~?([A-Za-z_]\w*(?:::\w+)*)(?:<[^>]*>)?(\(|$|\{)?", text)
        if not found or found[2] is None:
            return None
        name, called = found[1], found[2] == "("
        if "::" not in name and (len(name) < 3 or name in WORDS and not called):
            return None
        for space in SPACES:
            if space + name in self.places:
                return self.places[space + name]
        return None

    def link_code(self, text, up, here=""):
        """Markdown in which inline code that names a symbol is a link; code blocks and links stay."""
        def one(found):
            code = found["code"]
            place = code and self.find(code)
            if not place or place == here:
                return found[0]
            return f"[`{code}`]({up}{place.replace('.html', '.md')})"

        return KEPT_OR_CODE.sub(one, text)
