"""Where rows go: a table on the terminal, CSV, JSON lines."""
