use proptest::prelude::*;

use super::*;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    files.iter().for_each(|(path, text)| write(temp.path(), path, text));
    temp
}

#[test]
fn memory_is_read_from_what_linux_writes() {
    let meminfo = "MemTotal:       24618412 kB\nMemFree:  1 kB\nMemAvailable:   12309206 kB\nBuffers: 1 kB\n";
    let pressure = "some avg10=12.50 avg60=0.00 avg300=0.00 total=5904154\nfull avg10=3.00 avg60=0 avg300=0 total=1\n";
    let temp = folder(&[("meminfo", meminfo)]);
    let memory = Memory::open(temp.path()).unwrap();
    assert_eq!(memory.reading(), Some(Reading::Memory { free: 0.5, pressure: None }), "a kernel without pressure");
    write(temp.path(), "pressure/memory", pressure);
    assert_eq!(memory.reading(), Some(Reading::Memory { free: 0.5, pressure: Some(0.125) }));
}

#[test]
fn a_laptop_is_on_battery_only_while_one_discharges_and_no_mains_are_there() {
    let laptop = |status: &str, online: &str| {
        let temp = folder(&[
            ("AC/type", "Mains\n"),
            ("AC/online", online),
            ("BAT0/type", "Battery\n"),
            ("BAT0/status", status),
            ("BAT0/capacity", "81\n"),
            ("BAT1/type", "Battery\n"),
            ("BAT1/present", "0\n"),
            ("hidpp/type", "Battery\n"),
            ("hidpp/scope", "Device\n"),
            ("hidpp/status", "Discharging\n"),
        ]);
        PowerSupply::open(temp.path()).unwrap().reading().unwrap()
    };
    let power = |on_battery| Reading::Power { on_battery, charge: Some(81) };
    assert_eq!(laptop("Discharging\n", "0\n"), power(true));
    assert_eq!(laptop("Charging\n", "1\n"), power(false));
    assert_eq!(laptop("Discharging\n", "1\n"), power(false), "a battery that is kept from filling up");
    assert_eq!(laptop("Unknown\n", "0\n"), power(false));
}

#[test]
fn a_machine_without_a_battery_has_no_such_sense() {
    let mouse = folder(&[("mouse/type", "Battery\n"), ("mouse/scope", "Device\n"), ("AC/type", "Mains\n")]);
    assert!(matches!(PowerSupply::open(mouse.path()), Err(Unavailable::Missing { .. })));
    assert!(PowerSupply::open(Path::new("/no/such/folder")).is_err());
}

#[test]
fn the_hottest_processor_counts_and_nothing_that_cannot_be() {
    let temp = folder(&[
        ("thermal/thermal_zone0/type", "x86_pkg_temp\n"),
        ("thermal/thermal_zone0/temp", "61000\n"),
        ("thermal/thermal_zone1/type", "iwlwifi_1\n"),
        ("thermal/thermal_zone1/temp", "99000\n"),
        ("hwmon/hwmon0/name", "k10temp\n"),
        ("hwmon/hwmon0/temp1_input", "72250\n"),
        ("hwmon/hwmon0/temp2_input", "127000\n"),
        ("hwmon/hwmon0/temp1_crit", "95000\n"),
        ("hwmon/hwmon1/name", "nvme\n"),
        ("hwmon/hwmon1/temp1_input", "80000\n"),
    ]);
    assert_eq!(Temperature::open(temp.path()).unwrap().hottest(), Some(72.25));
    assert!(is_hot("cpu_thermal") && is_hot("cpu-thermal") && is_hot("soc") && is_hot("gpu0"));
    assert!(!is_hot("cpufan") && !is_hot("") && !is_hot("nvme"));
    assert!(Temperature::open(Path::new("/no/such/folder")).is_err());
}

proptest! {
    #[test]
    fn hostile_texts_are_unknown_or_within_bounds(text in "(MemTotal: |MemAvailable: |some |avg10=|-|[0-9.eE]{1,30}| kB|\n|\\PC){0,20}") {
        prop_assert!(free_share(&text).is_none_or(|share| (0.0..=1.0).contains(&share)));
        prop_assert!(some_pressure(&text).is_none_or(|share| (0.0..=1.0).contains(&share)));
        prop_assert!(celsius(&text).is_none_or(|celsius| (0.0..TOO_HOT).contains(&celsius)));
        is_hot(&text);
    }

    #[test]
    fn hostile_files_are_read_in_part_and_never_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let temp = tempfile::tempdir().unwrap();
        for path in ["meminfo", "pressure/memory", "thermal/z/type", "thermal/z/temp", "bat/type", "bat/capacity"] {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &bytes).unwrap();
        }
        let _ = Memory::open(temp.path()).is_ok();
        let _ = Temperature::open(temp.path()).is_ok();
        let _ = PowerSupply::open(temp.path()).is_ok();
    }
}
