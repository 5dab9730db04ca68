"""Fits and evaluates the network that tells the cells apart."""
