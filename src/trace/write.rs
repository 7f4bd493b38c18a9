//! Writes a trace to a file or pipe while the run goes on.

use std::io;

use crate::trace::event::{Directory, Observer, TraceEvent};
use crate::trace::json;

/// Bytes gathered before they are written.
const CHUNK_BYTES: usize = 64 * 1024;

/// Writes every event as a line. A failed write (full disk, closed pipe) ends the writing, not the run;
/// [`TraceWriter::finish`] tells.
pub struct TraceWriter<'a> {
    out: &'a mut dyn io::Write,
    pending: String,
    failed: Option<io::Error>,
}

impl<'a> TraceWriter<'a> {
    /// Begins a trace with its head line.
    pub fn new(directory: &Directory, out: &'a mut dyn io::Write) -> Self {
        TraceWriter { out, pending: json::head_line(directory), failed: None }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first error that any write gave.
    pub fn finish(mut self) -> io::Result<()> {
        self.write_pending();
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn write_pending(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(self.pending.as_bytes()).err();
        }
        self.pending.clear();
    }
}

impl Observer for TraceWriter<'_> {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        if self.failed.is_some() {
            return;
        }
        json::event_line(directory, event, &mut self.pending);
        if self.pending.len() >= CHUNK_BYTES {
            self.write_pending();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimTime;
    use crate::protocol::BrokerId;
    use crate::trace::event::Event;

    /// A disk with room for so many bytes.
    struct SmallDisk(usize);

    impl io::Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.0 -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let directory = Directory::default();
        let mut disk = SmallDisk(100);
        let mut writer = TraceWriter::new(&directory, &mut disk);
        for _ in 0..2 {
            writer.event(&directory, &TraceEvent { at: SimTime::ZERO, event: Event::BrokerUp { broker: BrokerId(0) } });
        }
        assert_eq!(writer.finish().map_err(|e| e.kind()), Err(io::ErrorKind::StorageFull));
    }
}
