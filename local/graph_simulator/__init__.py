"""Microsoft Graph mail, Microsoft Entra and a managed identity, simulated on loopback.

As strict as Graph is known to be: whoever sends through it well should send through Graph well.
Everything is in memory. What it shows and how it is told to misbehave: `control`.
"""
