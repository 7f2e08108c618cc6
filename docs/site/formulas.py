"""What pandoc makes of TeX, as TeX would set it."""
import re

FENCE = re.compile(r'(?<!</mtable>)<mo (?=[^>]*form=)([^>]*)stretchy="true"([^>]*>.</mo>)(?!\s*<mtable)')


def plain_fences(html):
    """HTML whose formulas have parentheses as tall as a letter, but for those of \\left and of matrices: pandoc
    lets all of them stretch, and a browser stretches them around every y."""
    def one(formula):
        return formula[0] if r"\left" in formula[0] else FENCE.sub(r'<mo \1stretchy="false"\2', formula[0])
    return re.sub(r"<math.*?</math>", one, html, flags=re.S)
