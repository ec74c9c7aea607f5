//! The names that others give to CLIP's parameters. Ours are those of OpenAI's `clip/model.py`.

use std::collections::HashMap;

use crate::tensor::Tensor;

/// Parts of names: what Hugging Face's `modeling_clip.py` calls them, and OpenAI.
const TABLE: [(&str, &str); 17] = [
    ("text_model.embeddings.token_embedding.", "token_embedding."),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("text_model.final_layer_norm.", "ln_final."),
    ("text_projection.weight", "text_projection"),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    ("vision_model.embeddings.patch_embedding.", "visual.conv1."),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    // The missing letter is theirs.
    ("vision_model.pre_layrnorm.", "visual.ln_pre."),
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("vision_model.post_layernorm.", "visual.ln_post."),
    ("visual_projection.weight", "visual.proj"),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".self_attn.", ".attn."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
];

/// Matrices that Hugging Face keeps as `[out, in]` and OpenAI as `[in, out]`.
const TRANSPOSED: [&str; 2] = ["text_projection.weight", "visual_projection.weight"];

/// Endings of names of what stands in weights' files and is no parameter: counts in OpenAI's, `0, 1, 2 ..` in Hugging
/// Face's.
const NO_PARAMETERS: [&str; 4] = ["input_resolution", "context_length", "vocab_size", "position_ids"];

/// Whether a file's tensor of that name is a parameter.
pub fn is_parameter(name: &str) -> bool {
    !NO_PARAMETERS.iter().any(|other| name.ends_with(other))
}

/// Parameters under OpenAI's names, of a file with either naming. What has an unknown name keeps it.
pub fn official(file: HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let rename = |(name, tensor): (String, Tensor)| {
        let tensor = if TRANSPOSED.contains(&name.as_str()) { transpose(tensor) } else { tensor };
        (TABLE.iter().fold(name, |name, (theirs, ours)| name.replace(theirs, ours)), tensor)
    };
    let mut weights: HashMap<String, Tensor> = file.into_iter().map(rename).collect();
    let queries: Vec<String> = weights.keys().filter(|name| name.contains(".attn.q_proj.")).cloned().collect();
    queries.iter().for_each(|query| join(&mut weights, query));
    weights
}

/// Puts queries, keys and values below each other, where all three are there.
fn join(weights: &mut HashMap<String, Tensor>, query: &str) {
    let parts = ["q_proj.", "k_proj.", "v_proj."].map(|part| query.replace("q_proj.", part));
    if !parts.iter().all(|part| weights.get(part).is_some_and(|t| t.shape == weights[query].shape)) {
        return;
    }
    let parts = parts.map(|part| weights.remove(&part).unwrap_or_else(|| unreachable!("{part} was there")));
    let mut shape = parts[0].shape.clone();
    shape[0] *= 3;
    let data = parts.into_iter().flat_map(|part| part.data).collect();
    weights.insert(query.replace("q_proj.", "in_proj_"), Tensor { shape, data });
}

fn transpose(tensor: Tensor) -> Tensor {
    let [rows, columns] = tensor.shape[..] else { return tensor };
    let data = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c)).map(|at| tensor.data[at]).collect();
    Tensor { shape: vec![columns, rows], data }
}
