"""Charts: what is drawn stands for the numbers, and is well-formed."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from console.web.charts import Bar, Curve, bars, curves, nice_top


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 1), (0.3, 0.5), (1, 1), (7, 10), (21, 25), (26, 50), (180, 200), (1001, 2000)],
)
def test_an_axis_ends_at_a_round_number(most: float, top: float) -> None:
    assert nice_top(most) == pytest.approx(top)


@given(some.lists(some.integers(0, 10**9), max_size=200), some.text(max_size=20))
def test_bars_are_within_the_frame(numbers: list[int], label: str) -> None:
    label = "".join(c for c in label if c.isprintable())
    drawing = bars([Bar(label, [("sent", number)]) for number in numbers], label)
    root = ElementTree.fromstring(drawing)

    for rectangle in root.iter("rect"):
        assert 0 <= float(rectangle.attrib["y"])
        assert float(rectangle.attrib["y"]) + float(rectangle.attrib["height"]) <= 180


def test_a_gap_is_no_point() -> None:
    drawing = curves([Curve("p50", "half", [1.0, None, 3.0])], ["a", "b", "c"], "Times", "s")

    assert drawing.count("<circle") == 2
    assert "c, half: 3 s" in drawing
