//! What training makes small, and what it is judged by.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::pairs::{Pairs, random};
use crate::train::clip::tokenizer::Tokens;
use crate::train::clip::towers::Towers;

/// Photos in a group among which retrieval chooses.
pub const GROUP: usize = 32;
/// How often the photos are put into groups anew.
const ROUNDS: u64 = 8;

/// The symmetric contrastive loss (Radford et al. 2021, figure 3): how unlikely each picture's own caption is among all
/// captions, and each caption's picture among all pictures, in nats, mean of both.
///
/// Where several captions of a batch are the same, their pictures share them (the targets of Yang et al. 2022, "Unified
/// contrastive learning", equations 2 and 3).
///
/// # Shapes
/// - similarities: `[n, n]`, a row a picture, a column a caption, times the scale
/// - output: `[1]`
pub fn contrastive(similarities: Tensor<2>, texts: &Tokens) -> Tensor<1> {
    let own = shares(texts, &similarities.device());
    let pictures = log_softmax(similarities.clone(), 1) * own.clone();
    let captions = log_softmax(similarities, 0) * own;
    (pictures + captions).sum() / -2.0 / texts.rows().len() as f32
}

/// How much of each caption is each picture's own, `[n, n]`, symmetric; rows sum to 1.
fn shares(texts: &Tokens, device: &Device) -> Tensor<2> {
    let rows = texts.rows();
    let share = |row: &Vec<u32>| {
        let same: Vec<f32> = rows.iter().map(|other| f32::from(u8::from(row == other))).collect();
        let count: f32 = same.iter().sum();
        same.into_iter().map(move |s| s / count)
    };
    let values: Vec<f32> = rows.iter().flat_map(share).collect();
    Tensor::from_data(TensorData::new(values, [rows.len(); 2]), device)
}

/// How often the right caption is found for a picture, and the right picture for a caption.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Number of pictures to choose from.
    pub among: usize,
    /// Share of pictures whose best caption is theirs, word for word.
    pub caption: f64,
    /// Share of captions whose best picture is theirs, or has the same caption.
    pub picture: f64,
    /// What guessing reaches; more than one in `among` where captions are the same.
    pub chance: f64,
}

/// Retrieval within groups of 32 photos of `pairs`, or of all if there are fewer, over several ways to group them. The
/// same `seed` gives the same groups.
pub fn retrieval(towers: &Towers, pairs: &Pairs, seed: u64, device: &Device) -> Retrieval {
    let (similarities, captions) = similarities(towers, pairs, device);
    let among = pairs.len().min(GROUP);
    let mut found = [0.0; 3];
    let mut asked = 0.0;
    for round in 0..ROUNDS {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.shuffle(&mut random(seed, round));
        for group in order.chunks_exact(among) {
            for &i in group {
                let same = |&&j: &&usize| captions[i] == captions[j];
                let best = |score: &dyn Fn(usize) -> f32| group.iter().max_by(|a, b| score(**a).total_cmp(&score(**b)));
                found[0] += f64::from(u8::from(best(&|j| similarities[i][j]).is_some_and(|j| same(&j))));
                found[1] += f64::from(u8::from(best(&|j| similarities[j][i]).is_some_and(|j| same(&j))));
                found[2] += group.iter().filter(same).count() as f64 / among as f64;
                asked += 1.0;
            }
        }
    }
    let [caption, picture, chance] = found.map(|n| n / asked);
    Retrieval { among, caption, picture, chance }
}

/// Similarity of each picture (row) to each caption, and the captions.
fn similarities(towers: &Towers, pairs: &Pairs, device: &Device) -> (Vec<Vec<f32>>, Vec<Vec<u32>>) {
    let all: Vec<usize> = (0..pairs.len()).collect();
    let (mut pictures, mut texts, mut captions) = (Vec::new(), Vec::new(), Vec::new());
    for some in all.chunks(GROUP) {
        let picks: Vec<_> = some.iter().map(|&photo| pairs.centre(photo)).collect();
        let batch = pairs.batch(&picks, device);
        pictures.push(towers.image_features(batch.pictures));
        texts.push(towers.text_features(&batch.texts));
        captions.extend_from_slice(batch.texts.rows());
    }
    let scores = Tensor::cat(pictures, 0).matmul(Tensor::cat(texts, 0).transpose());
    let scores: Vec<f32> = scores.try_into_vec_as::<f32>().expect("every float is turned into f32");
    (scores.chunks(pairs.len()).map(<[f32]>::to_vec).collect(), captions)
}
