//! Structural similarity (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
//! structural similarity", 2004) with the paper's window and constants.

/// Half the side of the window, pixels.
const HALF: usize = 5;
/// Standard deviation of the Gaussian that weighs the window, pixels.
const DEVIATION: f64 = 1.5;
/// (K1 L)^2 and (K2 L)^2, for codes up to L = 255.
const STABLE: [f64; 2] = [0.01 * 0.01 * 255.0 * 255.0, 0.03 * 0.03 * 255.0 * 255.0];

/// Mean over all windows that lie in the pictures, which are `width` wide. 1 of equal pictures.
pub fn ssim(one: &[u8], other: &[u8], width: usize) -> f64 {
    let mean = |value: &dyn Fn(f64, f64) -> f64| {
        let values: Vec<f64> = one.iter().zip(other).map(|(a, b)| value(f64::from(*a), f64::from(*b))).collect();
        windows(&values, width)
    };
    let [a, b, aa, bb, ab] =
        [mean(&|a, _| a), mean(&|_, b| b), mean(&|a, _| a * a), mean(&|_, b| b * b), mean(&|a, b| a * b)];
    let at = |i: usize| {
        let (product, squares) = (a[i] * b[i], a[i] * a[i] + b[i] * b[i]);
        let (covariance, variances) = (ab[i] - product, aa[i] + bb[i] - squares);
        (2.0 * product + STABLE[0]) * (2.0 * covariance + STABLE[1]) / ((squares + STABLE[0]) * (variances + STABLE[1]))
    };
    (0..a.len()).map(at).sum::<f64>() / a.len() as f64
}

/// Weighted means over all windows that lie in a picture.
fn windows(values: &[f64], width: usize) -> Vec<f64> {
    let weight = |i: usize| (-0.5 * ((i as f64 - HALF as f64) / DEVIATION).powi(2)).exp();
    let weights: [f64; 2 * HALF + 1] = std::array::from_fn(weight);
    let all: f64 = weights.iter().sum();
    let weights = weights.map(|w| w / all);
    let across = |row: &[f64]| -> Vec<f64> {
        row.windows(weights.len()).map(|near| near.iter().zip(weights).map(|(v, w)| v * w).sum()).collect()
    };
    let rows: Vec<Vec<f64>> = values.chunks_exact(width).map(across).collect();
    let down = |near: &[Vec<f64>]| -> Vec<f64> {
        (0..near[0].len()).map(|x| near.iter().zip(weights).map(|(row, w)| row[x] * w).sum()).collect()
    };
    rows.windows(weights.len()).flat_map(down).collect()
}
