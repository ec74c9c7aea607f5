//! The burn module against the CPU engine: one description, the same numbers, and gradients that are right.
