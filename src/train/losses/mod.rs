//! The terms of the loss, a file each.
