"""Values as people read them: words, formatting, differences. No requests and no storage."""
