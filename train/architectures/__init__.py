"""The networks by name: one file builds one."""
