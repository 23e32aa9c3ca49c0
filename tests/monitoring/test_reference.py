"""The page of all metrics."""

from pathlib import Path

from vital_shared.monitoring.metrics import CATALOGUE
from vital_shared.monitoring.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_what_the_declarations_say():
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_every_metric_and_each_of_its_labels_is_on_it():
    lines = reference().splitlines()
    for each in CATALOGUE:
        (line,) = (line for line in lines if line.startswith(f"| `{each.name}` | {each.kind} "))
        assert all(label.name in line for label in each.label_set)
