"""Parentheses in formulas grow with what they enclose where TeX's do: with \\left, around a matrix and before cases."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "docs" / "site"))
import formulas

CASES = {r"(y - a)^2": "ff", r"f(x) [y]": "ffff", r"\left(\frac12\right)": "tt",
         r"\begin{cases}1\\2\end{cases}": "t", r"\begin{pmatrix}1&2\end{pmatrix}": "tt"}
for tex, wanted in CASES.items():
    made = subprocess.run(["pandoc", "-f", "markdown+tex_math_dollars", "-t", "html5", "--mathml"], input=f"${tex}$",
                          capture_output=True, text=True, check=True).stdout
    found = "".join(value[0] for value in re.findall(r'stretchy="(true|false)"', formulas.plain_fences(made)))
    if found != wanted:
        sys.exit(f"{tex}: {found}, not {wanted}\n{made}")
