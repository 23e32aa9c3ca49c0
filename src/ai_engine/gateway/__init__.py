"""The gateway: models behind providers, asked in a client's own protocol, with the rules of runs.

A call is a run of the workflow `RelayedCall`, which has one node. So it waits for its turn, is reserved,
charged, measured, traced, stored and cancelled as any other run is. What differs is what the client reads:
the provider's own answer, which an `Exchange` writes in the client's protocol into an `AnswerChannel`.

A protocol more is an `Exchange` of its own, and a route that makes one and calls `relay_call`.
"""
