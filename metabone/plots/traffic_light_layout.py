"""Where everything in a traffic-light plot stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from metabone.plots.judgement_marks import paint_judgement
from metabone.plots.primitives import MM_PER_POINT, Layout
from metabone.plots.rob_sheet import HALF, RobSheet
from metabone.plots.rob_spec import TrafficSpec
from metabone.plots.sheet import look
from metabone.plots.sizing import MARGIN, PAGE, SMALLEST, too_narrow
from metabone.plots.styles import Style
from metabone.plots.text import Face, balance, clean, widest, width, wrap

#: Tallest page (points: 245 mm), and the most blocks side by side.
TALL, BLOCKS = 245 / MM_PER_POINT, 4
#: Narrowest figure (points: 80 mm).
LEAST = 80 / MM_PER_POINT
#: In em: height of a row, of the longest header and width of the longest name; gap between blocks.
ROW, HEAD, NAME, GUTTER = 1.72, 19.0, 21.0, 2.4
OVERALL = "Overall"


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the studies are laid: text scale, blocks, widths of names and pitches of columns."""

    scale: float
    em: float
    blocks: int
    name: float
    pitches: tuple[float, ...]
    width: float

    @property
    def block(self) -> float:
        """Width of one block."""
        return self.name + sum(self.pitches)


def lay_out_traffic(
    spec: TrafficSpec, *, width_mm: float | None = None, font: str | None = None
) -> Layout:
    """Measure every text and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width into which the items do not fit.
    """
    style, face = look(font)
    ready = _cleaned(spec, face)
    plan = _on_page(ready, style, face, width_mm) or _tall(ready, style, face, width_mm)
    return _Sheet(ready, style, face.scaled(plan.scale), plan).build()


def fits_page(spec: TrafficSpec, *, width_mm: float | None = None, font: str | None = None) -> bool:
    """Whether the figure fits on one page."""
    style, face = look(font)
    return _on_page(_cleaned(spec, face), style, face, width_mm) is not None


def _cleaned(spec: TrafficSpec, face: Face) -> TrafficSpec:
    return replace(
        spec, title=clean(spec.title, face),
        columns=tuple((clean(label, face.bold()), domain) for label, domain in spec.columns),
        rows=tuple((clean(name, face), judged) for name, judged in spec.rows),
        footer=tuple(clean(text, face) for text in spec.footer),
    )  # fmt: skip


def _scales(style: Style) -> list[float]:
    smallest = SMALLEST / (style.size * style.small)
    steps = [1 - 0.03 * i for i in range(40) if 1 - 0.03 * i > smallest]
    return [*steps, smallest]


