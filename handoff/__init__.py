"""The contract between the edge and the function app.

What crosses from one half to the other, and where it is kept: ticket, content, ledger,
dead letters. This is the only code that both halves import, and the only home of the
Azure Storage SDKs.
"""
