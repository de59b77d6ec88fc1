"""Google Contacts' CSV: read into contacts in wire form, and written back from them."""
