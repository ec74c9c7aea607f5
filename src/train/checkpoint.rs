//! Checkpoints: written atomically, resumed exactly.
