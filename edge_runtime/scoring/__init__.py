"""Scores of answers against the truth, and intervals; the workstation and the device reckon alike."""
