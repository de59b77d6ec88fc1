"""vCard 2.1, 3.0 and 4.0. Pure: bytes in, properties out.

::

    lines.py       bytes -> cards of logical lines: encodings, folding, soft breaks          any version, lenient
    syntax.py      a logical line -> a property: group, name, parameters, value              any version, lenient

Sources: RFC 6350 (vCard 4.0), RFC 2426 (3.0), RFC 6868 (parameter values), "vCard: The Electronic Business Card,
version 2.1" (1996). What is in no standard names the program that does it.
"""
