"""What a device and a book do with each other: a push, a pull, a comparison, the tutorial form."""
