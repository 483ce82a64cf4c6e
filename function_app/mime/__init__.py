"""Read and change untrusted mail as octets, in time and memory proportional to its size.

Not the standard library's parser: a few hundred kilobytes of encoded words cost it minutes and
gigabytes, and it does not give back the octets that it was given.
"""
