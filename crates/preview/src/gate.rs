use std::{
    cell::{Cell, RefCell},
    io::{self, Read, Seek, SeekFrom},
};

/// Why reading ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody waits for the picture any more.
    Unwanted,
    /// The limit is used up.
    TooLong,
    /// The system refused.
    Failed(io::Error),
}

/// What reading one file may cost, and why it ended: decoders wrap and lose the errors of their readers.
pub(crate) struct Gate<'a> {
    wanted: &'a dyn Fn() -> bool,
    limit_bytes: Cell<u64>,
    read_bytes: Cell<u64>,
    stop: RefCell<Option<Stop>>,
    at_end: Cell<bool>,
}

impl<'a> Gate<'a> {
    pub(crate) const fn new(limit_bytes: u64, wanted: &'a dyn Fn() -> bool) -> Self {
        Self {
            wanted,
            limit_bytes: Cell::new(limit_bytes),
            read_bytes: Cell::new(0),
            stop: RefCell::new(None),
            at_end: Cell::new(false),
        }
    }

    /// Changes how much may be read in all.
    pub(crate) fn allow(&self, limit_bytes: u64) {
        self.limit_bytes.set(limit_bytes);
    }

    /// How much may be read in all.
    pub(crate) const fn limit_bytes(&self) -> u64 {
        self.limit_bytes.get()
    }

    /// Why reading ended early, if it did.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.stop.take()
    }

    /// True if more was asked for than the file has.
    pub(crate) const fn was_at_end(&self) -> bool {
        self.at_end.get()
    }

    fn end(&self, stop: Stop) -> io::Error {
        let error = match &stop {
            Stop::Unwanted => io::Error::other("nobody waits for it any more"),
            Stop::TooLong => io::Error::other("the limit of bytes is used up"),
            Stop::Failed(error) => io::Error::from(error.kind()),
        };
        self.stop.replace(Some(stop));
        error
    }
}

/// Content read through a [`Gate`]; seeking costs nothing, reading again costs again.
pub(crate) struct Gated<'a, R> {
    pub(crate) reader: R,
    pub(crate) gate: &'a Gate<'a>,
}

impl<R: Read> Read for Gated<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !(self.gate.wanted)() {
            return Err(self.gate.end(Stop::Unwanted));
        }
        let left = self.gate.limit_bytes.get().saturating_sub(self.gate.read_bytes.get());
        if left == 0 {
            return Err(self.gate.end(Stop::TooLong));
        }
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = match self.reader.read(&mut buffer[..wanted]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            read => read.map_err(|error| self.gate.end(Stop::Failed(error)))?,
        };
        self.gate.read_bytes.set(self.gate.read_bytes.get() + read as u64);
        self.gate.at_end.set(self.gate.at_end.get() || (read == 0 && wanted > 0));
        Ok(read)
    }
}

impl<R: Seek> Seek for Gated<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        // A position before the start comes from the file's content; that is the decoder's business.
        self.reader.seek(position)
    }
}
