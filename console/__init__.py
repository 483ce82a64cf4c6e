"""The operator's side: the command `relay`, and the web console.

It reads the ledger, the queues and the dead letters with the operator's own sign-in, and an edge's
settings and spool where it runs beside one. Nothing of it runs in Azure.
"""
