use std::{fs, path::Path};

use globset::GlobSet;
use gridwell_job::PathRule;
use gridwell_model::{BlobId, InputFile, JobId, JobSpec, PeerId, Retry, SessionSpec, Stamp};

use super::{
    SessionPlace, TransferError,
    collect::find,
    rules::{check_inputs, input_rules},
    rules_of_their_own,
};

/// A job that lands in `output`.
pub(crate) fn spec(parameters: &[(&str, &str)], inputs: &[&str], output: &str) -> JobSpec {
    let input =
        |path: &&str| InputFile { path: (*path).to_owned(), size_bytes: 1, blob: BlobId([0; 32]), executable: false };
    JobSpec {
        id: JobId([1; 10]),
        name: "job".into(),
        origin: PeerId([1; 32]),
        submitted: Stamp(0),
        recipe: "command".into(),
        template: String::new(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        inputs: inputs.iter().map(input).collect(),
        output_folders: vec![output.to_owned()],
        output_globs: Vec::new(),
        steps: Vec::new(),
        retry: Retry::default(),
        session: SessionSpec::default(),
        same_look: false,
    }
}

fn sources(rules: &[PathRule]) -> Vec<(&str, &str)> {
    rules.iter().map(|rule| (rule.source.as_str(), rule.destination.as_str())).collect()
}

#[test]
fn a_folder_that_no_parameter_writes_to_keeps_its_name() {
    let temp = tempfile::tempdir().unwrap();
    let spec = spec(&[("Items", r#"["/a/x.wav","/a/y.wav"]"#)], &["/a/x.wav", "/a/y.wav"], "/a");
    let place = SessionPlace::new(temp.path().to_owned());
    assert_eq!(place.prepare(&spec).unwrap(), []);
    assert_eq!(rules_of_their_own(&spec, Path::new("/")), []);
}

#[test]
fn inputs_that_lead_out_of_their_folder_are_refused() {
    assert!(check_inputs(&spec(&[], &["/a/b.txt", "/a/..b/c d"], "/a")).is_ok());
    for path in ["/a/../../secret", "..", "a.txt", "/", "/a//b", "/a/./b"] {
        let refused = check_inputs(&spec(&[], &["/fine", path], "/a"));
        assert!(matches!(refused, Err(TransferError::BadInput { .. })), "{path}");
    }
}

#[test]
fn what_landed_is_shown_to_later_steps_and_is_not_collected_again() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    fs::create_dir_all(home.join("parts")).unwrap();
    fs::write(home.join("parts/1"), "landed").unwrap();
    let folder = home.to_str().unwrap();
    let spec = spec(&[("Out", folder)], &[], folder);
    let place = SessionPlace::new(temp.path().join("session"));
    place.prepare(&spec).unwrap();
    fs::write(place.output(0).join("whole"), "made here").unwrap();

    place.show_landed(&spec).unwrap();
    place.show_landed(&spec).unwrap();

    assert_eq!(fs::read_to_string(place.output(0).join("parts/1")).unwrap(), "landed");
    let found = find(&place, 1, &GlobSet::empty()).unwrap();
    assert_eq!(found.iter().map(|found| found.file.clone()).collect::<Vec<_>>(), [place.output(0).join("whole")]);
}

#[test]
fn what_lay_there_before_the_job_is_not_shown() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("whole"), "an earlier job's").unwrap();
    let folder = home.to_str().unwrap();
    let later = Stamp(u64::MAX);
    let spec = JobSpec { submitted: later, ..spec(&[("Out", folder)], &[], folder) };
    let place = SessionPlace::new(temp.path().join("session"));
    place.prepare(&spec).unwrap();

    place.show_landed(&spec).unwrap();

    assert!(!place.output(0).join("whole").exists(), "a program would write through the link");
}

#[test]
fn an_input_beside_the_results_is_read_where_it_lies() {
    let temp = tempfile::tempdir().unwrap();
    let parameters = [("In", "/a/film.mp4"), ("Sub", "/a/textures"), ("Out", "/a/film_av1.mp4")];
    let spec = spec(&parameters, &["/a/film.mp4", "/a/textures/wood.png"], "/a");
    let place = SessionPlace::new(temp.path().to_owned());
    assert_eq!(place.prepare(&spec).unwrap().len(), 1);
    assert_eq!(
        sources(&rules_of_their_own(&spec, Path::new("/"))),
        [
            ("/a/film.mp4", "/a/film.mp4"),
            ("/a/textures", "/a/textures"),
            ("/a/textures/wood.png", "/a/textures/wood.png")
        ]
    );
    assert!(sources(&input_rules(&spec, Path::new("/s"))).contains(&("/a/film.mp4", "/s/a/film.mp4")));
}
