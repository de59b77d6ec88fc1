"""Contacts in tables: CSV as spreadsheets, address books and people write it, read by what each column means."""
