"""The pages of contacts: the list, one contact and its form, its history, labels, files in and out."""
