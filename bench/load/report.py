"""What came out, in lines."""

from __future__ import annotations

from bench.load.counters import Counters, percentile_ms
from bench.load.hosts import MemoryWatch


def show(
    counters: Counters, watch: MemoryWatch, seconds: float, cpu: float, own_cpu: float, log_lines: int, locked: int
) -> None:
    print(f"{'':<40} {'count':>8} {'a second':>9} {'p50 ms':>8} {'p99 ms':>9}")
    for kind, took in sorted(counters.took.items()):
        rate, p50, p99 = len(took) / seconds, percentile_ms(took, 50), percentile_ms(took, 99)
        print(f"{kind:<40} {len(took):>8,} {rate:>9.2f} {p50:>8.1f} {p99:>9.1f}")
    changes, marks = counters.verdicts.total(), ", ".join(f"{mb:.0f}" for mb in memory_marks(watch))
    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in counters.verdicts.most_common())
    statuses = ", ".join(f"{count:,} × {status}" for status, count in sorted(counters.statuses.items()))
    print(f"changes acknowledged: {changes:,} ({changes / seconds:.1f} a second): {verdicts}")
    print(f"rows that devices were given: {counters.rows:,}")
    print(f"answers by HTTP: {statuses}; pushes whose answer was lost and that were sent again: {counters.lost:,}")
    print(f"servers' memory when all had come, and after each quarter of the time: {marks} MB;")
    print(f"  over the second half {watch.slope():+.2f} MB a minute")
    print(f"servers' CPU: {cpu:.1f} s in {seconds:.0f} s; this process's: {own_cpu:.1f} s,")
    late = [percentile_ms(watch.late, which) for which in (50, 99)]
    print(f"  whose own loop was late by {late[0]:.1f} ms (p50), {late[1]:.1f} ms (p99)")
    print(f"lines in the servers' logs: {log_lines}, of which 'database is locked': {locked}")
    print(f"faults: {counters.faults.total()}")
    for sentence, times in counters.faults.most_common(20):
        print(f"  {times} × {sentence}")


def memory_marks(watch: MemoryWatch) -> list[float]:
    """In MB. All have come after a minute at the latest."""
    last = len(watch.memory) - 1
    places = [min(60, last // 4), last // 4, last // 2, last * 3 // 4, last]
    return [watch.memory[place][1] for place in places]
