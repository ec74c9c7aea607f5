//! Judging a generator on photos of people that it never saw.
