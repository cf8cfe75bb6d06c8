use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, UNIX_EPOCH},
};

use gridwell_model::Tool;
use serde::{Deserialize, Serialize};

use crate::ask::{Output, answer};

/// A program gets this long to tell its version; Blender from a cold disk takes two.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most of a program's answer that is read: versions stand in its first lines.
const ANSWER_BYTES: u64 = 16 * 1024;

/// Where tools may lie besides the search path.
const KNOWN_FOLDERS: [&str; 7] = [
    "/usr/local/bin",
    "/usr/bin",
    "/opt/blender",
    "/snap/bin",
    "/opt/homebrew/bin",
    "/Applications/Blender.app/Contents/MacOS",
    "C:\\Program Files\\Blender Foundation\\Blender",
];

/// A program that recipes know, and how it is asked.
struct Known {
    name: &'static str,
    ask: &'static str,
    /// What stands right before the version.
    before: &'static [&'static str],
    /// What stands right before that which tells builds apart; what follows counts up to a blank.
    before_build: &'static str,
}

const KNOWN: [Known; 4] = [
    Known { name: "blender", ask: "--version", before: &["Blender "], before_build: "build hash: " },
    Known {
        name: "ffmpeg",
        ask: "-version",
        before: &["ffmpeg version n", "ffmpeg version "],
        before_build: "ffmpeg version ",
    },
    Known { name: "povray", ask: "--version", before: &["POV-Ray ", "Ray Tracer Version "], before_build: "POV-Ray " },
    Known { name: "python3", ask: "--version", before: &["Python "], before_build: "Python " },
];

/// What tells two builds of a program apart without running them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Last change, in nanoseconds since 1970; 0 when unknown.
    pub modified_nanos: u64,
}

/// What a program told of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    version: String,
    build: String,
}

/// What programs told earlier, by path; keep it between probes, also on disk.
///
/// A program that would not answer is remembered as such until its file changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCache {
    told: BTreeMap<PathBuf, (Identity, Told)>,
}

/// Finds the known tools and their versions; asks, all at once, only those whose files changed since `cache`.
pub(crate) fn find_all(cache: &mut ToolCache) -> Vec<Tool> {
    let searched = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&searched).chain(KNOWN_FOLDERS.map(PathBuf::from)).collect();
    find_in(&folders, cache)
}

fn find_in(folders: &[PathBuf], cache: &mut ToolCache) -> Vec<Tool> {
    let mut found = Vec::new();
    for known in &KNOWN {
        if let Some((path, identity)) = find(known.name, folders) {
            found.push((known, path, identity));
        }
    }
    let asked: Vec<(PathBuf, Identity, Told)> = thread::scope(|scope| {
        let running: Vec<_> = found
            .iter()
            .map(|(known, path, identity)| {
                let earlier = cache.told.get(path).filter(|(before, _)| before == identity);
                let earlier = earlier.map(|(_, told)| told.clone());
                scope.spawn(move || earlier.unwrap_or_else(|| Told::by(known, &ask(path, known.ask))))
            })
            .collect();
        let told = running.into_iter().map(|thread| thread.join().unwrap_or_default());
        found.iter().zip(told).map(|((_, path, identity), told)| (path.clone(), identity.clone(), told)).collect()
    });
    let tools = found.iter().zip(&asked).map(|((known, path, _), (_, _, told))| Tool {
        name: known.name.to_owned(),
        version: told.version.clone(),
        path: path.display().to_string(),
        build: told.build.clone(),
    });
    let tools = tools.collect();
    // What is no longer found is forgotten, so that the cache stays as small as the list of tools.
    cache.told = asked.into_iter().map(|(path, identity, told)| (path, (identity, told))).collect();
    tools
}

fn find(name: &str, folders: &[PathBuf]) -> Option<(PathBuf, Identity)> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    folders.iter().filter(|folder| folder.is_absolute()).find_map(|folder| {
        let path = folder.join(&file);
        let found = fs::metadata(&path).ok().filter(is_program)?;
        let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let modified_nanos = u64::try_from(modified.as_nanos()).unwrap_or(0);
        Some((path, Identity { size_bytes: found.len(), modified_nanos }))
    })
}

