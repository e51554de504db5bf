"""The first `import torch` in the background, without stalling the window."""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
