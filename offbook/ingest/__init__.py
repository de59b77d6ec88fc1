"""WebSocket -> SQLite: every message of a stream, durable within 100 ms, for as long as one likes.

::

    server ──▶ receiver.py ────▶ batch_writer.py ──▶ stream_file.py ──▶ stream_data
               connect, read,    gather, and         one commit:
               come back         commit in time      messages, counts, lease

All runs in one thread. While a batch is committed nothing is read, so what the file can't take stays with the server:
TCP holds it back, and memory is bounded by one batch and one message. (A second thread only copies SQLite's log into
the file, which would hold a commit up for 100 ms and more.)

What came until the server saw that we leave is committed before we go. What was sent while we were away is lost, for a
WebSocket has no memory: a row of stream_gaps says from when to when, and why.

url.py, batch.py and settings.py are pure: time and chance are arguments. disconnects.py says what went wrong in a
sentence that holds no secret. schema.py says what a stream's file looks like, and docs/streams.md what is promised.
"""
