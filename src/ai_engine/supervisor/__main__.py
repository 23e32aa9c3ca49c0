"""The program of a worker process.

    python -m ai_engine.supervisor LISTENER CHANNEL

It inherits both as file descriptors: the socket that all workers listen on, and its end of the channel to the
supervisor. It ends when the supervisor is gone, however that came.
"""

from __future__ import annotations

from ai_engine.background.interpreter import loading

with loading():
    from ai_engine.supervisor.worker import main

main()
