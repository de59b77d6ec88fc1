"""The history: its entries, records as they were, and why a cell has its value."""
