"""The units that the calculator knows, under the spellings in which people write them.

Only these names ever reach the library that converts: what a user writes is looked up here, never parsed
there. Where one name means several units, the one that is taken says so in the result.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMPOUNDS", "SYMBOLS", "WORDS", "UnitName"]


class UnitName(NamedTuple):
    """The meaning of a spelling."""

    name: str
    """The name in pint's registry."""
    kind: str
    """The quantity that it measures."""
    note: str = ""
    """The one of several units of this name, in words for the user."""
    otherwise: UnitName | None = None
    """Its other meaning, where the other unit of a conversion decides."""


SYMBOLS: Final[dict[str, UnitName]] = {}
"""Symbols as they are written: ``mg`` and ``Mg`` are two things."""

WORDS: Final[dict[str, UnitName]] = {}
"""Words in lower case; they may be written in any case."""

_PREFIXES: Final = {
    "p": "pico", "n": "nano", "u": "micro", "µ": "micro", "μ": "micro", "m": "milli", "c": "centi",
    "d": "deci", "h": "hecto", "k": "kilo", "M": "mega", "G": "giga", "T": "tera",
}  # fmt: skip

# kind, pint's name, symbols, the prefixes in use, words
_METRIC: Final = (
    ("length", "meter", "m", "pnuµμmcdk", "meter metre"),
    ("mass", "gram", "g", "pnuµμmk", "gram gramme"),
    ("volume", "liter", "L l", "nuµμmcd", "liter litre"),
    ("time", "second", "s", "nuµμm", "second"),
    ("amount of substance", "mole", "mol", "pnuµμmk", "mole"),
    ("concentration", "molar", "", "", "molar"),
    ("energy", "joule", "J", "mkMG", "joule"),
    ("energy", "watt_hour", "Wh", "kMG", "watt-hour"),
    ("power", "watt", "W", "uµμmkMG", "watt"),
    ("pressure", "pascal", "Pa", "hkM", "pascal"),
    ("pressure", "bar", "bar", "m", "bar"),
    ("force", "newton", "N", "mkM", "newton"),
    ("voltage", "volt", "V", "uµμmk", "volt"),
    ("current", "ampere", "A", "nuµμm", "ampere amp"),
    ("radioactivity", "becquerel", "Bq", "kMG", "becquerel"),
    ("radioactivity", "curie", "Ci", "nuµμm", "curie"),
    ("equivalent dose", "sievert", "Sv", "uµμm", "sievert"),
)  # fmt: skip

# kind, pint's name, symbols, words separated by "|", note
_OTHERS: Final = (
    ("mass", "microgram", "mcg", "", ""),
    ("mass", "kilogram", "KG Kg kgs", "kilo", ""),
    ("mass", "pound", "lb lbs LB LBS", "pound", ""),
    ("mass", "stone", "", "stone|stones", ""),
    ("mass", "grain", "", "grain", ""),
    ("mass", "carat", "", "carat", ""),
    ("mass", "metric_ton", "t", "tonne|metric ton", ""),
    ("mass", "ton", "", "short ton|us ton", ""),
    ("mass", "long_ton", "", "long ton|imperial ton|uk ton", ""),
    ("mass", "ton", "", "ton", 'the ton as the US one of 2,000 lb, not the "tonne"'),
    ("length", "kilometer", "KM Km kms", "", ""),
    ("length", "centimeter", "CM", "", ""),
    ("length", "inch", "in", "inch|inches", ""),
    ("length", "foot", "ft", "foot|feet", ""),
    ("length", "yard", "yd yds", "yard", ""),
    ("length", "mile", "mi", "mile", ""),
    ("length", "nautical_mile", "nmi", "nautical mile", ""),
    ("length", "light_year", "", "light year|light-year", ""),
    ("area", "hectare", "ha", "hectare", ""),
    ("area", "acre", "", "acre", ""),
    ("volume", "milliliter", "cc ML", "", ""),
    ("time", "second", "", "sec|secs", ""),
    ("time", "minute", "min", "minute|mins", ""),
    ("time", "hour", "h hr hrs", "hour", ""),
    ("time", "day", "d", "day", ""),
    ("time", "week", "wk wks", "week", ""),
    ("time", "month", "", "month", "the month as a twelfth of 365.25 days"),
    ("time", "year", "yr yrs", "year", "the year as 365.25 days"),
    ("temperature", "degree_Celsius", "°C ℃ C degC", (
        "degree celsius|degrees celsius|degrees c|deg c"
        "|degree centigrade|degrees centigrade|celsius|centigrade"
    ), ""),
    ("temperature", "degree_Fahrenheit", "°F ℉ F degF", (
        "degree fahrenheit|degrees fahrenheit|degrees f|deg f|fahrenheit"
    ), ""),
    ("temperature", "kelvin", "K", "kelvin", ""),
    ("pressure", "millimeter_Hg", "mmHg", "mm hg|millimeters of mercury|millimetres of mercury", ""),
    ("pressure", "centimeter_H2O", "cmH2O", "cm h2o|centimeters of water|centimetres of water", ""),
    ("pressure", "inch_Hg", "inHg", "inches of mercury", ""),
    ("pressure", "torr", "", "torr", ""),
    ("pressure", "psi", "psi PSI", "pounds per square inch", ""),
    ("pressure", "atmosphere", "atm", "atmosphere", ""),
    ("energy", "calorie", "cal", "calorie", "the calorie as 4.184 J; a food Calorie is 1 kcal"),
    ("energy", "kilocalorie", "kcal", "kilocalorie", ""),
    ("energy", "british_thermal_unit", "BTU Btu", "british thermal unit", ""),
    ("energy", "electron_volt", "eV", "electronvolt", ""),
    ("power", "horsepower", "hp", "horsepower", "the horsepower as 550 foot-pounds a second"),
    ("force", "force_pound", "lbf", "pound-force", ""),
    ("speed", "mile / hour", "mph MPH", "", ""),
    ("speed", "kilometer / hour", "kph km/hr", "", ""),
    ("speed", "knot", "", "knot", ""),
    ("concentration", "millimolar", "mM", "", ""),
    ("concentration", "micromolar", "uM µM μM", "", ""),
    ("concentration", "nanomolar", "nM", "", ""),
    ("equivalent dose", "rem", "", "rem|rems", ""),
    ("equivalent dose", "millirem", "mrem", "", ""),
)  # fmt: skip

