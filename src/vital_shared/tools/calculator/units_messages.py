"""Says of units what a user should know: how they are written, why they do not fit, which ones were meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from vital_shared.tools.calculator.units_names import SYMBOLS, WORDS, UnitName

__all__ = ["TEMPERATURES", "mismatch", "notes", "symbols"]

_MEASURES: Final = {
    frozenset({("[length]", 2)}): "an area",
    frozenset({("[length]", 3)}): "a volume",
    frozenset({("[length]", 1), ("[time]", -1)}): "a speed",
    frozenset({("[mass]", 1), ("[length]", -3)}): "a mass per volume",
    frozenset({("[substance]", 1), ("[length]", -3)}): "an amount of substance per volume",
    frozenset({("[mass]", 1), ("[length]", 2), ("[time]", -2)}): "an energy",
    frozenset({("[mass]", 1), ("[length]", 2), ("[time]", -3)}): "a power",
    frozenset({("[mass]", 1), ("[length]", -1), ("[time]", -2)}): "a pressure",
    frozenset({("[mass]", 1), ("[length]", 1), ("[time]", -2)}): "a force",
    frozenset({("[substance]", 1)}): "an amount of substance",
}
_MOLAR_MASSES: Final = ({"[mass]": 1, "[substance]": -1}, {"[mass]": -1, "[substance]": 1})
TEMPERATURES: Final = (
    "A temperature in °C or °F can be converted, but not calculated with: convert it to K first."
)
_BY_NAME: Final = {
    **{unit.name: word for word, unit in reversed(WORDS.items())},
    **{unit.name: symbol for symbol, unit in reversed(SYMBOLS.items())},
}


def symbols(terms: Iterable[tuple[str, Any]]) -> str:
    """Write a unit, such as ``mg/kg`` or ``kg·m/s²``, of pint's names and their exponents."""
    written = [
        (_BY_NAME.get(name, name.replace("delta_degree_", "Δ°")[:3]), int(power)) for name, power in terms
    ]
    above = "·".join(name + _raised(power) for name, power in written if power > 0)
    below = "".join(f"/{name}{_raised(-power)}" for name, power in written if power < 0)
    return (above or ("1" if below else "")) + below


def _raised(power: int) -> str:
    return {1: "", 2: "²", 3: "³"}.get(power, f"^{power}")


def mismatch(first: Any, second: Any) -> str:
    """Explain why two units or quantities do not fit, in one sentence.

    Mass and amount of substance are the one pair that people do convert, with a third quantity: see
    https://en.wikipedia.org/wiki/Molar_concentration for the molar mass.
    """
    one, other = _dimensions(first), _dimensions(second)
    if one == other:
        return TEMPERATURES
    said = f"{_measure(one)} cannot be converted into {_measure(other)}"
    differing = {name: one.get(name, 0) - other.get(name, 0) for name in {*one, *other}}
    if {name: power for name, power in differing.items() if power} in _MOLAR_MASSES:
        said += (
            " without the molar mass of the substance: divide a mass by it, multiply an amount with it, "
            'as in "90 mg/dL / 180.156 g/mol in mmol/L" for glucose'
        )
    return said[0].upper() + said[1:] + "."


def notes(units: Iterable[UnitName]) -> str:
    """Name those of several units of the same name that were taken; empty where no name has several."""
    return "; ".join(dict.fromkeys(unit.note for unit in units if unit.note))


def _dimensions(value: Any) -> dict[str, int]:
    return {name: int(power) for name, power in value.dimensionality.items()}


def _measure(dimensions: dict[str, int]) -> str:
    if not dimensions:
        return "a number without a unit"
    if known := _MEASURES.get(frozenset(dimensions.items())):
        return known
    terms = [(name.strip("[]"), power) for name, power in dimensions.items()]
    above = " times ".join(name + _raised(power) for name, power in terms if power > 0) or "1"
    return "a " + above + "".join(f" / {name}{_raised(-power)}" for name, power in terms if power < 0)
