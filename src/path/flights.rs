//! Frames between their submission and their collection.

use super::Ticket;
use crate::error::{Error, Result};

/// What a path keeps of each frame that is in flight; what it allocated is used again for later frames.
#[derive(Debug)]
pub struct Flights<T>(Vec<Flight<T>>);

#[derive(Debug)]
struct Flight<T> {
    busy: bool,
    kept: T,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Flights<T> {
    /// Takes one that is free, or what `make` makes.
    pub fn open(&mut self, make: impl FnOnce() -> T) -> Ticket {
        let free = self.0.iter().position(|f| !f.busy);
        let index = free.unwrap_or_else(|| {
            self.0.push(Flight { busy: true, kept: make() });
            self.0.len() - 1
        });
        self.0[index].busy = true;
        Ticket(index)
    }

    /// Those in flight.
    pub fn busy(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter(|f| f.busy).map(|f| &f.kept)
    }

    /// The one that `ticket` stands for.
    ///
    /// # Errors
    /// [`Error::Frame`] when it is not in flight.
    pub fn get(&mut self, ticket: Ticket) -> Result<&mut T> {
        let flight = self.0.get_mut(ticket.0).filter(|f| f.busy).map(|f| &mut f.kept);
        flight.ok_or_else(|| Error::Frame("this frame is not in flight".into()))
    }

    /// It is collected.
    pub fn close(&mut self, ticket: Ticket) {
        self.0.iter_mut().skip(ticket.0).take(1).for_each(|f| f.busy = false);
    }

    /// None is in flight any more.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(|f| f.busy = false);
    }
}
