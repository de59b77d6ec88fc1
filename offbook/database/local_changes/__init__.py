"""What was changed on this device: its lines in the log, which of them wait, and which can not go on."""
