"""What a run says beyond its rows: people, scores against the truth, a report, pictures sorted by label."""
