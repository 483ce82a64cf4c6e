"""The web console: pages made on the server, readable without scripts.

Every page is a reading of `console.reading`; what changes something is a POST with a token. Text
from outside is escaped by the templates, and a strict policy keeps foreign scripts and styles out.
"""
