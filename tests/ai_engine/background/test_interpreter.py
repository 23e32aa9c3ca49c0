"""What may hold the event loop up."""

import subprocess
import sys


def test_what_is_loaded_is_no_affair_of_the_collector_and_threads_give_way_soon():
    code = (
        "import gc, sys\n"
        "from ai_engine.background.interpreter import loading, shorten_pauses\n"
        "with loading():\n"
        "    print(gc.isenabled())\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 1000, gc.get_count()[0] < 700)\n"
        "shorten_pauses()\n"
        "print(gc.get_freeze_count() > 1000, sys.getswitchinterval() <= 0.001)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "True", "True", "True"]
