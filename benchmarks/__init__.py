"""How fast, how soon and how small the runtime is on the machine at hand."""
