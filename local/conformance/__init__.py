"""Well-known third-party suites against the edge's SMTP door (`make conformance`).

Judged by what the edge has spooled and logged, not by a tool's words alone.
"""
