"""From the device's 250 to the provider's 202, beside a relay that sends inside DATA."""
