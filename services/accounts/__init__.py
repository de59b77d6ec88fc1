"""Who may come in: users with their passwords, devices with their tokens, phones with their links."""
