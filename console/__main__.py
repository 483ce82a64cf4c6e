"""`python -m console`: the command `relay` where it is not installed as one."""

from console.relay import app

app(prog_name="relay")
