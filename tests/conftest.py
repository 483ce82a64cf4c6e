"""Fixtures of all tests, by the part that they start."""

pytest_plugins = ["tests.fixtures.azurite", "tests.fixtures.gmail", "tests.fixtures.graph"]
