"""Retrieval as LangChain and Haystack do it by default, with our embedding model and documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from vital_shared.retrieval.embedding import Embedder

TOP = 5


class Found(NamedTuple):
    """A passage that was found, and the file that it is of."""

    source: str
    text: str


Search = Callable[[str], Awaitable[list[Found]]]


async def langchain(documents: Mapping[str, str], embedder: Embedder) -> Search:
    """Split by characters and search by cosine, as its text splitter and its vector store do."""
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class Ours(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise NotImplementedError("the store is filled asynchronously")

        def embed_query(self, text: str) -> list[float]:
            raise NotImplementedError("the store is asked asynchronously")

        async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
            return [list(map(float, row)) for row in await embedder.embed_passages(texts)]

        async def aembed_query(self, text: str) -> list[float]:
            return list(map(float, await embedder.embed_query(text)))

    store = InMemoryVectorStore(Ours())
    whole = [Document(page_content=text, metadata={"source": name}) for name, text in documents.items()]
    await store.aadd_documents(RecursiveCharacterTextSplitter().split_documents(whole))

    async def search(question: str) -> list[Found]:
        found = await store.asimilarity_search(question, k=TOP)
        return [Found(each.metadata["source"], each.page_content) for each in found]

    return search


async def haystack(documents: Mapping[str, str], embedder: Embedder) -> Search:
    """Split by words and search by similarity, as `DocumentSplitter` and the in-memory store do."""
    from haystack import Document
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    splitter = DocumentSplitter()
    whole = [Document(content=text, meta={"source": name}) for name, text in documents.items()]
    parts: list[Any] = splitter.run(documents=whole)["documents"]
    vectors = await embedder.embed_passages([part.content for part in parts])
    store = InMemoryDocumentStore()
    embedded = [
        Document(content=part.content, meta=part.meta, embedding=list(map(float, vector)))
        for part, vector in zip(parts, vectors, strict=True)
    ]
    store.write_documents(embedded)
    retriever = InMemoryEmbeddingRetriever(store, top_k=TOP)

    async def search(question: str) -> list[Found]:
        vector = list(map(float, await embedder.embed_query(question)))
        found = retriever.run(query_embedding=vector)["documents"]
        return [Found(each.meta["source"], each.content) for each in found]

    return search


PEERS = {"LangChain": langchain, "Haystack": haystack}
