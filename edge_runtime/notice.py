"""What is said wherever results are shown."""

RESEARCH_USE = "Research use only; not a medical device."
