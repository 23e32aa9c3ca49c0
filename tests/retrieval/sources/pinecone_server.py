"""A local Pinecone: the documented data plane and inference API, with its limits, errors and delays.

Sources: https://docs.pinecone.io/reference/api/2026-07, the OpenAPI files of github.com/pinecone-io/pinecone-api,
and the pages "Operation limits", "Identifier limits", "Check data freshness" and "Understand Pinecone cost".
A test holds it to the official SDK as its client.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import web
from tests.local_server import local_server
from tests.retrieval.sources.pinecone_filters import InvalidFilter, matches

__all__ = ["API_KEY", "Fault", "PineconeServer", "pinecone_server"]

API_KEY = "pcsk_test_key"

MAX_BATCH_BYTES = 2 * 1024 * 1024
MAX_BATCH_RECORDS = 1_000
MAX_METADATA_BYTES = 40 * 1024
MAX_NAME_CHARACTERS = 512
MAX_RESULT_BYTES = 4 * 1024 * 1024
MAX_SPARSE_VALUES = 2_048
MAX_EMBED_INPUTS = 96
MAX_RERANK_DOCUMENTS = 100

INVALID_ARGUMENT, NOT_FOUND = 3, 5
"""Codes of google.rpc.Code."""


@dataclass
class Record:
    id: str
    values: np.ndarray
    sparse: dict[int, float]
    metadata: dict[str, Any]

    @property
    def size_bytes(self) -> int:
        """Size as Pinecone counts it: id, metadata, 4 bytes a dense value, 9 a sparse one."""
        metadata = len(json.dumps(self.metadata)) if self.metadata else 0
        return len(self.id) + metadata + 4 * len(self.values) + 9 * len(self.sparse)


@dataclass
class Namespace:
    records: dict[str, Record] = field(default_factory=dict)
    """The records that reads see."""
    pending: list[Callable[[dict[str, Record]], None]] = field(default_factory=list)
    """Writes that were acknowledged and are not visible yet, in their order."""
    lsn: int = 0
    indexed_lsn: int = 0

    def write(self, change: Callable[[dict[str, Record]], None], *, at_once: bool) -> int:
        self.lsn += 1
        self.pending.append(change)
        if at_once:
            self.settle()
        return self.lsn

    def settle(self) -> None:
        for change in self.pending:
            change(self.records)
        self.pending.clear()
        self.indexed_lsn = self.lsn


@dataclass
class Fault:
    """A fault of the next request of a path: instead of its answer, or after it was carried out."""

    status: int = 200
    body: bytes | None = None
    """Sent as it is; None: the documented error body of the status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    truncate_to: int | None = None
    """Bytes of the right answer's body after which the connection is cut."""
    reset: bool = False
    """Whether the connection is cut before anything is sent."""
    gate: asyncio.Event | None = None
    """Awaited before the right answer is sent."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request meets this fault."""
    change: Callable[[dict[str, Any]], Any] | None = None
    """Replaces the right answer's JSON."""
    applies: bool = True
    """Whether the request has its effect before it fails with `status`, as after a lost answer."""


@dataclass
class Seen:
    path: str
    body: Any
    headers: Mapping[str, str]


class Refused(Exception):
    def __init__(self, status: int, message: str, code: int = INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


_INFERENCE_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "UNKNOWN",
    503: "UNAVAILABLE",
}
_RPC_CODES = {400: 3, 403: 7, 404: 5, 412: 9, 429: 8, 500: 2, 503: 14, 504: 4}


