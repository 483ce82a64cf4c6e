"""Break the relay on purpose, and count the mails.

The real parts run as processes of their own; what got a 250 is written down independently of
them; faults come on a seeded schedule; then everything is healed and reconciled.
docs/reliability.md tells what is broken, what must hold, and what was measured.
"""
