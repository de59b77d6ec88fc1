"""A whole book as one zip, out and in. Pure: bytes and values in, values and bytes out.

::

    names.py        which files the zip has, and what is in each
    zip_writing.py  files -> the bytes of a zip, as a stream
    zip_reading.py  a zip that anyone may have made -> its files, as streams, within bounds
    writing.py      a book -> those files
    reading.py      those files -> contacts, labels, what was in the trash, and photos

Python's zipfile is not used: it reads the list of files whole, however long it is, and packs as far as it goes, so
that our own file could be taken for a bomb. Source: APPNOTE.TXT 6.3.10 of PKWARE, RFC 1951.
"""
