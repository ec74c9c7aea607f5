//! What a server answers, and what of it can be a caption.

use serde::Deserialize;

use crate::train::caption::{MAX_CHARS, one_line};

/// How refusals begin, in lower case and with straight apostrophes.
const REFUSALS: [&str; 11] = [
    "i'm sorry",
    "i am sorry",
    "sorry,",
    "i can't",
    "i cannot",
    "i can not",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i am not able",
    "as an ai",
];

/// A chat completion, as far as it is read.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

/// The caption in a completion, or why there is none.
pub fn caption(json: &str) -> Result<String, String> {
    let completion: Completion =
        serde_json::from_str(json).map_err(|_| "the answer is no chat completion; is it the right server?")?;
    let choice = completion.choices.into_iter().next().ok_or("the answer is empty")?;
    let refused = choice.message.refusal.is_some_and(|r| !r.trim().is_empty());
    if refused || choice.finish_reason.as_deref() == Some("content_filter") {
        return Err("the model refused".into());
    }
    let text = clean(&choice.message.content.unwrap_or_default());
    let start = text.to_lowercase().replace('\u{2019}', "'");
    if REFUSALS.iter().any(|refusal| start.starts_with(refusal)) {
        return Err("the model refused".into());
    }
    let text = shorten(&text, choice.finish_reason.as_deref() == Some("length"));
    if text.is_empty() { Err("the answer is empty".into()) } else { Ok(text) }
}

/// What the server says in the body of an error: OpenAI's `{"error": {"message": ..}}`, or `message`, `detail`, `error`.
pub fn error_message(json: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(json).ok()?;
    let places = ["/error/message", "/message", "/detail", "/error"];
    let text = places.iter().find_map(|place| json.pointer(place)?.as_str())?;
    Some(one_line(text).chars().take(200).collect())
}

/// One line without what models put around an answer: their thoughts, a label, quotation marks, asterisks.
fn clean(text: &str) -> String {
    let text = text.rsplit_once("</think>").map_or(text, |(_, answer)| answer);
    let text = one_line(&text.replace("**", ""));
    let labels = ["caption:", "description:"];
    let label = labels.into_iter().find(|l| text.get(..l.len()).is_some_and(|start| start.eq_ignore_ascii_case(l)));
    let text = text[label.map_or(0, str::len)..].trim();
    let quotes = [('"', '"'), ('\u{201c}', '\u{201d}'), ('\'', '\''), ('`', '`')];
    let unquoted = quotes.into_iter().find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    unquoted.unwrap_or(text).trim().to_string()
}

/// At most [`MAX_CHARS`] characters: whole sentences if there is one, else whole words. `cut` says that the text ends in
/// the middle already.
fn shorten(text: &str, cut: bool) -> String {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    if end == text.len() && !cut {
        return text.into();
    }
    // A text that was cut at a sentence's end shows no space behind it.
    let head = &text[..end];
    let mut inside = head.match_indices(['.', '!', '?']).map(|(at, mark)| at + mark.len());
    let sentence = inside.rfind(|&at| text[at..].is_empty() || text[at..].starts_with(' '));
    head[..sentence.or_else(|| head.rfind(' ')).unwrap_or(head.len())].trim_end_matches([',', ';', ' ']).to_string()
}
