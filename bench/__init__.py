"""How fast the relay is, beside others measured in the same run on the same cores."""
