"""Rules about accounts: what an admin may do to whom, and how often a password may be tried."""
