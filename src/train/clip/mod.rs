//! CLIP: how well a picture fits a sentence, or another picture.
