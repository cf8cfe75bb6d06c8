use std::collections::BTreeMap;

use gridwell_model::PeerId;
use rusqlite::{Connection, params};

use crate::{PastLimits, past::machine_number};

/// What every machine did in one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Minutes since 1970 (UTC).
    pub minute: u64,
    /// One entry for each machine that could be reached.
    pub machines: Vec<MachineSample>,
}

/// What one machine did in one minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineSample {
    /// Which.
    pub machine: PeerId,
    /// Cores that jobs held; kept to a hundredth, at most 655.
    pub lent_cpus: f32,
    /// Cores busy with other people's work; kept alike.
    pub foreign_cpus: f32,
    /// Tasks that it did well since the last sample.
    pub tasks_done: u32,
}

/// A machine in a row: its number, two core counts in hundredths, tasks; little endian.
const ENTRY_BYTES: usize = 4 + 2 + 2 + 4;

pub(crate) fn record(connection: &Connection, samples: &[Sample], limits: PastLimits) -> rusqlite::Result<()> {
    for Sample { minute, machines } in samples {
        let mut bytes = Vec::with_capacity(machines.len() * ENTRY_BYTES);
        for sample in machines {
            let number = machine_number(connection, sample.machine)? as u32;
            bytes.extend(number.to_le_bytes());
            bytes.extend(hundredths(sample.lent_cpus).to_le_bytes());
            bytes.extend(hundredths(sample.foreign_cpus).to_le_bytes());
            bytes.extend(sample.tasks_done.to_le_bytes());
        }
        connection
            .prepare_cached("INSERT OR REPLACE INTO sample (minute, machines) VALUES (?1, ?2)")?
            .execute(params![*minute as i64, bytes])?;
        let oldest = minute.saturating_sub(u64::from(limits.sample_minutes));
        // Also what a clock that ran ahead wrote: it would stand in the way for ever.
        connection
            .prepare_cached("DELETE FROM sample WHERE minute <= ?1 OR minute > ?2")?
            .execute(params![oldest as i64, *minute as i64])?;
    }
    Ok(())
}

fn hundredths(cpus: f32) -> u16 {
    // Saturates, and makes nothing of what is not a number.
    (cpus * 100.0).round() as u16
}

/// Samples of `from` and later, by minute.
pub(crate) fn read(connection: &Connection, from: u64) -> rusqlite::Result<Vec<Sample>> {
    let machines = connection
        .prepare_cached("SELECT number, machine FROM machine")?
        .query_map([], |row| Ok((row.get(0)?, PeerId(row.get(1)?))))?
        .collect::<rusqlite::Result<BTreeMap<u32, PeerId>>>()?;
    connection
        .prepare_cached("SELECT minute, machines FROM sample WHERE minute >= ?1 ORDER BY minute")?
        .query_map(params![from as i64], |row| {
            let bytes: Vec<u8> = row.get(1)?;
            let entries = bytes.chunks_exact(ENTRY_BYTES).filter_map(|entry| machine_sample(entry, &machines));
            Ok(Sample { minute: row.get::<_, i64>(0)? as u64, machines: entries.collect() })
        })?
        .collect()
}

fn machine_sample(entry: &[u8], machines: &BTreeMap<u32, PeerId>) -> Option<MachineSample> {
    let (number, rest) = entry.split_first_chunk::<4>()?;
    let (lent, rest) = rest.split_first_chunk::<2>()?;
    let (foreign, rest) = rest.split_first_chunk::<2>()?;
    let cpus = |bytes: &[u8; 2]| f32::from(u16::from_le_bytes(*bytes)) / 100.0;
    Some(MachineSample {
        machine: *machines.get(&u32::from_le_bytes(*number))?,
        lent_cpus: cpus(lent),
        foreign_cpus: cpus(foreign),
        tasks_done: u32::from_le_bytes(*rest.first_chunk()?),
    })
}
