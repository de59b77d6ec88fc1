"""CardDAV without HTTP and XML: which contact a card is, what a device is told, and what a card that came changes.

::

    book.py      CardBook: all that the surface asks for
    values.py    what it is answered
    errors.py    why something is not done
    listing.py   what has changed since a sync-token
    photos.py    the bytes that a photo is served as
"""
