//! The discriminator.
