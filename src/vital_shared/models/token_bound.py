"""The upper bound of the tokens of a call, whatever its provider counts.

A provider's count is believed up to a generous multiple of what was sent and asked for:

- input: 4 times the prompt by our own count, which may be another tokenizer's, and 50,000 more for what
  a provider adds by itself (its system prompt, a search of its own), or a million where the client chooses
  what the provider adds: files that it loads, tools that it runs;
- output: 4 times what was asked for or was written, whichever is more, and 100,000 more for reasoning, which
  some providers do not show and do not hold to the limit;
- where nobody knows what was sent or asked for, ten million read and one million written: more than the
  largest context, and the longest answer, of any model.

An honest bill is far below, and what is above is a mistake: it is charged at the bound, and flagged.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from vital_shared.models.model_call import Tokens

__all__ = ["UNKNOWN_CALL", "TokenBound", "max_tokens"]

UNSEEN_FACTOR: Final = 4
UNSEEN_INPUT_TOKENS: Final = 50_000
UNSEEN_RELAYED_INPUT_TOKENS: Final = 1_048_576
UNSEEN_OUTPUT_TOKENS: Final = 100_000
MAX_INPUT_TOKENS: Final = 10_000_000
MAX_OUTPUT_TOKENS: Final = 1_000_000


class TokenBound(NamedTuple):
    """The most tokens that a call can have read and written."""

    input: int
    output: int

    def limit(self, tokens: Tokens) -> Tokens:
        """Return the nearest counts that are possible: within the bound, and no part above its whole."""
        if self._holds(tokens):
            return tokens
        read, written = _between(tokens.input, self.input), _between(tokens.output, self.output)
        cached = _between(tokens.cached_input, read)
        return Tokens(
            input=read,
            cached_input=cached,
            cache_write=_between(tokens.cache_write, read - cached),
            output=written,
            reasoning=_between(tokens.reasoning, written),
            estimated=tokens.estimated,
        )

    def _holds(self, tokens: Tokens) -> bool:
        parts = (tokens.cached_input, tokens.cache_write, tokens.reasoning)
        return (
            min(parts) >= 0
            and tokens.cached_input + tokens.cache_write <= tokens.input <= self.input
            and tokens.reasoning <= tokens.output <= self.output
        )


UNKNOWN_CALL: Final = TokenBound(MAX_INPUT_TOKENS, MAX_INPUT_TOKENS)
"""The bound of a call that was counted by hand, of which nothing else is known."""


def max_tokens(*, sent: int, asked: int | None, written: int, is_relayed: bool = False) -> TokenBound:
    """Return the bound of a call.

    :param sent: tokens of the prompt by our own count; 0: not known.
    :param asked: tokens that the answer may have; None: the provider's own limit holds.
    :param written: tokens of the text that came, by our own count.
    :param is_relayed: whether the request is the client's own.
    """
    unseen = UNSEEN_RELAYED_INPUT_TOKENS if is_relayed else UNSEEN_INPUT_TOKENS
    read = UNSEEN_FACTOR * sent + unseen if sent > 0 else MAX_INPUT_TOKENS
    answer = (
        MAX_OUTPUT_TOKENS if asked is None else UNSEEN_FACTOR * max(asked, written) + UNSEEN_OUTPUT_TOKENS
    )
    return TokenBound(min(read, MAX_INPUT_TOKENS), answer)


def _between(count: int, most: int) -> int:
    return min(max(count, 0), most)
