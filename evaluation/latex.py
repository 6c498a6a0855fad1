r"""Tables for LaTeX documents that load `booktabs` and `graphicx`: made to be taken in by `\input`."""

from collections.abc import Sequence

from evaluation.matrix import Cell, Matrix

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "°": r"$^{\circ}$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "µ": r"$\mu$",
    "σ": r"$\sigma$",
    "−": r"$-$",
    "·": r"$\cdot$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "²": r"$^{2}$",
    "–": "--",
}
PREAMBLE = "% Needs \\usepackage{booktabs,graphicx}\n"


def escape_latex(text: str) -> str:
    """Write text so that LaTeX prints it as it stands.

    Args:
        text: Any text.

    Returns:
        LaTeX source.
    """
    return "".join(SPECIAL.get(character, character) for character in text)


def latex_cell(cell: Cell) -> str:
    """Write a cell.

    Args:
        cell: The cell.

    Returns:
        LaTeX source: the number, bold where it is the best, and its interval in small print.
    """
    text = escape_latex(cell.text)
    text = rf"\textbf{{{text}}}" if cell.best else text
    return f"{text} {{\\scriptsize {escape_latex(cell.detail)}}}" if cell.detail else text


def latex_matrix(matrix: Matrix) -> str:
    """Write a table of one metric.

    Args:
        matrix: The table.

    Returns:
        LaTeX source of a float.
    """
    heads = ["case", *matrix.methods]
    body = [[escape_latex(case), *(latex_cell(cell) for cell in cells)] for case, cells in matrix.rows]
    return _float([escape_latex(head) for head in heads], body, matrix.title, matrix.name, 1)


def latex_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str, left: int = 2) -> str:
    """Write a table of texts.

    Args:
        heads: Heads of the columns.
        rows: Texts.
        caption: What it shows.
        label: For references, after "tab:".
        left: Number of columns from the left that hold words; the others are aligned right.

    Returns:
        LaTeX source of a float.
    """
    body = [[escape_latex(cell) for cell in row] for row in rows]
    return _float([escape_latex(head) for head in heads], body, caption, label, left)


def _float(heads: Sequence[str], body: Sequence[Sequence[str]], caption: str, label: str, left: int) -> str:
    alignment = "l" * left + "r" * (len(heads) - left)
    lines = [
        r"\begin{table*}[tbp]",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{tab:{label.replace('_', '-')}}}",
        r"\resizebox{\textwidth}{!}{%",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in body),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"
