//! One target under libFuzzer, named by `GRIDWELL_FUZZ`; its seeds are written to the folder `GRIDWELL_FUZZ_SEEDS` first.
//! With `GRIDWELL_FUZZ_LIST` it names them all.

#![no_main]
#![expect(clippy::print_stdout, reason = "whoever starts it asks for the names")]

use std::{env, fs, path::Path, sync::OnceLock};

use gridwell_fuzz::{TARGETS, Target, target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(
    init: choose(),
    |bytes: &[u8]| {
        if let Some(target) = CHOSEN.get() {
            (target.run)(bytes);
        }
    }
);

fn choose() {
    if env::var_os("GRIDWELL_FUZZ_LIST").is_some() {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    }
    let name = env::var("GRIDWELL_FUZZ").expect("GRIDWELL_FUZZ names a target");
    let target = target(&name).unwrap_or_else(|| panic!("there is no target {name}"));
    if let Ok(folder) = env::var("GRIDWELL_FUZZ_SEEDS") {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(Path::new(&folder).join(format!("seed-{number}")), seed).expect("seeds are written");
        }
    }
    CHOSEN.set(target).expect("libFuzzer begins once");
}
