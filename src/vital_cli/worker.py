"""The program of a worker process of `vital serve`: that of the engine, with its report.

python -m vital_cli.worker LISTENER CHANNEL
"""

from __future__ import annotations

from ai_engine.background.interpreter import loading

with loading():
    from ai_engine.supervisor.worker import main
    from vital_cli.served_monitor import load_monitor
    from vital_cli.served_report import served_report

if __name__ == "__main__":
    main(served_report, load_monitor)
