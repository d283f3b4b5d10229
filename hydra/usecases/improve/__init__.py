"""The daily cycle: observe, diagnose, mutate, experiment, decide, apply. Every step may be run again.

Heavy imports (numba, scipy) live here: the execution worker never imports this package.
"""
