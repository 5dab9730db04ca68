"""The suffixes of files that rows can be written to, in lower case."""

OUTPUT_SUFFIXES = (".csv", ".jsonl", ".parquet")
WHOLE_SUFFIX = ".parquet"
"""Of files that are there only once the run has ended, and so cannot be gone on with."""
