"""JSON schemas of what goes over the wire, made from TABLES and the limits of the wire."""
