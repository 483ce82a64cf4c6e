"""What is kept for how long, and how it goes when its time has come."""
