"""What the relay did and how it does, read for people: pure shapes over `handoff`'s readers.

Nothing here changes anything. Every read is bounded; what was not looked at is said.
"""
