"""Write a figure as SVG, PDF, PNG or TIFF: of a known width, the same bytes every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.files import write_whole
from metabone.options import FigureFormat, choices, nearest
from metabone.plots.draw import SpecFigure, plain_settings

MM_PER_INCH = 25.4
SUFFIXES: Mapping[str, str] = {
    ".svg": "svg", ".pdf": "pdf", ".png": "png", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip
#: matplotlib's rasteriser takes fewer pixels than this on a side.
MOST_PIXELS = 2**16
#: What a drawing of so many pixels needs, 4 bytes each and some copies, most machines have.
MOST_IN_ALL = 400_000_000
DEFAULT_DPI = 300
_SALT = "metabone"


def export(
    figure: Figure,
    path: str | Path,
    *,
    width_mm: float | None = None,
    dpi: float | None = None,
    force: bool = False,
) -> Path:
    """Write a figure; the suffix of `path` says how: svg, pdf, png, tif or tiff.

    Parameters
    ----------
    width_mm : width of the page. A figure of metabone is laid out anew, so that its text keeps
        its size; any other figure is scaled. By default the width it has.
    dpi : pixels per inch of PNG and TIFF (300 by default); vector formats have none.
    force : replace a file that exists.

    Raises
    ------
    UsageError
        For another suffix, a width or resolution that is not positive, or too many pixels.
    FileWriteError
        If the file exists and `force` is not set, or it cannot be written.
    """
    path = Path(path)
    kind = figure_format(path)
    return write_whole(path, render(figure, kind, width_mm=width_mm, dpi=dpi), force=force)


def figure_format(path: str | Path) -> str:
    """The format that the suffix of a path asks for.

    Raises
    ------
    UsageError
        For a suffix that is none of svg, pdf, png, tif and tiff.

    Examples
    --------
    >>> figure_format("forest.TIF")
    'tiff'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        near = nearest(suffix, SUFFIXES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        listed = ", ".join(known.lstrip(".") for known in SUFFIXES)
        raise UsageError(f"{path}: a figure ends in one of {listed}{hint}")
    return SUFFIXES[suffix]


def render(
    figure: Figure, kind: str, *, width_mm: float | None = None, dpi: float | None = None
) -> bytes:
    """The bytes of a figure in one of the formats ``svg pdf png tiff``; see `export`."""
    if kind not in choices(FigureFormat):
        raise UsageError(f"format must be one of {', '.join(choices(FigureFormat))}; got {kind!r}")
    if width_mm is not None:
        _check_positive("width", width_mm)
        if isinstance(figure, SpecFigure):
            figure = figure.in_width(width_mm)
    dots = DEFAULT_DPI if dpi is None else dpi
    _check_positive("dpi", dots)
    size = _size(figure, width_mm)
    makers: Mapping[str, Callable[[], bytes]] = {
        "svg": lambda: _svg(figure), "pdf": lambda: _pdf(figure),
        "png": lambda: _png(figure, dots), "tiff": lambda: _tiff(figure, dots),
    }  # fmt: skip
    before = tuple(figure.get_size_inches())
    try:
        figure.set_size_inches(size if kind in ("svg", "pdf") else _whole_pixels(size, dots))
        with plain_settings():
            return makers[kind]()
    finally:
        figure.set_size_inches(before)


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG at screen resolution."""
    return render(figure, "png", dpi=150)


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise UsageError(f"{name} must be a positive number; got {value!r}")


def _size(figure: Figure, width_mm: float | None) -> tuple[float, float]:
    """Width and height in inches."""
    width, height = (float(side) for side in figure.get_size_inches())
    if width_mm is None:
        return width, height
    wanted = width_mm / MM_PER_INCH
    return wanted, height * wanted / width


def _whole_pixels(size: tuple[float, float], dpi: float) -> tuple[float, float]:
    """The size in inches that gives the nearest whole numbers of pixels.

    Raises
    ------
    UsageError
        For more pixels than the rasteriser takes, or a machine's memory.
    """
    pixels = [max(1, round(side * dpi)) for side in size]
    if max(pixels) >= MOST_PIXELS:
        raise UsageError(
            f"at {dpi:g} dpi the figure has {pixels[0]} × {pixels[1]} pixels; fewer than "
            f"{MOST_PIXELS} on each side are possible"
        )
    if pixels[0] * pixels[1] > MOST_IN_ALL:
        raise UsageError(
            f"at {dpi:g} dpi the figure has {pixels[0]} × {pixels[1]} pixels; "
            f"{MOST_IN_ALL // 1_000_000} million in all are possible"
        )
    # A hair more, since matplotlib rounds down.
    width, height = ((count + 1e-4) / dpi for count in pixels)
    return width, height


def _names(figure: Figure) -> tuple[str, str]:
    if isinstance(figure, SpecFigure):
        return figure.placed.title, figure.placed.description
    return "Figure", ""


def _svg(figure: Figure) -> bytes:
    """SVG with its text as paths, so that it is the same everywhere, and a title and a
    description, so that it can be read aloud."""
    title, description = _names(figure)
    settings = {"svg.hashsalt": _SALT, "svg.fonttype": "path"}
    metadata = {"Date": None, "Creator": f"metabone {__version__}", "Title": title}
    with mpl.rc_context(settings):  # type: ignore[arg-type]
        text = _saved(figure, "svg", metadata=metadata).decode("utf-8")
    return _described(text, title, description).encode("utf-8")


def _described(svg: str, title: str, description: str) -> str:
    """Put title and description first, where readers of SVG look for them."""
    svg = re.sub(r"\s*<title>.*?</title>", "", svg, count=1, flags=re.DOTALL)
    words = (
        f'\n <title id="title">{escape(title)}</title>'
        f'\n <desc id="description">{escape(description)}</desc>'
    )
    opened = re.compile(r"<svg\b[^>]*?(?=>)")
    return opened.sub(
        lambda found: f'{found.group()} role="img" aria-labelledby="title description"',
        svg, count=1,
    ).replace(">\n <metadata>", f">{words}\n <metadata>", 1)  # fmt: skip


def _pdf(figure: Figure) -> bytes:
    title, description = _names(figure)
    metadata = {
        "CreationDate": None, "ModDate": None, "Creator": f"metabone {__version__}",
        "Producer": "matplotlib", "Title": title, "Subject": description,
    }  # fmt: skip
    with mpl.rc_context({"pdf.fonttype": 42, "pdf.compression": 6}):
        return _saved(figure, "pdf", metadata={k: v for k, v in metadata.items() if v != ""})


def _png(figure: Figure, dpi: float) -> bytes:
    title, description = _names(figure)
    metadata = {"Software": f"metabone {__version__}", "Title": title, "Description": description}
    return _saved(figure, "png", dpi=dpi, metadata=metadata)


def _tiff(figure: Figure, dpi: float) -> bytes:
    """TIFF without transparency, compressed without loss (LZW), as journals ask for it."""
    from PIL import Image
    from PIL.TiffImagePlugin import IMAGEDESCRIPTION, SOFTWARE, ImageFileDirectory_v2

    title, description = _names(figure)
    tags = ImageFileDirectory_v2()
    # The tags are ASCII.
    said = f"{title}. {description}".encode("ascii", "replace").decode("ascii")
    tags[IMAGEDESCRIPTION], tags[SOFTWARE] = said, f"metabone {__version__}"
    stream = io.BytesIO()
    with Image.open(io.BytesIO(_saved(figure, "png", dpi=dpi))) as image:
        image.convert("RGB").save(
            stream, format="TIFF", compression="tiff_lzw", dpi=(dpi, dpi), tiffinfo=tags
        )
    return stream.getvalue()


def _saved(figure: Figure, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, facecolor="white", **options)  # type: ignore[arg-type]
    return stream.getvalue()