class PineconeServer:
    """One index, and the hosted models.

    :param dimension: of the index's dense vectors.
    :param embed: the hosted embedding model: texts and their ``input_type`` to vectors.
    :param rerank: the hosted reranking model: a query and texts to scores from 0 to 1.
    """

    def __init__(
        self,
        dimension: int = 4,
        *,
        embed: Callable[[Sequence[str], str], Sequence[Sequence[float]]] | None = None,
        rerank: Callable[[str, Sequence[str]], Sequence[float]] | None = None,
    ) -> None:
        self.dimension = dimension
        self.metric = "dotproduct"
        self.namespaces: dict[str, Namespace] = {}
        self.visible_at_once = True
        """False: writes stay invisible until `settle`."""
        self.requests: list[Seen] = []
        self.read_units: int | None = None
        """The cost that each query reports; None: by the namespace's size."""
        self.url = ""
        self._embed, self._rerank = embed, rerank
        self._faults: dict[str, list[Fault]] = {}

    def fail(self, path: str, *faults: Fault) -> None:
        """Let the next requests of a path fail, each in its own way."""
        self._faults.setdefault(path, []).extend(faults)

    def settle(self) -> None:
        """Make all writes visible."""
        for namespace in self.namespaces.values():
            namespace.settle()

    def seen(self, path: str) -> list[Any]:
        return [each.body for each in self.requests if each.path == path]

    def ids(self, namespace: str) -> set[str]:
        return set(self.namespaces[namespace].records) if namespace in self.namespaces else set()

    @property
    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._around], client_max_size=16 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/vectors/upsert", self._upsert),
                web.post("/query", self._query),
                web.get("/vectors/fetch", self._fetch),
                web.get("/vectors/list", self._list),
                web.post("/vectors/delete", self._delete),
                web.post("/describe_index_stats", self._stats),
                web.get("/namespaces", self._list_namespaces),
                web.delete("/namespaces/{namespace:.+}", self._delete_namespace),
                web.post("/embed", self._embedded),
                web.post("/rerank", self._reranked),
            ]
        )
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Any) -> web.StreamResponse:
        path = "/namespaces/" if request.path.startswith("/namespaces/") else request.path
        body = await request.json() if request.can_read_body else dict(request.query)
        self.requests.append(Seen(path, body, dict(request.headers)))
        if request.headers.get("Api-Key") != API_KEY:
            return self._refuse(path, 401, "Invalid API key.")
        faults = self._faults.get(path)
        fault = faults.pop(0) if faults else Fault()
        fault.reached.set()
        if fault.reset:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault.status != 200 and not fault.applies:
            return self._refuse(path, fault.status, "", fault)
        try:
            answer: web.Response = await handler(request)
        except Refused as refused:
            return self._refuse(path, refused.status, refused.message, code=refused.code)
        except InvalidFilter as error:
            return self._refuse(path, 400, str(error))
        return await self._sent(request, path, answer, fault)

    async def _sent(
        self, request: web.Request, path: str, answer: web.Response, fault: Fault
    ) -> web.StreamResponse:
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.status != 200:
            return self._refuse(path, fault.status, "", fault)
        if fault.body is not None:
            return web.Response(body=fault.body, content_type="application/json")
        assert isinstance(answer.body, bytes)
        if fault.change is not None:
            return web.json_response(fault.change(json.loads(answer.body)))
        if fault.truncate_to is not None:
            cut = web.StreamResponse(headers={"Content-Type": "application/json"})
            cut.content_length = len(answer.body)
            await cut.prepare(request)
            await cut.write(answer.body[: fault.truncate_to])
            assert request.transport is not None
            request.transport.close()
            return cut
        return answer

    def _refuse(
        self,
        path: str,
        status: int,
        message: str,
        fault: Fault | None = None,
        code: int | None = None,
    ) -> web.Response:
        headers = dict(fault.headers) if fault else {}
        if fault and fault.body is not None:
            return web.Response(status=status, body=fault.body, headers=headers)
        if path in ("/embed", "/rerank"):
            error = {"code": _INFERENCE_CODES.get(status, "UNKNOWN"), "message": message or "Try later."}
            return web.json_response({"error": error, "status": status}, status=status, headers=headers)
        if status == 401:  # the data plane's gateway: plain text
            return web.Response(status=401, text="Unauthorized")
        rpc = {"code": code or _RPC_CODES.get(status, 2), "message": message or "Try later.", "details": []}
        return web.json_response(rpc, status=status, headers=headers)

    async def _upsert(self, request: web.Request) -> web.Response:
        if (request.content_length or 0) > MAX_BATCH_BYTES:
            raise Refused(400, "Error, message length too large: the limit is: 2097152 bytes", 11)
        body = await request.json()
        vectors = body.get("vectors") or []
        if not 1 <= len(vectors) <= MAX_BATCH_RECORDS:
            raise Refused(400, f"Request must contain 1 to {MAX_BATCH_RECORDS} vectors")
        records = [self._record(each) for each in vectors]
        namespace = self._namespace(body.get("namespace"), create=True)

        def change(held: dict[str, Record]) -> None:
            held.update({record.id: record for record in records})

        return self._written(namespace, change, {"upsertedCount": len(records)})

    def _record(self, sent: dict[str, Any]) -> Record:
        values = np.asarray(sent.get("values") or [], np.float32)
        if len(values) != self.dimension:
            raise Refused(
                400,
                f"Vector dimension {len(values)} does not match the dimension of the index {self.dimension}",
            )
        if not np.any(values) or not np.all(np.isfinite(values)):
            raise Refused(400, "Dense vectors must contain at least one non-zero value.")
        name = sent.get("id")
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS or "\0" in name:
            raise Refused(400, "Vector ID must be 1 to 512 characters")
        metadata = sent.get("metadata") or {}
        for key, value in metadata.items():
            if value is None or isinstance(value, dict):
                raise Refused(
                    400,
                    f"Metadata value must be a string, number, boolean or list of strings, got '{value}' for field '{key}'",
                )
        if (size := len(json.dumps(metadata, ensure_ascii=False).encode())) > MAX_METADATA_BYTES:
            raise Refused(
                400, f"Metadata size is {size} bytes, which exceeds the limit of 40960 bytes per vector"
            )
        return Record(name, values, _sparse(sent.get("sparseValues")), metadata)

    async def _query(self, request: web.Request) -> web.Response:
        body = await request.json()
        top = body.get("topK")
        if not isinstance(top, int) or not 1 <= top <= 10_000:
            raise Refused(400, "topK must be between 1 and 10000")
        vector = np.asarray(body.get("vector") or [], np.float32)
        if len(vector) != self.dimension:
            raise Refused(
                400,
                f"Query vector dimension {len(vector)} does not match the dimension of the index {self.dimension}",
            )
        sparse = _sparse(body.get("sparseVector"))
        if sparse and self.metric != "dotproduct":
            raise Refused(400, "Index configuration does not support sparse values")
        namespace = self._namespace(body.get("namespace"))
        found = [
            (float(record.values @ vector) + _dot(record.sparse, sparse), record)
            for record in namespace.records.values()
            if matches(record.metadata, body.get("filter") or {})
        ]
        found.sort(key=lambda pair: -pair[0])
        answer = {
            "matches": [self._match(score, record, body) for score, record in found[:top]],
            "namespace": body.get("namespace", ""),
            "usage": {"readUnits": self._query_units(namespace)},
        }
        text = json.dumps(answer)
        if len(text) > MAX_RESULT_BYTES:
            raise Refused(400, "Query result exceeds the limit of 4 MB", 11)
        headers = {"x-pinecone-max-indexed-lsn": str(namespace.indexed_lsn)}
        return web.Response(text=text, content_type="application/json", headers=headers)

    @staticmethod
    def _match(score: float, record: Record, body: Mapping[str, Any]) -> dict[str, Any]:
        match: dict[str, Any] = {"id": record.id, "score": score, "values": []}
        if body.get("includeValues"):
            match["values"] = record.values.tolist()
        if body.get("includeMetadata"):
            match["metadata"] = record.metadata
        return match

    def _query_units(self, namespace: Namespace) -> int:
        """Return one read unit a gigabyte of the namespace, at least 0.25, as it is reported: rounded up."""
        if self.read_units is not None:
            return self.read_units
        size = sum(record.size_bytes for record in namespace.records.values())
        return math.ceil(max(0.25, size / 1e9))

    async def _fetch(self, request: web.Request) -> web.Response:
        ids = request.query.getall("ids", [])
        if not 1 <= len(ids) <= MAX_BATCH_RECORDS:
            raise Refused(400, "fetch needs 1 to 1000 ids")
        namespace = self._namespace(request.query.get("namespace"))
        found = {name: namespace.records[name] for name in ids if name in namespace.records}
        return web.json_response(
            {
                "vectors": {name: _vector(record) for name, record in found.items()},
                "namespace": request.query.get("namespace", ""),
                "usage": {"readUnits": max(1, math.ceil(len(found) / 10))},
            }
        )

    async def _list(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "100"))
        if not 1 <= limit <= 100:
            raise Refused(400, "limit must be between 1 and 100")
        namespace = self._namespace(request.query.get("namespace"))
        prefix, after = request.query.get("prefix", ""), request.query.get("paginationToken", "")
        ids = sorted(name for name in namespace.records if name.startswith(prefix) and name > after)
        answer: dict[str, Any] = {
            "vectors": [{"id": name} for name in ids[:limit]],
            "namespace": request.query.get("namespace", ""),
            "usage": {"readUnits": 1},
        }
        if len(ids) > limit:
            answer["pagination"] = {"next": ids[limit - 1]}
        return web.json_response(answer)

    async def _delete(self, request: web.Request) -> web.Response:
        body = await request.json()
        ids, wanted, everything = body.get("ids"), body.get("filter"), body.get("deleteAll", False)
        if [bool(ids), bool(wanted), bool(everything)].count(True) != 1:
            raise Refused(400, "delete needs exactly one of ids, filter and deleteAll")
        if ids and len(ids) > MAX_BATCH_RECORDS:
            raise Refused(400, "delete takes at most 1000 ids")
        if body.get("namespace", "") not in self.namespaces:
            raise Refused(404, "Namespace not found", NOT_FOUND)
        matches({}, wanted or {})

        def change(held: dict[str, Record]) -> None:
            for name in [
                name
                for name, record in held.items()
                if everything or name in (ids or ()) or (wanted and matches(record.metadata, wanted))
            ]:
                del held[name]

        return self._written(self._namespace(body.get("namespace")), change, {})

    async def _stats(self, request: web.Request) -> web.Response:
        counts = {name: len(each.records) for name, each in self.namespaces.items()}
        return web.json_response(
            {
                "namespaces": {name: {"vectorCount": count} for name, count in counts.items()},
                "dimension": self.dimension,
                "indexFullness": 0,
                "totalVectorCount": sum(counts.values()),
                "metric": self.metric,
                "vectorType": "dense",
            }
        )

    async def _list_namespaces(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "100"))
        prefix, after = request.query.get("prefix", ""), request.query.get("paginationToken", "")
        names = sorted(name for name in self.namespaces if name.startswith(prefix) and name > after)
        answer: dict[str, Any] = {
            "namespaces": [
                {"name": name, "record_count": str(len(self.namespaces[name].records))}
                for name in names[:limit]
            ]
        }
        if len(names) > limit:
            answer["pagination"] = {"next": names[limit - 1]}
        return web.json_response(answer)

    async def _delete_namespace(self, request: web.Request) -> web.Response:
        if self.namespaces.pop(request.match_info["namespace"], None) is None:
            raise Refused(404, "Namespace not found", NOT_FOUND)
        return web.json_response({})

    async def _embedded(self, request: web.Request) -> web.Response:
        body = await request.json()
        texts = [each["text"] for each in body.get("inputs", [])]
        if self._embed is None:
            raise Refused(404, f"Model '{body.get('model')}' not found.")
        if not 1 <= len(texts) <= MAX_EMBED_INPUTS:
            raise Refused(400, f"Input length must be 1 to {MAX_EMBED_INPUTS}")
        vectors = self._embed(texts, body["parameters"]["input_type"])
        return web.json_response(
            {
                "model": body["model"],
                "vector_type": "dense",
                "data": [{"vector_type": "dense", "values": list(vector)} for vector in vectors],
                "usage": {"total_tokens": sum(len(text.split()) + 2 for text in texts)},
            }
        )

    async def _reranked(self, request: web.Request) -> web.Response:
        body = await request.json()
        documents = [each["text"] for each in body.get("documents", [])]
        if self._rerank is None:
            raise Refused(404, f"Model '{body.get('model')}' not found.")
        if not 1 <= len(documents) <= MAX_RERANK_DOCUMENTS:
            raise Refused(400, f"Too many documents: at most {MAX_RERANK_DOCUMENTS}")
        scores = self._rerank(body["query"], documents)
        order = sorted(range(len(documents)), key=lambda index: -scores[index])
        return web.json_response(
            {
                "model": body["model"],
                "data": [
                    {"index": index, "score": scores[index]}
                    | ({"document": {"text": documents[index]}} if body.get("return_documents", True) else {})
                    for index in order[: body.get("top_n") or len(order)]
                ],
                "usage": {"rerank_units": 1},
            }
        )

    def _namespace(self, name: str | None, *, create: bool = False) -> Namespace:
        name = "" if name in (None, "__default__") else str(name)
        if len(name) > MAX_NAME_CHARACTERS or "\0" in name:
            raise Refused(400, "Namespace must be at most 512 characters")
        if create:
            return self.namespaces.setdefault(name, Namespace())
        return self.namespaces.get(name, Namespace())  # reads of one that is not there find nothing

    def _written(
        self, namespace: Namespace, change: Callable[[dict[str, Record]], None], answer: dict[str, Any]
    ) -> web.Response:
        lsn = namespace.write(change, at_once=self.visible_at_once)
        return web.json_response(answer, headers={"x-pinecone-request-lsn": str(lsn)})


def _sparse(sent: dict[str, Any] | None) -> dict[int, float]:
    if not sent:
        return {}
    indices, values = sent.get("indices") or [], sent.get("values") or []
    if len(indices) != len(values) or len(set(indices)) != len(indices):
        raise Refused(400, "Sparse vector must have as many indices as values, and no index twice")
    if len(indices) > MAX_SPARSE_VALUES or any(not 0 <= index < 2**32 for index in indices):
        raise Refused(400, "Sparse vector size exceeds the limit, or an index is no uint32")
    return dict(zip(indices, values, strict=True))


def _dot(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    return sum(value * one[index] for index, value in other.items() if index in one)


def _vector(record: Record) -> dict[str, Any]:
    vector: dict[str, Any] = {
        "id": record.id,
        "values": record.values.tolist(),
        "metadata": record.metadata,
    }
    if record.sparse:
        vector["sparseValues"] = {"indices": list(record.sparse), "values": list(record.sparse.values())}
    return vector


@asynccontextmanager
async def pinecone_server(server: PineconeServer | None = None) -> AsyncIterator[PineconeServer]:
    server = server or PineconeServer()
    async with local_server(server.app) as server.url:
        yield server
