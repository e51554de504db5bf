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

    Python's own loading of a library holds the interpreter's lock for as long as the linker works (0.2 to 0.8 s for
    torch); a C function that is called through ctypes does not. The garbage collector would hold it, too, to walk
    through torch's 250,000 lasting objects (0.1 s and more each time): it pauses, and then leaves them out for good.

    What is left out includes everything alive at that moment, so what is to be freed later must not depend on the
    collector: documents and their pixels are in no reference cycle. The import has a thread of its own, because among
    torch's objects is a frame of the import, and with it all frames below.
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
    """Have the linker load torch's libraries. Where this does not work the import does it itself."""
    found = importlib.util.find_spec("torch")
    if sys.platform != "linux" or found is None or found.origin is None:
        return
    library = Path(found.origin).parent / "lib" / "libtorch_python.so"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    dlopen(str(library).encode(), 2)  # RTLD_NOW
