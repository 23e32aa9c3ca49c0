"""Words that say the opposite of each other, and those that deny, bound and generalise."""

# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

from typing import Final

from vital_shared.retrieval.words import content_words

__all__ = ["BOUNDS", "DENIALS", "LIMITED", "UNITS", "UNIVERSAL", "opposites", "root"]

_PAIRS: Final = """
above/below accept/refuse accept/reject accepted/rejected active/inactive add/remove allow/forbid
allowed/forbidden allowed/prohibited approve/reject approve/refuse approved/rejected arrive/depart
ascend/descend asleep/awake before/after begin/end beginning/end best/worst better/worse big/small
black/white bottom/top boil/freeze bought/sold bright/dark buy/sell cheap/expensive cheap/costly
cheaper/expensive cheaper/costlier clean/dirty close/open closed/open cold/hot cold/warm colder/warmer
common/rare connect/disconnect cool/warm correct/wrong day/night daytime/night decrease/increase
deep/shallow deny/grant deny/confirm dry/wet dry/moist early/late earlier/later easy/difficult east/west
eastern/western empty/full enable/disable enter/leave exclude/include excluded/included exempt/subject
expand/shrink expand/contract export/import external/internal fail/pass failed/passed fall/rise fell/rose
false/true fast/slow faster/slower few/many fewer/more first/last forbid/permit forbidden/permitted
found/lost free/paid frequent/rare front/back gain/lose gained/lost harden/soften hard/soft harder/softer
hard/easy harmful/harmless healthy/ill heavy/light heavier/lighter high/low higher/lower highest/lowest
horizontal/vertical inside/outside indoors/outdoors indoor/outdoor join/leave junior/senior large/small
larger/smaller lend/borrow less/more lock/unlock locked/unlocked long/short longer/shorter loose/tight
lose/win lost/won major/minor mandatory/optional mandatory/voluntary married/single minus/plus
moving/still narrow/wide narrower/wider natural/artificial near/far negative/positive new/old newer/older
north/south northern/southern often/rarely often/seldom on/off old/young older/younger on/under
opaque/transparent optional/required over/under part/whole permanent/temporary permit/prohibit
permitted/prohibited poor/rich possible/impossible postpone/advance present/absent private/public
profit/loss prohibit/allow public/secret quick/slow quiet/loud raise/lower raised/lowered receive/send
received/sent recommended/discouraged reduce/increase reduced/increased refuse/grant rural/urban
safe/dangerous same/different separate/together simple/complex slower/quicker start/end start/stop
starts/ends stronger/weaker strong/weak succeed/fail summer/winter sunrise/sunset thick/thin
thicker/thinner unanimous/divided upper/lower upstairs/downstairs useful/useless valid/invalid
vertical/level warmer/cooler weekday/weekend weekdays/weekends widen/narrow win/lose worse/better
improve/worsen improved/worsened accelerate/slow attack/defend success/failure mandatory/unnecessary
legal/illegal hire/dismiss hired/dismissed employ/dismiss melt/solidify attract/repel borrow/lend
fill/empty support/oppose speed/slow speeds/slows leave/stay rise/drop increase/drop raise/drop
rises/falls shut/open shuts/opens won/defeated gain/shed add/subtract agree/refuse agree/disagree
love/hate friend/enemy ally/enemy import/export upstream/downstream inbound/outbound northbound/southbound
eastbound/westbound ripe/unripe fresh/stale fresh/frozen hire/fire ban/allow banned/allowed stop/continue
halt/continue keep/discard kept/discarded destroy/preserve strengthen/weaken lengthen/shorten
tighten/loosen heat/cool heated/cooled smooth/rough sweet/bitter sharp/blunt guilty/innocent
minority/majority winner/loser predecessor/successor for/against half/twice half/double always/never
""".split()


_PREFIXES: Final = ("un", "in", "im", "ir", "il", "dis", "non", "non-")


def root(word: str) -> str:
    """Return a word without its ending."""
    return next(iter(content_words(word)), "us" if word in {"use", "used", "uses", "using"} else word)


def _by_root(pairs: list[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in pairs:
        one, other = map(root, pair.split("/"))
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


_OPPOSITES: Final = _by_root(_PAIRS)


def opposites(word: str, among: frozenset[str]) -> frozenset[str]:
    """Return the roots that say the opposite of a root; some are converses, such as "buy" and "sell"."""
    prefixed = {
        each for each in among for prefix in _PREFIXES if each == prefix + word or word == prefix + each
    }
    return (_OPPOSITES.get(word, frozenset()) & among) | prefixed


DENIALS: Final = frozenset("not no never none cannot neither nor nobody nothing without hardly".split())

UNIVERSAL: Final = frozenset(
    "all always any anybody anyone both each every everybody everyone everything".split()
)

LIMITED: Final = frozenset(
    "few half many mostly most occasionally often only partly rarely several some sometimes usually".split()
)

BOUNDS: Final = {
    "least": "at least/no less than/no fewer than/minimum/not less than".split("/"),
    "most": "at most/no more than/up to/maximum/not more than".split("/"),
}
"""Words that limit an amount from below, and from above."""

_UNIT_NAMES: Final = """
second seconds s/minute minutes min/hour hours h/day days/week weeks/month months/year years
millimetre millimetres millimeter millimeters mm/centimetre centimetres centimeter centimeters cm
metre metres meter meters m/kilometre kilometres kilometer kilometers km/mile miles/foot feet ft/inch inches
gram grams g/milligram milligrams mg/microgram micrograms mcg/kilogram kilograms kg/tonne tonnes ton tons
pound pounds/litre litres liter liters l/millilitre millilitres milliliter milliliters ml
euro euros eur/dollar dollars usd/cent cents/percent/degree degrees/hundred/thousand/million/billion
volt volts v/watt watts w/kilowatt kilowatts kw/decibel decibels db/byte bytes/megabyte megabytes mb
gigabyte gigabytes gb/person persons people/times
"""

UNITS: Final = {
    word: names.split()[0]
    for line in _UNIT_NAMES.split("\n")
    for names in line.split("/")
    for word in names.split()
}
"""Words that follow a number, by the unit that they name."""
