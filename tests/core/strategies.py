"""What Hypothesis draws where anything may come in: JSON of any kind."""

from __future__ import annotations

from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
"""Text here has lone surrogates too: JSON can say them."""

JSON = st.recursive(
    SCALARS | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
