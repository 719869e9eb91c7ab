"""The outcome of one grading, and one small renderer for each format of it."""
