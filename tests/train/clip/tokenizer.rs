//! Texts as numbers, against Hugging Face's tokenizer in Python.

use alphaswap::train::clip::tokenizer::{Tokenizer, Tokens};

use super::{Encoded, encoded, fixture, fixture_tokenizer};

#[test]
fn texts_get_the_numbers_that_hugging_face_gives_them() {
    let tokenizer = fixture_tokenizer();
    for Encoded { text, ids } in encoded() {
        assert_eq!(tokenizer.encode(&text, 40).unwrap(), ids, "{text:?}");
    }
    assert_eq!(tokenizer.vocabulary(), 584);
}

#[test]
fn a_long_text_is_cut_before_its_end() {
    let (tokenizer, long) = (fixture_tokenizer(), "the mouth is open ".repeat(30));
    let whole = tokenizer.encode(&long, 1000).unwrap();
    let cut = tokenizer.encode(&long, 40).unwrap();
    assert_eq!((cut.len(), whole.len()), (40, 122));
    assert_eq!((&cut[..39], cut[39]), (&whole[..39], whole[121]));
}

#[test]
fn decoding_gives_the_words_back() {
    let tokenizer = fixture_tokenizer();
    let text = "the mouth is open , the head is turned to the left .";
    assert_eq!(tokenizer.decode(&tokenizer.encode(text, 40).unwrap()).unwrap().replace("</w>", " ").trim(), text);
}

#[test]
fn a_caption_that_spells_out_the_end_does_not_end_there() {
    let tokenizer = fixture_tokenizer();
    let ids = tokenizer.encode("a face <|endoftext|> to the left", 40).unwrap();
    assert_eq!(ids.iter().filter(|id| *id == ids.last().unwrap()).count(), 1);
}

#[test]
fn a_tokenizer_learns_the_words_of_its_captions() {
    let captions = ["the head is turned to the left", "the head is turned to the right"].map(String::from);
    let captions = [captions.clone(), captions].concat();
    let tokenizer = Tokenizer::train(&captions, 300).unwrap();
    assert!(tokenizer.vocabulary() <= 300);
    let ids = tokenizer.encode("The head  is turned to the left ", 77).unwrap();
    // Seven words between start and end, of which the last two numbers are.
    assert!(ids.len() <= 10, "{ids:?}");
    let last = tokenizer.vocabulary() as u32 - 1;
    assert_eq!((ids[0], *ids.last().unwrap()), (last - 1, last));
    assert_eq!(tokenizer.decode(&ids).unwrap().trim(), "the head is turned to the left");
    let unseen = tokenizer.encode("ein Gesicht: 顔 🙂", 77).unwrap();
    assert_eq!(tokenizer.decode(&unseen).unwrap().trim(), "ein gesicht: 顔 🙂");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, tokenizer.to_json().unwrap()).unwrap();
    assert_eq!(Tokenizer::open(&path).unwrap().encode("The head is turned to the left", 77).unwrap(), ids);
}

#[test]
fn tokenizers_that_do_not_serve_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    assert!(Tokenizer::open(&path).unwrap_err().to_string().contains("tokenizer.json"));
    let text = std::fs::read_to_string(fixture("tokenizer.json")).unwrap();
    std::fs::write(&path, text.replace("<|endoftext|>", "</s>")).unwrap();
    assert!(Tokenizer::open(&path).unwrap_err().to_string().contains("has no token <|endoftext|>"));
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    Tokenizer::open(&path).unwrap_err();
    assert!(Tokenizer::train(&[], 300).unwrap_err().to_string().contains("0 captions"));
    assert!(Tokenizer::train(&["a".into()], 100).unwrap_err().to_string().contains("258 at least"));
}

#[test]
fn rows_know_their_dimensions() {
    assert_eq!(Tokens::new(vec![vec![1, 5, 2], vec![1, 2]]).dims(), [2, 3]);
}
