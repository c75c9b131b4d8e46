"""Ranges of integers that are easily got wrong: (low, high, dtype)."""

#: Ranges at the edges of 64 bits, signed and not, and of the halves that products are made of.
RANGES = [
    *((0, 1, "int64"), (-3, 7, "int8"), (-128, 128, "int8"), (0, 256, "uint8"), (5, 2**16, "uint16")),
    *((-(2**15), 2**15, "int16"), (-(2**31), 2**31, "int32"), (0, 2**32 - 1, "int64"), (0, 2**32, "uint32")),
    *((0, 2**32 + 1, "int64"), (0, 2**63, "int64"), (-(2**63), 2**63, "int64"), (-(2**63), 2**63 - 1, "int64")),
    *((0, 2**64, "uint64"), (2**63, 2**64, "uint64"), (1, 2**64, "uint64"), (-(2**63), 1 - 2**63, "int64")),
]
