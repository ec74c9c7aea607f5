//! Facts as one to three sentences. Each fact has several wordings, so that a text encoder does not learn one by heart.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::facts::{Backdrop, Eyes, Facts, Gaze, Mouth, Nod, Side, Turn};

const SUBJECT: &[&str] = &["The person", "A person", "The subject", "Someone"];

/// The caption. Only `rng` decides on words, never a side, so that a mirrored photo gets the same words with left and right
/// exchanged.
pub fn sentences(facts: &Facts, rng: &mut ChaCha8Rng) -> String {
    let first = format!("{} {}{}.", pick(rng, SUBJECT), head(facts, rng), mouth(facts, rng));
    let detail = joined(details(facts, rng));
    let scene = joined(scene(facts, rng));
    let rest = if rng.random_bool(0.3) { [scene, detail] } else { [detail, scene] };
    let parts: Vec<_> = std::iter::once(first).chain(rest.into_iter().flatten()).collect();
    parts.join(" ")
}

fn pick<'a>(rng: &mut ChaCha8Rng, wordings: &[&'a str]) -> &'a str {
    wordings[rng.random_range(0..wordings.len())]
}

fn sided(rng: &mut ChaCha8Rng, wordings: &[&str], side: Side) -> String {
    pick(rng, wordings).replace("{side}", side.word())
}

/// What the subject does with the head.
fn head(facts: &Facts, rng: &mut ChaCha8Rng) -> String {
    match facts.turn {
        Turn::Front => pick(rng, &["is facing the camera", "is facing forward", "is seen from the front"]).into(),
        Turn::Slight(side) => {
            let wordings = [
                "is facing slightly to the {side}",
                "is turned slightly to the {side}",
                "has the head turned a little to the {side}",
            ];
            sided(rng, &wordings, side)
        }
        Turn::Clear(side) => {
            let wordings = ["is facing to the {side}", "is turned to the {side}", "has the head turned to the {side}"];
            sided(rng, &wordings, side)
        }
        Turn::Profile(side) => {
            let wordings = ["is in profile view, facing {side}", "is seen in profile, turned to the {side}"];
            sided(rng, &wordings, side)
        }
    }
}

/// How the first sentence goes on.
fn mouth(facts: &Facts, rng: &mut ChaCha8Rng) -> String {
    let Some(mouth) = facts.mouth else { return String::new() };
    let wordings: &[&str] = match mouth {
        // Not "calm": a frown is in the brows, which are not measured.
        Mouth::Neutral => &["with the mouth closed", "with closed lips", "with the lips together"],
        Mouth::SlightSmile => &["with a slight smile", "with a hint of a smile", ", smiling slightly"],
        Mouth::Smile => &["with a smile", ", smiling with closed lips", ", smiling gently"],
        Mouth::BroadSmile => &["with a broad smile", ", smiling with parted lips", ", smiling widely"],
        Mouth::Down => &["with a serious expression", "with the corners of the mouth turned down"],
        Mouth::Parted => &["with slightly parted lips", "with the lips a little apart"],
        Mouth::Open => &["with the mouth open", "with an open mouth"],
        Mouth::WideOpen => &["with the mouth wide open", "with a wide open mouth"],
    };
    let wording = pick(rng, wordings);
    if wording.starts_with(',') { wording.into() } else { format!(" {wording}") }
}

/// Clauses on the rest of the pose and on the eyes.
fn details(facts: &Facts, rng: &mut ChaCha8Rng) -> Vec<String> {
    let mut clauses = Vec::new();
    match facts.nod {
        Nod::Level => {}
        Nod::Lowered => clauses.push(pick(rng, &["the head is lowered a little", "the chin is down a little"]).into()),
        Nod::Raised => clauses.push(pick(rng, &["the head is raised a little", "the chin is up a little"]).into()),
    }
    if let Some(side) = facts.tilt {
        clauses.push(sided(rng, &["the head is tilted to the {side}", "the head leans to the {side}"], side));
    }
    match facts.eyes {
        Some(Eyes::Closed) => clauses.push(pick(rng, &["the eyes are closed", "both eyes are closed"]).into()),
        Some(Eyes::Wide) => clauses.push(pick(rng, &["the eyes are wide open", "the eyes are wide"]).into()),
        None => {}
    }
    match facts.gaze {
        Some(Gaze::Aside(side)) => {
            let wordings =
                ["the eyes look to the {side}", "the gaze goes to the {side}", "the eyes are turned to the {side}"];
            clauses.push(sided(rng, &wordings, side));
        }
        // From the front that is nothing to speak of.
        Some(Gaze::Camera) if facts.turn != Turn::Front || rng.random_bool(0.3) => {
            clauses.push(pick(rng, &["the eyes look at the camera", "the gaze meets the camera"]).into());
        }
        _ => {}
    }
    clauses
}

/// Clauses on background and light.
fn scene(facts: &Facts, rng: &mut ChaCha8Rng) -> Vec<String> {
    let mut clauses = Vec::new();
    match facts.backdrop {
        Some(Backdrop::Plain(colour)) => {
            let wordings = ["the background is plain {colour}", "the background is {colour} and plain"];
            clauses.push(pick(rng, &wordings).replace("{colour}", colour));
        }
        Some(Backdrop::Busy) => {
            let wordings = ["there is much to see in the background", "the background is busy"];
            clauses.push(pick(rng, &wordings).into());
        }
        None => {}
    }
    if let Some(side) = facts.light {
        clauses.push(sided(rng, &["the light comes from the {side}", "the face is lit from the {side}"], side));
    }
    if facts.dim {
        clauses.push(pick(rng, &["the picture is dark", "the light is dim"]).into());
    }
    clauses
}

/// Clauses as one sentence.
fn joined(clauses: Vec<String>) -> Option<String> {
    let (last, others) = clauses.split_last()?;
    let text = if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) };
    let mut characters = text.chars();
    let first = characters.next()?.to_uppercase();
    Some(format!("{first}{}.", characters.as_str()))
}
