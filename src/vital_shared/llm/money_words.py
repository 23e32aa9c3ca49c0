"""Signs and words by which texts state amounts of money."""

from __future__ import annotations

from typing import Final

__all__ = ["MONEY"]

MONEY: Final = (
    r"[$€£¥%₹₽₺₩₪฿₴₦₫₱]"
    r"|(?<![^\W\d_])(?:per ?cent|prozent|cents?|[kmt]?(?:eur|usd|gbp|chf|sek|nok|dkk|pln|czk|huf|jpy|cny|rmb"
    r"|inr|aud|cad|nzd|zar|brl|mxn|krw|sgd|hkd|ils|aed|sar|thb|twd)|euros?|dollars?|pounds?|pence|yen|yuan"
    r"|rupees?|rou?bles?|zlot\w+|zł|pesos?|francs?|franken|sfr|fr|crowns?|kronor|kroner|krona|kr|kč|forints?|liras?"
    r"|shekels?|dirhams?|rand)(?![^\W\d_])"
)
"""A pattern of currencies, by their signs, codes (ISO 4217, thousands and millions of them too) and names."""
