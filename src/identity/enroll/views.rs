//! What a video shows, look by look: the best views of each person in it.

use super::{OTHER_PERSON, Sample, best};

/// Collects the looks at a video. A frame's texture takes a megabyte: only the best views of each person are kept.
#[derive(Default)]
pub struct Views {
    people: Vec<Person>,
}

/// Somebody in the video.
struct Person {
    /// How many looks showed this face.
    looks: usize,
    /// The best of them from each direction, at least one.
    views: Vec<Sample>,
}

impl Views {
    /// Adds a look, to the person whose best view it is like.
    pub fn add(&mut self, sample: Sample) {
        if direction(&sample).abs() > 2 {
            return;
        }
        let likeness = |p: &Person| best(&p.views).map_or(-1.0, |view| view.likeness(&sample));
        let nearest = self.people.iter_mut().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        match nearest.filter(|person| likeness(person) >= OTHER_PERSON) {
            Some(person) => person.add(sample),
            None => self.people.push(Person { looks: 1, views: vec![sample] }),
        }
    }

    /// The best views of the person who is seen most (from each of five directions from left to right one, so that
    /// turned frames find a turned source), and how many looks showed somebody else.
    ///
    /// # Errors
    /// Says so when more than a third of the looks showed somebody else.
    pub fn of_one_person(self) -> Result<(Vec<Sample>, usize), String> {
        let all: usize = self.people.iter().map(|p| p.looks).sum();
        let Some(mut main) = self.people.into_iter().max_by_key(|p| p.looks) else { return Ok((Vec::new(), 0)) };
        let others = all - main.looks;
        if others * 3 > all {
            return Err(format!(
                "it shows several people ({others} of {all} looks are at somebody else than the rest); an identity is \
                 of one person: use photos, or a part of the video with that person alone"
            ));
        }
        // Each was like the best view at its time, which may not be the best of all.
        let alike = |view: &Sample| best(&main.views).is_none_or(|best| best.likeness(view) >= OTHER_PERSON);
        let mut alike = main.views.iter().map(alike).collect::<Vec<_>>().into_iter();
        main.views.retain(|_| alike.next().unwrap_or(true));
        Ok((main.views, others))
    }
}

impl Person {
    /// Keeps the better one of two views from the same direction.
    fn add(&mut self, sample: Sample) {
        self.looks += 1;
        match self.views.iter_mut().find(|kept| direction(kept) == direction(&sample)) {
            Some(kept) if kept.quality.score() >= sample.quality.score() => {}
            Some(kept) => *kept = sample,
            None => self.views.push(sample),
        }
    }
}

/// From where the head is seen: 0 is the straight look, 1 and 2 further and further to one side, below 0 to the other.
fn direction(sample: &Sample) -> i32 {
    /// Degrees.
    const STEP: f32 = 18.0;
    (sample.quality.pose.yaw / STEP).round() as i32
}
