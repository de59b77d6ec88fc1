"""Users, their devices and their sessions: who is known, who is signed in, and what was tried at passwords."""
