"""What a Raspberry Pi runs: it looks at cells and says what they are."""
