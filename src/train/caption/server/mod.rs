//! Captions by a vision model behind an OpenAI-compatible endpoint (`/chat/completions`), as vLLM, SGLang, LMDeploy,
//! llama.cpp and Ollama serve them. AlphaFace's captions were written by InternVL3-14B.

mod pace;
mod reply;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use ureq::http::{HeaderValue, Response, Uri};
use ureq::{Agent, Body};

use super::{Captioner, Failure, Origin, Photo, Stop, random_of};
use crate::digest;
use crate::error::{Error, Result};
use pace::Pace;

/// Most tokens that are asked for; [`super::MAX_CHARS`] are about half of that, the rest is for talkative models.
const MAX_TOKENS: u32 = 200;
/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 1 << 20;
/// Longest wait before a photo is asked for again, unless the server names one.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// Longest wait that a server may name; beyond it the run ends.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);
/// After so many photos in a row for which the server failed to the end, it is taken to be down.
const MAX_FAILURES: u32 = 5;

/// What the model is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// What a swap has to keep: pose, expression, gaze, accessories, background and obstacles; not who it is.
    #[default]
    Scene,
    /// The opposite, for the ablation: who it is, and nothing that a swap has to keep.
    Identity,
}

impl Preset {
    /// The prompt.
    pub fn prompt(self) -> &'static str {
        match self {
            Self::Scene => include_str!("prompt_scene.txt"),
            Self::Identity => include_str!("prompt_identity.txt"),
        }
    }
}

/// Whom to ask, and how.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The endpoint's base, like `http://localhost:8000/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// Sent as bearer token if there is one. Never part of a message.
    pub key: Option<Key>,
    /// What the model is asked.
    pub prompt: String,
    /// Most requests a minute, over all threads.
    pub per_minute: Option<f64>,
    /// How often a photo is asked for again after a failure that may pass.
    pub max_retries: u32,
    /// Time for one answer.
    pub timeout: Duration,
    /// Wait before the first retry; each further one takes twice as long.
    pub backoff: Duration,
}

/// A secret that is not shown.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// The key in the environment variable `name`.
    ///
    /// # Errors
    /// [`Error::Training`] when it is not set, is blank or cannot stand in a header.
    pub fn from_env(name: &str) -> Result<Self> {
        let wrong = |what: &str| Error::training(format!("environment variable {name}"), what);
        let key = std::env::var(name).map_err(|_| wrong("is not set; put the key into it, or leave the option out"))?;
        Self::new(&key).ok_or_else(|| wrong("holds no key: it is blank or has characters that a key never has"))
    }

    /// `key` without white space around it, if a header can hold it.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())).then(|| Self(key.into()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Asks a vision model.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    endpoint: String,
    agent: Agent,
    pace: Pace,
    failures_in_a_row: AtomicU32,
}

/// How one request ended without a caption.
enum Ended {
    /// For good.
    Failed(Failure),
    /// It may work later: what happened, and when the server wants to be asked again.
    Later { what: String, down: bool, retry_after: Option<Duration> },
}

