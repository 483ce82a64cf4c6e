"""The commands of `relay`, one module each."""