# pint's name, symbols, words: US measures of volume, which have imperial namesakes
_US_VOLUMES: Final = (
    ("gallon", "gal", "gallon"),
    ("quart", "qt", "quart"),
    ("pint", "pt", "pint"),
    ("cup", "", "cup"),
    ("fluid_ounce", "", "fl oz|fl. oz|fluid oz|fluid ounce"),
    ("tablespoon", "tbsp tbsps Tbsp", "tablespoon"),
    ("teaspoon", "tsp tsps", "teaspoon"),
)
_IMPERIAL: Final = frozenset({"gallon", "quart", "pint", "cup", "fluid_ounce"})

COMPOUNDS: Final = frozenset(
    {
        ("stone", "pound"), ("pound", "ounce"), ("kilogram", "gram"), ("foot", "inch"), ("yard", "foot"),
        ("yard", "inch"), ("mile", "yard"), ("mile", "foot"), ("kilometer", "meter"), ("meter", "centimeter"),
        ("year", "month"), ("year", "week"), ("year", "day"), ("month", "day"), ("month", "week"),
        ("week", "day"), ("day", "hour"), ("day", "minute"), ("hour", "minute"), ("hour", "second"),
        ("minute", "second"), ("liter", "milliliter"), ("gallon", "quart"), ("quart", "pint"),
    }
)  # fmt: skip
"""Pairs of units that may follow each other in one quantity, as in ``5 ft 11 in``."""


def _add(unit: UnitName, symbols: str, words: str) -> None:
    SYMBOLS.update(dict.fromkeys(symbols.split(), unit))
    for word in filter(None, words.split("|")):
        WORDS[word] = unit
        WORDS.setdefault(word if word.endswith("s") else f"{word}s", unit)


def _fill() -> None:
    for kind, name, symbols, prefixes, words in _METRIC:
        _add(UnitName(name, kind), symbols, words.replace(" ", "|"))
        for prefix in prefixes:
            unit = UnitName(_PREFIXES[prefix] + name, kind)
            prefixed = "|".join(_PREFIXES[prefix] + word for word in words.split())
            _add(unit, " ".join(prefix + symbol for symbol in symbols.split()), prefixed)
    for kind, name, symbols, words, note in _OTHERS:
        _add(UnitName(name, kind, note), symbols, words)
    for name, symbols, words in _US_VOLUMES:
        plain = name.replace("_", " ")
        other = f', not the "imperial {plain}"' if name in _IMPERIAL else ""
        _add(UnitName(name, "volume", f"the {plain} as the US one{other}"), symbols, words)
        _add(UnitName(name, "volume"), "", "|".join(f"us {word}" for word in words.split("|")))
        if name in _IMPERIAL:
            imperial = "|".join(f"{each} {word}" for each in ("imperial", "uk") for word in words.split("|"))
            _add(UnitName(f"imperial_{name}", "volume"), "", imperial)
    fluid = UnitName("fluid_ounce", "volume", "the ounce as the US fluid ounce, a volume")
    ounce = UnitName("ounce", "mass", "the ounce as the avoirdupois one, a mass", fluid)
    _add(ounce, "oz OZ", "ounce")


_fill()
