"""What a change does to a record: policies, batches, retention, and a device's side of it."""
