"""Check digits of the numbers of persons and accounts, by python-stdnum, which is an extra."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from stdnum import iban, luhn
from stdnum.de import idnr
from stdnum.us import ssn

__all__ = ["CHECKS"]

CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "iban": iban.is_valid,
    "credit_card": lambda text: luhn.is_valid(re.sub(r"[ -]", "", text)),
    "us_ssn": ssn.is_valid,
    "de_tax_id": idnr.is_valid,
}
"""The validity of a number, by the kind of personal data."""
