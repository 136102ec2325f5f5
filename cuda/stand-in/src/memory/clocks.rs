//! Which operations are ordered before which: vector clocks of streams, events and the host.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use super::shadow::{OPERATIONS, Order};

/// For each stream, the number of its operations that are known to have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock(Vec<u32>);

impl Clock {
    pub(crate) fn of(&self, stream: u16) -> u32 {
        self.0.get(usize::from(stream)).copied().unwrap_or(0)
    }

    /// Everything known to one or the other.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    fn advance(&mut self, stream: u16) -> u32 {
        let stream = usize::from(stream);
        if self.0.len() <= stream {
            self.0.resize(stream + 1, 0);
        }
        self.0[stream] += 1;
        self.0[stream]
    }
}

/// Stream and position in it, by operation number; entry 0 is no operation.
type Operations = Arc<RwLock<Vec<(u16, u32)>>>;

/// The streams of a device and what the host waited for.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    streams: Vec<Clock>,
    host: Clock,
    operations: Operations,
    /// The host waited for all operations below this number.
    settled: usize,
}

/// The operations that an operation is ordered after.
#[derive(Debug)]
pub(crate) struct Past {
    clock: Clock,
    operations: Operations,
    /// All operations below this number are in the past.
    first: u32,
    /// The operation that was last found to be in the past: most accesses of a launch ask for the same.
    last: AtomicU32,
}

/// An operation that was put on a stream.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Its number; 0 when the numbers are used up.
    pub(crate) operation: u32,
    /// Its position in its stream.
    pub(crate) position: u32,
    pub(crate) past: Past,
}

impl Clocks {
    /// A new stream.
    pub(crate) fn stream(&mut self) -> u16 {
        self.streams.push(Clock::default());
        (self.streams.len() - 1) as u16
    }

    /// Puts an operation on a stream: it follows the stream's operations and all that the host waited for.
    pub(crate) fn issue(&mut self, stream: u16) -> Issued {
        let clock = &mut self.streams[usize::from(stream)];
        clock.join(&self.host);
        let position = clock.advance(stream);
        let clock = clock.clone();
        let mut operations = self
            .operations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if operations.is_empty() {
            operations.push((0, 0));
        }
        let operation = if operations.len() < OPERATIONS as usize {
            operations.len() as u32
        } else {
            0
        };
        operations.push((stream, position));
        while operations
            .get(self.settled)
            .is_some_and(|(stream, position)| self.host.of(*stream) >= *position)
        {
            self.settled += 1;
        }
        let follows_all = (0..)
            .zip(&self.streams)
            .all(|(other, latest)| clock.of(other) >= latest.of(other));
        let first = if follows_all {
            operation
        } else {
            self.settled as u32
        };
        let past = Past {
            clock,
            operations: Arc::clone(&self.operations),
            first,
            last: AtomicU32::new(0),
        };
        Issued {
            operation,
            position,
            past,
        }
    }

    /// What has to end before everything on a stream so far has ended.
    pub(crate) fn now(&self, stream: u16) -> Clock {
        self.streams[usize::from(stream)].clone()
    }

    /// Later operations of a stream wait for an event's past.
    pub(crate) fn wait(&mut self, stream: u16, event: &Clock) {
        self.streams[usize::from(stream)].join(event);
    }

    /// The host waits: later operations of every stream follow.
    pub(crate) fn host_waits(&mut self, event: &Clock) {
        self.host.join(event);
    }

    /// The host waits for all streams.
    pub(crate) fn host_waits_for_all(&mut self) {
        let Self { streams, host, .. } = self;
        streams.iter().for_each(|clock| host.join(clock));
    }

    /// Whether the host waited for an operation of a stream.
    pub(crate) fn host_knows(&self, stream: u16, position: u32) -> bool {
        self.host.of(stream) >= position
    }
}

impl Past {
    /// Whether the operation at a position of a stream is in this past.
    pub(crate) fn contains(&self, stream: u16, position: u32) -> bool {
        self.clock.of(stream) >= position
    }
}

impl Order for Past {
    #[inline]
    fn ordered(&self, operation: u32) -> bool {
        if operation < self.first || operation == self.last.load(Relaxed) {
            return true;
        }
        let operations = self
            .operations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = operations.get(operation as usize);
        let ordered = entry.is_some_and(|(stream, position)| self.contains(*stream, *position));
        if ordered {
            self.last.store(operation, Relaxed);
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_order_their_own_operations_only() {
        let mut clocks = Clocks::default();
        let (a, b) = (clocks.stream(), clocks.stream());
        let (first, second, other) = (clocks.issue(a), clocks.issue(a), clocks.issue(b));
        assert!(second.past.ordered(first.operation));
        assert!(!other.past.ordered(first.operation) && !other.past.ordered(second.operation));
        assert!(!first.past.ordered(second.operation), "a later operation");
    }

    #[test]
    fn an_event_orders_what_was_before_it() {
        let mut clocks = Clocks::default();
        let (a, b) = (clocks.stream(), clocks.stream());
        let before = clocks.issue(a);
        let event = clocks.now(a);
        let after = clocks.issue(a);
        clocks.wait(b, &event);
        let waits = clocks.issue(b);
        assert!(waits.past.ordered(before.operation) && !waits.past.ordered(after.operation));
    }

    #[test]
    fn what_the_host_waited_for_is_ordered_for_every_stream() {
        let mut clocks = Clocks::default();
        let (a, b) = (clocks.stream(), clocks.stream());
        let before = clocks.issue(a);
        assert!(!clocks.host_knows(a, before.position));
        clocks.host_waits(&clocks.now(a));
        assert!(clocks.host_knows(a, before.position));
        assert!(clocks.issue(b).past.ordered(before.operation));
    }
}
