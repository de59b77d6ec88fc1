"""The use cases of the server: what happens to a book, whoever asks for it."""
