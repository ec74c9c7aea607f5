//! The Fréchet distance between two sets of features. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule"
//! (2017), section 4, with FaceRes's embeddings in place of Inception's.

use nalgebra::DMatrix;

/// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of the normal distributions with the sets' means and covariances; none
/// for a set of fewer than two. Small sets have a bias: compare sets of one size.
///
/// With C1 = A^T A and C2 = B^T B, where A and B hold the centred features of `n` and `m` pictures as rows, divided by
/// the root of n - 1 and m - 1, the trace of the root is the sum of the singular values of the `n x m` matrix A B^T: no
/// matrix has the features' length on both sides.
pub fn distance<'a>(
    a: impl ExactSizeIterator<Item = &'a [f32]>,
    b: impl ExactSizeIterator<Item = &'a [f32]>,
) -> Option<f64> {
    let ((mean_a, a), (mean_b, b)) = (centred(a)?, centred(b)?);
    let means: f64 = mean_a.iter().zip(&mean_b).map(|(a, b)| (a - b).powi(2)).sum();
    let cross: f64 = (&a * b.transpose()).singular_values().sum();
    Some((means + a.norm_squared() + b.norm_squared() - 2.0 * cross).max(0.0))
}

/// The mean, and the deviations from it as rows over the root of their number less one.
fn centred<'a>(features: impl ExactSizeIterator<Item = &'a [f32]>) -> Option<(Vec<f64>, DMatrix<f64>)> {
    let n = features.len();
    let rows: Vec<&[f32]> = features.collect();
    let length = rows.first().filter(|_| n > 1)?.len();
    let mean: Vec<f64> = (0..length).map(|j| rows.iter().map(|r| f64::from(r[j])).sum::<f64>() / n as f64).collect();
    let weight = 1.0 / ((n - 1) as f64).sqrt();
    let centred = DMatrix::from_fn(n, length, |i, j| (f64::from(rows[i][j]) - mean[j]) * weight);
    Some((mean, centred))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[[f32; 1]]) -> impl ExactSizeIterator<Item = &[f32]> {
        values.iter().map(|row| &row[..])
    }

    /// In one dimension the distance is (m1 - m2)^2 + (s1 - s2)^2.
    #[test]
    fn one_dimension_by_hand() {
        let (a, b) = ([[0.0], [2.0], [4.0]], [[1.0], [2.0], [3.0], [10.0]]);
        let expected = 4.0 + (2.0 - (50.0f64 / 3.0).sqrt()).powi(2);
        assert!((distance(rows(&a), rows(&b)).unwrap() - expected).abs() < 1e-9);
        assert!(distance(rows(&a), rows(&a)).unwrap() < 1e-9);
        assert_eq!(distance(rows(&a[..1]), rows(&b)), None);
    }
}
