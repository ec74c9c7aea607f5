//! What a CLIP sees in the swapped picture (Radford et al., "Learning transferable visual models from natural language
//! supervision", 2021). Features are `[n, d]` rows, of length 1 or not.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::cosine;

/// Mean of 1 - cos between the swapped picture and the photo of the identity.
pub fn identity(swapped: Tensor<2>, source: Tensor<2>) -> Tensor<1> {
    super::identity::cosine_loss(swapped, source)
}

/// How much worse the swapped picture fits the target's caption than the target itself does: the sum over the batch of
/// max(0, cos(target, text) - cos(swapped, text)), as in AlphaFace's training code. No gradient comes from a sample that
/// fits at least as well, and none goes to the target.
pub fn text(swapped: Tensor<2>, target: Tensor<2>, texts: Tensor<2>) -> Tensor<1> {
    let reached = cosine(target, texts.clone()).detach();
    relu(reached - cosine(swapped, texts)).sum()
}
