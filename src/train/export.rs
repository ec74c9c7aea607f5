//! From a checkpoint to a model file with its card.
