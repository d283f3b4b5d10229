"""Models and their healing: pure over arrays and frames."""
