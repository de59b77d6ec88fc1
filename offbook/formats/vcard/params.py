"""Parameters as a contact has them: JSON of names and values, both ways."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import lru_cache

from offbook.formats.vcard.syntax import Params

PARAMETER_NAME = re.compile(r"[A-Z0-9_-]+|@[A-Z]+")


@lru_cache(maxsize=1024)
def dump_params(params: Params) -> str:
    """Parameters as a contact has them."""
    return json.dumps(params, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=1024)
def load_params(text: str | None) -> Params:
    """The parameters of a detail; none where it is no JSON of names and lists of texts."""
    with suppress(ValueError, TypeError):
        params = json.loads(text or "[]")
        if all(
            PARAMETER_NAME.fullmatch(name) and all(isinstance(text, str) for text in texts) for name, texts in params
        ):
            return tuple((name, tuple(values)) for name, values in params)
    return ()
