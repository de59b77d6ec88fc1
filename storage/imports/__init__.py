"""What is stored of an import while it goes on."""
