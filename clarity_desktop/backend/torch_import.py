"""The first `import torch` in the background, without stalling the window."""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

_once = threading.Lock()


def import_torch() -> None:
    """Import torch while the other threads run. Returns when it is there; later calls return at once.

    Python's own loader holds the GIL while the linker works (0.2 to 0.8 s for torch); a C function that is called
    through ctypes does not. The garbage collector would hold it as well, to traverse the 250,000 permanent objects of
    torch (0.1 s or more each time): it is paused, and these objects are then frozen (gc.freeze).

    Everything alive at that moment is frozen too, so whatever must be freed later may not depend on the collector:
    documents and their pixels are in no reference cycle. The import has a thread of its own, because the frozen objects
    include a frame of the import, and with it all frames below.
    """
    with _once:
        if "torch" not in sys.modules:
            with ThreadPoolExecutor(1, "clarity-torch") as own:
                own.submit(_import).result()


class EarlyImport:
    """Imports torch in the background while the program gets ready and reads its first photo."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        # A daemon: the process may end meanwhile, but only by os._exit, as torch crashes while it is torn down.
        threading.Thread(target=self._run, name="clarity-torch-early", daemon=True).start()

    def go_on(self) -> None:
        """Let the import itself begin: until now only the linker has worked, which needs no GIL.

        To be called when the caller's own imports are done: two importing threads would only hinder each other.
        """
        self._ready.set()

    def _run(self) -> None:
        _load_libraries()
        self._ready.wait()
        with suppress(Exception):  # whoever needs torch imports it again, and reports what is wrong
            import_torch()


def loaded() -> Any:
    """The module torch, or None where it is not imported, or not completely yet."""
    torch = sys.modules.get("torch")
    return None if torch is None or getattr(torch.__spec__, "_initializing", False) else torch


def _import() -> None:
    _load_libraries()
    paused = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module("torch")
    finally:
        gc.freeze()  # merely relinks lists: takes microseconds
        if paused:
            gc.enable()


def _load_libraries() -> None:
    """Let the linker load the libraries of torch. If this fails, the import loads them itself."""
    found = importlib.util.find_spec("torch")
    if sys.platform != "linux" or found is None or found.origin is None:
        return
    library = Path(found.origin).parent / "lib" / "libtorch_python.so"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    dlopen(str(library).encode(), 2)  # RTLD_NOW
