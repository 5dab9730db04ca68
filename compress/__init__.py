"""Makes the trained network small and fast, exports it as a bundle and verifies it."""
