"""Cards as a phone or a mail program exchanges them by CardDAV: what it is served, and what it changed. Pure.

::

    serving.py   a contact -> the card that a device is served, in a form; and the ETag
    incoming.py  the bytes of a PUT -> the one card in them, or why it is refused
    lines.py     lines of a card as they are compared, each with what of the contact it says
    matching.py  which line of a card that came back is which line of those that were served
    edits.py     what a card that came back changes, cell by cell

A card that comes back is compared with the versions of its contact that this device was served, as they were served.
Programs write every card anew, in their own spelling, and many carry less than they are given; so bytes, order, case,
escapes and groups' names say nothing, and what only few programs know is not removed because it is missing.
"""
