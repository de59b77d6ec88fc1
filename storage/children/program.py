"""A program of its own that does what the main() of a module does, within limits: what is hostile may use it up.

It is called with the module's name, the most bytes of memory, the most seconds of the processor, and what main() is
given. The limits hold before anything else is loaded.
"""

from __future__ import annotations

import importlib
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def limit(memory_bytes_max: int, seconds_max: int) -> None:
    """Where more is taken, allocating fails, or the system ends the process."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes_max, memory_bytes_max))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds_max, seconds_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    limit(int(sys.argv[2]), int(sys.argv[3]))
    sys.path.insert(0, str(ROOT))
    importlib.import_module(sys.argv[1]).main(sys.argv[4:])
