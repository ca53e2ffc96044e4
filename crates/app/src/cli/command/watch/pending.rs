//! What has changed and is not yet in the library.
//!
//! Filled by the thread that hears of changes, emptied by the one that follows them. However many
//! changes there are, few paths are kept: where too many would be, their folders stand for them.

use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ragged::document::Scope;

/// Paths that are kept before their folders take their place.
const MAX_PATHS: usize = 4096;

/// How long changes are gathered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Quiet that ends a batch.
    pub(super) quiet: Duration,
    /// The longest that a change waits while others keep coming.
    pub(super) longest: Duration,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These paths changed.
    Changed(Scope),
    /// Changes were missed: anything may have changed.
    Missed,
    /// Nothing happened for the time that was asked for.
    Idle,
    /// The end was asked for.
    Stop,
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    scope: Scope,
    missed: bool,
    /// When the first and the last of these changes was heard of.
    heard: Option<(Instant, Instant)>,
    stopped: bool,
}

impl State {
    fn has_changes(&self) -> bool {
        self.missed || !self.scope.is_empty()
    }

    fn hear(&mut self) {
        let now = Instant::now();
        self.heard = Some((self.heard.map_or(now, |(first, _)| first), now));
    }
}

impl Pending {
    /// Something changed at or below a path.
    pub(super) fn note(&self, path: PathBuf) {
        let mut state = self.lock();
        state.scope.insert(path);
        while state.scope.len() > MAX_PATHS {
            state.scope = state.scope.coarsened();
        }
        state.hear();
        self.woken.notify_all();
    }

    /// Changes went by unheard.
    pub(super) fn note_missed(&self) {
        let mut state = self.lock();
        state.missed = true;
        state.hear();
        self.woken.notify_all();
    }

    /// Asks for the end.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.woken.notify_all();
    }

    /// Waits for a batch of changes to be complete, for `idle` to pass without any, or for the
    /// end.
    pub(super) fn next(&self, patience: Patience, idle: Duration) -> Next {
        let begun = Instant::now();
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Next::Stop;
            }
            let now = Instant::now();
            let until = match state.heard {
                Some((first, last)) => (last + patience.quiet).min(first + patience.longest),
                None => begun + idle,
            };
            let Some(left) = until.checked_duration_since(now).filter(|left| !left.is_zero())
            else {
                return Self::take(&mut state);
            };
            state = self.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(state: &mut State) -> Next {
        state.heard = None;
        let scope = std::mem::take(&mut state.scope);
        if std::mem::take(&mut state.missed) {
            Next::Missed
        } else if scope.is_empty() {
            Next::Idle
        } else {
            Next::Changed(scope)
        }
    }

    /// What has changed up to now, without waiting.
    pub(super) fn take_now(&self) -> Next {
        let mut state = self.lock();
        if state.stopped {
            return Next::Stop;
        }
        if state.has_changes() { Self::take(&mut state) } else { Next::Idle }
    }

    /// Lets `time` pass, or less if the end is asked for.
    pub(super) fn pause(&self, time: Duration) {
        let state = self.lock();
        drop(self.woken.wait_timeout_while(state, time, |state| !state.stopped));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Patience = Patience { quiet: Duration::ZERO, longest: Duration::ZERO };
    const FOREVER: Duration = Duration::from_hours(1);

    #[test]
    fn a_burst_is_kept_as_its_folders() {
        let pending = Pending::default();
        for file in 0..3 * MAX_PATHS {
            pending.note(PathBuf::from(format!("/home/notes/{}/{file}.md", file % 7)));
        }
        let Next::Changed(scope) = pending.next(AT_ONCE, FOREVER) else { panic!() };
        assert!(scope.len() <= MAX_PATHS, "{}", scope.len());
        for file in 0..3 * MAX_PATHS {
            let path = PathBuf::from(format!("/home/notes/{}/{file}.md", file % 7));
            assert!(scope.contains(&path));
        }
        assert!(!scope.contains("/home/notes/8/x.md".as_ref()));
    }

    #[test]
    fn many_folders_become_the_folder_above_them() {
        let pending = Pending::default();
        for folder in 0..2 * MAX_PATHS {
            pending.note(PathBuf::from(format!("/home/notes/{folder}/x.md")));
        }
        let Next::Changed(scope) = pending.next(AT_ONCE, FOREVER) else { panic!() };
        assert!(scope.contains("/home/notes/17/x.md".as_ref()));
        assert!(scope.len() <= MAX_PATHS);
    }

    #[test]
    fn changes_are_taken_once() {
        let pending = Pending::default();
        assert_eq!(pending.next(AT_ONCE, Duration::ZERO), Next::Idle);
        pending.note("/a/b".into());
        pending.note_missed();
        assert_eq!(pending.next(AT_ONCE, FOREVER), Next::Missed);
        assert_eq!(pending.take_now(), Next::Idle);
        pending.note("/a/b".into());
        let scope = ["/a/b".into()].into_iter().collect();
        assert_eq!(pending.take_now(), Next::Changed(scope));
        pending.stop();
        assert_eq!(pending.next(AT_ONCE, FOREVER), Next::Stop);
        pending.pause(FOREVER);
    }
}
