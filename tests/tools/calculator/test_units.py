from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import ToolContext
from vital_shared.tools.calculator.arithmetic_functions import CalculationError
from vital_shared.tools.calculator.tool import calculator
from vital_shared.tools.calculator.units import measure
from vital_shared.tools.calculator.units_calculation import _registry
from vital_shared.tools.calculator.units_names import COMPOUNDS, SYMBOLS, WORDS
from vital_shared.tools.calculator.units_parser import read_measured
from vital_shared.tools.registry import ToolRegistry


def calculated(text: str) -> str:
    measured = read_measured(text)
    assert measured is not None
    return measure(measured)


@pytest.mark.parametrize(
    "result",
    [
        "98.6 °F = 37 °C",
        "-40 °F = -40 °C",
        "300 K = 80.33 °F",
        "5 ft 11 in = 180.34 cm",
        "2 h 30 min = 9000 s",
        "5 in = 12.7 cm",
        "3 miles = 4.828032 km",
        "120 mmHg = 15.9986864898 kPa",
        "60 miles per hour = 96.56064 km/h",
        "5 square feet = 0.4645152 m^2",
        "(2 m)^3 = 8000 L",
        "1 BTU = 1.055056 kJ",
        "3 mCi = 111 MBq",
        "1,200 kcal = 5020.8 kJ",
        "1 imperial gallon = 4.54609 litres",
        "2.5 mg/kg * 70 kg = 0.175 g",
    ],
)
def test_a_conversion_is_exact_where_its_factor_is(result: str) -> None:
    value, _, rest = result.partition(" = ")
    assert calculated(f"{value} in {rest.split(' ', 1)[1]}") == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("70 kg to lb", "70 kg ≈ 154.323583529414 lb"),
        ("90 mg/dL / 180.156 g/mol in mmol/L", "90 mg/dL / 180.156 g/mol ≈ 4.99567041897023 mmol/L"),
        ("sqrt(2) * 3 kg in g", "sqrt(2) * 3 kg ≈ 4242.64068711929 g"),
    ],
)
def test_other_results_have_15_digits_and_say_so(text: str, result: str) -> None:
    assert calculated(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("2.5 mg/kg * 70 kg", "175 mg"),
        ("2.5 mg/kg * 154 lb", "174.63306245 mg"),
        ("100 mg / 8 kg", "12.5 mg/kg"),
        ("10 km / 2 km", "5"),
        ("60 mph * 2.5 hours", "150 mi"),
        ("70 kg + 10 %", "77 kg"),
        ("10 % of 70 kg", "7 kg"),
        ("1 ft + 6 in", "1.5 ft"),
        ("2 * (3 m)^2", "18 m²"),
    ],
)
def test_quantities_are_calculated_with(text: str, result: str) -> None:
    assert calculated(text) == f"{text} = {result}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("8 oz in ml", "236.5882365 ml (taking the ounce as the US fluid ounce, a volume)"),
        ("8 oz in g", "226.796185 g (taking the ounce as the avoirdupois one, a mass)"),
        ("1 gallon in L", '3.785411784 L (taking the gallon as the US one, not the "imperial gallon")'),
        ("2 tons in kg", '1814.36948 kg (taking the ton as the US one of 2,000 lb, not the "tonne")'),
        ("100 calories in J", "418.4 J (taking the calorie as 4.184 J; a food Calorie is 1 kcal)"),
        ("3 tbsp in ml", "44.36029434375 ml (taking the tablespoon as the US one)"),
        ("1/2 cup in ml", '118.29411825 ml (taking the cup as the US one, not the "imperial cup")'),
        ("1 1/2 cups in ml", '354.88235475 ml (taking the cup as the US one, not the "imperial cup")'),
        ("1 year in days", "365.25 days (taking the year as 365.25 days)"),
    ],
)
def test_a_name_of_several_units_says_which_was_taken(text: str, said: str) -> None:
    assert calculated(text).partition(" = ")[2] == said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5 mg/dL in mmol/L", "without the molar mass of the substance: .* for glucose"),
        ("5 kg in m", "^A mass cannot be converted into a length.$"),
        ("8 oz in m", "^A mass cannot be converted into a length.$"),
        ("1 kg + 3 m", "^A mass cannot be converted into a length.$"),
        ("20 °C + 5 °C", "convert it to K first"),
        ("2 * 20 °C", "convert it to K first"),
        ("1 kg + 3", "A number without a unit cannot be added"),
        ("3 + 1 kg", "A number without a unit cannot be added"),
        ("70 kg", 'Name the unit that "70 kg" is wanted in'),
        ("10 km / 0 km", "This divides by zero"),
        ("sqrt(4 kg)", r"only \+ - \* / and whole powers"),
        ("5 kg in furlongs", '"furlongs" is not a unit that is known here'),
        ("5 kg in Mg", '"Mg" is not a unit that is known here'),
        ("120/80 mmHg in kPa", '"120/80" may be a pair of values or a quotient'),
        ("5 in 10 patients", "not known here"),
        ("3 kg 5 in", "not complete arithmetic"),
        ("(2 m)^99", "whole powers up to 9"),
        ("2^(1 m)", "whole powers up to 9"),
        ("1e900 kg * 1e900 kg", "over 1,000 digits"),
        ("1e9999999 kg in g", "over 1,000 digits"),
        ("((((2 m)^9)^9)^9)^9", "digits"),
        ("-" * 400 + "1 m", "steps deep"),
        ("q0 + 3 kg", "not known"),
        ("1 kg" + " " * 1_000, "longer than 1,000 characters"),
    ],
)
def test_what_cannot_be_calculated_is_reported_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(CalculationError, match=message):
        calculated(text)


def test_arithmetic_without_units_is_not_measured() -> None:
    assert read_measured("min(3, 4) + 2 * (5 + 6)") is None


def test_every_name_is_a_unit_of_the_registry_and_of_one_kind() -> None:
    registry = _registry()
    dimensions: dict[str, set[str]] = {}
    for unit in {*SYMBOLS.values(), *WORDS.values()}:
        shape = sorted((name, int(power)) for name, power in registry.Unit(unit.name).dimensionality.items())
        dimensions.setdefault(unit.kind, set()).add(str(shape))
    assert {kind: shapes for kind, shapes in dimensions.items() if len(shapes) > 1} == {}
    for first, second in COMPOUNDS:
        assert registry.Unit(first).is_compatible_with(registry.Unit(second))


@given(st.sampled_from(sorted({**SYMBOLS, **WORDS})), st.integers(-1000, 1000).map(lambda n: n / 8))
def test_a_quantity_in_its_own_unit_is_itself(name: str, number: float) -> None:
    result = calculated(f"{number} {name} in {name}").split(" (")[0]
    assert float(result.split(" = ")[1].split(" ")[0]) == number


@given(st.text(alphabet="0123456789.,/*^²()+-% qkgminftozLl°CFper", max_size=60))
def test_any_text_gives_a_result_or_one_sentence(text: str) -> None:
    try:
        measured = read_measured(text)
        result = measure(measured) if measured else "1 = 1"
    except CalculationError as error:
        result = f"{error} ="
    assert "=" in result or "≈" in result


async def test_the_calculator_takes_units(context: ToolContext) -> None:
    call = ToolCall(id="call-1", name="calculator", arguments={"expression": "70 kg in g"})
    result = await ToolRegistry([calculator]).run(call, context)
    assert (result.status, result.content) == ("success", "70 kg = 70000 g")
