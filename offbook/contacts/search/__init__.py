"""What people type to search contacts, and why a contact matches it. Pure.

::

    query.py    the words, and what narrows: label:, company:, has:photo, is:starred
    matches.py  where a contact matches, for a mark and a reason
"""
