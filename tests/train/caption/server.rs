//! A vision model behind HTTP: a real server that the test starts.

use std::time::{Duration, Instant};

use alphaswap::train::caption::{Key, Preset, Server, ServerConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

const KEY: &str = "sk-very-secret";

/// A server that gives `answers` in turn and repeats the last one.
struct Model {
    server: MockServer,
    runtime: Runtime,
}

impl Model {
    fn new(answers: Vec<ResponseTemplate>) -> Self {
        let runtime = Runtime::new().unwrap();
        let asked = AtomicUsize::new(0);
        let answer = move |_: &Request| {
            let i = asked.fetch_add(1, Ordering::Relaxed);
            answers[i.min(answers.len() - 1)].clone()
        };
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(answer).mount(&server).await;
            server
        });
        Self { server, runtime }
    }

    fn says(text: &str) -> Self {
        Self::new(vec![said(text)])
    }

    fn config(&self) -> ServerConfig {
        config(&format!("{}/v1", self.server.uri()))
    }

    fn requests(&self) -> Vec<Request> {
        self.runtime.block_on(self.server.received_requests()).unwrap()
    }

    /// Asks for one caption.
    fn caption(&self) -> Result<String, Failure> {
        let (_dir, dataset) = data_set(&["a.png"]);
        Server::new(self.config()).unwrap().caption(first(&dataset), &go)
    }
}

fn config(url: &str) -> ServerConfig {
    ServerConfig {
        url: url.into(),
        model: "a-vision-model".into(),
        key: Key::new(KEY),
        prompt: Preset::Scene.prompt().into(),
        per_minute: None,
        max_retries: 2,
        timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(2),
    }
}

/// A completion as servers send it.
fn completion(choice: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"id": "x", "object": "chat.completion", "choices": [choice]}))
}

fn said(text: &str) -> ResponseTemplate {
    completion(json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}))
}

fn skip(reason: &str) -> Result<String, Failure> {
    Err(Failure::Skip(reason.into()))
}

#[test]
fn the_request_holds_model_prompt_and_photo() {
    let model = Model::says("The person smiles.");
    let (dir, dataset) = data_set(&["a.png", "b.png"]);
    let summary = run(&dataset, &Server::new(model.config()).unwrap());
    assert_eq!(summary.progress.captioned, 2);
    assert_eq!(dataset.captions().unwrap()[&id(1)], "The person smiles.");
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    for (i, request) in requests.iter().enumerate() {
        assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
        let body: Value = request.body_json().unwrap();
        assert_eq!(body["model"], "a-vision-model");
        let [text, image] = body["messages"][0]["content"].as_array().unwrap().as_slice() else { panic!("{body}") };
        assert_eq!(text["text"], Preset::Scene.prompt().trim());
        let url = image["image_url"]["url"].as_str().unwrap();
        let png = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let canvas = dataset.canvas(&dataset.items[i]).unwrap();
        assert_eq!(image::load_from_memory(&png).unwrap().into_rgb8(), canvas);
    }
    let about = std::fs::read_to_string(dir.path().join("captions.toml")).unwrap();
    assert!(about.contains("model = \"a-vision-model\"") && about.contains("prompt_sha256 = \""), "{about}");
    assert!(!about.contains(KEY));
}

#[test]
fn the_two_prompts_ask_for_opposites() {
    let [scene, identity] = [Preset::Scene, Preset::Identity].map(Preset::prompt);
    for word in ["expression", "background", "covers", "viewer"] {
        assert!(scene.contains(word), "{word}");
    }
    assert!(scene.contains("Do not say or hint who it is") && identity.contains("Do not mention pose"));
    let digests = [scene, identity].map(|prompt| {
        let config = ServerConfig { prompt: prompt.into(), ..config("http://localhost/v1/") };
        Server::new(config).unwrap().origin().prompt_sha256.unwrap()
    });
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let model = Model::new(vec![busy, said("At last.")]);
    let start = Instant::now();
    assert_eq!(model.caption(), Ok("At last.".into()));
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(model.requests().len(), 2);
}