def _on_page(spec: TrafficSpec, style: Style, face: Face, width_mm: float | None) -> _Plan | None:
    """The plan with the largest text that fits on one page, with as few blocks as do."""
    total = PAGE if width_mm is None else width_mm / MM_PER_POINT
    for scale in _scales(style):
        for blocks in range(1, min(BLOCKS, max(1, len(spec.rows))) + 1):
            plan = _plan(spec, face.scaled(scale), scale, blocks, total, width_mm is not None)
            if plan is None:
                break
            rows = -(-len(spec.rows) // blocks)
            if (rows + 6) * ROW * plan.em > TALL:  # without even looking
                continue
            if _Sheet(spec, style, face.scaled(scale), plan).build().height <= TALL:
                return plan
    return None


def _tall(spec: TrafficSpec, style: Style, face: Face, width_mm: float | None) -> _Plan:
    """One block with text as large as the width lets it be, however tall.

    Raises
    ------
    UsageError
        If the items do not fit into the width.
    """
    fixed = width_mm is not None
    total = PAGE if width_mm is None else width_mm / MM_PER_POINT
    for scale in _scales(style):
        plan = _plan(spec, face.scaled(scale), scale, 1, total, fixed)
        if plan is not None:
            return plan
    scale = _scales(style)[-1] if fixed else 1.0
    plan = _plan(spec, face.scaled(scale), scale, 1, float("inf"), fixed=False)
    if plan is not None and not fixed:
        return plan
    least = 0.0 if plan is None else plan.width
    raise too_narrow(total, f"{len(spec.columns)} items: they take", least)


def _plan(
    spec: TrafficSpec, face: Face, scale: float, blocks: int, total: float, fixed: bool
) -> _Plan | None:
    """The plan at a scale; None if it is wider than `total`."""
    em = face.size
    bold = face.bold()
    heads = [balance(label, bold, HEAD * em) for label, _ in spec.columns]
    lines = [
        len(head) + (domain not in ("", "other") and blocks == 1)
        for head, (_, domain) in zip(heads, spec.columns, strict=True)
    ]
    pitches = [max(ROW + 0.2, 1.2 * count + 0.55) * em for count in lines]
    if spec.overall:
        pitches.append((ROW + 1.0) * em)
    natural = min(widest([name for name, _ in spec.rows], face), NAME * em) + 1.0 * em
    natural = max(natural, width("Study", bold) + em)
    room = total - 2 * MARGIN - (blocks - 1) * GUTTER * em
    name = min(natural, room / blocks - sum(pitches))
    if name < min(natural, 7 * em):
        return None
    used = blocks * (name + sum(pitches)) + (blocks - 1) * GUTTER * em + 2 * MARGIN
    wide = total if fixed else max(used, min(total, LEAST))
    return _Plan(scale, em, blocks, name, tuple(pitches), wide)


class _Sheet(RobSheet):
    """One traffic-light plot on its way from top to bottom."""

    def __init__(self, spec: TrafficSpec, style: Style, face: Face, plan: _Plan) -> None:
        super().__init__(style, face, plan.width)
        self.spec = spec
        self.plan = plan

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        self.judgements(self.spec.legend)
        size = -(-len(self.spec.rows) // self.plan.blocks)
        top, bottom = self.y, self.y
        for block in range(self.plan.blocks):
            self.y = top
            x = MARGIN + block * (self.plan.block + GUTTER * self.em)
            self._block(x, range(block * size, min((block + 1) * size, len(self.spec.rows))))
            bottom = max(bottom, self.y)
        self.y = bottom
        self.foot(self.spec.footer)
        return self.finished(self.spec.title or "Traffic-light plot", self.spec.description)

    def _block(self, x: float, rows: range) -> None:
        if not rows:
            return
        self._header(x)
        for at in rows:
            self._row(x, at)

    def _centers(self, x: float) -> list[float]:
        left, found = x + self.plan.name, []
        for pitch in self.plan.pitches:
            found.append(left + pitch / 2)
            left += pitch
        return found

    def _header(self, x: float) -> None:
        colors, bold, small = self.style.palette, self.face.bold(), self.face.scaled(0.9)
        labels = [*self.spec.columns, *([(OVERALL, "")] if self.spec.overall else [])]
        heads = [balance(label, bold, HEAD * self.em) for label, _ in labels]
        # Blocks side by side have no room for the kind of bias under each item.
        domains = [
            f"{domain} bias" if domain not in ("", "other") and self.plan.blocks == 1 else ""
            for _, domain in labels
        ]
        tall = max(widest(lines, bold) for lines in heads)
        self.y += max(tall, widest(domains, small)) + 0.3 * self.em
        base = self.y - 0.25 * self.em
        for center, lines, domain in zip(self._centers(x), heads, domains, strict=True):
            count = len(lines) + bool(domain)
            first = center - (count - 1) * 1.2 * self.em / 2
            for i, text in enumerate(lines):
                self.upright(first + i * 1.2 * self.em, base, text, bold, colors.ink)
            self.upright(first + (count - 1) * 1.2 * self.em, base, domain, small, colors.muted)
        self.canvas.write(x, base, "Study", bold, colors.ink)
        self.y += 0.2 * self.em
        self.canvas.rule(x, x + self.plan.block, self.y, self.style.rule_width, colors.rule)

    def _row(self, x: float, at: int) -> None:
        name, judged = self.spec.rows[at]
        lines = wrap(name, self.face, self.plan.name - 0.9 * self.em)
        high = max(ROW * self.em, len(lines) * self.lead + 0.3 * self.em)
        middle = self.y + high / 2
        self.block(x, middle, lines, self.face, self.style.palette.ink)
        shown = [*judged, *self.spec.overall[at : at + 1]]
        for center, one in zip(self._centers(x), shown, strict=True):
            paint_judgement(
                self.canvas, one.tone, one.sign, (center, middle), HALF * self.em, self.face
            )
        self.y += high
        self.canvas.rule(x, x + self.plan.block, self.y, 0.4, self.style.palette.hairline)
