"""What services do for contacts alone."""
