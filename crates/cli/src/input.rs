use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf, absolute},
};

use gridwell_api::{ApiError, CommandRequest, ErrorCode, Repeat, SubmitRequest};

use crate::args::{ExecArgs, JobOptions, SubmitArgs};

/// The platform's data folder.
pub(crate) fn usual_data_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "gridwell").map(|dirs| dirs.data_local_dir().to_owned())
}

/// The data folder: the option, else `GRIDWELL_DATA`, else the platform's.
pub(crate) fn data_folder(option: Option<PathBuf>) -> Result<PathBuf, ApiError> {
    let named = option.or_else(|| env::var_os("GRIDWELL_DATA").filter(|value| !value.is_empty()).map(PathBuf::from));
    let found = named.or_else(usual_data_folder);
    let folder = found.ok_or_else(|| {
        ApiError::new(ErrorCode::DataFolder, "this account has no home folder for the node's data")
            .help("Name a folder with --data or GRIDWELL_DATA.")
    })?;
    absolute(&folder).map_err(|error| {
        ApiError::new(ErrorCode::DataFolder, format!("cannot use the data folder '{}': {error}", folder.display()))
    })
}

/// Where this account's own files lie.
pub(crate) fn home_folder() -> Result<PathBuf, ApiError> {
    let found = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    found.ok_or_else(|| ApiError::new(ErrorCode::MissingFile, "this account has no home folder").help("Name a folder."))
}

/// What `submit`, `run` and `inspect` ask for, with paths made absolute here, where they were typed.
pub(crate) fn submission(args: SubmitArgs) -> Result<SubmitRequest, ApiError> {
    let paths = args.paths.iter().map(|path| full_path(path)).collect::<Result<_, _>>()?;
    let mut parameters = BTreeMap::new();
    for (key, value) in args.parameters {
        if parameters.insert(key.clone(), value).is_some() {
            let message = format!("the parameter '{key}' is given twice");
            return Err(ApiError::new(ErrorCode::DuplicateName, message));
        }
    }
    with_options(SubmitRequest { paths, frames: args.frames, parameters, ..SubmitRequest::default() }, args.options)
}

/// What `exec` asks for.
pub(crate) fn command(args: ExecArgs) -> Result<SubmitRequest, ApiError> {
    let argv = args.argv.into_iter().map(utf8).collect::<Result<_, _>>()?;
    let repeat = match (args.array, args.over) {
        (Some(count), _) => Repeat::Array(count),
        (None, Some(over)) => Repeat::Over(over),
        (None, None) => Repeat::Once,
    };
    let cwd = full_path(Path::new("."))?;
    let command = Some(CommandRequest { argv, repeat, outputs: args.outputs, continues: args.checkpoint, cwd });
    with_options(SubmitRequest { command, ..SubmitRequest::default() }, args.options)
}

fn with_options(request: SubmitRequest, options: JobOptions) -> Result<SubmitRequest, ApiError> {
    Ok(SubmitRequest {
        name: options.name,
        output: options.output.as_deref().map(full_path).transpose()?,
        priority: options.priority,
        needs: options.needs.into_iter().chain(options.limits.iter().map(|limit| licence(limit))).collect(),
        prefers: options.prefers,
        on: options.on,
        attempts: options.attempts,
        stuck_secs: options.stuck_after,
        same_look: options.look,
        hold: options.hold,
        fresh: options.fresh,
        overwrite: options.overwrite,
        ..request
    })
}

/// The requirement that `NAME` or `NAME=COUNT` stands for.
fn licence(limit: &str) -> String {
    match limit.split_once('=') {
        Some((name, count)) => format!("limit:{name} >= {count}"),
        None => format!("limit:{limit}"),
    }
}

/// The absolute form of a path, as the node needs it.
pub(crate) fn full_path(path: &Path) -> Result<String, ApiError> {
    let full = absolute(path).map_err(|error| {
        ApiError::new(ErrorCode::MissingFile, format!("'{}' is not a usable path: {error}", path.display()))
    })?;
    utf8(full.into_os_string())
}

fn utf8(text: OsString) -> Result<String, ApiError> {
    text.into_string().map_err(|text| {
        ApiError::new(ErrorCode::NotUtf8, format!("'{}' is not UTF-8", text.display()))
            .help("Rename the file: a name has to mean the same on every machine.")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn submit(paths: &[&str]) -> SubmitArgs {
        SubmitArgs {
            paths: paths.iter().map(PathBuf::from).collect(),
            frames: None,
            parameters: Vec::new(),
            options: JobOptions::default(),
        }
    }

    #[test]
    fn a_relative_path_is_read_from_where_it_was_typed() {
        let here = env::current_dir().unwrap();
        let request = submission(submit(&["a b/\u{202e}c\n.blend", "/x"])).unwrap();
        assert_eq!(request.paths, [format!("{}/a b/\u{202e}c\n.blend", here.display()), "/x".to_owned()]);
    }

    #[test]
    fn a_path_that_is_not_utf8_is_refused_and_named() {
        let mut args = submit(&[]);
        args.paths.push(PathBuf::from(OsString::from_vec(b"/tmp/\xff.blend".to_vec())));
        let error = submission(args).unwrap_err();
        assert_eq!((error.code, error.exit_code()), (ErrorCode::NotUtf8, 2));
        assert!(error.message.contains("/tmp/"), "{error}");
    }

    #[test]
    fn an_empty_path_is_refused() {
        assert_eq!(submission(submit(&[""])).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let mut args = submit(&["x"]);
        args.parameters = vec![("a".into(), "1".into()), ("a".into(), "2".into())];
        assert_eq!(submission(args).unwrap_err().code, ErrorCode::DuplicateName);
    }

    #[test]
    fn the_data_option_wins() {
        assert_eq!(data_folder(Some("/somewhere".into())).unwrap(), Path::new("/somewhere"));
    }
}
