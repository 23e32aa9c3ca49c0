"""A small ONNX model behind a tokenizer, run in worker threads.

All models of the process share as many workers as there are cores, and each run uses one thread:
the texts of one question then run side by side, and many questions do not slow each other down
with more threads than cores. Tenants take turns.

Each text runs alone. Batches are no faster on a CPU, and the models are quantised dynamically: a
text's score would depend, by up to half a logit, on what it shares the batch with.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vital_shared.billing.run_context import current_run_context
from vital_shared.errors import ConfigurationError
from vital_shared.retrieval.fair_threads import FairThreads
from vital_shared.retrieval.together import together

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

__all__ = ["Encoder", "Input"]

Input = str | tuple[str, str]
"""A text, or a pair of texts for a cross-encoder."""

_workers = FairThreads(os.cpu_count() or 1, "vital-onnx")


class Encoder:
    """An ONNX model and its tokenizer, loaded on first use.

    :param folder: holds ``model.onnx`` and ``tokenizer.json``.
    :param max_tokens: inputs are cut to this length; of a pair, the longer text.
    :param is_padded: whether inputs are filled up to it, for a graph of a fixed length.
    """

    def __init__(self, folder: Path, *, max_tokens: int = 512, is_padded: bool = False) -> None:
        self._is_padded = is_padded
        self._folder = folder
        self._max_tokens = max_tokens
        self._lock = Lock()

    async def run(self, inputs: Sequence[Input]) -> NDArray[np.float32]:
        """Return the model's first output for each input: the raw rows, in the order of the inputs.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        encodings = await self._in_worker(self._encode, inputs)
        # The longest first: the workers then finish at about the same time.
        order = sorted(range(len(inputs)), key=lambda i: -len(encodings[i].ids))
        rows = await together(*(self._in_worker(self._infer, encodings[i]) for i in order))
        return np.stack([row for _, row in sorted(zip(order, rows, strict=True), key=itemgetter(0))])

    @property
    def max_tokens(self) -> int:
        """The length to which inputs are cut."""
        return self._max_tokens

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of whole texts, those that mark beginning and end included.

        :raises ConfigurationError: when the model cannot be loaded.
        """
        encodings: list[Encoding] = await self._in_worker(self._encode, texts)
        return [
            len(each.ids) + sum(piece.special_tokens_mask.count(0) for piece in each.overflowing)
            for each in encodings
        ]

    async def warm_up(self) -> None:
        """Load the model now, so that the first question need not wait for it."""
        await self.run(["warm up"])

    async def _in_worker(self, function: Any, argument: Any) -> Any:
        context = current_run_context.get()  # None for documents, which share a turn
        tenant_id = "" if context is None else context.request.tenant_id
        return await asyncio.wrap_future(_workers.submit(tenant_id, function, argument))

    def _encode(self, inputs: Sequence[Input]) -> list[Encoding]:
        encodings: list[Encoding] = self._tokenizer.encode_batch(list(inputs))
        return encodings

    def _infer(self, encoding: Encoding) -> NDArray[np.float32]:
        feed = {
            "input_ids": np.array([encoding.ids], np.int64),
            "attention_mask": np.array([encoding.attention_mask], np.int64),
            "token_type_ids": np.array([encoding.type_ids], np.int64),
        }
        session = self._session
        taken = {each.name: feed[each.name] for each in session.get_inputs()}
        output: NDArray[np.float32] = session.run(None, taken)[0][0]
        # bge gives one vector per token, of which the first stands for the text; e5 one for the text, and a
        # cross-encoder one logit.
        first: NDArray[np.float32] = output[0] if output.ndim == 2 else output
        return first

    @property
    def _session(self) -> Any:
        return self._loaded[0]

    @property
    def _tokenizer(self) -> Tokenizer:
        return self._loaded[1]

    @property
    def _loaded(self) -> tuple[Any, Tokenizer]:
        with self._lock:  # two workers may come first at the same time
            return self._load

    @cached_property
    def _load(self) -> tuple[Any, Tokenizer]:
        # Here, since they are an extra, take their time to import, and are not needed without a model.
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(
                str(self._folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        except Exception as error:  # both libraries raise bare exceptions of their own
            raise ConfigurationError("The embedded model cannot be loaded: install it again.").detailed(
                f"The model in {self._folder} cannot be loaded: {error}. Install it again."
            ) from error
        tokenizer.no_padding()
        if self._is_padded:
            tokenizer.enable_padding(length=self._max_tokens)
        tokenizer.enable_truncation(self._max_tokens)
        return session, tokenizer
