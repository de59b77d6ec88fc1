"""What is kept for CardDAV: what contacts are called in paths, and what each device has of them."""
