"""What training costs in each engine: operations, time and memory.

Times are those of one core of an AMD EPYC (Zen 4) at work on all cores, fitted by non-negative
least squares on relative errors: see benchmarks/NOTES.md. ``efficiency.cost`` puts them into the
time of this machine.
"""
