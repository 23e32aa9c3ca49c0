"""Calculate with quantities: pint has the units and their factors, the expressions are ours.

pint parses nothing that a user wrote: it gets the names of `units_names` one by one. Its numbers are
fractions, so that a result is exact wherever the factor is.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from vital_shared.tools.calculator.units_calculation import Calculation, Mismatch
from vital_shared.tools.calculator.units_parser import UnitExpression

__all__ = ["measure"]

_lock: Final = Lock()
"""pint's registry fills its caches while it converts, and is used in worker threads."""


def measure(measured: UnitExpression) -> str:
    """Calculate, and write the result with its unit; blocks, the first time for half a second.

    :raises CalculationError: when the units do not fit, or there is no result.
    """
    with _lock:
        try:
            return Calculation(measured, fluid=False).result()
        except Mismatch as error:
            if not _ambiguous(measured):
                raise
            try:
                return Calculation(measured, fluid=True).result()
            except Mismatch:
                raise error from None


def _ambiguous(measured: UnitExpression) -> bool:
    units = [part.unit for parts in measured.quantities.values() for part in parts]
    return any(term.unit.otherwise for terms in (*units, measured.target) for term in terms)
