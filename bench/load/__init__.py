"""Many devices at once, as people have them: ``python -m bench.load --devices 300 --minutes 10``.

A world is drawn from a seed (world.py): books of one to five devices, each with a role. A device is light (device.py):
what it holds is in memory, and so are hundreds of them in one process, against real server processes (hosts.py) over
HTTP and the live channel (wire.py). What each role does is in device_roles.py.

While it runs, everything that a server says is held against what it said before (device.py, expected_state.py); at the
end all devices of a book must hold the same as a fresh snapshot, and the database's history each change that was
acknowledged (final_check.py). counters.py counts, and report.py tells.
"""
