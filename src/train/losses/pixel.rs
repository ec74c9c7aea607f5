//! Distances of pictures pixel by pixel. Masks are `[n, 1, h, w]`, 1 where it counts; means are over all pixels, masked
//! out or not, as in AlphaFace's training code.

use burn::tensor::Tensor;
use burn::tensor::module::adaptive_avg_pool2d;

/// Mean |x - y|.
pub fn l1(x: Tensor<4>, y: Tensor<4>) -> Tensor<1> {
    (x - y).abs().mean()
}

/// Mean |mask x - mask y|.
pub fn masked_l1(x: Tensor<4>, y: Tensor<4>, mask: Tensor<4>) -> Tensor<1> {
    ((x - y) * mask).abs().mean()
}

/// The same of the differences between neighbours, to the right plus below; a difference counts where both pixels do.
pub fn gradient_l1(x: Tensor<4>, y: Tensor<4>, mask: Tensor<4>) -> Tensor<1> {
    let error = x - y;
    let [_, _, h, w] = error.dims();
    let along = |axis: usize, len: usize| {
        let next = |t: &Tensor<4>| (t.clone().narrow(axis, 1, len - 1), t.clone().narrow(axis, 0, len - 1));
        let ((e1, e0), (m1, m0)) = (next(&error), next(&mask));
        ((e1 - e0) * m1 * m0).abs().mean()
    };
    along(3, w) + along(2, h)
}

/// Mean |x - y| of the means over `cells` x `cells` parts of the picture: light and colour, whatever the face.
pub fn low_frequency(x: Tensor<4>, y: Tensor<4>, cells: usize) -> Tensor<1> {
    adaptive_avg_pool2d(x - y, [cells, cells]).abs().mean()
}
