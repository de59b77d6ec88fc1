"""JSON schemas of what goes over the wire, made from the tables' declarations and the limits of the wire."""
