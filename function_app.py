"""Marker of the entry point.

The Functions worker and Core Tools look for a file of this name beside host.json. What Python
imports under the name is the package function_app/, so nothing in this file runs.
"""
