"""`make test`: fetch what the tests need, then lint, types, import contracts and the tests. Prints how long each took.

Arguments are passed to pytest. `make coverage` runs the tests in one process with coverage instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
MAXIM = ("deraining", "denoising", "deblurring", "dehazing-indoor", "dehazing-outdoor", "enhancement", "retouching")
MODELS = [f"maxim-{name}" for name in (MAXIM if os.environ.get("CI") else MAXIM[:1])]
PROCESSES = min(os.cpu_count() or 1, 8)
OPTIONAL = "parameters of the scores"
"""The bundled parameters are used where these cannot be downloaded; tests that need the authors' are skipped."""
STEPS: list[tuple[str, list[str]]] = [
    ("weights", [str(BIN / "clarity"), "models", "fetch", *MODELS]),
    (OPTIONAL, [str(BIN / "clarity"), "models", "fetch", "niqe", "brisque", "sseq"]),
    ("lint", [str(BIN / "ruff"), "check", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "."]),
    ("types", [str(BIN / "basedpyright"), "--pythonpath", sys.executable]),
    ("import contracts", [str(BIN / "lint-imports")]),
    (
        "tests",
        [sys.executable, "-m", "pytest", "-q", "-n", str(PROCESSES), "--dist", "worksteal", "--durations", "15",
         *sys.argv[1:]],
    ),
]  # fmt: skip


def main() -> int:
    """Run every step, even after one failed; the exit code is 1 if any did."""
    failed: list[str] = []
    # Each test process has one core: several threads in each would only wait for one another.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} if PROCESSES > 1 else None
    for name, command in STEPS:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, check=False, env=environment).returncode
        print(f"== {name}: {'ok' if code == 0 else f'failed ({code})'} in {time.monotonic() - start:.0f} s", flush=True)
        if code and name != OPTIONAL:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all steps passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