impl Server {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Training`] for an address that is none, a blank model or prompt, a rate that is no positive number.
    pub fn new(config: ServerConfig) -> Result<Self> {
        let base = config.url.trim_end_matches('/').trim_end_matches("/chat/completions");
        let uri = base.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
        if !uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https"))) {
            return Err(Error::training(&config.url, "is no address; give one like http://localhost:8000/v1"));
        }
        for (what, text) in [("model", &config.model), ("prompt", &config.prompt)] {
            if text.trim().is_empty() {
                return Err(Error::training(what, "is blank; say what to ask for"));
            }
        }
        let interval = match config.per_minute {
            None => Duration::ZERO,
            Some(rate) if (1e-3..=1e6).contains(&rate) => Duration::from_secs_f64(60.0 / rate),
            Some(rate) => {
                return Err(Error::training(format!("rate {rate}"), "must be from 0.001 to a million a minute"));
            }
        };
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(config.timeout));
        Ok(Self {
            endpoint: format!("{base}/chat/completions"),
            agent: agent.build().new_agent(),
            pace: Pace::new(interval),
            failures_in_a_row: AtomicU32::new(0),
            config,
        })
    }

    /// The request's body. The photo travels as it lies on the disk: the canvas, a PNG.
    fn body(&self, photo: Photo<'_>) -> Result<serde_json::Value> {
        let path = photo.dataset.file(photo.item, "png");
        let png = std::fs::read(&path).map_err(Error::io(&path))?;
        let url = format!("data:image/png;base64,{}", BASE64.encode(png));
        Ok(json!({
            "model": self.config.model,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": self.config.prompt.trim()},
                {"type": "image_url", "image_url": {"url": url}},
            ]}],
        }))
    }

    /// One request.
    fn ask(&self, body: &serde_json::Value) -> Result<String, Ended> {
        let mut request = self.agent.post(&self.endpoint);
        if let Some(Key(key)) = &self.config.key {
            let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| Ended::Failed(Failure::Fatal("the key cannot stand in a header".into())))?;
            bearer.set_sensitive(true);
            request = request.header("authorization", bearer);
        }
        let later = |e: ureq::Error| {
            let down = !matches!(e, ureq::Error::Timeout(_));
            Ended::Later { what: self.unkeyed(&e.to_string()), down, retry_after: None }
        };
        let mut response = request.send_json(body).map_err(later)?;
        let text = response.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string();
        let text = text.map_err(later)?;
        match response.status().is_success() {
            true => reply::caption(&text).map_err(|reason| Ended::Failed(Failure::Skip(reason))),
            false => Err(self.refused(&response, &text)),
        }
    }

    /// What a status that is no success means.
    fn refused(&self, response: &Response<Body>, text: &str) -> Ended {
        let status = response.status();
        let what = match reply::error_message(text) {
            Some(message) => format!("HTTP {}: {}", status.as_u16(), self.unkeyed(&message)),
            None => format!("HTTP {status}"),
        };
        let after = response.headers().get("retry-after").and_then(|value| pace::retry_after(value.to_str().ok()?));
        match status.as_u16() {
            408 | 425 | 429 | 500..=599 => Ended::Later { what, down: false, retry_after: after },
            401 | 403 => {
                let advice = "check the key in the variable that --key-env names";
                Ended::Failed(Failure::Fatal(format!("{}: {what}; {advice}", self.endpoint)))
            }
            404 | 405 => {
                let advice = "check --url (it usually ends in /v1) and --model";
                Ended::Failed(Failure::Fatal(format!("{}: {what}; {advice}", self.endpoint)))
            }
            _ => Ended::Failed(Failure::Skip(what)),
        }
    }

    /// Servers like to quote the key that they do not accept.
    fn unkeyed(&self, text: &str) -> String {
        match &self.config.key {
            Some(Key(key)) => text.replace(key.as_str(), "(key)"),
            None => text.into(),
        }
    }

    /// The last retry failed too.
    fn give_up(&self, what: String, down: bool) -> Failure {
        let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        let retries = self.config.max_retries;
        match down || failures >= MAX_FAILURES {
            true => Failure::Fatal(format!(
                "{} does not answer ({what}, {retries} retries); start it or check --url, then run this again",
                self.endpoint
            )),
            false => Failure::Skip(format!("the server failed {} times: {what}", retries + 1)),
        }
    }

    /// Wait before the retry of number `attempt` (from 0): doubled each time, and between half and all of that, so that
    /// threads that failed together do not come back together.
    fn backoff(&self, id: &str, attempt: u32) -> Duration {
        let full = self.config.backoff.saturating_mul(1 << attempt.min(16)).min(MAX_BACKOFF);
        full.mul_f64(rand::RngExt::random_range(&mut random_of(attempt.into(), id), 0.5..=1.0))
    }
}

impl Captioner for Server {
    fn origin(&self) -> Origin {
        let prompt_sha256 = Some(digest::sha256(self.config.prompt.trim()));
        Origin { model: Some(self.config.model.clone()), prompt_sha256, ..Origin::new("server") }
    }

    fn caption(&self, photo: Photo<'_>, stop: &Stop<'_>) -> Result<String, Failure> {
        let body = self.body(photo)?;
        for attempt in 0.. {
            self.pace.wait(stop)?;
            let (what, down, retry_after) = match self.ask(&body) {
                Ok(text) => {
                    self.failures_in_a_row.store(0, Ordering::Relaxed);
                    return Ok(text);
                }
                Err(Ended::Failed(failure)) => return Err(failure),
                Err(Ended::Later { what, down, retry_after }) => (what, down, retry_after),
            };
            match retry_after {
                Some(wait) if wait > MAX_RETRY_AFTER => {
                    let wait = wait.as_secs();
                    return Err(Failure::Fatal(format!("{what}; asked to come back in {wait} s: run this again then")));
                }
                _ if attempt >= self.config.max_retries => return Err(self.give_up(what, down)),
                // The server's word holds for all threads, a guess for this one.
                Some(wait) => self.pace.hold(wait),
                None => pace::sleep(self.backoff(&photo.item.id, attempt), stop)?,
            }
        }
        Err(Failure::Interrupted)
    }
}
