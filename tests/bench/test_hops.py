"""bench.hops follows real requests: its counts are of the size that code of this kind has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"(.+?) +(\d+) functions +(\d+) files +(\d+) changes of file")


@pytest.mark.processes
def test_each_request_crosses_several_files_and_comes_back() -> None:
    words = [sys.executable, "-m", "bench.hops"]
    printed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    lines = [LINE.fullmatch(line) for line in printed.splitlines()]
    assert [line and line[1] for line in lines] == ["a pushed change", "an edit in a form", "a row pulled by a replica"]
    for functions, files, changes in (map(int, line.groups()[1:]) for line in lines if line):
        assert 5 < files < functions < 500
        assert files <= changes < 1_000
