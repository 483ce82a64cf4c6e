"""Who is told what goes wrong: senders, operators, a webhook.

A dead mail becomes a row of table `status` before the ledger says `dead`; a fault of the
configuration becomes one alarm. The timer's round tells both. At least once: a crash may tell
twice, under the same id, and never not at all.
"""
