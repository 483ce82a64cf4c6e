"""Clients that Microsoft Entra vouches for: applications with a secret, users with a password.

logins (pure) reads what a client calls itself, answers (pure) what Entra says to it; check asks;
guest is who comes in.
"""
