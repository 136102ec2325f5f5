//! The phases of a proof and their clock.

use std::time::{Duration, Instant};

/// Called with the name of each phase as it begins.
pub type Progress<'a> = &'a (dyn Fn(&'static str) + Sync);

/// The phases of a proof, in order.
pub const PHASES: &[&str] = &[
    "witness",
    "commitment",
    "lookups",
    "contraction",
    "reduction",
    "opening",
    "self-check",
];

pub(super) struct Clock<'a> {
    progress: Progress<'a>,
    started: Instant,
    pub(super) phases: Vec<(&'static str, Duration)>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(progress: Progress<'a>) -> Self {
        progress(PHASES[0]);
        Self {
            progress,
            started: Instant::now(),
            phases: Vec::new(),
        }
    }

    pub(super) fn finish_phase(&mut self) {
        let now = Instant::now();
        self.phases
            .push((PHASES[self.phases.len()], now - self.started));
        self.started = now;
        if let Some(next) = PHASES.get(self.phases.len()) {
            (self.progress)(next);
        }
    }

    /// Begins again after so many phases; their time so far counts for the first phase repeated.
    pub(super) fn return_to(&mut self, phases: usize) {
        let spent: Duration = self.phases.drain(phases..).map(|(_, time)| time).sum();
        self.started -= spent;
        (self.progress)(PHASES[phases]);
    }
}
