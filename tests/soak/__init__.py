"""The long forms of the fault tests, outside CI: `make soak`."""
