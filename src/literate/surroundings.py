"""What a program can change around itself, and what it can complain of behind one's back."""

import builtins
import contextlib
import decimal
import os
import random
import sys
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def as_it_was() -> Iterator[None]:
    """Put back what a program changes in the interpreter: the next one finds it as it was."""
    names, state = dict(vars(builtins)), random.getstate()
    path, arguments, environment = sys.path[:], sys.argv[:], dict(os.environ)
    depth, streams = sys.getrecursionlimit(), (sys.stdin, sys.stdout, sys.stderr)
    try:
        with decimal.localcontext():
            yield
    finally:
        vars(builtins).update(names)
        for name in vars(builtins).keys() - names.keys():
            delattr(builtins, name)
        random.setstate(state)
        sys.path[:], sys.argv[:] = path, arguments
        os.environ.clear()
        os.environ.update(environment)
        sys.setrecursionlimit(depth)
        sys.stdin, sys.stdout, sys.stderr = streams


@contextlib.contextmanager
def stray_errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions that finalizers and threads raise, which reach no caller."""
    found: list[BaseException] = []

    def keep(event: "sys.UnraisableHookArgs | threading.ExceptHookArgs") -> None:
        if event.exc_value is not None:
            found.append(event.exc_value)

    hooks = sys.unraisablehook, threading.excepthook
    sys.unraisablehook, threading.excepthook = keep, keep
    try:
        yield found
    finally:
        sys.unraisablehook, threading.excepthook = hooks
