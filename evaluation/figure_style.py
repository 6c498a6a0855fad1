"""How figures look: colours that colour-blind readers can tell apart (Okabe and Ito), names and order of methods."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOTS_PER_INCH = 150
GREY = "#8A8A8A"
BLACK = "#000000"
RC = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class MethodStyle:
    """How one method is drawn.

    Attributes:
        label: Its name in legends.
        colour: Of lines and boxes.
        line: Style of its lines.
        marker: Of its points.
    """

    label: str
    colour: str
    line: str = "-"
    marker: str = "o"


# In the order of legends. Published settings are drawn lighter and dashed, bounds in black.
STYLES: dict[str, MethodStyle] = {
    "none": MethodStyle("nominal", GREY, "-", "s"),
    "nominal": MethodStyle("nominal", GREY, "-", "s"),
    "integrator": MethodStyle("integrator", "#CC79A7", "-", "^"),
    "l1": MethodStyle("L1", "#66C2A5", "--", "v"),
    "l1_published": MethodStyle("L1, published", "#66C2A5", "--", "v"),
    "l1_tuned": MethodStyle("L1, tuned", "#009E73", "-", "v"),
    "rff_published": MethodStyle("random features, published", "#56B4E9", "--", "D"),
    "rff_tuned": MethodStyle("random features, tuned", "#0072B2", "-", "D"),
    "rff_least_squares": MethodStyle("random features, least squares", "#3B4BA3", "-.", "D"),
    "bias": MethodStyle("bias observer", "#E69F00", "-", "P"),
    "kalman": MethodStyle("Kalman filter", "#B8A400", "-", "X"),
    "rls_inertia": MethodStyle("inertia least squares", "#7A4E2D", "-", "<"),
    "random_features": MethodStyle("random features, whitened", "#882255", "-", "o"),
    "pronk": MethodStyle("Pronk (ours)", "#D55E00", "-", "o"),
    "oracle": MethodStyle("oracle (true model)", "#4D4D4D", ":", "*"),
    "clairvoyant": MethodStyle("clairvoyant", BLACK, "--", "h"),
}
OTHERS = ("#AA4499", "#117733", "#999933", "#332288")


def style_of(method: str) -> MethodStyle:
    """Look a style up.

    Args:
        method: Name of a method, known or not.

    Returns:
        Its style, the same in every figure.
    """
    known = STYLES.get(method)
    return known or MethodStyle(method.replace("_", " "), OTHERS[sum(method.encode()) % len(OTHERS)], "-.", "d")


def ordered(methods: Iterable[str]) -> list[str]:
    """Put methods into the order of legends.

    Args:
        methods: Names.

    Returns:
        Each name once; those without a place come last, in order of appearance.
    """
    places = {name: place for place, name in enumerate(STYLES)}
    return sorted(dict.fromkeys(methods), key=lambda name: places.get(name, len(places)))


def styled() -> AbstractContextManager[None]:
    """Give the figures that are drawn inside the looks of `RC`.

    Returns:
        The context.
    """
    return rc_context(RC)


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure.

    Args:
        width: Width [inch].
        height: Height [inch].

    Returns:
        The figure, laid out so that nothing overlaps.
    """
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path, pdf: bool = True) -> list[Path]:
    """Write a figure as PNG, and as PDF beside it.

    Args:
        figure: The figure.
        path: The PNG file; its folder is made.
        pdf: Whether to write the PDF.

    Returns:
        The files.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path]
    FigureCanvasAgg(figure).print_figure(path, dpi=DOTS_PER_INCH)
    if pdf:
        # Only here: it takes long to import, and pictures alone do not need it.
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        # The layout was found when the first file was drawn, and takes longer than drawing.
        figure.set_layout_engine("none")
        files.append(path.with_suffix(".pdf"))
        with styled():
            FigureCanvasPdf(figure).print_figure(files[-1])
    return files
