//! Where something was measured.

use std::{fs, thread};

use serde::{Deserialize, Serialize};

/// A machine, as far as it decides what is measured on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor's name; the architecture where the system does not tell.
    pub processor: String,
    /// Threads that run at once.
    pub threads: usize,
    /// Memory in MiB, rounded down to a multiple of 256; 0 where the system does not tell.
    pub memory_mib: u64,
    /// The operating system.
    pub system: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0);
        Self {
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            threads: thread::available_parallelism().map_or(1, usize::from),
            // A kernel keeps a little for itself, and not always as much.
            memory_mib: memory_kib / 1024 / 256 * 256,
            system: std::env::consts::OS.to_owned(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_a_test() -> Self {
        Self { processor: "a".to_owned(), threads: 2, memory_mib: 1024, system: "b".to_owned() }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} threads", self.processor, self.threads)?;
        if self.memory_mib > 0 {
            write!(f, ", {} GiB", self.memory_mib.div_ceil(1024))?;
        }
        write!(f, ", {}", self.system)
    }
}
