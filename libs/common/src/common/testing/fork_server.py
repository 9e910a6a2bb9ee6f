"""`python -m common.testing.fork_server`: imports modules once and runs them in forks of itself.

Reads a JSON object a line and answers each with one: `{"needs": [MODULE...], "run": [MODULE,
ARGUMENT...], "environment": {...}, "output": FILE}` with the `pid`, `{"ended": PID}` with the exit
`code`, null while it runs.
"""

import gc
import json
import os
import runpy
import signal
import sys
from importlib import import_module


def main() -> None:
    """Serve until the input ends; in a fork, become what was asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: whoever started us ends us
    for line in sys.stdin:
        request = json.loads(line)
        if "ended" in request:
            answer = {"code": _ended(request["ended"])}
        else:
            for module in request.pop("needs"):
                _import(module)
            if (pid := os.fork()) == 0:
                break
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    else:
        return
    _become(**request)


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _import(module: str) -> None:
    """Once, for all forks to come."""
    if module not in sys.modules:
        import_module(module)
        gc.collect()
        gc.freeze()  # a collection in a fork would copy what it only looks at


def _become(run: list[str], environment: dict[str, str], output: str) -> None:
    """As `python -m` would start it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(os.devnull, "rb") as nothing, open(output, "ab") as file:
        for target, source in ((0, nothing), (1, file), (2, file)):
            os.dup2(source.fileno(), target)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = run
    del sys.modules[run[0]]  # it is going to be `__main__`, and what imports it gets one of its own
    runpy.run_module(run[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
