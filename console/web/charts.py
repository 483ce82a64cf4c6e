"""Charts as SVG, made on the server; their colours are the style sheet's. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log10

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 720, 180
_LEFT, _BOTTOM, _TOP = 44, 22, 8
_PLOT = _HEIGHT - _BOTTOM - _TOP
_LABELS = 6


@dataclass(frozen=True)
class Bar:
    """One bar, of parts that stand on each other: a style class and a number each."""

    label: str
    parts: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Curve:
    """One line; None is a gap."""

    style: str
    name: str
    values: Sequence[float | None]


def bars(of: Sequence[Bar], title: str) -> Markup:
    """Stacked bars from left to right."""
    top = nice_top(max((sum(number for _, number in bar.parts) for bar in of), default=0))
    step = (_WIDTH - _LEFT) / max(1, len(of))
    drawn = [_bar(bar, _LEFT + index * step, step, top) for index, bar in enumerate(of)]
    return _framed(title, drawn, [bar.label for bar in of], top, "{:,.0f}")


def _bar(bar: Bar, left: float, step: float, top: float) -> Markup:
    said = ", ".join(f"{number:,} {style}" for style, number in bar.parts if number)
    drawn = [_rectangle("hit", left, _TOP, step, _PLOT)]
    base = float(_HEIGHT - _BOTTOM)
    for style, number in bar.parts:
        height = number / top * _PLOT
        base -= height
        if number:
            drawn.append(_rectangle(style, left + step * 0.12, base, step * 0.76, max(height, 1)))
    return Markup('<g class="bar"><title>{}: {}</title>{}</g>').format(
        bar.label, said or "none", Markup("").join(drawn)
    )


def _rectangle(style: str, left: float, top: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        style, left, top, width, height
    )


def curves(of: Sequence[Curve], labels: Sequence[str], title: str, unit: str) -> Markup:
    """Lines over the same labels."""
    known = [value for curve in of for value in curve.values if value is not None]
    top = nice_top(max(known, default=0))
    drawn = [_curve(curve, labels, top, unit) for curve in of]
    return _framed(title, drawn, labels, top, "{:g} " + unit)


def _curve(curve: Curve, labels: Sequence[str], top: float, unit: str) -> Markup:
    step = (_WIDTH - _LEFT) / max(1, len(labels))
    points = [
        (_LEFT + (index + 0.5) * step, _HEIGHT - _BOTTOM - value / top * _PLOT, value, label)
        for index, (value, label) in enumerate(zip(curve.values, labels, strict=True))
        if value is not None
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
    dots = [
        Markup(
            '<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="2.2">'
            "<title>{}, {}: {:g} {}</title></circle>"
        ).format(curve.style, x, y, label, curve.name, value, unit)
        for x, y, value, label in points
    ]
    line = Markup('<polyline class="line {}" points="{}"/>').format(curve.style, path)
    return Markup("").join([line, *dots])


def nice_top(most: float) -> float:
    """The end of an axis that `most` fits under: 1, 2, 2.5 or 5 times a power of ten."""
    if most <= 0:
        return 1.0
    power = 10.0 ** (ceil(log10(most)) - 1)
    for times in (1.0, 2.0, 2.5, 5.0, 10.0):
        if most <= times * power:
            return times * power
    return 10.0 * power


def clock_labels(moments: Sequence[datetime], step: timedelta) -> list[str]:
    """How moments are written under a chart, in UTC."""
    form = "%a %H:%M" if step * len(moments) > timedelta(days=1.5) else "%H:%M"
    return [moment.strftime(form) for moment in moments]


def _framed(
    title: str, drawn: Sequence[Markup], labels: Sequence[str], top: float, form: str
) -> Markup:
    lines = [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(_LEFT, _WIDTH, y, y, _LEFT - 6, y + 4, form.format(top * part))
        for part in (0.0, 0.5, 1.0)
        for y in [_HEIGHT - _BOTTOM - part * _PLOT]
    ]
    every = max(1, ceil(len(labels) / _LABELS))
    step = (_WIDTH - _LEFT) / max(1, len(labels))
    below = [
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _LEFT + (index + 0.5) * step, _HEIGHT - 6, label
        )
        for index, label in enumerate(labels)
        if index % every == every // 2
    ]
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, escape(title), Markup("").join([*lines, *drawn, *below]))
