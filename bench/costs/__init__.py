"""What each thing costs a server: CPU, memory, bytes. ``python -m bench.costs``, or with ``--database URL``.

CPU is what the processes themselves have used by the system's account, which a busy machine hardly changes. It is told
apart for the server and for the processes of PostgreSQL that serve it. docs/scale.md reckons with these figures.
"""
