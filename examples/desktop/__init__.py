"""A small window for a book: what an app on offbook and Qt looks like. ``python -m examples.desktop contacts.db``"""
