"""Drawn pictures for the demo and the tests, and what draws them."""