#[cfg(unix)]
fn is_program(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    found.is_file() && found.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_program(found: &fs::Metadata) -> bool {
    found.is_file()
}

/// What a program writes when asked; empty if it cannot be run. It is killed when it is slow or talkative.
fn ask(path: &Path, argument: &str) -> Vec<u8> {
    let mut command = Command::new(path);
    command.arg(argument);
    answer(command, Output::Both, PATIENCE, ANSWER_BYTES, &|| true).unwrap_or_else(|error| {
        tracing::debug!(path = %path.display(), %error, "a tool could not be asked for its version");
        Vec::new()
    })
}

impl Told {
    fn by(known: &Known, answer: &[u8]) -> Self {
        let version = version(known, answer);
        // Of a bare version nothing more is to be told.
        let build = Some(build(known, answer)).filter(|build| *build != version).unwrap_or_default();
        Self { version, build }
    }
}

/// Finds what tells builds apart in an answer; empty if it is not there, or not a word that could be shown.
fn build(known: &Known, answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let rest = text.lines().find_map(|line| Some(line.split_once(known.before_build)?.1)).unwrap_or_default();
    let word = rest.split_ascii_whitespace().next().unwrap_or_default();
    let good = word.len() <= 64 && word.chars().all(|char| char.is_ascii_alphanumeric() || ".+~:_-".contains(char));
    if good && word != "unknown" { word.to_owned() } else { String::new() }
}

/// Finds the version in an answer: digits and dots at the start of a line's rest, empty if there are none.
fn version(known: &Known, answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let rests = text.lines().flat_map(|line| known.before.iter().filter_map(|before| Some(line.split_once(before)?.1)));
    let versions = rests.map(|rest| {
        let length = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
        rest[..length].trim_end_matches('.')
    });
    let mut good = versions.filter(|version| version.starts_with(|char: char| char.is_ascii_digit()));
    // Longer than any version: something else that happens to look like one.
    good.find(|version| version.len() <= 32).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version_of(name: &str, answer: &str) -> String {
        version(KNOWN.iter().find(|known| known.name == name).unwrap(), answer.as_bytes())
    }

    #[test]
    fn versions_are_read_from_what_programs_really_say() {
        let povray = "povray: cannot open the user configuration file /home/ada/.povray/3.7/povray.conf: No such file or \
                      directory\nPOV-Ray 3.7.0.10.unofficial\n\nThis is an unofficial version compiled by:\n";
        let cases = [
            ("blender", "Blender 3.4.1\n", "3.4.1"),
            ("blender", "Blender 4.2.3 LTS\n\tbuild date: 2024-10-14\n", "4.2.3"),
            ("blender", "Color management: using fallback mode\nBlender 2.93 (sub 5)\n", "2.93"),
            ("ffmpeg", "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\n", "5.1.9"),
            ("ffmpeg", "ffmpeg version n7.1 Copyright (c) 2000-2024\n", "7.1"),
            ("ffmpeg", "ffmpeg version N-109542-g2cb0a7c7d2 Copyright\nlibavutil 57. 43.100\n", ""),
            ("povray", povray, "3.7.0.10"),
            ("povray", "Persistence of Vision(tm) Ray Tracer Version 3.7.0.8 (g++ 9)\n", "3.7.0.8"),
            ("python3", "Python 3.11.7\n", "3.11.7"),
            ("python3", "Python 3.14.0rc1\n", "3.14.0"),
            ("python3", "pyenv: python3: command not found\n", ""),
            ("python3", "", ""),
        ];
        for (name, answer, expected) in cases {
            assert_eq!(version_of(name, answer), expected, "{answer}");
        }
        assert_eq!(version_of("python3", &format!("Python {}", "1".repeat(100))), "");
    }

    #[test]
    fn builds_are_told_apart_by_what_programs_say_beside_their_version() {
        let told = |name: &str, answer: &str| {
            let told = Told::by(KNOWN.iter().find(|known| known.name == name).unwrap(), answer.as_bytes());
            (told.version, told.build)
        };
        let blender = "Blender 3.4.1\n\tbuild date: 2023-01-18\n\tbuild hash: 55485cb379f7\n\tbuild platform: Linux\n";
        assert_eq!(told("blender", blender), ("3.4.1".into(), "55485cb379f7".into()));
        assert_eq!(told("blender", "Blender 3.4.1\n\tbuild hash: unknown\n"), ("3.4.1".into(), String::new()));
        let ffmpeg = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\n";
        assert_eq!(told("ffmpeg", ffmpeg), ("5.1.9".into(), "5.1.9-0+deb12u1".into()));
        assert_eq!(told("python3", "Python 3.11.7\n"), ("3.11.7".into(), String::new()));
        assert_eq!(told("python3", "Python \u{1b}[31m\n"), (String::new(), String::new()));
    }

    #[cfg(unix)]
    mod programs {
        use std::os::unix::fs::PermissionsExt as _;

        use super::*;

        fn program(folder: &Path, name: &str, script: &str) {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }

        #[test]
        fn a_tool_is_asked_once_until_its_file_changes() {
            let temp = tempfile::tempdir().unwrap();
            let folders = [temp.path().to_owned()];
            program(temp.path(), "python3", "echo asked >> \"$0.asked\"; echo Python 3.9.1");
            let mut cache = ToolCache::default();
            let first = find_in(&folders, &mut cache);
            assert_eq!(
                first.iter().map(|tool| (&*tool.name, &*tool.version)).collect::<Vec<_>>(),
                [("python3", "3.9.1")]
            );
            assert_eq!(find_in(&folders, &mut cache), first);
            assert_eq!(fs::read_to_string(temp.path().join("python3.asked")).unwrap(), "asked\n");

            program(temp.path(), "python3", "echo Python 3.10.12");
            assert_eq!(find_in(&folders, &mut cache)[0].version, "3.10.12");

            fs::remove_file(temp.path().join("python3")).unwrap();
            assert_eq!(find_in(&folders, &mut cache), []);
            assert_eq!(cache, ToolCache::default());
        }

        #[test]
        fn an_endless_answer_is_cut_and_its_program_killed() {
            let temp = tempfile::tempdir().unwrap();
            program(temp.path(), "ffmpeg", "echo 'ffmpeg version 6.0'; while :; do echo more; done");
            let tools = find_in(&[temp.path().to_owned()], &mut ToolCache::default());
            assert_eq!(tools[0].version, "6.0");
        }

        #[test]
        fn a_file_that_may_not_be_executed_is_no_tool() {
            let temp = tempfile::tempdir().unwrap();
            fs::write(temp.path().join("blender"), "data").unwrap();
            assert_eq!(find_in(&[temp.path().to_owned()], &mut ToolCache::default()), []);
        }
    }
}
