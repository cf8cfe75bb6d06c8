//! What runs take of energy: measured by counters that the test made up, else by what owners say their machines draw.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::{Grid, Peer, makers};

/// Counters as Linux shows them, of a processor that took so many microjoules.
struct Counters(PathBuf);

impl Counters {
    fn new(class: &Path, micros: u64) -> Self {
        let zone = class.join("intel-rapl:0");
        fs::create_dir_all(&zone).expect("a folder");
        fs::write(zone.join("name"), "package-0\n").expect("a name");
        fs::write(zone.join("max_energy_range_uj"), "262143328850\n").expect("a range");
        let counters = Self(zone.join("energy_uj"));
        counters.show(micros);
        counters
    }

    fn show(&self, micros: u64) {
        // In one go: a node may read at any moment.
        let beside = self.0.with_extension("new");
        fs::write(&beside, format!("{micros}\n")).expect("a counter");
        fs::rename(&beside, &self.0).expect("a counter");
    }
}

fn energy(peer: &Peer, job: &str) -> Value {
    peer.json(["job", job])["energy"].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_job_says_what_its_runs_took_where_they_ran_and_of_how_many_nobody_knows() {
    let mut grid = Grid::empty();
    let class = grid.path("powercap");
    let (nothing, gate) = (grid.path("nothing"), grid.path("gate"));
    let counters = Counters::new(&class, 262_143_328_000);
    grid.add("mill", &["--powercap", nothing.to_str().expect("text")]);
    grid.add("quarry", &["--powercap", class.to_str().expect("text")]);
    grid.add("attic", &["--powercap", nothing.to_str().expect("text")]);
    grid.meet();
    let [mill, quarry, attic] = &grid.peers[..] else { panic!("three") };
    quarry.ok(["set", "tariff=0.25"]);
    assert!(attic.ok(["set", "watts=360", "tariff=0.5"]).contains("360 W at full work, 0.5 for a kWh"));
    mill.until("what is said of energy", &["machines"], |machines| {
        let of = |name: &str| Some(machines.as_array()?.iter().find(|one| one["name"] == name)?["power"].clone());
        (of("attic")?["watts"] == 360.0 && of("quarry")?["tariff"] == 0.25 && of("quarry")?["measured"] == true)
            .then_some(())
    });

    // Measured: the counter begins anew while the run goes on, which has all of it but for what other programs use.
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "sh", "-c", &wait]);
    mill.until_counts(&job, "running", 1);
    counters.show(5_000_000);
    fs::write(&gate, "").expect("the gate opens");
    mill.done(&job);
    let took = energy(mill, &job);
    let joules = number(&took["joules"]);
    assert!(joules > 0.0 && joules <= 5.001, "{took:#}");
    assert_eq!((&took["runs"], &took["unmeasured"]), (&1.into(), &0.into()), "{took:#}");
    assert!((number(&took["price"]) - 0.25 * joules / 3.6e6).abs() < 1e-9, "{took:#}");

    // Not measured, and said: its share of the cores for as long as it ran.
    let job = mill.start_job(["exec", "--detach", "--on", "attic", "--", "sleep", "0.2"]);
    mill.done(&job);
    let (took, secs) = (energy(mill, &job), number(&mill.tasks(&job)[0]["run_secs"]));
    let cores = number(&attic.json(["machines"])[0]["hardware"]["cpu_count"]);
    assert!((number(&took["joules"]) - 360.0 * secs / cores).abs() < 0.5, "{took:#}, {secs} s on {cores} cores");
    assert_eq!(took["unpriced_joules"], 0.0, "{took:#}");

    // Neither: unknown, which is not nothing.
    let job = mill.start_job(["exec", "--detach", "--on", "mill", "--", "true"]);
    mill.done(&job);
    let took = energy(mill, &job);
    assert_eq!((&took["runs"], &took["unmeasured"], &took["price"]), (&1.into(), &1.into(), &Value::Null), "{took:#}");
    assert!(mill.ok(["job", &job]).contains("unknown: its run was not measured"));
    let doctor = mill.json(["doctor"]);
    let finding = doctor["findings"].as_array().and_then(|all| all.iter().find(|one| one["what"] == "energy"));
    let sentence = finding.expect("a finding")["sentence"].as_str().expect("text");
    assert!(sentence.contains("the kernel shows no energy counters of processors in "), "{sentence}");
}

#[test]
fn watts_and_tariffs_are_kept_wished_for_asked_for_and_taken_back() {
    let mut grid = Grid::of(&["mill", "attic"]);
    grid.peers[1].ok(["set", "watts=360", "tariff=0.5"]);
    grid.peers[1].kill();
    grid.peers[1].boot();
    let [mill, attic] = &grid.peers[..] else { panic!("two") };
    mill.until("attic's watts", &["machines"], |machines| {
        let attic = machines.as_array()?.iter().find(|one| one["name"] == "attic")?;
        (attic["online"] == true && attic["power"]["watts"] == 360.0).then_some(())
    });

    let wishes = ["--prefers", "watts * -0.01", "--prefers", "tariff * 2"];
    let job = mill.start_job([&["exec", "--detach"][..], &wishes, &["--", "true"]].concat());
    mill.done(&job);
    let why = mill.json(["why", &job]);
    let of = |name: &str| {
        let machines = why["machines"].as_array().expect("machines");
        machines.iter().find(|machine| machine["name"] == name).expect("it").clone()
    };
    let wish = &of("attic")["wishes"][0];
    assert_eq!((&wish["words"], &wish["counted"]), (&"watts * -0.01".into(), &360.0.into()), "{why:#}");
    assert!((number(&wish["pull"]) + 3.6).abs() < 1e-9, "{why:#}");
    assert!((number(&of("attic")["terms"]["prefer"]) + 2.6).abs() < 1e-9, "{why:#}");
    assert_eq!((&of("mill")["wishes"][0]["unsaid"], &of("mill")["terms"]["prefer"]), (&true.into(), &0.0.into()));
    let said = mill.ok(["why", &job]);
    assert!(said.contains("attic: watts * -0.01 counts -3.60 (360 there)"), "{said}");

    let job = mill.start_job(["exec", "--detach", "--array", "3", "--needs", "watts <= 400", "--", "true"]);
    assert_eq!(makers(&mill.done(&job)), ["attic"], "of mill nobody knows");
    let job = mill.start_job(["exec", "--detach", "--needs", "watts <= 100", "--", "true"]);
    let reasons = mill.until("the reasons", &["why", &job], |why| {
        let reasons = why["machines"].as_array()?.iter().map(|machine| machine["reasons"][0].as_str());
        reasons.map(|reason| reason.map(ToOwned::to_owned)).collect::<Option<Vec<_>>>()
    });
    assert!(reasons.contains(&"needs watts ≤ 100, has 360".to_owned()), "{reasons:?}");
    assert!(reasons.contains(&"needs watts, and nobody said its watts".to_owned()), "{reasons:?}");
    mill.ok(["cancel", &job]);

    let taken_back = attic.json(["set", "watts=off"]);
    assert_eq!((&taken_back["power"]["watts"], &taken_back["power"]["tariff"]), (&Value::Null, &0.5.into()));
}
