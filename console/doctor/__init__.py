"""`relay doctor`: what stands between a device and Microsoft 365, check by check.

Each check has an id that stays the same, a verdict, and a remedy when it fails. A check whose
prerequisite failed is skipped, so that the first failure is the first thing to fix. No mail is
sent.
"""
