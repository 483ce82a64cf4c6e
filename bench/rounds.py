"""Measure contestants in turn, round by round, and compare them within each round.

A machine is never the same twice; so no rate counts alone, only its ratio to another one that was
measured seconds before or after. Of the rounds' ratios the median counts; the smallest and the
largest show how steady it was.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

Measure = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """Ours against a peer. `floor` must hold, `goal` is what to aim at."""

    name: str
    unit: str
    ours: str
    peer: str
    floor: float
    goal: float
    is_less_better: bool = False
    """Then the ratio is the peer's value by ours."""


@dataclass(frozen=True)
class Result:
    figure: Figure
    ratios: list[float]
    ours: list[float]
    peers: list[float]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def holds(self) -> bool:
        return self.ratio >= self.figure.floor


def compare(
    figures: Iterable[Figure], contestants: dict[str, Measure], rounds: int, console: Console
) -> list[Result]:
    """Measure each contestant once a round, and the figures' ratios in each round."""
    values: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, measure in contestants.items():
            console.print(f"  round {number + 1} of {rounds}: {name} ...", end=" ")
            values[name].append(measure())
            console.print(f"{values[name][-1]:,.1f}")
    return [_result(figure, values) for figure in figures]


def _result(figure: Figure, values: dict[str, list[float]]) -> Result:
    ours, peers = values[figure.ours], values[figure.peer]
    pairs = zip(ours, peers, strict=True)
    ratios = [p / o if figure.is_less_better else o / p for o, p in pairs]
    return Result(figure, ratios, ours, peers)


def show(results: list[Result], console: Console) -> None:
    table = Table("figure", "ours", "peer", "ratio", "min - max", "floor", "goal", "")
    table.columns[0].min_width = 40
    for result in results:
        figure = result.figure
        reached = "goal" if result.ratio >= figure.goal else "floor" if result.holds else "MISSED"
        table.add_row(
            figure.name,
            f"{median(result.ours):,.1f} {figure.unit}",
            f"{median(result.peers):,.1f}",
            f"{result.ratio:.2f}",
            f"{min(result.ratios):.2f} - {max(result.ratios):.2f}",
            f"{figure.floor:g}",
            f"{figure.goal:g}",
            reached,
        )
    console.print(table)
