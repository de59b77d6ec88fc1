"""Declarations of tables: what they may say, their JSON, and how they grow."""