#[test]
fn a_date_to_come_back_is_understood_and_one_far_off_ends_the_run() {
    let past = ResponseTemplate::new(503).insert_header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_eq!(Model::new(vec![past, said("Yes.")]).caption(), Ok("Yes.".into()));
    let tomorrow = ResponseTemplate::new(429).insert_header("retry-after", "86400");
    let Err(Failure::Fatal(reason)) = Model::new(vec![tomorrow]).caption() else { panic!("went on") };
    assert!(reason.contains("86400 s: run this again then"), "{reason}");
}

#[test]
fn a_server_that_fails_is_given_up_after_the_retries() {
    let model = Model::new(vec![ResponseTemplate::new(500)]);
    assert_eq!(model.caption(), skip("the server failed 3 times: HTTP 500 Internal Server Error"));
    assert_eq!(model.requests().len(), 3);
    // Photo after photo: it is down.
    let (_dir, dataset) = data_set(&["0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "6.png"]);
    let summary = run(&dataset, &Server::new(model.config()).unwrap());
    assert_eq!(summary.progress.failed, 4);
    assert!(summary.fatal.unwrap().contains("does not answer (HTTP 500"));
    assert_eq!(model.requests().len(), 3 + 5 * 3);
}

#[test]
fn a_slow_server_is_given_up() {
    let model = Model::new(vec![said("Too late.").set_delay(Duration::from_secs(20))]);
    let (_dir, dataset) = data_set(&["a.png"]);
    let config = ServerConfig { timeout: Duration::from_millis(100), max_retries: 1, ..model.config() };
    let Err(Failure::Skip(reason)) = Server::new(config).unwrap().caption(first(&dataset), &go) else {
        panic!("no timeout")
    };
    assert!(reason.starts_with("the server failed 2 times: timeout"), "{reason}");
}

#[test]
fn nobody_at_the_address_ends_the_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let (_dir, dataset) = data_set(&["a.png", "b.png"]);
    let summary = run(&dataset, &Server::new(config(&url)).unwrap());
    let reason = summary.fatal.unwrap();
    assert!(reason.contains(&url) && reason.contains("2 retries") && reason.contains("check --url"), "{reason}");
    assert_eq!((summary.progress.captioned, summary.progress.failed), (0, 0));
}

#[test]
fn a_wrong_key_ends_the_run_and_is_not_repeated() {
    let error = json!({"error": {"message": format!("Incorrect API key: {KEY}.\nBye.")}});
    let model = Model::new(vec![ResponseTemplate::new(401).set_body_json(error)]);
    let Err(Failure::Fatal(reason)) = model.caption() else { panic!("went on") };
    assert!(reason.contains("HTTP 401: Incorrect API key: (key). Bye.; check the key"), "{reason}");
    assert_eq!(model.requests().len(), 1);
    assert!(!format!("{:?}", Server::new(model.config()).unwrap()).contains(KEY));
}

#[test]
fn an_unknown_model_ends_the_run_and_a_refused_photo_does_not() {
    let error = |status| ResponseTemplate::new(status).set_body_json(json!({"detail": "what?"}));
    let Err(Failure::Fatal(reason)) = Model::new(vec![error(404)]).caption() else { panic!("went on") };
    assert!(reason.contains("what?; check --url (it usually ends in /v1) and --model"), "{reason}");
    assert_eq!(Model::new(vec![error(400)]).caption(), skip("HTTP 400: what?"));
}

#[test]
fn answers_that_are_no_captions_are_told_apart() {
    let message = |message: Value, end: &str| completion(json!({"message": message, "finish_reason": end}));
    let none = "the answer is no chat completion; is it the right server?";
    for (answer, reason) in [
        (ResponseTemplate::new(200).set_body_string("<html>"), none),
        (ResponseTemplate::new(200).set_body_string("{\"choices\": [{\"mess"), none),
        (ResponseTemplate::new(200).set_body_json(json!({"choices": []})), "the answer is empty"),
        (message(json!({"content": null}), "stop"), "the answer is empty"),
        (said(" \n\"\" "), "the answer is empty"),
        (message(json!({"content": null, "refusal": "No."}), "stop"), "the model refused"),
        (message(json!({"content": "The per"}), "content_filter"), "the model refused"),
        (said("I\u{2019}m sorry, but I can't help with that."), "the model refused"),
    ] {
        let model = Model::new(vec![answer]);
        assert_eq!(model.caption(), skip(reason));
        assert_eq!(model.requests().len(), 1);
    }
}

#[test]
fn answers_become_one_short_line() {
    let sentence = "The person smiles at the camera in front of a wall, hair over one ear. ";
    for (text, caption) in [
        ("\"The person\n\n smiles.\"\n", "The person smiles.".to_string()),
        ("<think>Who?</think>\n**Caption:** A smile.", "A smile.".into()),
        ("A \"smile\" is seen.", "A \"smile\" is seen.".into()),
        (&sentence.repeat(9), sentence.repeat(5).trim().into()),
        (&"ha ".repeat(300), "ha ".repeat(133).trim().into()),
    ] {
        assert_eq!(Model::says(text).caption(), Ok(caption));
    }
    let cut = json!({"message": {"content": "One. Two ends in mid"}, "finish_reason": "length"});
    assert_eq!(Model::new(vec![completion(cut)]).caption(), Ok("One.".into()));
}

#[test]
fn the_rate_holds_over_all_threads() {
    let model = Model::says("Yes.");
    let names: Vec<_> = (0..5).map(|i| format!("{i}.png")).collect();
    let (_dir, dataset) = data_set(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let config = ServerConfig { per_minute: Some(600.0), ..model.config() };
    let start = Instant::now();
    let options = Options { jobs: 4, overwrite: false };
    let summary = caption::run(&dataset, &Server::new(config).unwrap(), options, &mut |_| {}, &go).unwrap();
    // Five requests a tenth of a second apart.
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    assert_eq!(summary.progress.captioned, 5);
}

#[test]
fn an_interruption_ends_a_wait_and_the_next_run_asks_for_the_rest() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "300");
    let model = Model::new(vec![said("First."), busy, said("Later.")]);
    let (_dir, dataset) = data_set(&["a.png", "b.png", "c.png"]);
    let captioner = Server::new(model.config()).unwrap();
    let start = Instant::now();
    let stop = || model.requests().len() >= 2;
    let options = Options { jobs: 1, overwrite: false };
    let summary = caption::run(&dataset, &captioner, options, &mut |_| {}, &stop).unwrap();
    assert!(summary.interrupted && start.elapsed() < Duration::from_secs(60));
    assert_eq!((summary.progress.captioned, summary.progress.failed), (1, 0));
    let summary = run(&dataset, &Server::new(model.config()).unwrap());
    assert_eq!((summary.progress.cached, summary.progress.captioned), (1, 2));
    assert_eq!(model.requests().len(), 4);
    assert_eq!(dataset.captions().unwrap()[&id(0)], "First.");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |change: &dyn Fn(&mut ServerConfig)| {
        let mut config = config("http://localhost:8000/v1/chat/completions");
        assert!(Server::new(config.clone()).is_ok());
        change(&mut config);
        Server::new(config).unwrap_err().to_string()
    };
    assert!(refused(&|c| c.url = "localhost:8000/v1".into()).contains("give one like http://localhost:8000/v1"));
    assert!(refused(&|c| c.url = "ftp://localhost".into()).contains("is no address"));
    assert!(refused(&|c| c.model = " ".into()).contains("model: is blank"));
    assert!(refused(&|c| c.prompt = "\n".into()).contains("prompt: is blank"));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(&|c| c.per_minute = Some(rate)).contains("must be from 0.001"));
    }
    assert!(Key::new(" \n").is_none() && Key::new("two\nlines").is_none() && Key::new(" ok ").is_some());
}
