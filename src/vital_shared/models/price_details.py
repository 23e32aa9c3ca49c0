"""The details of a call on which its price depends beside the usual counts."""

from __future__ import annotations

from pydantic import ConfigDict

from vital_shared.models.base import Frozen

__all__ = ["PriceDetails"]


class PriceDetails(Frozen):
    """Tokens with a price of their own, requests of the provider's own tools, and the terms of the call."""

    cache_write_1h: int = 0
    """Part of the tokens written to the cache that is kept for an hour."""
    audio_input: int = 0
    """Part of the input outside the cache."""
    cached_audio_input: int = 0
    """Part of the input from the cache."""
    audio_output: int = 0
    """Part of the output without reasoning."""
    image_input: int = 0
    """Part of the input outside the cache."""
    cached_image_input: int = 0
    """Part of the input from the cache."""
    image_output: int = 0
    """Part of the output without reasoning."""
    video_input: int = 0
    """Part of the input outside the cache."""
    web_searches: int = 0
    """Searches of the web that the provider made."""
    grounded_prompts: int = 0
    """Requests with such searches, however many; a model has a price for these or for those."""
    file_searches: int = 0
    """Searches that the provider made of files that it stores."""
    maps_prompts: int = 0
    """Requests whose answer rests on a map of the provider's."""
    code_gigabytes: int = 0
    """Memory of the containers that the provider made to run code."""
    terms: tuple[str, ...] = ()
    """Terms that change the price of all tokens, such as ``batch`` or ``flex``."""

    model_config = ConfigDict(extra="ignore")

    def __add__(self, other: PriceDetails) -> PriceDetails:
        """Add the counts up; the terms stay where they are the same."""
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in PriceDetails.model_fields
            if name != "terms"
        }
        return PriceDetails(**counts, terms=self.terms if self.terms == other.terms else ())
