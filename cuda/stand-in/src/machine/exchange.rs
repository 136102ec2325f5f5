//! Operations between the lanes of a warp: shuffles, votes, warp barriers.

use super::warp::Warp;
use super::{LANES, Machine};
use crate::finding::{Finding, Status};
use crate::ptx::operation::{Operation, Shuffle, Vote};

impl Machine<'_> {
    /// Whether lanes that the mask operand names are not here yet.
    pub(super) fn waits_for_lanes(
        &self,
        warp: &Warp,
        at: usize,
        active: u32,
        operation: &Operation,
    ) -> Result<bool, Finding> {
        let (Operation::Shuffle { mask, .. }
        | Operation::Vote { mask, .. }
        | Operation::WarpBarrier { mask }) = operation
        else {
            return Ok(false);
        };
        let masks = &warp.words[usize::from(*mask)];
        let wanted = masks[active.trailing_zeros() as usize];
        let failed = |what| Err(self.finding(warp, at, active, Status::LaunchFailed, what));
        if (0..LANES).any(|lane| active >> lane & 1 == 1 && masks[lane] != wanted) {
            return failed("lanes name different masks in one warp operation".into());
        }
        if active & !wanted != 0 {
            return failed(format!(
                "lanes {active:08x} run a warp operation whose mask {wanted:08x} leaves some out"
            ));
        }
        // Lanes that have returned, or never were, are not waited for.
        Ok(wanted & warp.live & !active != 0)
    }

    pub(super) fn exchange(
        &self,
        warp: &mut Warp,
        at: usize,
        active: u32,
        operation: &Operation,
    ) -> Result<(), Finding> {
        match operation {
            Operation::WarpBarrier { .. } => warp.barriers += 1,
            Operation::Vote { op, d, a, .. } => {
                let votes = warp.holds(*a) & active;
                match op {
                    Vote::Ballot => warp.set_word(*d, active, &[votes; LANES]),
                    Vote::Any => {
                        warp.set_predicate(*d, active, if votes != 0 { u32::MAX } else { 0 })
                    }
                    Vote::All => {
                        warp.set_predicate(*d, active, if votes == active { u32::MAX } else { 0 })
                    }
                }
            }
            Operation::Shuffle {
                op,
                d,
                valid,
                a,
                b,
                c,
                ..
            } => {
                let (value, by, clamp) = (
                    warp.words[usize::from(*a)],
                    warp.words[usize::from(*b)],
                    warp.words[usize::from(*c)],
                );
                let (mut result, mut inside) = ([0; LANES], 0);
                for lane in (0..LANES).filter(|lane| active >> lane & 1 == 1) {
                    let (from, within) = source(*op, lane as u32, by[lane] & 31, clamp[lane]);
                    if active >> from & 1 == 0 {
                        let what = format!(
                            "shuffles from lane {from}, which does not take part ({active:08x})"
                        );
                        return Err(self.finding(warp, at, 1 << lane, Status::LaunchFailed, what));
                    }
                    result[lane] = value[from as usize];
                    inside |= u32::from(within) << lane;
                }
                warp.set_word(*d, active, &result);
                if let Some(valid) = valid {
                    warp.set_predicate(*valid, active, inside);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The lane that a lane reads, and whether it lies in its segment; a lane outside reads itself.
fn source(op: Shuffle, lane: u32, by: u32, clamp: u32) -> (u32, bool) {
    let (end, segment) = (clamp & 31, clamp >> 8 & 31);
    let last = lane & segment | end & !segment;
    let (from, within) = match op {
        // Up is the one that is bounded from below.
        Shuffle::Up => (
            lane.wrapping_sub(by),
            lane as i32 - by as i32 >= last as i32,
        ),
        Shuffle::Down => (lane + by, lane + by <= last),
        Shuffle::Butterfly => (lane ^ by, lane ^ by <= last),
        Shuffle::Index => {
            let from = lane & segment | by & !segment;
            (from, from <= last)
        }
    };
    if within {
        (from & 31, true)
    } else {
        (lane, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffles_stay_in_their_segment() {
        // Segments of 8 lanes: the mask is (32 - 8) << 8.
        let segments = 24 << 8;
        assert_eq!(source(Shuffle::Down, 5, 2, segments | 31), (7, true));
        assert_eq!(source(Shuffle::Down, 6, 2, segments | 31), (6, false));
        assert_eq!(source(Shuffle::Up, 9, 1, segments), (8, true));
        assert_eq!(source(Shuffle::Up, 8, 1, segments), (8, false));
        assert_eq!(source(Shuffle::Index, 13, 3, segments | 31), (11, true));
        assert_eq!(source(Shuffle::Butterfly, 13, 3, segments | 31), (14, true));
        assert_eq!(source(Shuffle::Butterfly, 31, 16, 31), (15, true));
    }
}
