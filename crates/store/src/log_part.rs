use gridwell_model::{Fence, JobId, TaskKey};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Most bytes one [`LogPart`] carries whatever its query says.
const MAX_PART_BYTES: u64 = 4 * 1024 * 1024;

/// Tasks before the one asked for that are looked through for the run that it was part of: more than any chunk has.
const MAX_CHUNK: u32 = 10_000;

/// Bytes of a character behind its first one, at most. Source: RFC 3629.
const MAX_TAIL: usize = 3;

/// Which part of one attempt's log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPartQuery {
    /// The job.
    pub job: JobId,
    /// The task.
    pub task: TaskKey,
    /// Its last attempt: where its log is when it ran as part of a chunk.
    pub fence: Fence,
    /// Which attempt of those that wrote anything, from 1; the last one when absent.
    pub attempt: Option<u32>,
    /// First byte; the end of the log when absent.
    pub from: Option<u64>,
    /// Most bytes, at most 4 MiB.
    pub limit_bytes: u64,
}

/// A part of one attempt's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The task, or the first one of the chunk that it was part of.
    pub task: TaskKey,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Attempts that have a log.
    pub attempts: Vec<u32>,
    /// Position of the first byte sent: later than asked for if the beginning was dropped, up to three bytes earlier so that
    /// a character is whole.
    pub from: u64,
    /// Bytes that the attempt wrote and that were kept at the time.
    pub total_bytes: u64,
    /// What it wrote; ends with a whole character unless it would be empty then.
    pub bytes: Vec<u8>,
}

/// An attempt that wrote something.
struct Attempt {
    number: u32,
    fence: Fence,
    written: u64,
}

/// Reads a part; `None` if there is no such log (any more). Costs as much as the part is long, wherever it lies.
pub(crate) fn read(connection: &Connection, query: &LogPartQuery) -> rusqlite::Result<Option<LogPart>> {
    let Some((task, attempts)) = find(connection, query)? else {
        return Ok(None);
    };
    let numbers = attempts.iter().map(|attempt| attempt.number).collect();
    let wanted = match query.attempt {
        Some(number) => attempts.into_iter().find(|attempt| attempt.number == number),
        None => attempts.into_iter().next_back(),
    };
    let Some(Attempt { number, fence, written }) = wanted else {
        return Ok(None);
    };
    let limit = query.limit_bytes.clamp(1, MAX_PART_BYTES);
    let from = query.from.unwrap_or(written.saturating_sub(limit)).min(written);
    let log = Log { connection, job: query.job, task, fence };
    let (first, around) = log.around(from, limit as usize)?;
    let (start, end) = whole_characters(&around, from.saturating_sub(first) as usize, limit as usize);
    Ok(Some(LogPart {
        task,
        attempt: number,
        attempts: numbers,
        from: first + start as u64,
        total_bytes: written,
        bytes: around[start..end].to_vec(),
    }))
}

/// Attempts of the task whose logs are there, or of the chunk whose last run it was part of.
fn find(connection: &Connection, query: &LogPartQuery) -> rusqlite::Result<Option<(TaskKey, Vec<Attempt>)>> {
    let own = attempts(connection, query.job, query.task)?;
    if !own.is_empty() {
        return Ok(Some((query.task, own)));
    }
    let TaskKey { step, index } = query.task;
    let first: Option<u32> = connection
        .prepare_cached(
            "SELECT idx FROM log_attempt WHERE job = ?1 AND step = ?2 AND idx BETWEEN ?3 AND ?4
                AND epoch = ?5 AND attempt = ?6 ORDER BY idx DESC LIMIT 1",
        )?
        .query_row(
            params![query.job.0, step, index.saturating_sub(MAX_CHUNK), index, query.fence.epoch, query.fence.attempt],
            |row| row.get(0),
        )
        .optional()?;
    let Some(first) = first else {
        return Ok(None);
    };
    let task = TaskKey { step, index: first };
    Ok(Some((task, attempts(connection, query.job, task)?)).filter(|(_, attempts)| !attempts.is_empty()))
}

/// Attempts whose logs are there; numbers also count those whose logs were dropped.
fn attempts(connection: &Connection, job: JobId, task: TaskKey) -> rusqlite::Result<Vec<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT epoch, attempt, written, EXISTS (
            SELECT 1 FROM log_line AS line WHERE line.job = one.job AND line.step = one.step AND line.idx = one.idx
                AND line.epoch = one.epoch AND line.attempt = one.attempt)
         FROM log_attempt AS one WHERE job = ?1 AND step = ?2 AND idx = ?3 ORDER BY epoch, attempt",
    )?;
    let mut rows = statement.query(params![job.0, task.step, task.index])?;
    let (mut all, mut number) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        number += 1;
        if row.get(3)? {
            let fence = Fence { epoch: row.get(0)?, attempt: row.get(1)? };
            all.push(Attempt { number, fence, written: row.get::<_, i64>(2)? as u64 });
        }
    }
    Ok(all)
}

