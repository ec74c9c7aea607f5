//! Processes that tests start. One that never ends fails its test and keeps no other waiting.

use std::process::{Child, Output};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use assert_cmd::Command;

/// What takes longer never ends, even on a slow machine beside other tests.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The trainer's file.
#[cfg(feature = "train")]
pub const TRAINER: &str = env!("CARGO_BIN_EXE_alphaswap-train");

/// A program that is killed after [`PATIENCE`].
pub fn patient(program: std::process::Command) -> Command {
    let mut command = Command::from_std(program);
    command.timeout(PATIENCE);
    command
}

/// The trainer.
#[cfg(feature = "train")]
pub fn trainer() -> Command {
    patient(std::process::Command::new(TRAINER))
}

/// A process beside the test; it ends with it at the latest.
pub struct Started(Option<Child>);

impl Started {
    pub fn new(command: &mut std::process::Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    pub fn is_over(&mut self) -> bool {
        self.0.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.0.iter().for_each(|child| signal(child.id(), "-INT"));
    }

    /// How it ends, and what it says until then.
    #[cfg(unix)]
    pub fn ended(mut self) -> Output {
        let child = self.0.take().unwrap();
        let id = child.id();
        let (ended, end) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                signal(id, "-KILL");
            }
        });
        let output = child.wait_with_output().unwrap();
        drop(ended);
        watch.join().unwrap();
        output
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|child| drop(child.kill().and_then(|()| child.wait())));
    }
}

#[cfg(unix)]
fn signal(id: u32, name: &str) {
    // It may have ended meanwhile.
    let _ = std::process::Command::new("kill").args([name, &id.to_string()]).status().unwrap();
}
