"""The filter of an addressbook-query (RFC 6352, 10.5), as a value."""

from __future__ import annotations

from offbook.formats.vcard.filters import COLLATIONS, COMPARISONS, CardFilter, ParamFilter, PropFilter, TextMatch
from web.carddav.xml.names import card
from web.carddav.xml.reader import Node, XmlRefused
from web.messages import carddav as messages

CONDITIONS_MAX = 100
TEXT_LENGTH_MAX = 1_000
"""Each condition is compared with each line of each card."""

DEFAULT_COLLATION = "i;unicode-casemap"


class UnsupportedFilter(XmlRefused):
    """A filter that this server does not carry out."""

    code = "unsupported_filter"


class UnsupportedCollation(XmlRefused):
    """A collation that this server does not know."""

    code = "unsupported_collation"


def parse_filter(node: Node | None) -> CardFilter:
    """Raises XmlRefused, UnsupportedFilter and UnsupportedCollation; without a filter every card passes."""
    if node is None:
        return CardFilter()
    props = list(node.all(card("prop-filter")))
    if len(props) + sum(len(prop.children) for prop in props) > CONDITIONS_MAX:
        raise UnsupportedFilter.of(messages.TOO_MANY_CONDITIONS, limit=CONDITIONS_MAX)
    if len(props) != len(node.children):
        raise UnsupportedFilter.of(messages.NOT_PROP_FILTERS)
    return CardFilter([_prop_filter(prop) for prop in props], _needs_all(node))


def _prop_filter(node: Node) -> PropFilter:
    group, dot, name = _name(node).rpartition(".")
    texts = [_text_match(child) for child in node.all(card("text-match"))]
    params = [_param_filter(child) for child in node.all(card("param-filter"))]
    return PropFilter(name, group if dot else "", _is_absent(node), _needs_all(node), texts, params)


def _param_filter(node: Node) -> ParamFilter:
    match = node.child(card("text-match"))
    return ParamFilter(_name(node), _is_absent(node), None if match is None else _text_match(match))


def _text_match(node: Node) -> TextMatch:
    collation = node.attributes.get("collation", DEFAULT_COLLATION).lower()
    collation = DEFAULT_COLLATION if collation == "default" else collation
    comparison = node.attributes.get("match-type", "contains")
    if collation not in COLLATIONS:
        raise UnsupportedCollation.of(messages.UNKNOWN_COLLATION, collations=", ".join(COLLATIONS))
    if comparison not in COMPARISONS:
        raise UnsupportedFilter.of(messages.UNKNOWN_MATCH_TYPE, types=", ".join(COMPARISONS))
    if len(node.text) > TEXT_LENGTH_MAX:
        raise UnsupportedFilter.of(messages.SEARCH_TOO_LONG, limit=TEXT_LENGTH_MAX)
    is_negated = node.attributes.get("negate-condition", "no") == "yes"
    return TextMatch(COLLATIONS[collation](node.text), collation, comparison, is_negated)


def _name(node: Node) -> str:
    """Names are compared without case (RFC 6350, 3.3). Raises XmlRefused."""
    name = node.attributes.get("name", "").strip().upper()
    if not name or len(name) > 200:
        raise XmlRefused.of(messages.NAMELESS_FILTER)
    return name


def _is_absent(node: Node) -> bool:
    return node.child(card("is-not-defined")) is not None


def _needs_all(node: Node) -> bool:
    """Raises UnsupportedFilter."""
    test = node.attributes.get("test", "anyof")
    if test not in ("anyof", "allof"):
        raise UnsupportedFilter.of(messages.UNKNOWN_TEST)
    return test == "allof"
