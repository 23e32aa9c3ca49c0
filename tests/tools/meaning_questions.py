"""Tools that may be suggested by meaning, and questions with the tool that each wants: None for none."""

from __future__ import annotations

from vital_shared.tools.base import Tool, tool

__all__ = ["QUESTIONS", "TOOLS"]


@tool(
    examples=(
        "What will the weather be in Rome tomorrow?",
        "Is it going to rain in Zurich this afternoon?",
        "How cold is it in Moscow at the moment?",
    )
)
async def weather(query: str) -> str:
    """Return the current weather and the forecast of a place: temperature, rain, wind and snow."""
    return query


@tool(
    examples=(
        "How much is 20 euros in dollars?",
        "Change 500 francs into pounds.",
        "What is the exchange rate of the yen today?",
    )
)
async def currency_exchange(query: str) -> str:
    """Convert an amount of money from one currency into another at today's exchange rate."""
    return query


@tool(
    examples=(
        "How do you say thank you in Spanish?",
        "Translate this sentence into German.",
        "What does this French word mean in English?",
    )
)
async def translation(text: str) -> str:
    """Translate a word or a sentence from one language into another."""
    return text


@tool(
    examples=(
        "Which days are public holidays in Italy this year?",
        "Is Easter Monday a bank holiday in Ireland?",
        "When is the national holiday of Canada?",
    )
)
async def public_holidays(query: str) -> str:
    """Look up public holidays and bank holidays of a country in a year."""
    return query


@tool(
    examples=(
        "Do paracetamol and warfarin interact?",
        "Can I take omeprazole together with clopidogrel?",
        "Is it safe to combine fluoxetine with tramadol?",
    )
)
async def drug_interactions(query: str) -> str:
    """Check whether two medicines interact when a patient takes them together."""
    return query


TOOLS: tuple[Tool, ...] = (weather, currency_exchange, translation, public_holidays, drug_interactions)

_WANTED = {
    "weather": (
        "Will it rain in Basel tomorrow?", "How warm is it in Madrid right now?",
        "Do I need an umbrella in London today?", "What is the temperature outside in Oslo?",
        "Is snow expected in Denver this weekend?", "How windy will it be on Saturday in Hamburg?",
        "What's the weather like in Tokyo?", "Give me the forecast for Paris.",
    ),
    "currency_exchange": (
        "How many euros do I get for 100 dollars?", "What is 50 pounds in Swiss francs?",
        "Convert 2,000 yen to US dollars.", "What is today's rate of the euro against the dollar?",
        "How much is 300 Canadian dollars worth in euros?", "How strong is the franc against the pound today?",
        "Exchange 80 rupees into dollars", "What would 1,000 Danish kroner be in euros?",
    ),
    "translation": (
        "How do you say good morning in Japanese?", "What is the German word for bandage?",
        "Translate 'single use only' into French.", "What does 'Gebrauchsanweisung' mean in English?",
        "Put this sentence into Spanish: keep refrigerated.", "How is 'sterile' written in Italian?",
        "Say 'do not reuse' in Portuguese.", "What is 'recall' in Dutch?",
    ),
    "public_holidays": (
        "Which public holidays does Germany have in May?", "Is 1 August a bank holiday in Switzerland?",
        "When is Thanksgiving this year in the US?", "Are the banks closed in France on Monday?",
        "List the national holidays of Japan in 2027.", "Is Good Friday a day off in Spain?",
        "How many bank holidays are there in England?", "On which days is everything closed in Austria next year?",
    ),
    "drug_interactions": (
        "Can I take ibuprofen together with warfarin?", "Do aspirin and clopidogrel interact?",
        "Is it safe to combine sertraline and tramadol?", "My patient takes metformin: may she have cimetidine too?",
        "Does grapefruit juice interact with simvastatin?", "Are there interactions between lithium and ibuprofen?",
        "May amiodarone be given with digoxin?", "What happens if one takes sildenafil with nitroglycerin?",
    ),
}  # fmt: skip
_UNWANTED = (
    "Who discovered penicillin?", "What is the half-life of warfarin?", "How are drug interactions studied for an NDA?",
    "What language must the label of a device be in?", "Which languages does the EU MDR demand for instructions?",
    "What currency are FDA user fees paid in?", "How much is the establishment registration fee?",
    "At which temperature are vaccines stored?", "How does humidity affect tablets?",
    "Are working days or calendar days counted for an MDR report?", "What is a business day according to FDA?",
    "Is a combination product a drug or a device?", "How many patients take part in phase 3?",
    "Who translates the informed consent form?", "When does the review clock start?",
    "What is a drug master file?", "Which medicines have orphan status?", "What climate zone is Brazil in for stability?",
    "How do two devices count when they are sold together?", "Which countries accept MDSAP?",
)  # fmt: skip

QUESTIONS: tuple[tuple[str, str | None], ...] = (
    *((question, name) for name, questions in _WANTED.items() for question in questions),
    *((question, None) for question in _UNWANTED),
)
