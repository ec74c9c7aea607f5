//! Least-squares adversarial losses (Mao et al., "Least squares generative adversarial networks", 2017), as in
//! AlphaFace's training code. Scores are a discriminator's, `[n, patches]`.

use burn::tensor::Tensor;

/// The generator's: mean (score - 1)^2 of what it made.
pub fn generator(scores: Tensor<2>) -> Tensor<1> {
    (scores - 1.0).square().mean()
}

/// The discriminator's: half of mean (real - 1)^2 + mean fake^2. The fakes must be detached from the generator.
pub fn discriminator(real: Tensor<2>, fake: Tensor<2>) -> Tensor<1> {
    (generator(real) + fake.square().mean()) / 2.0
}
