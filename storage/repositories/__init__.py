"""What is kept beside the synced records: accounts, devices, streams; and questions about contacts."""