/// One attempt's log.
struct Log<'a> {
    connection: &'a Connection,
    job: JobId,
    task: TaskKey,
    fence: Fence,
}

impl Log<'_> {
    /// The bytes from `from` on, with those around them that tell whole characters from halves, and where they begin.
    fn around(&self, from: u64, limit: usize) -> rusqlite::Result<(u64, Vec<u8>)> {
        let early = from.saturating_sub(MAX_TAIL as u64);
        let first = self.line_before(early)?.unwrap_or(0);
        let mut statement = self.connection.prepare_cached(
            "SELECT at, bytes FROM log_line WHERE job = ?1 AND step = ?2 AND idx = ?3 AND epoch = ?4 AND attempt = ?5
                AND at >= ?6 ORDER BY at",
        )?;
        let TaskKey { step, index } = self.task;
        let mut rows =
            statement.query(params![self.job.0, step, index, self.fence.epoch, self.fence.attempt, first as i64])?;
        let (mut begin, mut bytes) = (None, Vec::new());
        while let Some(row) = rows.next()? {
            let at = row.get::<_, i64>(0)? as u64;
            // Between lines something may be missing: a part ends there, or begins behind it.
            if begin.is_some_and(|begin| at > begin + bytes.len() as u64) {
                if begin.is_some_and(|begin| begin + bytes.len() as u64 > from) {
                    break;
                }
                begin = None;
                bytes.clear();
            }
            let begin = *begin.get_or_insert(at);
            bytes.extend_from_slice(row.get_ref(1)?.as_blob()?);
            if begin + bytes.len() as u64 >= from.max(begin) + (limit + MAX_TAIL) as u64 {
                break;
            }
        }
        Ok((begin.unwrap_or(from), bytes))
    }

    /// Where the last line begins that begins at `position` or before; `None` if it was dropped.
    fn line_before(&self, position: u64) -> rusqlite::Result<Option<u64>> {
        let TaskKey { step, index } = self.task;
        self.connection
            .prepare_cached(
                "SELECT max(at) FROM log_line
                 WHERE job = ?1 AND step = ?2 AND idx = ?3 AND epoch = ?4 AND attempt = ?5 AND at <= ?6",
            )?
            .query_row(params![self.job.0, step, index, self.fence.epoch, self.fence.attempt, position as i64], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|at| at.map(|at| at as u64))
    }
}

/// The part of `bytes` from `start` on, at most `limit` long, that halves no character if it can be avoided.
fn whole_characters(bytes: &[u8], start: usize, limit: usize) -> (usize, usize) {
    let start = start.min(bytes.len());
    let start = split_character(bytes, start).unwrap_or(start);
    let end = start.saturating_add(limit).min(bytes.len());
    match split_character(bytes, end) {
        Some(end) if end > start => (start, end),
        _ => (start, end),
    }
}

/// Where the character begins that a cut at `at` would halve, if it would; bytes that are not UTF-8 are no characters.
fn split_character(bytes: &[u8], at: usize) -> Option<usize> {
    let earliest = at.saturating_sub(MAX_TAIL);
    let begin = (earliest..at).rev().find(|at| !is_tail(bytes[*at]))?;
    let length = match bytes[begin] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let tail = bytes[begin + 1..].iter().take(length - 1);
    (begin + length > at && tail.clone().all(|byte| is_tail(*byte))).then_some(begin)
}

const fn is_tail(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_halves_no_character() {
        let bytes = "aä€😀z".as_bytes();
        assert_eq!(bytes.len(), 11);
        for start in 0..bytes.len() {
            for limit in 4..=bytes.len() {
                let (from, to) = whole_characters(bytes, start, limit);
                assert!(from <= start && start - from <= MAX_TAIL && to - from <= limit, "{start} {limit}");
                assert!(std::str::from_utf8(&bytes[from..to]).is_ok(), "{start} {limit}");
                assert!(to > start, "every page goes on");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_cut_where_asked() {
        let bytes = [0x80, 0x80, 0x80, 0x80, 0xff, 0xe2, b'a', 0x82];
        for start in 0..bytes.len() {
            assert_eq!(whole_characters(&bytes, start, 2), (start, (start + 2).min(bytes.len())), "{start}");
        }
    }

    #[test]
    fn half_a_character_at_the_end_waits_for_its_rest_unless_it_is_all_there_is() {
        let half = &"a€".as_bytes()[..3];
        assert_eq!(whole_characters(half, 0, 9), (0, 1));
        assert_eq!(whole_characters(half, 1, 9), (1, 3));
        assert_eq!(whole_characters("€".as_bytes(), 0, 2), (0, 2));
    }
}
