"""Pinecone as a source: one namespace a tenant, dense and sparse vectors, charged by what it reports."""
