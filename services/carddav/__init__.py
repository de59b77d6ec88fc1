"""CardDAV without HTTP and XML: which contact a card is, what a device is told, and what a card that came changes.

::

    book.py      CardBook: all that the surface asks for
    values.py    what it is answered
    errors.py    why something is not done
    listing.py   what has changed since a sync-token
    writing.py   a card that is sent, and a deletion, as a change
    versions.py  a contact as it was in the states that a device has
    preconditions.py  If-Match and If-None-Match
    photos.py    the bytes that a photo is served as
"""
