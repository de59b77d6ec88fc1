"""What the server says over HTTP where it refuses something, and what its pages say of an act: one module a surface.

Sentences as those of offbook.core.messages.
"""
