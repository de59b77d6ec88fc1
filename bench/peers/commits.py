"""Versions of before, by their commits: benchmarks and tests take their code from git."""

BEFORE_GROWTH = "ca41368"
"""The last version whose contacts have the fields of the beginning; it has labels and an app's tables."""
