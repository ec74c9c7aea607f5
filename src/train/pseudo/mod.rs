//! Pseudo-triplets: made-up pictures as input, real photos as target.
