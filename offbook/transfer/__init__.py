"""Contacts into and out of this device as files: adding many at once, photos, and the zip of all that is here."""
