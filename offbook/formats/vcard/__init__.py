"""vCard 2.1, 3.0 and 4.0 in, 3.0 and 4.0 out. Pure: bytes in, contacts and remarks out, and the other way.

::

    lines.py       bytes -> cards of logical lines: encodings, folding, soft breaks          any version, lenient
    syntax.py      a logical line -> a property: group, name, parameters, value              any version, lenient
    properties.py  tables: which property is what, which TYPE is which label
    items.py       properties -> items: what programs say each in their own way, said in one way
    reading.py     items -> a contact in wire form
    identity.py    the id of a contact, and the name of one that has none
    files.py       a file -> its contacts, with the labels that group cards give them, and what is refused
    writing.py     a contact -> a card of version 3.0 or 4.0                                  strict
    output.py      properties -> text: parameters, line folding
    canonical.py   a card -> what it says, to compare cards by
    filters.py     which cards a search lets pass, as programs of CardDAV ask for them
    params.py      the parameters of a property, as a contact has them
    binary.py      bytes in a card, as photos
    dates.py       dates of both versions

Sources: RFC 6350 (vCard 4.0), RFC 2426 (3.0), RFC 6868 (parameter values), "vCard: The Electronic Business Card,
version 2.1" (1996). What is in no standard names the program that does it.
"""
