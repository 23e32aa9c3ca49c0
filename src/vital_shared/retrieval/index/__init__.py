"""The embedded index: embeddings and keywords of the knowledge store in arrays, on disk and in memory.

`index` follows the store, `snapshot` answers from what it has, `segment` and `postings` hold it, and
`folder` keeps it on disk.
"""
